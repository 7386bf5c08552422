"""When a video gets a likelihood ratio, and what is said when it gets none."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from calibration_card import calibration_table

from engine.errors import DataError
from engine.evaluation.calibration.answer import Abstention, Ratio, ratio_of, statement
from engine.evaluation.calibration.conditions import (
    Conditions,
    Evidence,
    limits_of,
    measure,
    mismatches,
)
from engine.evaluation.intervals import hidden_stretches
from engine.evaluation.video_scores import collected
from engine.results import FaceTrack, Provenance, Scores, frozen
from engine.video.index import FrameIndex, make_index

SHA = "ab" * 32
H264 = "H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10"


def index(frames: int, rate: int = 25, size: int = 1500) -> FrameIndex:
    numbers = np.arange(frames)
    place = np.column_stack([numbers * size, np.full(frames, size)])
    key = numbers == 0
    return make_index(numbers, Fraction(1, rate), stamp=numbers, key=key, rank=numbers, place=place)


def evidence(frames: int = 100, rate: int = 25, size: int = 1500) -> Evidence:
    """320 x 360 at 0.104 bits per pixel."""
    return Evidence(index(frames, rate, size), 320, 320 * 360, H264)


def face(
    probability: float = 0.9, frames: int = 100, width: float = 100, number: int = 0, precision: str = "float32"
) -> tuple[FaceTrack, Scores]:
    at = np.arange(0, frames, 5)
    boxes = np.tile(np.array([10, 10, 10 + width, 20 + width], np.float32), (frames, 1))
    track = FaceTrack(
        number, frozen(np.arange(frames)), boxes, np.zeros((frames, 5, 2), np.float32),
        np.ones(frames, np.float32), np.ones(frames, np.bool_), boxes,
    )  # fmt: skip
    values = np.full(len(at), probability, np.float32)
    made_by = Provenance("d", SHA, {}, "cpu", precision, {})
    return track, Scores("d", number, np.column_stack([at, at]), values, values, made_by)


def asked(*faces: tuple[FaceTrack, Scores], of: Evidence | None = None, **card: Any) -> Any:
    known = of or evidence()
    scores = [s for _, s in faces]
    plain = {"sha256": SHA, "trustworthy": True, "calibration": calibration_table(SHA)} | card
    hidden = hidden_stretches(scores, known.index.seconds)
    return ratio_of(plain, [t for t, _ in faces], scores, hidden, known)


def test_a_video_like_those_of_the_pool_gets_its_ratio() -> None:
    found = asked(face(0.9))
    assert isinstance(found, Ratio)
    assert found.log10 == pytest.approx(0.5 * np.log(9) + 0.1, abs=1e-6)
    assert (found.low, found.high, found.at_bound) == (-1.2, 1.4, False)
    assert found.words == "moderate support for a forgery"
    assert "no probability that the video is forged" in found.sentence()
    assert asked(face(0.999)).at_bound
    assert asked(face(0.999)).log10 == 1.4
    assert asked(face(0.1)).words == "weak support for an authentic video"


def test_an_export_says_the_same_in_a_line_and_in_full() -> None:
    assert statement(asked()) is None
    ratio, none = asked(face(0.9)), asked(face(width=30))
    said = statement(ratio)
    assert said is not None
    assert said.line == "log10 LR +1.20 (bounds -1.20 to +1.40)"
    assert said.entry["log10_likelihood_ratio"] == pytest.approx(0.5 * np.log(9) + 0.1, abs=1e-6)
    assert said.entry["likelihood_ratio"]["words"] == "moderate support for a forgery"
    assert said.entry["text"] == ratio.sentence()
    abstained = statement(none)
    assert abstained is not None
    assert abstained.line == "no LR (outside of the calibration)"
    assert abstained.entry == {
        "log10_likelihood_ratio": None,
        "likelihood_ratio": None,
        "text": "No likelihood ratio: the face has 40 px, calibrated is 60 to 260",
    }


def test_several_faces_count_by_the_highest() -> None:
    found = asked(face(0.2), face(0.8, number=1))
    assert found.log10 == pytest.approx(0.5 * np.log(4) + 0.1, abs=1e-5)


@pytest.mark.parametrize(
    ("faces", "of", "reason"),
    [
        ([face(width=30)], evidence(), "the face has 40 px, calibrated is 60 to 260"),
        ([face(frames=20)], evidence(20), "4 frames of the face were scored, calibrated is from 8 on"),
        ([face()], evidence(rate=120), "the scored frames span 0.7917 s, calibrated is from 1 on"),
        ([face()], evidence(rate=120), "the video has 120 frames per second, calibrated is 24 to 30.6"),
        ([face()], evidence(size=90), "the video has 0.00625 bits per pixel, calibrated is 0.02 to 0.3"),
        ([face()], evidence(size=-1), "bits per pixel cannot be known"),
        ([face(number=n) for n in range(3)], evidence(), "3 faces were scored, calibrated is 1 to 2"),
        ([face()], replace(evidence(), codec="GIF"), f"the codec is GIF, calibrated is {H264}"),
        ([face()], replace(evidence(), short_side=2160), "shorter side has 2160 px"),
        ([face(precision="bf16")], evidence(), "it was scored in bf16, calibrated is float32"),
    ],
)
def test_outside_of_the_conditions_there_is_none(
    faces: list[tuple[FaceTrack, Scores]], of: Evidence, reason: str
) -> None:
    found = asked(*faces, of=of)
    assert isinstance(found, Abstention)
    assert reason in found.sentence()
    assert found.sentence().startswith("No likelihood ratio: ")


def test_without_calibration_trust_or_one_piece_there_is_none() -> None:
    assert "never calibrated" in asked(face(), calibration=None).reason
    assert "not trustworthy" in asked(face(), trustworthy=False).reason
    assert asked() is None  # that there is no face is said elsewhere
    track, scores = face(0.1)
    values = scores.fake_probability.copy()
    values[5:8] = 0.9
    assert (
        "a part of the video scores unlike the rest"
        in asked((track, replace(scores, fake_probability=values))).reason
    )


def conditions(codec: str = H264, **values: float) -> Conditions:
    track, scores = face()
    found = measure(collected([track], [scores]), evidence(), "float32")
    assert found is not None
    return Conditions({**found.values, **values}, codec, "float32")


def test_limits_are_where_both_classes_are() -> None:
    real = [conditions(face_px=x, fps=25) for x in (50, 100, 300)]
    forged = [conditions(face_px=x, fps=25) for x in (80.00001, 120, 400)]
    limits = limits_of([*real, conditions("MPEG-1", face_px=10)], forged)
    assert limits.codecs == (H264,)
    assert limits.ranges["face_px"] == (72.0, 330.0)
    assert limits_of(real, [conditions(face_px=x) for x in (52, 290)]).ranges["face_px"] == (50.0, 300.0)
    assert limits.ranges["fps"] == (24.5, 25.5)
    assert limits.ranges["scored_frames"] == (20, np.inf)
    assert [bool(mismatches(c, limits)) for c in (*real, *forged)] == [True, False, False, False, False, True]


def test_classes_without_a_common_condition_are_refused() -> None:
    with pytest.raises(DataError, match="no face px in common"):
        limits_of([conditions(face_px=50)], [conditions(face_px=80)])
    with pytest.raises(DataError, match="no codec in common"):
        limits_of([conditions("A")], [conditions("B")])
