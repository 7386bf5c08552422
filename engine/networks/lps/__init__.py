"""Latent pattern sensing (P001): encoder of examples, aggregator over time, predictor with memory, classifier."""
