"""Similarities of prototypes to the clips of a set, in order: the heat maps of P000's figure 4."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.views.observed import Observed
from engine.evaluation.views.projection import Clips, gathered
from engine.results import SIMILARITY, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Heat:
    """Prototypes by clips.

    Attributes:
        values: (m, N) float32 similarities, prototypes in the order of the network: those of real first.
        order: (N,) which of the given clips each column is: by class, then method, then video, then time.
        edges: columns with which the forged clips and each of their methods begin, with the name.
        alike: mean correlation of the rows of two prototypes of one class; 1 where all respond alike, which is
            what P000's diversity loss is there to prevent. nan where no two of them vary.
    """

    values: FloatArray
    order: IntArray
    edges: tuple[tuple[int, str], ...]
    alike: float


def heat_map(observed: Sequence[Observed], clips: Clips) -> Heat:
    """Of some clips."""
    samples = [each.judged.sample for each in observed]
    keys = [
        (samples[at].label, samples[at].method if samples[at].label else "", at, clip)
        for at, clip in zip(clips.video.tolist(), clips.clip.tolist(), strict=True)
    ]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    names = [("forged" if keys[at][0] else "real", keys[at][1]) for at in order]
    starts = [at for at in range(len(names)) if at == 0 or names[at] != names[at - 1]]
    edges = tuple((at, names[at][1] or names[at][0]) for at in starts)
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
