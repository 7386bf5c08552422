"""A comparison of explainers as plain data: per video and explainer, and over the videos."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.evaluation.explanations.faithfulness import STEPS, SUPERPIXELS
from engine.evaluation.explanations.measures import STABLE, MapMeasures, deviation, mean
from engine.evaluation.explanations.sanity import NOISE, SHARES
from engine.evaluation.plain import finite
from engine.explainers.superpixels import COMPACTNESS

KINDS = ("pixels", "superpixels")
"""What deletion and insertion take away at a time."""
TABLE_2 = ("V", "tau", "rho", "mu")
ATTENTION = "attention: where the network looks, not what is fake"


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Deletion and insertion in one order, means over the checked frames of one video.

    Attributes:
        deletion, insertion: mean fake probability when 0, 1 / STEPS, ..., 1 of the crop is painted or shown.
        deletion_area, insertion_area: under the fake probability.
        logit_gain: area between the curves of the logit.
    """

    deletion: tuple[float, ...]
    insertion: tuple[float, ...]
    deletion_area: float
    insertion_area: float
    logit_gain: float


@dataclass(frozen=True, slots=True)
class Located:
    """Means over the frames with a forged pixel in the crop; see `localisation`."""

    relevance_mass: float
    pointing: float
    chance: float
    frames: int


@dataclass(frozen=True)
class Outcome:
    """One explainer on one video.

    Attributes:
        measures: of grey maps at the size of the crop, as P002's table 2.
        native: of the maps as the explainer makes them, of native_size (height, width).
        seconds, passes: of all maps of the video; crops that went through the network forwards.
        faithfulness: by what is taken away; empty if nothing was checked.
        noise_mean, noise_max: change of the map under small noise, mean and largest over frames and draws.
        logit_noise: mean change of the logit under the same noise.
        randomised: rank correlation with the map of a network whose last SHARES of the layers are random.
        untaught: mean |rank correlation| with maps of networks that are wholly random; nan unless asked for.
        located: None without a ground-truth mask.
    """

    measures: MapMeasures
    native: MapMeasures
    native_size: tuple[int, int]
    seconds: float
    passes: int
    faithfulness: Mapping[str, Faithfulness] = field(default_factory=dict)
    noise_mean: float = math.nan
    noise_max: float = math.nan
    logit_noise: float = math.nan
    randomised: tuple[float, ...] = ()
    untaught: float = math.nan
    located: Located | None = None


@dataclass(frozen=True)
class Compared:
    """One video under all explainers.

    Attributes:
        frames: those that are explained.
        step: their distance, in frames.
        seconds_apart: of two of them, None for stills.
        track, faces: number of the explained face from 0, and how many faces there are.
        motion: of the raw box, see `face_motion`.
        fake_probability: mean over the explained frames of this face.
        checked: the frames of deletion, insertion, noise and random parameters.
        outcomes: explainer id -> what came of it.
        chance: deletion and insertion in a random order.
        agreement: rank correlation of each pair of explainers, "A, B" -> value.
        truth: name of the file with the ground-truth mask; empty without.
    """

    name: str
    sha256: str
    frames: tuple[int, ...]
    step: int
    seconds_apart: float | None
    track: int
    faces: int
    motion: float
    fake_probability: float
    checked: tuple[int, ...]
    outcomes: Mapping[str, Outcome]
    chance: Mapping[str, Faithfulness]
    agreement: Mapping[str, float]
    truth: str = ""

    @property
    def stable(self) -> bool:
        """Whether P002's filter keeps the video."""
        return self.motion < STABLE


@dataclass(frozen=True)
class Header:
    """What every report states.

    Attributes:
        detector: id, weights_sha256, device, precision.
        explainers: name -> signed, precision, settings and sanity.
        frames: which frames, in words.
        checks: frames per video for the measures that cost most.
        warnings: what must stand beside every figure.
    """

    detector: Mapping[str, str]
    explainers: Mapping[str, Mapping[str, object]]
    frames: str
    checks: int
    seed: int
    command: str
    date: str
    versions: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def explainer_facts(name: str, facts: Mapping[str, Any]) -> str:
    """An explainer with its settings and its badge, in a line."""
    settings = ", ".join(f"{each}={value}" for each, value in facts["settings"].items())
    parts = (
        name,
        "signed" if facts["signed"] else ATTENTION,
        facts["precision"],
        f"settings: {settings or 'none'}",
        f"sanity: {facts['sanity']['verdict']}",
    )
    return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean and standard deviation (n - 1) over the videos for which a value is defined."""

    mean: float
    deviation: float
    videos: int


def over_videos(videos: Sequence[Compared], explainer: str, value: Callable[[Outcome], float]) -> Summary:
    """A value of an explainer over the videos."""
    values = [value(video.outcomes[explainer]) for video in videos if explainer in video.outcomes]
    return summary(values)


def summary(values: Sequence[float]) -> Summary:
    """Of the values that are defined."""
    known = [each for each in values if math.isfinite(each)]
    return Summary(mean(known), deviation(known), len(known))


def table_2(videos: Sequence[Compared], explainer: str) -> dict[str, Summary]:
    """V, tau, rho and mu of an explainer."""

    def at(place: int) -> Callable[[Outcome], float]:
        return lambda outcome: outcome.measures.values[place]

    return {name: over_videos(videos, explainer, at(place)) for place, name in enumerate(TABLE_2)}


def as_data(header: Header, videos: Sequence[Compared], unread: Mapping[str, str]) -> dict[str, Any]:
    """All of it; values that are not defined are null."""
    stable = [video for video in videos if video.stable]
    return {
        key: finite(value)
        for key, value in {
            **asdict(header),
            "definitions": {
                "stable_below": STABLE,
                "steps": STEPS,
                "superpixels": {"number": SUPERPIXELS, "compactness": COMPACTNESS},
                "noise_levels": NOISE,
                "randomised_shares": SHARES,
            },
            "table": {
                name: {each: _summaries(chosen, each) for each in header.explainers}
                for name, chosen in (("all", videos), ("stable faces", stable))
            },
            "videos": [asdict(video) | {"stable": video.stable} for video in videos],
            "unread": dict(unread),
        }.items()
    }


def _summaries(videos: Sequence[Compared], explainer: str) -> dict[str, Any]:
    return {name: asdict(summary) for name, summary in table_2(videos, explainer).items()}
