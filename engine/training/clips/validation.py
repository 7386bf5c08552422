"""What a training on clips is steered by: clips of held-out persons. The dev split plays no part in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.detection import auc
from engine.progress import CancelToken
from engine.results import FloatArray
from engine.training.clips.batches import ClipBatches
from engine.training.clips.form import ClipForm
from engine.training.clips.mix import ClipMix
from engine.training.faces.store import FaceStore

FRAMES = "frames of partial forgeries"
"""The part whose frames are judged, not its clips."""
_PAIRS = 4  # made at a time

Judge = Callable[[npt.NDArray[Any]], tuple[FloatArray, FloatArray | None]]
"""Clips of a part -> (B,) logits of clips and (B, F) of their frames, None where a network has none."""


@dataclass(frozen=True, eq=False)
class ClipPart:
    """Clips of one kind.

    Attributes:
        name: as reported.
        pictures: (N, F, size, size, 3) uint8, or what a task has made of each clip.
        labels: (N,) float32.
        frame_labels: (N, F) float32.
        groups: (N,) the name of the item that each is from.
    """

    name: str
    pictures: npt.NDArray[Any]
    labels: FloatArray
    frame_labels: FloatArray
    groups: tuple[str, ...]


def make_clip_validation(
    store: FaceStore,
    mix: ClipMix,
    form: ClipForm,
    *,
    pairs: int,
    seed: int,
    cancel: CancelToken | None = None,
) -> list[ClipPart]:
    """Genuine pairs, pseudo-fakes by trained and by held-out operators, partial forgeries: what there is of them.

    Raises:
        CancelledError: cancelled.
    """
    token = cancel or CancelToken()
    pseudo = replace(mix, genuine={})
    wanted = [
        ("genuine pairs", replace(mix, pseudo={}), pairs),
        ("trained operators", pseudo, pairs),
        ("held-out operators", replace(pseudo, operators=mix.held_out, without=0.0), pairs if mix.held_out else 0),
        (FRAMES, replace(pseudo, operators=("partial",), without=0.0), -(-pairs // 2)),
    ]
    parts = []
    for name, kinds, count in wanted:
        try:
            batches = ClipBatches(store, kinds, form, pairs=min(max(count, 1), _PAIRS), seed=seed)
        except ValueError:  # no such pairs in this data set
            continue
        drawn = []
        for number in range(-(-count // _PAIRS)):
            token.check()
            drawn.append(batches[number])
        if drawn:
            parts.append(
                ClipPart(
                    name,
                    np.concatenate([batch.pictures for batch in drawn]),
                    np.concatenate([batch.labels for batch in drawn]),
                    np.concatenate([batch.frame_labels for batch in drawn]),
                    tuple(group for batch in drawn for group in batch.groups),
                )
            )
    return parts


def judged(part: ClipPart, judge: Judge, at_once: int = 8) -> tuple[FloatArray, FloatArray | None]:
    """(N,) logits of the clips of a part and (N, F) of their frames, if the judge knows any."""
    found = [judge(part.pictures[at : at + at_once]) for at in range(0, len(part.labels), at_once)]
    frames = [logits for _, logits in found if logits is not None]
    return np.concatenate([clips for clips, _ in found]), np.concatenate(frames) if frames else None


def validate_clips(parts: Sequence[ClipPart], judge: Judge, at_once: int = 8) -> dict[str, float]:
    """AUC of each part, and as "mean" that of those whose clips are judged.

    Of partial forgeries it is that of their frames, forged against not; left out if the judge knows no frames.
    """
    aucs: dict[str, float] = {}
    for part in parts:
        clips, frames = judged(part, judge, at_once)
        if part.name != FRAMES:
            aucs[part.name] = auc(clips, part.labels)
            continue
        partial = (part.frame_labels == 0).any(axis=1) & (part.frame_labels == 1).any(axis=1)
        if frames is not None and partial.any():
            aucs[FRAMES] = auc(frames[partial].ravel(), part.frame_labels[partial].ravel())
    aucs["mean"] = float(np.mean([value for name, value in aucs.items() if name != FRAMES]))
    return aucs
