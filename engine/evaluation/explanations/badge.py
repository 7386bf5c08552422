"""The sanity badge: whether maps of an explainer hang on what its detector has learnt (Adebayo et al. 2018).

All parameters of the network are drawn anew, DRAWS times, as `sanity.randomised` does it. The figure of a video is
the mean of |Spearman's rank correlation| between a map and the maps of these networks, over its checked frames and
the draws. The absolute value, because the sign of an untaught network's score is chance: a map turned upside down
is as much the same picture as one that did not change.

What was measured lies beside the card of the weights, keyed by their SHA-256, the explainer and its settings; the
verdict is made of it here, on reading.
"""

import datetime as dt
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.detectors.cards import card_text
from engine.detectors.weights import EXPLANATIONS
from engine.errors import WeightsError
from engine.evaluation.explanations.record import Compared
from engine.explainers.base import AnyExplainer, Explainer
from engine.results import NOT_MEASURED, Sanity, canonical

PASSES, FAILS = 0.3, 0.5
"""Passes below, fails from. Cohen's bounds of a medium and of a large correlation: below 0.3 a map of a network
that knows nothing explains less than a tenth of the order of the cells, from 0.5 on a quarter and more."""
VIDEOS = 4
"""Fewer say nothing."""
DRAWS = 3
"""Random networks."""
OTHER_SETTINGS = Sanity(
    NOT_MEASURED.verdict,
    "It was measured whether maps of this explainer hang on what the network has learnt, but with other settings: "
    "nothing is known of these.",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one explainer under one set of weights.

    Attributes:
        explainer: its id.
        settings: in canonical JSON.
        videos: a figure each, those left out for which it is not defined (constant maps).
        frames: of all videos.
        draws: random networks.
        date: ISO 8601.
    """

    explainer: str
    settings: str
    videos: tuple[float, ...]
    frames: int
    draws: int
    date: str

    @property
    def mean(self) -> float:
        return float(np.mean(self.videos))

    @property
    def upper(self) -> float:
        """Upper end of the 95 % interval of the mean, by Student's t over the videos."""
        from scipy.stats import t  # takes a while to import

        count = len(self.videos)
        return self.mean + float(t.ppf(0.975, count - 1)) * float(np.std(self.videos, ddof=1)) / math.sqrt(count)


def measured_of(name: str, explainer: Explainer, videos: Sequence[Compared]) -> Measured:
    """What a comparison with DRAWS says of one explainer, which it calls `name`."""
    figures = [video.outcomes[name].untaught for video in videos]
    known = tuple(round(each, 4) for each in figures if math.isfinite(each))
    frames = sum(len(v.checked) for v, each in zip(videos, figures, strict=True) if math.isfinite(each))
    date = dt.datetime.now(dt.UTC).date().isoformat()
    return Measured(explainer.id, canonical(explainer.settings), known, frames, DRAWS, date)


def sanity_of(measured: Measured) -> Sanity:
    """The badge: passes if the whole interval lies below PASSES, fails if the mean reaches FAILS, else weak."""
    if len(measured.videos) < VIDEOS:
        return Sanity(
            NOT_MEASURED.verdict,
            f"Measured on {len(measured.videos)} videos with maps that are not constant; {VIDEOS} are needed.",
        )
    mean, upper = measured.mean, measured.upper
    if mean >= FAILS:
        verdict, means = "fails", "it mostly shows the picture, whatever the network has learnt"
    elif upper < PASSES:
        verdict, means = "passes", "it hangs on what the network has learnt; that does not make it right"
    else:
        verdict, means = "weak", "part of it would look the same for a network that has learnt nothing"
    basis = f"{len(measured.videos)} videos, {measured.frames} frames, {measured.draws} random networks"
    return Sanity(
        verdict,
        "Where all parameters of the network are random, the rank correlation of the map with the true one, "
        f"without its sign, is {mean:.2f} on average, at most {upper:.2f} with 95 % confidence: {means}. Passes "
        f"below {PASSES:g}, fails from {FAILS:g}. Measured on {basis}, {measured.date}.",
    )


def find_sanity(folder: Path | None, weights_sha256: str, explainer: AnyExplainer) -> Sanity:
    """The badge of an explainer with its settings, from the folder of the weights; never an error."""
    if folder is None:
        return NOT_MEASURED
    try:
        found = read_measured(folder, weights_sha256)
    except WeightsError as error:
        return Sanity(NOT_MEASURED.verdict, str(error))
    settings = canonical(explainer.settings)
    for each in found:
        if (each.explainer, each.settings) == (explainer.id, settings):
            return sanity_of(each)
    return OTHER_SETTINGS if any(each.explainer == explainer.id for each in found) else NOT_MEASURED


def read_measured(folder: Path, weights_sha256: str) -> tuple[Measured, ...]:
    """All that was measured under these weights; nothing where the file is missing or of other weights.

    Raises:
        WeightsError: the file cannot be read or understood.
    """
    path = folder / EXPLANATIONS
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        if raw["weights_sha256"] != weights_sha256:
            return ()
        return tuple(_measured(row) for row in raw["sanity"])
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"What was measured of explanations cannot be read ({error})",
            advice="Measure again with `python main.py compare --record`",
            file=path,
        ) from error


def record_measured(folder: Path, weights_sha256: str, new: Sequence[Measured]) -> Path:
    """Put measurements beside the card; those of the same explainers and settings, and of other weights, go.

    Raises:
        WeightsError: what is there cannot be understood, or the file cannot be written.
    """
    path = folder / EXPLANATIONS
    fresh = {(each.explainer, each.settings): each for each in (*read_measured(folder, weights_sha256), *new)}
    rows = [asdict(fresh[key]) for key in sorted(fresh)]
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(card_text({"weights_sha256": weights_sha256, "sanity": rows}), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise WeightsError(
            f"What was measured cannot be written ({error.strerror})", advice="Allow writing there", file=path
        ) from error
    return path


def _measured(row: Mapping[str, Any]) -> Measured:
    """Raises KeyError, TypeError, ValueError for a row that makes no sense."""
    videos = tuple(float(each) for each in row["videos"])
    if not all(0 <= each <= 1 for each in videos):
        raise ValueError("a rank correlation outside of 0 to 1")
    for name, kind in (("explainer", str), ("settings", str), ("frames", int), ("draws", int), ("date", str)):
        if not isinstance(row[name], kind):
            raise TypeError(f"{name} must be of {kind.__name__}")
    return Measured(row["explainer"], row["settings"], videos, row["frames"], row["draws"], row["date"])
