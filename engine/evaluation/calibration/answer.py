"""The likelihood ratio of a questioned video, or why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.detectors.calibration import Calibration, calibration_of
from engine.evaluation.calibration.conditions import Evidence, measure, mismatches
from engine.evaluation.calibration.scale import SOURCE, support, times
from engine.evaluation.video_scores import collected
from engine.results import FaceTrack, Scores, excluded_words
from engine.verdict import Statement, Stretch


@dataclass(frozen=True, slots=True)
class Ratio:
    """A likelihood ratio of "forged by a method of the pool" against "authentic".

    Attributes:
        log10: of it, within the bounds.
        low, high: the bounds of log10 LR that the pool supports.
    """

    log10: float
    low: float
    high: float

    @property
    def at_bound(self) -> bool:
        """Whether the score asks for more than the pool supports."""
        return self.log10 in (self.low, self.high)

    @property
    def words(self) -> str:
        """Support in words, without a number."""
        return support(self.log10)

    def line(self) -> str:
        """The number with its bounds."""
        return f"log10 LR {self.log10:+.2f} (bounds {self.low:+.2f} to {self.high:+.2f})"

    def sentence(self) -> str:
        """All of it, for the user."""
        bound = ", a bound beyond which the pool supports nothing" if self.at_bound else ""
        return (
            f"log10 LR {self.log10:+.2f}{bound} (bounds {self.low:+.2f} to {self.high:+.2f}). "
            f"{times(self.log10)}: {self.words} ({SOURCE}). It is no probability that the video is forged"
        )

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "log10_low": self.low,
            "log10_high": self.high,
            "at_bound": self.at_bound,
            "words": self.words,
            "scale": SOURCE,
        }


@dataclass(frozen=True, slots=True)
class Abstention:
    """No likelihood ratio.

    Attributes:
        reason: why, with the numbers, without a full stop.
        short: why, in a few words.
    """

    reason: str
    short: str

    def line(self) -> str:
        """That there is none, and why."""
        return f"no LR ({self.short})"

    def sentence(self) -> str:
        return f"No likelihood ratio: {self.reason}"


def ratio_of(
    card: Mapping[str, Any],
    tracks: Sequence[FaceTrack],
    scores: Sequence[Scores],
    hidden: Sequence[Stretch],
    evidence: Evidence,
) -> Ratio | Abstention | None:
    """The likelihood ratio of a whole analysed video under the detector of a card, or why there is none.

    None without a scored face: that there is no face is said elsewhere. Any thread.

    Args:
        card: plain data of the card.
        tracks, scores, hidden: of the analysis: AnalysisDone and its hidden stretches.
        evidence: of the same file.
    """
    found = collected(tracks, scores)
    if not found.tracks:
        return None
    left_out = {name for each in scores for name in each.excluded}
    if left_out:
        words = excluded_words(len(left_out))
        return Abstention(f"{words}, and the calibration is of the whole detector", words)
    calibration = calibration_of(card)
    if calibration is None:
        return Abstention("the detector was never calibrated", "never calibrated")
    if card.get("trustworthy") is not True:
        return Abstention("the card calls the weights not trustworthy", "weights not trustworthy")
    if hidden:
        return Abstention(
            "a part of the video scores unlike the rest, and the calibration is of whole videos",
            "a part scores unlike the rest",
        )
    precisions = {entry.provenance.precision for entry in scores}
    conditions = measure(found, evidence, ", ".join(sorted(precisions)))
    outside = mismatches(conditions, calibration.limits) if conditions else []
    if outside:
        return Abstention("; ".join(outside), "outside of the calibration")
    return _within(calibration, found.fake_probability or 0.0)


def entry(found: Ratio | Abstention | None) -> dict[str, Any]:
    """An answer of `ratio_of` for JSON; null where there is none."""
    return {
        "log10_likelihood_ratio": found.log10 if isinstance(found, Ratio) else None,
        "likelihood_ratio": found.plain() if isinstance(found, Ratio) else None,
    }


def statement(found: Ratio | Abstention | None) -> Statement | None:
    """An answer of `ratio_of` for exports."""
    return None if found is None else Statement(found.line(), entry(found) | {"text": found.sentence()})


def _within(calibration: Calibration, probability: float) -> Ratio:
    return Ratio(float(calibration.log10_ratio(probability)), calibration.low, calibration.high)
