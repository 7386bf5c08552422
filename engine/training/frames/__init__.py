"""Training a network that looks at one crop at a time: its batches, its loss, its validation."""
