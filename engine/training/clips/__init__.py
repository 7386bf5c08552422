"""Training on clips: pairs of a real run of frames and its forgery, and what a run is steered by."""
