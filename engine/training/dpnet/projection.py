"""Projection of prototypes to patches of training clips (P000 eq 8): afterwards a prototype *is* something seen.

Two prototypes never become the same patch, and no video gives more than a few: the nearest patch of many
prototypes is often one and the same, and diversity would be gone. The pair of a prototype and a patch that lie
nearest is joined first, then the next among what is left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.detectors.prototype_evidence import activation_box
from engine.errors import DataError
from engine.networks.dpnet.network import DpNetwork
from engine.networks.dpnet.prototypes import squared_distances
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import FloatArray, PrototypeSource
from engine.training.dpnet.candidates import Candidate, Candidates, joined

CLASSES = ("real", "fake")


@dataclass(frozen=True, slots=True)
class ClipOrigin:
    """Where a training clip comes from; see PrototypeSource.

    Attributes:
        affine: (2, 3), from crop to frame, upright.
    """

    clip: str
    frame: int
    affine: FloatArray
    operator: str = ""


ClipBatch = tuple[Tensor, Tensor, Sequence[ClipOrigin]]
"""Inputs (B, channels, size, size), labels (B,), origins."""

Judge = Callable[[DpNetwork], Mapping[str, float]]
"""The loss on clips that stay the same, with "total" among its parts: `losses.mean_losses`, say."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What a projection did.

    Attributes:
        sources: (m,) the patch of each prototype.
        before, after: the judged loss.
    """

    sources: tuple[PrototypeSource, ...]
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def change(self) -> float:
        """How much the whole loss rose."""
        return self.after["total"] - self.before["total"]


_Key = tuple[int, str, int, int, int]
"""Class, clip, frame, row, column: a pseudo-fake is of the same clip as the real one that it was made of."""


@dataclass(frozen=True, slots=True)
class _Patch:
    """A patch that some prototype may become: what a cell holds, and how alike the clip's cells are to it."""

    vector: Tensor
    activation: FloatArray
    origin: ClipOrigin
    cell: tuple[int, int]


def project(
    network: DpNetwork,
    batches: Iterable[ClipBatch],
    judge: Judge,
    *,
    per_clip: int = 5,
    total: int = 0,
    cancel: CancelToken | None = None,
    report: ProgressCallback | None = None,
) -> Projection:
    """Write into every prototype a patch of its class; the network's mode is left as it was.

    Args:
        batches: one pass over training clips, not augmented. A clip that comes twice counts once.
        judge: asked before and after, in evaluation mode, so that a rise of the loss is seen.
        per_clip: patches that one video may give to one class.
        total: number of clips, for the report; 0 if unknown.

    Raises:
        DataError: there are fewer patches of a class than prototypes; nothing was changed.
        CancelledError: nothing was changed.
    """
    training = network.training
    network.eval()
    learnt = network.prototypes.vectors.detach().clone()
    try:
        found = _search(network, batches, per_clip, ProgressMeter("Projecting", total, "clips", report), cancel)
        before = dict(judge(network))
        _put(network, torch.stack([patch.vector[:, None, None] for patch, _ in found]))
        return Projection(tuple(_source(*one, network.size) for one in found), before, dict(judge(network)))
    except BaseException:  # a cancel comes anywhere in the network
        _put(network, learnt)
        raise
    finally:
        network.train(training)


@torch.no_grad()
def _put(network: DpNetwork, vectors: Tensor) -> None:
    network.prototypes.vectors.copy_(vectors)


@torch.no_grad()
def _search(
    network: DpNetwork,
    batches: Iterable[ClipBatch],
    per_clip: int,
    meter: ProgressMeter,
    cancel: CancelToken | None,
) -> list[tuple[_Patch, float]]:
    """The patch of each prototype and its squared distance."""
    layer = network.prototypes
    classes = layer.classes.cpu().numpy()
    lists = [Candidates(int((classes == k).sum()), per_clip) for k in classes]
    patches: dict[_Key, _Patch] = {}
    done = 0
    for x, labels, origins in batches:
        if cancel is not None:
            cancel.check()
        z = network.features(x.to(layer.vectors.device))
        distances = squared_distances(z, layer.vectors).float().cpu().numpy()
        for row, (label, origin) in enumerate(zip(labels.tolist(), origins, strict=True)):
            near: set[tuple[int, int]] = set()
            for j in np.flatnonzero(classes == label):
                near |= lists[j].offer(origin.clip, origin.frame, distances[row, j])
            _remember(network, patches, z[row], origin, label, near)
        wanted = {(int(k), *c.patch) for k, one in zip(classes, lists, strict=True) for c in one.kept}
        patches = {key: patch for key, patch in patches.items() if key in wanted}
        done += len(labels)
        meter.update(done)
    chosen: dict[int, Candidate] = {}
    for k, name in enumerate(CLASSES):
        members = {int(j): lists[j].kept for j in np.flatnonzero(classes == k)}
        pairs = joined(members, per_clip)
        if len(pairs) < len(members):
            raise DataError(
                f"Only {len(pairs)} patches of {name} clips for {len(members)} prototypes",
                advice="Show more clips, allow more patches of a video, or train fewer prototypes",
            )
        chosen |= pairs
    return [(patches[int(k), *chosen[j].patch], chosen[j].distance) for j, k in enumerate(classes)]


def _remember(
    network: DpNetwork,
    patches: dict[_Key, _Patch],
    z: Tensor,
    origin: ClipOrigin,
    label: int,
    cells: set[tuple[int, int]],
) -> None:
    """Keep what the cells of one clip (C, h, w) hold, and the map each would give as a prototype."""
    places = sorted(cell for cell in cells if (label, origin.clip, origin.frame, *cell) not in patches)
    if not places:
        return
    rows, columns = zip(*places, strict=True)
    vectors = z[:, list(rows), list(columns)].T
    distances = squared_distances(z[None], vectors[:, :, None, None])[0]
    maps = network.prototypes.similarity_of(distances).float().cpu().numpy()
    for place, vector, activation in zip(places, vectors, maps, strict=True):
        patches[label, origin.clip, origin.frame, *place] = _Patch(vector.clone(), activation, origin, place)


def _source(patch: _Patch, distance: float, size: int) -> PrototypeSource:
    origin = patch.origin
    return PrototypeSource(
        clip=origin.clip,
        frame=origin.frame,
        crop=_in_frame(origin.affine, (0, 0, size, size)),
        cell=patch.cell,
        box=_in_frame(origin.affine, activation_box(patch.activation, size)),
        distance=distance,
        operator=origin.operator,
    )


def _in_frame(affine: FloatArray, box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    """A box of an upright crop in pixels of the frame."""
    scale, shift = float(affine[0, 0]), affine[:, 2].astype(float)
    x0, y0, x1, y1 = box
    return (
        float(scale * x0 + shift[0]),
        float(scale * y0 + shift[1]),
        float(scale * x1 + shift[0]),
        float(scale * y1 + shift[1]),
    )
