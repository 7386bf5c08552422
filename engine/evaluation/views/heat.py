"""Similarities of prototypes to the clips of a set, in order: the heat maps of P000's figure 4."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.views.observed import Observed, method_numbers
from engine.evaluation.views.projection import Clips, gathered
from engine.results import SIMILARITY, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Heat:
    """Prototypes by clips.

    Attributes:
        values: (m, N) float32 similarities, prototypes in the order of the network: those of real first.
        order: (N,) which of the given clips each column is: by class, then method, then video, then time.
        edges: columns with which the real clips and those of each method begin, with its number, 0 for real.
        alike: mean correlation of the rows of two prototypes of one class; 1 where all respond alike, which is
            what P000's diversity loss is there to prevent. nan where no two of them vary.
    """

    values: FloatArray
    order: IntArray
    edges: tuple[tuple[int, int], ...]
    alike: float


def heat_map(observed: Sequence[Observed], clips: Clips) -> Heat:
    """Of some clips."""
    numbers, _ = method_numbers(observed)
    keys = [(numbers[at], at, clip) for at, clip in zip(clips.video.tolist(), clips.clip.tolist(), strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    kinds = [keys[at][0] for at in order]
    edges = tuple((at, kind) for at, kind in enumerate(kinds) if at == 0 or kind != kinds[at - 1])
    values = np.ascontiguousarray(gathered(observed, clips, SIMILARITY)[order].T)
    return Heat(values, np.array(order, np.int64), edges, _alike(values))


def _alike(values: FloatArray) -> float:
    half = len(values) // 2
    found = []
    for rows in (values[:half].astype(np.float64), values[half:].astype(np.float64)):
        rows = rows[rows.std(axis=1) > 0]
        if len(rows) > 1 and rows.shape[1] > 1:
            found.append(np.corrcoef(rows)[np.triu_indices(len(rows), 1)])
    return float(np.concatenate(found).mean()) if found else float("nan")
