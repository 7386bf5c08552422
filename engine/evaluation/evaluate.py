"""A detector on the files of a data set: the scores of each, and the figures that follow from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import DataError, VideoError
from engine.evaluation.bootstrap import DRAWS, Units, intervals, units
from engine.evaluation.detection import METRICS, clopper_pearson, roc
from engine.evaluation.kept_scores import KeptScores, digest
from engine.evaluation.video_scores import VideoScores
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import IntArray
from engine.verdict import DECISION


@dataclass(frozen=True, slots=True)
class Sample:
    """One video or still to be judged.

    Attributes:
        name: as reported.
        path: the file, or the folder of a sequence of pictures.
        label: 1 = fake.
        split: of the data set.
        protocol: part of the evaluation a forged one counts for; empty for real ones, which count for all.
        method: of the forgery.
        kind: "clip", "sequence", "still", or "face": a still that is a face's box already, so that no face is
            looked for.
        persons: everyone in it, empty if nobody knows.
        compression: variant of the data set in which it was published, empty where there is one only.
        source: where it comes from.
    """

    name: str
    path: Path
    label: int
    split: str = ""
    protocol: str = ""
    method: str = ""
    kind: str = "clip"
    persons: tuple[str, ...] = ()
    compression: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What figures depend on besides the scores.

    Attributes:
        threshold: fixed beforehand; a probability of at least this is called forged.
        draws, seed: of the bootstrap.
    """

    threshold: float = DECISION
    draws: int = DRAWS
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its 95 % bootstrap interval.

    Attributes:
        protocol: the part of the evaluation.
        level: "video", or "frame" where every scored frame counts for itself.
        over: what was resampled, "videos" or "persons".
        groups_real, groups_fake: how many of these each class has.
        exact: Clopper-Pearson interval over videos of a share at the threshold, None for other measures.
    """

    protocol: str
    metric: str
    value: float
    low: float
    high: float
    n_real: int
    n_fake: int
    level: str = "video"
    over: str = "videos"
    groups_real: int = 0
    groups_fake: int = 0
    exact: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A sample and what the detector says of it."""

    sample: Sample
    scores: VideoScores
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the evaluation that is reported by itself.

    Attributes:
        name: as reported.
        takes: whether a judged file belongs to it.
        frames: whether its figures are given by frame, too.
    """

    name: str
    takes: Callable[[Judged], bool]
    frames: bool = False


class Scorer(Protocol):
    """What scores files; see engine.runtime.scoring."""

    @property
    def key(self) -> str:
        """Names all on which the scores of a file depend besides the file."""
        ...

    def score(self, sample: Sample, cancel: CancelToken) -> VideoScores: ...


@dataclass
class Unread:
    """Files that could not be judged, and why: they are left out of all figures, and reported."""

    reasons: dict[str, str] = field(default_factory=dict)


def judge(
    samples: Sequence[Sample],
    scorer: Scorer,
    *,
    label: str = "Judging",
    fresh: bool = False,
    unread: Unread | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> list[Judged]:
    """Score all samples: the mean over the spans of a track, the maximum over tracks.

    Args:
        fresh: score again what was scored before.
        unread: takes up files that cannot be read; None: the first one ends the work.

    Raises:
        VideoError, DataError: a file cannot be read.
        DeviceError, CancelledError: as the scorer raises them. What was scored so far is kept.
    """
    token = cancel or CancelToken()
    kept = KeptScores(scorer.key, fresh=fresh)
    meter = ProgressMeter(label, len(samples), "files", progress)
    judged = []
    for done, sample in enumerate(samples, 1):
        token.check()
        try:
            known = kept.get(sample.path)
            if known is None:
                known = digest(sample.path), scorer.score(sample, token)
                kept.put(sample.path, *known)
        except (VideoError, DataError) as error:
            if unread is None:
                raise
            unread.reasons[sample.name] = str(error)
        except OSError as error:
            raise DataError(
                f"The file cannot be read ({error.strerror})", advice="Restore or remove it", file=sample.path
            ) from error
        else:
            judged.append(Judged(sample, known[1], known[0]))
        meter.update(done)
    return judged


def figures(judged: Sequence[Judged], parts: Sequence[Part], settings: Settings = Settings()) -> list[Figure]:
    """All measures of every part, by video and where it asks for it by frame; none for a part of one class."""
    found = []
    for part in parts:
        chosen = [j for j in judged if j.scores.tracks and part.takes(j)]
        labels = np.array([j.sample.label for j in chosen], np.int64)
        if not 0 < labels.sum() < len(labels):
            continue
        values = np.array([j.scores.fake_probability for j in chosen], np.float64)
        unit = units(labels, range(len(chosen)), [j.sample.persons for j in chosen])
        found += _figures(part.name, "video", values, labels, unit, settings)
        if part.frames:
            rows = [j.scores.by_frame()[1] for j in chosen]
            owner = np.repeat(np.arange(len(chosen)), [len(row) for row in rows])
            whole = Units(unit.over, unit.group[owner], unit.real_groups, unit.fake_groups)
            found += _figures(part.name, "frame", np.concatenate(rows), labels[owner], whole, settings)
    return found


def _figures(
    name: str, level: str, values: npt.ArrayLike, labels: IntArray, unit: Units, settings: Settings
) -> list[Figure]:
    measured = intervals(values, labels, unit, settings.threshold, draws=settings.draws, seed=settings.seed)
    n_fake = int(labels.sum())
    n_real = len(labels) - n_fake
    (hits,), (alarms,) = roc(values, labels).called(settings.threshold)
    shares = {
        "accuracy": (int(hits) + n_real - int(alarms), len(labels)),
        "recall": (int(hits), n_fake),
        "false alarm rate": (int(alarms), n_real),
        "precision": (int(hits), int(hits) + int(alarms)),
    }
    return [
        Figure(
            protocol=name,
            metric=metric,
            value=measured[metric].value,
            low=measured[metric].low,
            high=measured[metric].high,
            n_real=n_real,
            n_fake=n_fake,
            level=level,
            over=unit.over,
            groups_real=unit.real_groups,
            groups_fake=unit.fake_groups,
            exact=clopper_pearson(*shares[metric]) if metric in shares and level == "video" else None,
        )
        for metric in METRICS
    ]
