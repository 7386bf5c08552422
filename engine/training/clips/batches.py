"""Batches of pairs of clips: every real run of frames beside a forgery of it, both treated alike.

Batch number k of a seed is always the same, whoever makes it and in whatever order (as engine.training.frames).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch.utils.data import Dataset as TorchDataset

from engine.faces.crops import run_square
from engine.results import BoolArray, FloatArray, IntArray, Picture
from engine.training.augmentation.clips import treat_aligned, treat_alike
from engine.training.clips.alignment import aligned_maps
from engine.training.clips.form import ClipForm
from engine.training.clips.mix import ClipMix
from engine.training.faces.shape68 import face_square
from engine.training.faces.store import FaceStore
from engine.training.pseudo_fakes import pose_distance
from engine.training.pseudo_fakes.clip_points import smoothed
from engine.training.pseudo_fakes.clips import ClipForgery, draw_clip_forgery, plan_of
from engine.training.pseudo_fakes.operators.plan import ClipFaces
from engine.training.pseudo_fakes.reals import disturb_clip, draw_hard_real
from engine.training.pseudo_fakes.rendering import ClipForger
from engine.training.pseudo_fakes.swap import Donor

FPS = 25.0
"""Taken for the rate of every clip: packs do not keep it, and only drift and flicker have periods in seconds."""
_DONORS_LOOKED_AT = 12
_DONOR_FRAMES = 24

Run = tuple[int, ...]
Pool = list[list[list[Run]]]
"""Runs per person, per item of that person."""


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """B / 2 pairs, the real clips first.

    Attributes:
        pictures: (B, F, size, size, 3) uint8.
        labels: (B,) float32, 1 = fake.
        frame_labels: (B, F) float32, 1 = forged; NaN where nobody knows: in genuine forgeries.
        operators: per clip the ids of what a pseudo-fake was made with, "swap" among them; empty for others.
        groups: per clip, the name of the item it is from.
        kinds: per clip, "genuine SOURCE" or "pseudo SOURCE".
    """

    pictures: Picture
    labels: FloatArray
    frame_labels: FloatArray
    operators: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ClipPair:
    """A real clip and its forgery, (F, size, size, 3) each; the rest as in ClipBatch.

    Attributes:
        first: the face in the store that the forgery begins with, or that is forged.
        square: (4,) which is cut with its margin, in pixels of that face's picture.
    """

    real: Picture
    forged: Picture
    frame_labels: FloatArray
    forgery: ClipForgery | None
    group: str
    kind: str
    first: int
    square: FloatArray


class ClipBatches(TorchDataset[ClipBatch]):
    """Batches by number, for a torch loader with `batch_size=None`. Every pair has its own random numbers."""

    def __init__(
        self,
        store: FaceStore,
        mix: ClipMix,
        form: ClipForm,
        *,
        pairs: int,
        seed: int,
        share: Sequence[int] | None = None,
    ) -> None:
        """Batches of `pairs` pairs; with `share` only those of each, the same as they are in the whole.

        Raises:
            ValueError: not one pair can be made.
        """
        self._share = range(pairs) if share is None else share
        self._store, self._mix, self._form, self._pairs, self._seed = store, mix, form, pairs, seed
        self._runs = {run[0]: run for run in store.runs if len(run) >= form.frames}
        self._pools: list[tuple[str, Pool]] = []
        self._shares: list[float] = []
        for kind, wanted in (("genuine", mix.genuine), ("pseudo", mix.pseudo)):
            for source, part in wanted.items():
                pool = self._pool(kind, source)
                if pool and part > 0:
                    self._pools.append((f"{kind} {source}", pool))
                    self._shares.append(part)
        if not self._pools:
            raise ValueError("no pair can be made of these clips")
        real = [run for run in self._runs.values() if store.faces[run[0]].item.label == 0]
        self._reals = real
        poses = [store.faces[run[0]].points for run in real]
        self._poses: FloatArray = np.stack(poses) if poses else np.empty((0, 68, 2), np.float32)

    def __getitem__(self, number: int) -> ClipBatch:
        cv2.setNumThreads(1)
        made = [self.pair(number, place) for place in self._share]
        unforged: tuple[str, ...] = ()
        labels = np.stack([pair.frame_labels for pair in made])
        return ClipBatch(
            pictures=np.stack([pair.real for pair in made] + [pair.forged for pair in made]),
            labels=np.repeat(np.array([0, 1], dtype=np.float32), len(made)),
            frame_labels=np.concatenate([np.zeros_like(labels), labels]),
            operators=(unforged,) * len(made)
            + tuple(unforged if p.forgery is None else p.forgery.ids for p in made),
            groups=tuple(pair.group for pair in made) * 2,
            kinds=tuple(pair.kind for pair in made) * 2,
        )

    def pair(self, number: int, place: int) -> ClipPair:
        """The pair at one place of a batch, with all that its forgery was made by."""
        rng = np.random.default_rng([self._seed, number])
        pools = rng.choice(len(self._pools), size=self._pairs, p=np.array(self._shares) / sum(self._shares))
        return self._pair(pools[place], np.random.default_rng([self._seed, number, place]))

    def real(self, number: int, place: int) -> Picture:
        """A real clip (F, size, size, 3) alone, drawn from the sources of pseudo-fakes and treated as in a pair.

        Raises:
            ValueError: there are no such sources.
        """
        rng = np.random.default_rng([self._seed, number, place])
        shares = np.array(
            [part * kind.startswith("pseudo") for part, (kind, _) in zip(self._shares, self._pools, strict=True)]
        )
        if not shares.any():
            raise ValueError("no source has real clips alone")
        run = _drawn(self._pools[rng.choice(len(shares), p=shares / shares.sum())][1], rng)
        faces = [run[row] for row in self._form.rows(len(run), rng)]
        (clip,), _ = self._treated([self._load(faces)], [faces], rng)
        return clip

    def _pair(self, pool: int, rng: np.random.Generator) -> ClipPair:
        kind, persons = self._pools[pool]
        run = _drawn(persons, rng)
        rows = self._form.rows(len(run), rng)
        own = [run[row] for row in rows]
        shown = own  # in the real clip
        forgery: ClipForgery | None = None
        if kind.startswith("genuine"):
            shown = self._originals(run, rows, rng)
            real, forged = self._load(shown), self._load(own)
            labels = np.full(len(rows), np.nan, dtype=np.float32)
        else:
            real, forged, labels, forgery = self._forge(run, rows, rng)
        if rng.random() < self._mix.hard_reals:
            change = draw_hard_real(rng, none=0.0)
            real = disturb_clip(real, change)
            if rng.random() < 0.5:
                forged = disturb_clip(forged, change)
        (real, forged), square = self._treated([real, forged], [shown, own], rng)
        name = self._store.faces[own[0]].item.name
        return ClipPair(real, forged, labels, forgery, name, kind, own[0], square)

    def _treated(
        self, clips: list[Picture], faces: list[list[int]], rng: np.random.Generator
    ) -> tuple[list[Picture], FloatArray]:
        """Clips and the faces of their frames -> their crops, treated alike, and the square of the last one."""
        law, recoding = self._form.draw(rng)
        square = run_square(np.stack([face_square(points) for points in self._points(faces[-1])]))
        if self._form.aligned:
            maps = [aligned_maps(self._points(run)) for run in faces]
            return treat_aligned(clips, maps, law, recoding, self._form.size, FPS), square
        return treat_alike(clips, None, square, law, recoding, self._form.size, FPS)[0], square

    def _forge(
        self, run: Run, rows: IntArray, rng: np.random.Generator
    ) -> tuple[Picture, Picture, FloatArray, ClipForgery]:
        """The frames, forged ones, (F,) labels of the forged ones, and what was done."""
        span = run[rows[0] : rows[-1] + 1]  # operators know the frames between snippets, too
        rows = rows - rows[0]
        faces = ClipFaces(smoothed(self._points(span)), FPS)
        forgery = self._draw(faces, rows, dense=self._store.faces[span[0]].item.points is not None, rng=rng)
        donor = self._donor(span, rng) if forgery.swap is not None else None
        frames: dict[int, Picture] = {}

        def frame(row: int) -> Picture:
            if row not in frames:
                frames[row] = self._store.load(span[row])
            return frames[row]

        height, width = frame(0).shape[:2]
        forger = ClipForger(faces, forgery, (width, height), donor)
        made = [forger.frame(row, frame) for row in rows.tolist()]
        forged: BoolArray = np.array([bool(mask.any()) for _, mask in made])
        real = np.stack([frame(row) for row in rows.tolist()])
        return real, np.stack([picture for picture, _ in made]), forged.astype(np.float32), forgery

    def _draw(self, faces: ClipFaces, rows: IntArray, *, dense: bool, rng: np.random.Generator) -> ClipForgery:
        """One that forges at least one of the rows."""
        config = self._mix.forgeries(dense=dense)
        while True:
            forgery = draw_clip_forgery(rng, config, faces.fps)
            if "partial" not in forgery.ids or plan_of(forgery, faces).active[rows].any():
                return forgery

    def _donor(self, run: Run, rng: np.random.Generator) -> Donor:
        """A run of another person, its pose like that of the first frame; the own one where there is no other."""
        own = self._store.faces[run[0]]
        looked_at = rng.integers(len(self._reals), size=_DONORS_LOOKED_AT)
        persons = [set(self._store.faces[self._reals[k][0]].item.persons) for k in looked_at]
        others = [k for k, theirs in zip(looked_at, persons, strict=True) if not theirs & set(own.item.persons)]
        if not others:
            chosen = run[:_DONOR_FRAMES]
        else:
            best = others[int(np.argmin(pose_distance(own.points, self._poses[others])))]
            chosen = self._reals[best][:_DONOR_FRAMES]
        return Donor(self._store.load_run(chosen), smoothed(self._points(chosen)))

    def _originals(self, run: Run, rows: IntArray, rng: np.random.Generator) -> list[int]:
        """The same frames of the original; where it is unknown, those of any real clip of the source."""
        originals = [self._store.faces[run[row]].original for row in rows]
        known = [index for index in originals if index is not None]
        if len(known) == len(originals):
            return known
        source = self._store.faces[run[0]].item.source
        like = [each for each in self._reals if self._store.faces[each[0]].item.source == source] or self._reals
        other = like[rng.integers(len(like))]
        return [other[row] for row in self._form.rows(len(other), rng)]

    def _load(self, faces: Sequence[int]) -> Picture:
        return np.stack([self._store.load(index) for index in faces])

    def _points(self, faces: Sequence[int]) -> FloatArray:
        return np.stack([self._store.faces[index].points for index in faces])

    def _pool(self, kind: str, source: str) -> Pool:
        """Runs by person and item: forged ones for genuine pairs, real ones to be forged."""
        persons: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
        for run in self._runs.values():
            item = self._store.faces[run[0]].item
            if item.source == source and item.label == (kind == "genuine"):
                for person in item.persons or (item.name,):
                    persons[person][item.name].append(run)
        return [list(items.values()) for items in persons.values()]


def _drawn(persons: Pool, rng: np.random.Generator) -> Run:
    """A run: a person first, then one of its clips, then a run of it."""
    items = persons[rng.integers(len(persons))]
    runs = items[rng.integers(len(items))]
    return runs[rng.integers(len(runs))]
