"""The JSON of `analyze`: what the detectors say of a video, and how that becomes one number."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.evaluation.calibration.answer import Abstention, entry, ratio_of
from engine.evaluation.calibration.conditions import Evidence
from engine.evaluation.intervals import (
    IntervalRule,
    hidden_stretches,
    suspicious_intervals,
    usual_rule,
)
from engine.evaluation.standing_out import standing_out
from engine.exports.sidecar import number, video
from engine.results import DetectorInfo, Scores
from engine.runtime.protocol import AnalysisDone

RULE = "mean"
RULE_WORDS = (
    "mean of the video probabilities of the detectors whose card calls their weights trustworthy; "
    "null where there is none; not a posterior probability"
)


def report(
    done: Mapping[str, AnalysisDone],
    infos: Mapping[str, DetectorInfo],
    verdicts: Mapping[str, dict[str, Any]],
    evidence: Evidence,
) -> dict[str, Any]:
    """One video's entry from the answers of its detectors and their verdicts, in the order of their asking."""
    first = next(iter(done.values()))
    trusted = [name for name in done if trustworthy(infos[name])]
    seconds = evidence.index.seconds
    rules = {
        name: usual_rule([each.spans for each in answer.scores], seconds, infos[name].card)
        for name, answer in done.items()
    }
    return {
        "video": {
            key: video(first.video)[key] for key in ("path", "sha256", "frames", "seconds", "variable_rate")
        },
        "tracks": [
            {
                "id": track.id,
                "first": int(track.frames[0]),
                "last": int(track.frames[-1]),
                "detectors": [
                    _scored(answer.scores, track.id, infos[name], rules[name], seconds)
                    for name, answer in done.items()
                ],
            }
            for track in first.tracks
        ],
        "detectors": {
            name: verdict | {"interval_rule": rules[name].plain()} for name, verdict in verdicts.items()
        },
        "combination": {"rule": RULE, "detectors": trusted, "text": RULE_WORDS},
        "fake_probability": combined([done[name].fake_probability for name in trusted]),
    }


def verdict_of(answer: AnalysisDone, info: DetectorInfo, evidence: Evidence) -> dict[str, Any]:
    """What one detector says of a video: probability, likelihood ratio (or None), warnings."""
    hidden = hidden_stretches(answer.scores, evidence.index.seconds)
    ratio = ratio_of(info.card, answer.tracks, answer.scores, hidden, evidence)
    return {
        "fake_probability": number(answer.fake_probability),
        **entry(ratio),
        "warnings": [
            *(found.words() for found in hidden),
            *answer.warnings,
            *([ratio.sentence()] if isinstance(ratio, Abstention) else []),
        ],
    }


def trustworthy(info: DetectorInfo) -> bool:
    """Whether the card lets the detector take part in the verdict."""
    return info.trained and info.card.get("trustworthy") is True


def combined(probabilities: Sequence[float | None]) -> float | None:
    """The mean of those that exist, None if none does."""
    known = [value for value in (number(p) for p in probabilities) if value is not None]
    return sum(known) / len(known) if known else None


def _named(info: DetectorInfo) -> dict[str, list[str]]:
    """The names of its prototypes in the order of the columns of SIMILARITY, and by class."""
    names = {"order": [each.name for each in info.prototypes]}
    return names | {label: [p.name for p in info.prototypes if p.label == label] for label in ("fake", "real")}


def _scored(
    scores: Sequence[Scores],
    track_id: int,
    info: DetectorInfo,
    rule: IntervalRule,
    seconds: Callable[[int], float],
) -> dict[str, Any]:
    mine = next((s for s in scores if s.track_id == track_id), None)
    entry: dict[str, Any] = {"id": info.id, "weights_sha256": info.weights_sha256}
    if info.prototypes:
        entry["prototypes"] = _named(info)
    if mine is None:
        nothing: dict[str, Any] = {"spans": [], "span_fake_probability": [], "activations": {}, "intervals": []}
        return entry | {"fake_probability": None, "standing_out": None} | nothing
    outstanding = standing_out(track_id, mine.spans, mine.fake_probability)
    return entry | {
        "fake_probability": number(mine.track_probability),
        "spans": mine.spans.tolist(),
        "span_fake_probability": [number(float(p)) for p in mine.fake_probability],
        "activations": {series: values.tolist() for series, values in mine.activations.items()},
        "standing_out": None if outstanding is None else outstanding.plain(seconds),
        "intervals": [
            found.plain(seconds)
            for found in suspicious_intervals(track_id, mine.spans, mine.fake_probability, rule)
        ],
    }
