"""What DPNet (P000) and LPS (P001) show of a set of videos beyond their scores."""
