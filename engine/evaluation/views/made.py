"""All views of a set that a detector offers, as numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.detectors.embedding import CONTEXT, FEATURES, SECOND_DIFFERENCE, SECOND_DIFFERENCE_SIZE, SPATIAL
from engine.detectors.lps_windows import EXAMPLE_FRAMES, PREDICTION_ERROR
from engine.errors import DataError, UsageError
from engine.evaluation.evaluate import Judged, Settings
from engine.evaluation.record import Header, Run
from engine.evaluation.views.errors import worst_errors
from engine.evaluation.views.heat import Heat, heat_map
from engine.evaluation.views.observed import Observed
from engine.evaluation.views.projection import Clips, Projection, gathered, project, spread_clips
from engine.evaluation.views.temporal import (
    Differences,
    Steadiness,
    Surprise,
    differences,
    steadiness,
    surprise,
)
from engine.results import SIMILARITY, FloatArray

PROJECTED = {
    FEATURES: "P000 figure 6: the mean of the cells that DPNet compares with its prototypes",
    SIMILARITY: "P000 figure 6, the other reading: the similarities to all prototypes",
    SPATIAL: "P001 figure 10, above: spatial features, the encoder's, mean over examples and cells",
    CONTEXT: "P001 figure 10, below: context features, the aggregators' last states, which the classifier judges",
}
"""The series that are projected, where a detector has them, and what each is."""
_DRAWN_VIDEOS = 6


@dataclass(frozen=True, slots=True)
class Curves:
    """The probabilities of some faces under one set of weights.

    Attributes:
        weights: name and SHA-256 of the weights, as told.
        probabilities: of each observed video that has a face, its clips in order.
        steadiness: of all of them.
    """

    weights: str
    probabilities: Sequence[FloatArray]
    steadiness: Steadiness


@dataclass(frozen=True)
class Views:
    """What is reported; what a detector does not offer is None or empty.

    Attributes:
        run: the judged files with their figures.
        seen: the observed videos that have a face.
        clips: of `seen`, that are projected and stand in the heat map.
        now, before: the curves of these weights, and of those they are held against.
        drawn: which of `seen` have their curves drawn.
        worst: the worst errors.
    """

    header: Header
    run: Run
    seen: Sequence[Observed]
    clips: Clips
    projections: Sequence[Projection]
    heat: Heat | None
    differences: Differences | None
    surprise: Surprise | None
    now: Curves
    before: Curves | None
    drawn: Sequence[int]
    worst: Sequence[Observed]


def make_views(
    header: Header,
    run: Run,
    observed: Sequence[Observed],
    *,
    most_clips: int,
    most_errors: int,
    before: tuple[str, Sequence[Judged]] | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> Views:
    """All that the observed files offer.

    Args:
        most_clips: of a video in t-SNE and heat map.
        most_errors: of a class in the gallery.
        before: name of other weights, and what they say of the observed files, in the same order.
        step: told before each part that takes its time; may raise CancelledError.

    Raises:
        DataError: no file shows a face.
        UsageError: the other weights look at other clips.
    """
    settings = header.settings
    seen = [each for each in observed if each.face is not None]
    if not seen:
        raise DataError("No face was found in any of the files", advice="Choose another data set")
    clips = spread_clips(seen, most_clips)
    there = {name for each in seen if each.face is not None for name in each.face.series}
    projections = []
    for name in PROJECTED:
        if name in there:
            step(f"t-SNE of {name}")
            made = project(name, gathered(seen, clips, name), settings.seed)
            projections += [made] if made is not None else []
    step("Means and intervals")
    draws, seed = settings.draws, settings.seed
    return Views(
        header=header,
        run=run,
        seen=seen,
        clips=clips,
        projections=projections,
        heat=heat_map(seen, clips) if SIMILARITY in there else None,
        differences=differences(seen, SECOND_DIFFERENCE, SECOND_DIFFERENCE_SIZE, draws=draws, seed=seed),
        surprise=surprise(seen, PREDICTION_ERROR, EXAMPLE_FRAMES, draws=draws, seed=seed),
        now=_now(header, seen),
        before=None if before is None else _before(*before, observed, settings),
        drawn=_drawn(seen, seed),
        worst=worst_errors(seen, settings.threshold, most_errors),
    )


def _now(header: Header, seen: Sequence[Observed]) -> Curves:
    values = [each.face.scores.probability for each in seen if each.face is not None]
    made = steadiness(
        [each.judged for each in seen], values, draws=header.settings.draws, seed=header.settings.seed
    )
    return Curves(f"these weights ({header.detector['weights_sha256'][:12]})", values, made)


def _before(name: str, judged: Sequence[Judged], observed: Sequence[Observed], settings: Settings) -> Curves:
    """The same faces in the same clips: faces are found once, so they stand in the same order."""
    known, values = [], []
    for other, each in zip(judged, observed, strict=True):
        if each.face is not None:
            tracks = other.scores.tracks
            fits = each.face.place < len(tracks)
            if not fits or not np.array_equal(tracks[each.face.place].spans, each.face.scores.spans):
                raise UsageError(
                    f"The other weights look at other clips of {each.judged.sample.name}",
                    advice="Hold weights against some whose card asks for the same clips",
                )
            known.append(each.judged)
            values.append(tracks[each.face.place].probability)
    made = steadiness(known, values, draws=settings.draws, seed=settings.seed)
    return Curves(name, values, made)


def _drawn(seen: Sequence[Observed], seed: int) -> list[int]:
    """Some videos of each class, drawn by the seed, in their order."""
    rng = np.random.default_rng(seed)
    found: list[int] = []
    for label in (0, 1):
        rows = [at for at, each in enumerate(seen) if each.judged.sample.label == label]
        found += sorted(rng.permutation(rows)[:_DRAWN_VIDEOS].tolist())
    return found
