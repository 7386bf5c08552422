"""Training LPS (P001): the contrastive loss of its pre-training, and selective self-distillation."""
