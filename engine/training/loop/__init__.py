"""The training loop and its parts; nothing here knows what a sample is."""
