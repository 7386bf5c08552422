"""Partial forgeries: how well a detector tells the forged frames of a video from the others, and finds the run.

Frames are judged by the probability of the spans that hold them, and by the attention that a detector pays to them
where it pays some. The run is sought in two ways: where engine.evaluation.intervals finds a face's curve high (of
several intervals the longest, of equals the first), and where engine.evaluation.standing_out sees it stand out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.evaluation.bootstrap import LEVEL, Interval, Units, draw, intervals, units
from engine.evaluation.detection import AUC, area, roc
from engine.evaluation.evaluate import Judged, Sample, Settings
from engine.evaluation.intervals import suspicious_intervals, usual_rule
from engine.evaluation.standing_out import logits_of, standing_out
from engine.evaluation.video_scores import VideoScores
from engine.evaluation.wrapped import RATE
from engine.results import BoolArray, FloatArray, IntArray

FRAME_AUC, CLIP_AUC = "AUC of frames", "AUC within clips"
ATTENTION_AUC, ATTENTION_CLIP_AUC = "AUC of frames by attention", "AUC within clips by attention"
CENTRED_AUC = "AUC of frames against their clip's median"
FOUND, START, END, OVERLAP = "run found", "error of the start", "error of the end", "overlap"
OUT_START, OUT_END = "error of the start of what stands out", "error of the end of what stands out"
OUT_OVERLAP = "overlap of what stands out"
_OF_CURVES = (FRAME_AUC, CLIP_AUC, CENTRED_AUC, ATTENTION_AUC, ATTENTION_CLIP_AUC)
MEASURES = (*_OF_CURVES, FOUND, START, END, OVERLAP, OUT_START, OUT_END, OUT_OVERLAP)
"""In the order of the report. Errors in frames, of clips in which a run was found; overlap: intersection over
union, 0 where none was found."""

CHANCE_SHARE = (0.1, 0.6)
"""A guess takes so much of a clip, at any place: as operator "partial" draws."""
_GUESSES = 1000

Array = npt.NDArray[np.float64]
Run = tuple[int, int]
"""First and last frame."""


@dataclass(frozen=True, slots=True)
class PartialCopy:
    """A copy of a real clip with a forged run, and the truth about it.

    Attributes:
        sample: its `method` is the operator that forged the run.
        length: frames, RATE a second.
        first, last: the forged ones, inclusive.
    """

    sample: Sample
    length: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Values (N,) of frames (N,), rising."""

    frames: IntArray
    values: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PartialClip:
    """A clip of which a run of frames is forged, and what a detector says of it.

    Attributes:
        length: frames of the clip.
        truth: the run.
        found: where the detector finds it by the rule of suspicious intervals; None where it finds nothing.
        outstanding: the run that stands out most; None of too few scores, or a flat curve.
        probability: of the frames that have one.
        attention: the same; None where the detector pays none.
    """

    judged: Judged
    length: int
    truth: Run
    found: Run | None
    outstanding: Run | None
    probability: Curve
    attention: Curve | None

    @property
    def operator(self) -> str:
        """That forged the run."""
        return self.judged.sample.method

    def forged(self, frames: IntArray) -> BoolArray:
        """Which of some frames are forged."""
        found: BoolArray = (frames >= self.truth[0]) & (frames <= self.truth[1])
        return found


@dataclass(frozen=True, slots=True)
class PartialFigure:
    """One measured value.

    Attributes:
        part: of the clips, as reported.
        value: with its 95 % interval; a single group of persons, or video, has none.
        chance: what guessing gives for these clips.
        clips: that were measured.
        over: what was resampled, "videos" or "persons".
        of_operator: whether the part is of one operator alone.
    """

    part: str
    measure: str
    value: Interval
    chance: float
    clips: int
    over: str
    of_operator: bool = False


def partial_clip(judged: Judged, copy: PartialCopy, threshold: float) -> PartialClip:
    """What a detector says of a copy; from the threshold on an interval begins."""
    attention = judged.scores.attention_by_frame()
    return PartialClip(
        judged,
        copy.length,
        (copy.first, copy.last),
        located(judged.scores, threshold),
        located_outstanding(judged.scores),
        Curve(*judged.scores.by_frame()),
        None if attention is None else Curve(*attention),
    )


def located(scores: VideoScores, threshold: float) -> Run | None:
    """The longest suspicious interval among all faces, of equals the first; None without any."""
    tracks = scores.tracks
    rule = usual_rule([track.spans for track in tracks], lambda frame: frame / RATE, {"threshold": threshold})
    found = [
        each
        for number, track in enumerate(tracks)
        for each in suspicious_intervals(number, track.spans, track.probability, rule)
    ]
    best = max(found, key=lambda each: (each.last - each.first, -each.first), default=None)
    return None if best is None else (best.first, best.last)


def located_outstanding(scores: VideoScores) -> Run | None:
    """The run that stands out most among all faces, by its contrast; None without any."""
    found = [
        each
        for number, track in enumerate(scores.tracks)
        if (each := standing_out(number, track.spans, track.probability)) is not None
    ]
    best = max(found, key=lambda each: each.contrast, default=None)
    return None if best is None else (best.first, best.last)


def partial_figures(
    clips: Sequence[PartialClip], held_out: Sequence[str] | None, settings: Settings
) -> list[PartialFigure]:
    """All measures of all clips, of those by operators held out of training and by others, and by operator.

    Args:
        held_out: operators that the detector was not trained with; None where nobody says.
    """
    parts: dict[str, list[PartialClip]] = {"all": list(clips)}
    if held_out:
        parts["operators held out of its training"] = [clip for clip in clips if clip.operator in held_out]
        parts["operators of its training"] = [clip for clip in clips if clip.operator not in held_out]
    found = [figure for name, some in parts.items() if some for figure in _figures(name, some, settings)]
    for operator in sorted({clip.operator for clip in clips}):
        name = f"{operator} (held out)" if held_out and operator in held_out else operator
        some = [clip for clip in clips if clip.operator == operator]
        found += [replace(figure, of_operator=True) for figure in _figures(name, some, settings)]
    return found


def _figures(part: str, clips: Sequence[PartialClip], settings: Settings) -> list[PartialFigure]:
    persons = [clip.judged.sample.persons for clip in clips]
    both = [0, 1] * len(clips)  # each clip holds real and forged frames
    unit = units(both, np.repeat(np.arange(len(clips)), 2).tolist(), [p for each in persons for p in (each, each)])
    alone = unit.real_groups < 2  # nothing varies
    return [
        PartialFigure(part, measure, _bare(value) if alone else value, chance, count, unit.over)
        for measure, value, chance, count in (
            *_of_curves((FRAME_AUC, CLIP_AUC), clips, [c.probability for c in clips], unit, settings),
            *_of_curves((CENTRED_AUC,), clips, [_centred(c.probability) for c in clips], unit, settings),
            *_of_curves((ATTENTION_AUC, ATTENTION_CLIP_AUC), clips, [c.attention for c in clips], unit, settings),
            *_of_runs(clips, unit, settings),
        )
    ]


def _of_curves(
    names: tuple[str, ...],
    clips: Sequence[PartialClip],
    curves: Sequence[Curve | None],
    unit: Units,
    settings: Settings,
) -> Iterator[tuple[str, Interval, float, int]]:
    """AUC over the frames of all clips and, if named, the mean of that of each clip; nothing without a curve."""
    known = [
        (clip, curve, group)
        for clip, curve, group in zip(clips, curves, unit.group[::2].tolist(), strict=True)
        if curve is not None and len(curve.frames)
    ]
    if not known:
        return
    forged = [clip.forged(curve.frames) for clip, curve, _ in known]
    owner = np.repeat([group for *_, group in known], [len(each) for each in forged])
    of_frames = Units(unit.over, owner, unit.real_groups, unit.fake_groups)
    values, labels = np.concatenate([curve.values for _, curve, _ in known]), np.concatenate(forged)
    found = intervals(values, labels, of_frames, settings.threshold, draws=settings.draws, seed=settings.seed)
    yield names[0], found[AUC], 0.5, len(known)
    if len(names) == 1:
        return
    each = np.array([area(roc(c.values, f))[0] for (_, c, _), f in zip(known, forged, strict=True)])
    value = _mean(each, np.array([group for *_, group in known]), settings)
    yield names[1], value, 0.5, int((~np.isnan(each)).sum())


def _of_runs(
    clips: Sequence[PartialClip], unit: Units, settings: Settings
) -> Iterator[tuple[str, Interval, float, int]]:
    """How often a run is found and how far off, beside guesses."""
    guesses = _guesses(clips, settings.seed)
    for measure, (outstanding, apart) in _RUN_MEASURES.items():
        runs = [clip.outstanding if outstanding else clip.found for clip in clips]
        each = np.array([apart(run, clip.truth) for run, clip in zip(runs, clips, strict=True)])
        known = [row for row, value in enumerate(each) if not np.isnan(value)]
        guessed = [apart(run, clips[row].truth) for row in known for run in guesses[row]]
        chance = float("nan") if measure == FOUND or not known else float(np.mean(guessed))
        yield measure, _mean(each, unit.group[::2], settings), chance, int((~np.isnan(each)).sum())


def overlap(run: Run | None, truth: Run) -> float:
    """Frames of both over frames of either; 0 without a run."""
    if run is None:
        return 0.0
    both = min(run[1], truth[1]) - max(run[0], truth[0]) + 1
    either = run[1] - run[0] + truth[1] - truth[0] + 2 - max(both, 0)
    return max(both, 0) / either


def _apart(end: int) -> Callable[[Run | None, Run], float]:
    return lambda run, truth: float("nan") if run is None else float(abs(run[end] - truth[end]))


_RUN_MEASURES: dict[str, tuple[bool, Callable[[Run | None, Run], float]]] = {
    FOUND: (False, lambda run, _: float(run is not None)),
    START: (False, _apart(0)),
    END: (False, _apart(1)),
    OVERLAP: (False, overlap),
    OUT_START: (True, _apart(0)),
    OUT_END: (True, _apart(1)),
    OUT_OVERLAP: (True, overlap),
}
"""Whether of what stands out, and what is measured of a run and the true one."""


def _centred(curve: Curve) -> Curve:
    """Logits less their median: what a clip's own level has in it is gone."""
    logits = logits_of(curve.values)
    return Curve(curve.frames, np.asarray(logits - np.median(logits) if len(logits) else logits, np.float32))


def _bare(value: Interval) -> Interval:
    return Interval(value.value, float("nan"), float("nan"))


def _mean(values: Array, group: IntArray, settings: Settings) -> Interval:
    """The mean of what is defined, with its percentile interval over groups of clips."""
    known = ~np.isnan(values)
    if not known.any():
        return Interval(float("nan"), float("nan"), float("nan"))
    values, group = values[known], np.unique(group[known], return_inverse=True)[1]
    whole = Units("", group, 0, 0)
    drawn = draw(whole, np.ones(len(values)), settings.draws, np.random.default_rng(settings.seed))[:, group]
    means = drawn @ values / np.maximum(drawn.sum(1), 1)
    low, high = np.quantile(means[drawn.any(1)], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def _guesses(clips: Sequence[PartialClip], seed: int) -> list[list[Run]]:
    """Runs in each clip that know nothing of it."""
    rng = np.random.default_rng(seed)
    found = []
    for clip in clips:
        lengths = np.maximum(1, np.round(rng.uniform(*CHANCE_SHARE, _GUESSES) * clip.length)).astype(int)
        firsts = np.round(rng.random(_GUESSES) * (clip.length - lengths)).astype(int)
        found.append(list(zip(firsts.tolist(), (firsts + lengths - 1).tolist(), strict=True)))
    return found
