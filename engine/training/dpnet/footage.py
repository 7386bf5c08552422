"""The clips of the training in which prototypes look for their patches: plainly cut, and where each comes from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.progress import CancelToken
from engine.results import FloatArray, IntArray, Picture
from engine.training.clips.batches import ClipBatches, ClipPair
from engine.training.clips.form import ClipForm
from engine.training.clips.mix import ClipMix
from engine.training.dpnet.batches import Inputs, Sight
from engine.training.dpnet.names import forged_by
from engine.training.dpnet.projection import CLASSES, ClipBatch, ClipOrigin
from engine.training.faces.packs import from_stored, read_pack
from engine.training.faces.store import Face, FaceStore

_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Footage:
    """N clips, each at most once.

    Attributes:
        inputs: as the network sees them.
        labels: (N,) int64, 1 = fake.
        origins: of each.
    """

    inputs: Inputs
    labels: IntArray
    origins: tuple[ClipOrigin, ...]

    def batches(self) -> Iterator[ClipBatch]:
        """One pass over all clips."""
        for at in range(0, len(self.labels), _AT_ONCE):
            part = slice(at, at + _AT_ONCE)
            x, labels = torch.from_numpy(self.inputs[part].astype(np.float32)), torch.from_numpy(self.labels[part])
            yield x, labels, self.origins[part]

    def labelled(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The same, without where they come from."""
        return ((x, labels) for x, labels, _ in self.batches())

    def row(self, label: str, clip: str, frame: int) -> int:
        """Of the clip with this origin."""
        wanted = CLASSES.index(label), clip, frame
        known = zip(self.labels.tolist(), self.origins, strict=True)
        return next(k for k, (y, at) in enumerate(known) if (y, at.clip, at.frame) == wanted)

    @property
    def videos(self) -> int:
        return len({origin.clip for origin in self.origins})


def gather_footage(
    store: FaceStore,
    mix: ClipMix,
    form: ClipForm,
    sight: Sight,
    *,
    pairs: int,
    seed: int,
    cancel: CancelToken | None = None,
) -> Footage:
    """The clips of some pairs. Real clips stay as they are, so that a prototype of real is one.

    Args:
        form: whose treatment is "plain".

    Raises:
        ValueError: not one pair can be made.
        CancelledError: cancelled.
    """
    batches = ClipBatches(store, replace(mix, hard_reals=0.0), form, pairs=1, seed=seed)
    seen: dict[tuple[int, str, int], tuple[Inputs, ClipOrigin]] = {}
    for number in range(pairs):
        if cancel is not None:
            cancel.check()
        pair = batches.pair(number, 0)
        for label, crops, first in _sides(store, pair):
            key = label, store.faces[first].item.name, store.faces[first].frame
            if key not in seen:
                operator = forged_by(pair, store.faces[first].item) if label else ""
                origin = _origin(store.faces[first], pair.square, form, sight.flow.size, operator)
                seen[key] = sight.of(crops[None]), origin
    return Footage(
        np.concatenate([inputs for inputs, _ in seen.values()]),
        np.array([label for label, _, _ in seen], np.int64),
        tuple(origin for _, origin in seen.values()),
    )


def _sides(store: FaceStore, pair: ClipPair) -> Sequence[tuple[int, Picture, int]]:
    """Label, crops and first face of both clips of a pair; a real clip of another person is left out."""
    forged = (1, pair.forged, pair.first)
    if pair.forgery is not None:
        return (0, pair.real, pair.first), forged
    original = store.faces[pair.first].original
    return (forged,) if original is None else ((0, pair.real, original), forged)


def _origin(face: Face, square: FloatArray, form: ClipForm, size: int, operator: str) -> ClipOrigin:
    pack = None if face.pack is None else read_pack(face.pack)
    if pack is None or face.slot is None:
        raise ValueError(f"the prepared faces of {face.item.name} are gone")
    (stored,) = from_stored(pack.faces.squares[[face.slot]])
    side = float(square[2] - square[0]) * (1 + 2 * form.margin)
    corner = (square[:2] + square[2:] - side) / 2
    affine = np.array([[side / size, 0, corner[0]], [0, side / size, corner[1]]], np.float32)
    whole = np.column_stack([stored[:, :2] @ affine[:, :2], stored[:, :2] @ affine[:, 2] + stored[:, 2]])
    return ClipOrigin(face.item.name, face.frame, whole.astype(np.float32), operator)
