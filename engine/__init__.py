"""Everything that Tellframe computes. Nothing below here knows of Qt."""

__version__ = "0.1.0"
