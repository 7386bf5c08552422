"""Measures of explanations: those of P002, and what shows whether a map has to do with the score."""
