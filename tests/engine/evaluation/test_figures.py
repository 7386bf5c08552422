"""From judged files to figures: which files count for what, and what is said of it."""

import numpy as np
import pytest
from judged_samples import judged, many, scores
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, roc_auc_score

from engine.evaluation.evaluate import Figure, Part, Settings, figures
from engine.evaluation.parts import DEV, parts_of, warnings_of

MAIN = "held-out persons"


def table(found: list[Figure], level: str = "video") -> dict[tuple[str, str], Figure]:
    return {(f.protocol, f.metric): f for f in found if f.level == level}


def test_a_video_is_the_largest_mean_of_its_faces_and_a_frame_its_largest_score() -> None:
    two = scores([0.1, 0.9, 0.2], [0.6, 0.6])
    assert two.fake_probability == pytest.approx(0.6)
    frames, values = two.by_frame()
    assert frames.tolist() == [0, 5, 10]
    assert values.tolist() == pytest.approx([0.6, 0.9, 0.2])
    assert scores().fake_probability is None
    assert scores().face_px is None


def test_parts_take_their_forgeries_and_all_reals() -> None:
    every = [
        judged("r1", 0, 0.1, split="dev"),
        judged("r2", 0, 0.6, split="dev"),
        judged("r3", 0, split="dev"),  # no face: counts for nothing
        judged("u1", 1, 0.5, split="dev", protocol="unseen", method="A"),
        judged("u2", 1, 0.9, split="dev", protocol="unseen", method="B"),
        judged("s1", 1, 0.05, split="dev", protocol="seen", method="A"),
        judged("g1", 1, 0.0, split="dev", protocol="generated", method="C"),
    ]
    found = table(figures(every, parts_of(every, DEV)))
    auc = {name: found[name, "AUC"] for name, metric in found if metric == "AUC"}
    assert list(auc) == [
        DEV, "dev, generated", "dev, seen", "dev, unseen", "method A", "method B", "method C",
    ]  # fmt: skip
    assert auc[DEV].value == pytest.approx(3 / 6)
    assert auc["dev, unseen"].value == pytest.approx(0.75)
    assert auc["dev, generated"].value == 0.0
    assert auc["method A"].value == pytest.approx(1 / 4)
    assert {name: (f.n_real, f.n_fake) for name, f in auc.items()}[DEV] == (2, 3)
    assert figures(every, [Part("reals", lambda j: not j.sample.label)]) == []


def test_parts_by_compression_and_size_of_the_face_hold_both_classes_of_it() -> None:
    every = many()
    found = table(figures(every, parts_of(every, MAIN)))
    names = {name for name, _ in found}
    assert {"compression c23", "compression c40", "method swap", "method reenactment"} <= names
    assert {
        "face under 80 px",
        "face of 80 to 160 px",
        "face of 160 to 320 px",
        "face of 320 px and more",
    } <= names
    for name, keep in {
        "compression c23": [j for j in every if j.sample.compression == "c23" and j.scores.tracks],
        "face under 80 px": [j for j in every if j.scores.face_px == 50.0],
        "method swap": [j for j in every if j.scores.tracks and (not j.sample.label or j.sample.method == "swap")],
    }.items():
        labels = [j.sample.label for j in keep]
        expected = roc_auc_score(labels, [j.scores.fake_probability for j in keep])
        assert found[name, "AUC"].value == pytest.approx(expected), name
        assert (found[name, "AUC"].n_real, found[name, "AUC"].n_fake) == (labels.count(0), labels.count(1))


def test_frames_count_for_themselves_and_are_drawn_with_their_persons() -> None:
    every = many()
    found = table(figures(every, parts_of(every, MAIN)), "frame")
    with_faces = [j for j in every if j.scores.tracks]
    values = np.concatenate([j.scores.by_frame()[1] for j in with_faces])
    labels = np.repeat([j.sample.label for j in with_faces], [len(j.scores.by_frame()[1]) for j in with_faces])
    assert found[MAIN, "AUC"].value == pytest.approx(roc_auc_score(labels, values))
    assert found[MAIN, "accuracy"].value == pytest.approx(accuracy_score(labels, values >= 0.5))
    assert found[MAIN, "AUC"].n_real + found[MAIN, "AUC"].n_fake == len(values)
    assert (found[MAIN, "AUC"].over, found[MAIN, "AUC"].groups_fake) == ("persons", 20)
    assert found[MAIN, "recall"].exact is None  # frames of one video are no independent trials


def test_shares_at_a_fixed_threshold_carry_exact_intervals() -> None:
    every = many()
    found = table(figures(every, parts_of(every, MAIN), Settings(threshold=0.7)))
    reals = [j.scores.fake_probability for j in every if not j.sample.label and j.scores.tracks]
    alarms = sum(p >= 0.7 for p in reals if p is not None)
    rate = found[MAIN, "false alarm rate"]
    assert rate.value == pytest.approx(alarms / len(reals))
    expected = binomtest(alarms, len(reals)).proportion_ci(0.95, "exact")
    assert rate.exact == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found[MAIN, "AUC"].exact is None


def test_too_few_files_or_persons_are_warned_of() -> None:
    every = many(n=12)
    said = warnings_of(figures(every, parts_of(every, MAIN)), MAIN)
    assert any(line.startswith(f"{MAIN}: only 6 real and 6 forged files") for line in said)
    few = [judged(f"{k}", k % 2, 0.1 + 0.02 * k, persons=(f"p{k % 6}",)) for k in range(40)]
    (line,) = warnings_of(figures(few, parts_of(few, MAIN)), MAIN)
    assert "only 3 groups of persons with real and 3 with forged files" in line
    assert warnings_of(figures(many(n=60), parts_of(many(n=60), MAIN))[:5], MAIN) == []
    assert "no main figure" in warnings_of([], MAIN)[0]
