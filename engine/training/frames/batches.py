"""Batches of pairs: every real crop beside a forgery of the same frame, both treated alike.

Batch number k of a seed is always the same, whoever makes it and in whatever order, so that a run can be taken up
again at any step.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from torch.utils.data import Dataset as TorchDataset

from engine.evaluation.explanations.localisation import difference_mask
from engine.results import FloatArray, Picture
from engine.training.augmentation.crops import apply_augmentation, draw_augmentation
from engine.training.config import Mix
from engine.training.faces.store import FaceStore
from engine.training.pseudo_fakes import ForgeryConfig, disturb, draw_forgery, forge, pose_distance

MASK_CELLS = 7
"""Side of the coarse mask that goes with each crop."""
_DONORS_LOOKED_AT = 24
_SCALES = {"face": (0.86, 1.1), "still": (0.8, 1.1), "clip": (0.8, 1.1), "sequence": (0.86, 1.1)}

Pool = list[list[list[int]]]
"""Indices of faces: per person, per item of that person."""


@dataclass(frozen=True)
class MixConfig(Mix):
    """What the pairs of a batch are.

    Attributes:
        forgeries: what pseudo-fakes are drawn.
        disturbed_reals: share of those pairs whose real crop is disturbed as a whole, as its forgery is in a
            part: hard negatives, after which only a difference between inside and outside tells.
    """

    forgeries: ForgeryConfig = field(default_factory=ForgeryConfig)
    disturbed_reals: float = 0.25


@dataclass(frozen=True)
class Batch:
    """Crops of B / 2 pairs, the real ones first.

    Attributes:
        pictures: (B, size, size, 3) uint8.
        labels: (B,) float32, 1 = fake.
        masks: (B, 7, 7) float32, share of each cell that is forged; NaN where nobody knows.
        groups: per crop, the name of the item it is from.
        kinds: per crop, "genuine SOURCE" or "pseudo SOURCE".
    """

    pictures: Picture
    labels: FloatArray
    masks: FloatArray
    groups: tuple[str, ...]
    kinds: tuple[str, ...]


class Batches(TorchDataset[Batch]):
    """Batches by number, for a torch loader with `batch_size=None`. Every pair has its own random numbers."""

    def __init__(
        self,
        store: FaceStore,
        mix: MixConfig,
        *,
        size: int,
        pairs: int,
        seed: int,
        share: Sequence[int] | None = None,
    ) -> None:
        """Batches of `pairs` pairs; with `share` only those of each, the same as they are in the whole.

        Raises:
            ValueError: not one pair can be made.
        """
        self._share = range(pairs) if share is None else share
        self._store, self._mix, self._size, self._pairs, self._seed = store, mix, size, pairs, seed
        self._pools: list[tuple[str, Pool]] = []
        self._shares: list[float] = []
        for kind, wanted in (("genuine", mix.genuine), ("pseudo", mix.pseudo)):
            for source, part in wanted.items():
                pool = _pool(store, kind, source)
                if pool and part > 0:
                    self._pools.append((kind + " " + source, pool))
                    self._shares.append(part)
        if not self._pools:
            raise ValueError("no pair can be made of these faces")
        self._donors: dict[str, tuple[list[int], FloatArray, list[tuple[str, ...]]]] = {}
        for source in {face.item.source for face in store.faces}:
            chosen = [i for i, f in enumerate(store.faces) if f.item.label == 0 and f.item.source == source]
            if chosen:
                points = np.stack([store.faces[i].points for i in chosen])
                self._donors[source] = (chosen, points, [store.faces[i].item.persons for i in chosen])

    def __getitem__(self, number: int) -> Batch:
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self._seed, number])
        kinds = rng.choice(len(self._pools), size=self._pairs, p=np.array(self._shares) / sum(self._shares))
        return self.collate(
            [self.pair(self._pools[kinds[k]], np.random.default_rng([self._seed, number, k])) for k in self._share]
        )

    def collate(self, pairs: Sequence[tuple[list[Picture], FloatArray, str, str]]) -> Batch:
        """Reals first, then their forgeries in the same order."""
        crops, masks, groups, kinds = zip(*pairs, strict=True)
        forged = np.stack([cv2.resize(m, (MASK_CELLS, MASK_CELLS), interpolation=cv2.INTER_AREA) for m in masks])
        return Batch(
            pictures=np.stack([crop[0] for crop in crops] + [crop[1] for crop in crops]),
            labels=np.repeat(np.array([0, 1], dtype=np.float32), len(pairs)),
            masks=np.concatenate([np.zeros_like(forged), forged]).astype(np.float32),
            groups=groups + groups,
            kinds=kinds + kinds,
        )

    def pair(self, pool: tuple[str, Pool], rng: np.random.Generator) -> tuple[list[Picture], FloatArray, str, str]:
        """One real crop and its forgery."""
        kind, persons = pool
        items = persons[rng.integers(len(persons))]  # a person first: one with many videos counts as one with one
        faces = items[rng.integers(len(items))]  # then an item: a long video counts as a short one
        index = faces[rng.integers(len(faces))]
        face = self._store.faces[index]
        if kind.startswith("genuine") and face.original is None:
            return self._unlike_pair(index, rng)
        if kind.startswith("genuine") and face.original is not None:
            forged = self._store.load(index)
            real = self._store.load(face.original)
            mask = difference_mask(real, forged)
        else:
            real = self._store.load(index)
            forged, mask = self._forge(index, real, rng)
            if rng.random() < self._mix.disturbed_reals:
                real = disturb(real, face.points, rng)
        draw = draw_augmentation(rng, self._size, _SCALES[face.item.kind])
        crops, mask = apply_augmentation([real, forged], mask, face.square, draw, self._size)
        return crops, mask, face.item.name, kind

    def _unlike_pair(self, index: int, rng: np.random.Generator) -> tuple[list[Picture], FloatArray, str, str]:
        """A forgery whose original is unknown beside any real face of its source, both treated by one draw."""
        face = self._store.faces[index]
        chosen = self._donors[face.item.source][0]
        other = chosen[rng.integers(len(chosen))]
        draw = draw_augmentation(rng, self._size, _SCALES[face.item.kind])
        crops = [
            apply_augmentation([self._store.load(i)], None, self._store.faces[i].square, draw, self._size)[0][0]
            for i in (other, index)
        ]
        unknown = np.full((self._size, self._size), np.nan, dtype=np.float32)
        return crops, unknown, face.item.name, "genuine " + face.item.source

    def _forge(self, index: int, real: Picture, rng: np.random.Generator) -> tuple[Picture, FloatArray]:
        face = self._store.faces[index]
        forgery = draw_forgery(rng, self._mix.forgeries)
        if not forgery.other_person:
            return forge(real, face.points, forgery)
        chosen, points, persons = self._donors[str(rng.choice(sorted(self._donors)))]
        looked_at = rng.integers(len(chosen), size=_DONORS_LOOKED_AT)
        others = [k for k in looked_at if not set(persons[k]) & set(face.item.persons)]
        if not others:
            return forge(real, face.points, forgery, real, face.points)
        best = others[int(np.argmin(pose_distance(face.points, points[others])))]
        return forge(real, face.points, forgery, self._store.load(chosen[best]), points[best])


def _pool(store: FaceStore, kind: str, source: str) -> Pool:
    """Faces by person and item: forged ones for genuine pairs, real ones to be forged."""
    persons: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, face in enumerate(store.faces):
        if face.item.source == source and face.item.label == (kind == "genuine"):
            for person in face.item.persons or (face.item.name,):
                persons[person][face.item.name].append(index)
    return [list(items.values()) for items in persons.values()]
