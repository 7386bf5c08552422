"""From scores to likelihood ratios: fitting, bounds, measures, the pool, and when to abstain."""
