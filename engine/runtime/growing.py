"""Samples of slow explainers in the store: a map that was broken off, or is wanted better, goes on from them."""

from collections.abc import Sequence
from dataclasses import replace

from engine.explainers.base import AnyExplainer
from engine.explainers.samples import Samples
from engine.results import Provenance
from engine.runtime.plan import Span
from engine.runtime.shelf import Shelf


class KeptSamples:
    """The SampleMemory of crops, each of one frame, or of those of a clip. For the engine thread.

    Samples are kept under the key of the maps, less the settings that only say when the explainer ends, and by the
    frames of their game: those of crops, superpixels or coalitions that are other ones have other names.
    """

    def __init__(self, shelf: Shelf, made_by: Provenance, explainer: AnyExplainer, frames: Sequence[int]) -> None:
        """`frames` of the crops, ascending."""
        settings = {name: value for name, value in made_by.settings.items() if name not in explainer.endings}
        self._made_by = replace(made_by, settings={**settings, "kept": "samples"})
        self._shelf, self._frames = shelf, frames
        self._known: dict[Span, dict[str, Samples]] = {}

    def recall(self, rows: range, game: str) -> Samples | None:
        return self._of(self._span(rows)).get(game)

    def keep(self, rows: range, game: str, samples: Samples) -> None:
        span = self._span(rows)
        kept = self._of(span)
        old = kept.get(game)
        if old is None or len(old.values) < len(samples.values):
            kept.pop(game, None)
            kept[game] = samples
            self._shelf.keep_samples(self._made_by, span, kept)

    def _span(self, rows: range) -> Span:
        return self._frames[rows.start], self._frames[rows.stop - 1]

    def _of(self, span: Span) -> dict[str, Samples]:
        if span not in self._known:
            self._known[span] = self._shelf.samples(self._made_by, span)
        return self._known[span]
