"""Measures of partial forgeries on made curves, against scikit-learn, loops and closed forms."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.evaluation.evaluate import Judged, Sample, Settings
from engine.evaluation.partial import (
    ATTENTION_AUC,
    ATTENTION_CLIP_AUC,
    CENTRED_AUC,
    CLIP_AUC,
    END,
    FOUND,
    FRAME_AUC,
    OUT_END,
    OUT_OVERLAP,
    OUT_START,
    OVERLAP,
    START,
    PartialClip,
    PartialCopy,
    PartialFigure,
    overlap,
    partial_clip,
    partial_figures,
)
from engine.evaluation.partial_report import Found, as_data, report_files
from engine.evaluation.record import Header
from engine.evaluation.video_scores import TrackScores, VideoScores

SETTINGS = Settings(draws=200)
LENGTH, T = 80, 4


def clip(
    name: str,
    truth: tuple[int, int],
    probability: np.ndarray | None = None,
    *,
    operator: str = "jitter",
    person: str = "",
    attention: np.ndarray | None = None,
) -> PartialClip:
    """One of LENGTH frames; probability per snippet of T frames, or None where no face was found."""
    firsts = np.arange(0, LENGTH, T)
    tracks = ()
    if probability is not None:
        spans = np.stack([firsts, firsts + T - 1], axis=1)
        tracks = (TrackScores(spans, probability.astype(np.float32), 99.0, attention),)
    sample = Sample(name, Path(name), 1, method=operator, persons=(person,) if person else ())
    return partial_clip(Judged(sample, VideoScores(tracks)), PartialCopy(sample, LENGTH, *truth), 0.5)


def many() -> list[PartialClip]:
    rng = np.random.default_rng(3)
    found = []
    for number in range(12):
        first = int(rng.integers(5, 40))
        truth = (first, first + int(rng.integers(10, 35)))
        middle = np.arange(0, LENGTH, T) + 1.5
        inside = (middle >= truth[0]) & (middle <= truth[1])
        probability = 1 / (1 + np.exp(-rng.normal(size=len(inside)) - 2 * inside + 1))
        attention = rng.random((len(inside), T)).astype(np.float32)
        operator = ["jitter", "drift", "flicker"][number % 3]
        found.append(
            clip(
                f"c{number}", truth, probability, operator=operator, person=f"p{number // 2}", attention=attention
            )
        )
    return found


def table(figures: list[PartialFigure], part: str = "all") -> dict[str, PartialFigure]:
    return {figure.measure: figure for figure in figures if figure.part == part}


def test_auc_of_frames_are_those_of_scikit_learn() -> None:
    clips = many()
    found = table(partial_figures(clips, None, SETTINGS))
    labels = [[one.truth[0] <= frame <= one.truth[1] for frame in range(LENGTH)] for one in clips]
    for names, values in (
        ((FRAME_AUC, CLIP_AUC), [np.repeat(c.judged.scores.tracks[0].probability, T) for c in clips]),
        ((ATTENTION_AUC, ATTENTION_CLIP_AUC), [c.judged.scores.tracks[0].attention.ravel() for c in clips]),
    ):
        pooled, within = (found[name].value for name in names)
        assert pooled.value == pytest.approx(roc_auc_score(np.concatenate(labels), np.concatenate(values)))
        assert within.value == pytest.approx(
            np.mean([roc_auc_score(y, v) for y, v in zip(labels, values, strict=True)])
        )
        for each in (pooled, within):
            assert each.low < each.value < each.high
    assert found[FRAME_AUC].over == "persons"
    assert found[FRAME_AUC].chance == 0.5
    assert found[FRAME_AUC].clips == 12


def test_intervals_are_over_persons_with_all_their_clips() -> None:
    clips = many()
    within = table(partial_figures(clips, None, Settings(draws=2000)))[CLIP_AUC].value
    values = [np.repeat(one.judged.scores.tracks[0].probability, T) for one in clips]
    each = [roc_auc_score(c.forged(np.arange(LENGTH)), v) for c, v in zip(clips, values, strict=True)]
    rng = np.random.default_rng(9)
    means = []
    for _ in range(4000):
        persons = rng.integers(0, 6, 6)
        means.append(np.mean([each[2 * person + k] for person in persons for k in (0, 1)]))
    np.testing.assert_allclose([within.low, within.high], np.quantile(means, [0.025, 0.975]), atol=0.01)


def test_a_run_is_located_to_the_frame() -> None:
    high = np.full(20, 0.1)
    high[5:10] = 0.9  # frames 20 to 39
    exact, early, none = (
        clip("a", (20, 39), high),
        clip("b", (26, 49), high),
        clip("c", (20, 39), np.full(20, 0.1)),
    )
    assert [one.found for one in (exact, early, none)] == [(20, 39), (20, 39), None]
    found = table(partial_figures([exact, early, none, clip("d", (20, 39))], None, SETTINGS))
    assert found[FOUND].value.value == pytest.approx(0.5)
    assert found[START].value.value == pytest.approx((0 + 6) / 2)
    assert found[END].value.value == pytest.approx((0 + 10) / 2)
    assert found[OVERLAP].value.value == pytest.approx((1 + 14 / 30 + 0 + 0) / 4)
    assert (found[START].clips, found[FOUND].clips, found[FRAME_AUC].clips) == (2, 4, 3)
    assert found[FRAME_AUC].over == "videos"
    assert ATTENTION_AUC not in found
    single = table(partial_figures([early], None, SETTINGS))
    assert np.isnan(single[FRAME_AUC].value.low), "one video alone has no interval"
    assert np.isnan(table(partial_figures([none], None, SETTINGS))[START].chance)


def test_what_stands_out_is_located_whatever_the_level_of_its_clip() -> None:
    """In both clips the forged run has three logits more than the rest; the threshold finds nothing, or all."""
    step = np.zeros(20)
    step[5:10] = 3.0  # frames 20 to 39
    low, high = (clip(name, (20, 43), 1 / (1 + np.exp(4 - step - up))) for name, up in (("a", 0.0), ("b", 6.0)))
    assert (low.found, high.found) == (None, (0, LENGTH - 1))
    assert low.outstanding == high.outstanding == (20, 39)
    found = table(partial_figures([low, high, clip("c", (20, 43))], None, SETTINGS))
    assert [found[name].value.value for name in (OUT_START, OUT_END)] == [0, 4]
    assert found[OUT_OVERLAP].value.value == pytest.approx((20 / 24 + 20 / 24 + 0) / 3)
    assert (found[OUT_START].clips, found[OUT_OVERLAP].clips) == (2, 3)
    labels = np.concatenate([one.forged(np.arange(LENGTH)) for one in (low, high)])
    assert found[CENTRED_AUC].value.value == pytest.approx(roc_auc_score(labels, np.tile(np.repeat(step, T), 2)))
    assert found[FRAME_AUC].value.value < found[CENTRED_AUC].value.value


def test_of_several_intervals_the_longest_counts() -> None:
    twice = np.full(20, 0.1)
    twice[1:4], twice[8:14] = 0.99, 0.6
    assert clip("a", (0, 9), twice).found == (32, 55)


def test_overlap_is_intersection_over_union() -> None:
    for run in ((0, 9), (5, 14), (10, 19), (3, 3)):
        both, either = (
            set(range(run[0], run[1] + 1)) & set(range(5, 15)),
            set(range(run[0], run[1] + 1)) | set(range(5, 15)),
        )
        assert overlap(run, (5, 14)) == pytest.approx(len(both) / len(either))
    assert overlap(None, (5, 14)) == 0.0


def test_guessing_draws_runs_of_the_operators_law() -> None:
    found = table(partial_figures(many(), None, SETTINGS))
    assert all(one.found for one in many()), "else guesses for the start are of some clips alone"
    rng = np.random.default_rng(77)
    starts, overlaps = [], []
    for one in many():
        for _ in range(3000):
            length = max(1, round(rng.uniform(0.1, 0.6) * LENGTH))
            first = round(rng.random() * (LENGTH - length))
            starts.append(abs(first - one.truth[0]))
            overlaps.append(overlap((first, first + length - 1), one.truth))
    assert found[START].chance == pytest.approx(np.mean(starts), rel=0.05)
    assert found[OVERLAP].chance == pytest.approx(np.mean(overlaps), rel=0.05)
    assert np.isnan(found[FOUND].chance)


def test_operators_held_out_are_named_apart() -> None:
    clips = many()
    figures = partial_figures(clips, ["drift", "swap"], SETTINGS)
    names = list(dict.fromkeys(figure.part for figure in figures))
    assert names == [
        "all", "operators held out of its training", "operators of its training",
        "drift (held out)", "flicker", "jitter",
    ]  # fmt: skip
    assert table(figures, names[1])[FRAME_AUC].clips == 4
    assert table(figures, names[1])[FRAME_AUC].value.value == table(figures, names[3])[FRAME_AUC].value.value
    assert {figure.part for figure in partial_figures(clips, None, SETTINGS)} == {
        "all",
        "drift",
        "flicker",
        "jitter",
    }


def test_the_report_sets_detectors_beside_each_other_and_guessing() -> None:
    clips = many()
    plain = [clip(c.judged.sample.name, c.truth, np.linspace(0, 1, 20), person="p") for c in clips[:4]]
    header = Header(
        {"id": "x", "weights_sha256": "ab" * 32, "device": "cpu", "precision": "float32"},
        "partial", "text", 1, SETTINGS, "python main.py evaluate x", "2026-01-01",
    )  # fmt: skip
    found = [
        Found("snippet-compact", header, ["drift"], clips, partial_figures(clips, ["drift"], SETTINGS), {}),
        Found("frame-mobile", header, None, plain, partial_figures(plain, None, SETTINGS), {"z": "gone"}),
    ]
    data = json.loads(json.dumps(as_data(found, {"lps": "not trained"}), allow_nan=False))
    first, second = data["detectors"]
    assert first["copies"][0]["forged"] == list(clips[0].truth)
    assert first["held_out_operators"] == ["drift"]
    auc = next(m for m in first["measures"] if (m["part"], m["measure"]) == ("all", FRAME_AUC))
    assert auc["value"] == table(found[0].figures)[FRAME_AUC].value.value
    assert any("only 4 copies" in text for text in second["warnings"])
    report = report_files(found, {"lps": "not trained"})
    text = report["report.md"]
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {FRAME_AUC} |")]
    assert f"{auc['value']:.3f}" in row
    assert row.endswith("| 0.500 |")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {ATTENTION_AUC} |")]
    assert "| none |" in row
    assert "drift (held out)" in text
    assert "gone" in text
    assert "not trained" in text
    assert "<table>" in report["report.html"]
