"""Timed quality temporal logic (TQTL, P000 section 3.3) over what detectors say: language, values, verdicts."""
