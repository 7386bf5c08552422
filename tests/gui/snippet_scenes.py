"""Scores of snippets, for views that show them."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
from scenes import make_scores

from engine.results import Scores, frozen


def make_snippets(track_id: int, spans: list[tuple[int, int]], values: list[float], seed: int = 0) -> Scores:
    """A score per span, with a U-T map of random attention: (N, 4) in [0, 1]."""
    scores = make_scores(track_id, np.array([first for first, _ in spans]), np.array(values))
    attention = np.random.default_rng(seed).random((len(spans), 4)).astype(np.float32)
    series = MappingProxyType({"u-t": frozen(attention), "frame-logits": frozen(attention * 4 - 2)})
    return replace(scores, spans=frozen(np.array(spans, np.int64)), activations=series)


def fours(first: int, last: int) -> list[tuple[int, int]]:
    """Spans of four frames from `first` on, the last one cut off at `last`."""
    return [(at, min(at + 3, last)) for at in range(first, last + 1, 4)]
