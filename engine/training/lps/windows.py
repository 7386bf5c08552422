"""Windows for the pre-training of LPS: runs of 60 frames without labels, each of another place in the footage."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from torch.utils.data import Dataset as TorchDataset

from engine.results import Picture
from engine.training.clips.batches import ClipBatches
from engine.training.clips.form import ClipForm
from engine.training.clips.mix import ClipMix
from engine.training.faces.store import FaceStore
from engine.training.lps.config import Footage


@dataclass(frozen=True, eq=False)
class WindowBatch:
    """V windows: pictures (V, F, size, size, 3) uint8."""

    pictures: Picture


class WindowBatches(TorchDataset[WindowBatch]):
    """Batches by number, for a torch loader with `batch_size=None`.

    Batch number k of a seed is always the same. Of a pair of a real run and its forgery only one is ever shown:
    outside of what is forged they are the same, and none of their cells could be told from the other's.
    """

    def __init__(
        self,
        store: FaceStore,
        mix: ClipMix,
        form: ClipForm,
        footage: Footage,
        *,
        windows: int,
        seed: int,
        share: Sequence[int] | None = None,
    ) -> None:
        """Batches of `windows`; with `share` only those of each, the same as they are in the whole.

        Raises:
            ValueError: there is no such footage.
        """
        self._share = range(windows) if share is None else share
        self._seed, self._footage = seed, footage
        reals = replace(mix, genuine={}, pseudo={**mix.genuine, **mix.pseudo})
        self._clips = ClipBatches(
            store, mix if footage == "all" else reals, form, pairs=windows, seed=seed, share=self._share
        )

    def __getitem__(self, number: int) -> WindowBatch:
        cv2.setNumThreads(1)
        return WindowBatch(np.stack([self._window(number, place) for place in self._share]))

    def _window(self, number: int, place: int) -> Picture:
        if self._footage == "reals":
            return self._clips.real(number, place)
        pair = self._clips.pair(number, place)
        return (pair.real, pair.forged)[np.random.default_rng([self._seed, number, place, 1]).integers(2)]
