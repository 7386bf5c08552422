"""The pool: who is in it, that nobody is on both sides of a fit, and what a card gets of it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from random_weights import write_random_weights

from engine.detectors.calibration import CALIBRATION_FILE, calibration_bytes, logit
from engine.detectors.cards import load_card
from engine.errors import DataError
from engine.evaluation.calibration.conditions import Conditions, Evidence
from engine.evaluation.calibration.fitting import fit_logistic
from engine.evaluation.calibration.measures import cllr
from engine.evaluation.calibration.pool import Member, calibrate, folds, gather, held_out
from engine.evaluation.calibration.record import record
from engine.evaluation.evaluate import Judged, Sample
from engine.evaluation.video_scores import TrackScores, VideoScores
from engine.video.index import FrameIndex

VALUES = {
    "face_px": 100.0, "scored_frames": 20.0, "scored_seconds": 4.0, "faces": 1.0, "bits_per_pixel": 0.1,
    "fps": 25.0, "short_side_px": 360.0,
}  # fmt: skip


def member(
    label: int,
    probability: float,
    persons: tuple[str, ...],
    method: str = "swap",
    codec: str = "H.264",
    **values: float,
) -> Member:
    name = f"{'_'.join(persons)}-{label}-{probability:.6f}"
    sample = Sample(name, Path(name), label, method=method * label, persons=persons, source="here")
    spans = np.arange(20)[:, None].repeat(2, 1)
    scores = VideoScores((TrackScores(spans, np.full(20, probability, np.float32), 100.0),))
    sha256 = f"{abs(hash(name)):064x}"[:64]
    return Member(Judged(sample, scores, sha256), probability, Conditions(VALUES | values, codec, "float32"))


def pool(n: int = 30, seed: int = 0) -> list[Member]:
    """Each person with a real and a forged video; a swap ties two persons."""
    rng = np.random.default_rng(seed)
    made = []
    for at in range(n):
        probability = 1 / (1 + np.exp(-rng.normal([-1.0, 1.0], 1)))
        made.append(member(0, float(probability[0]), (f"p{at}",)))
        made.append(
            member(1, float(probability[1]), (f"p{at}", f"p{at ^ 1}"), "pseudo-fake" if at % 3 else "swap")
        )
    return made


def test_folds_never_tear_a_group_and_hold_both_classes() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 15, 80)
    group = np.unique(group, return_inverse=True)[1]
    labels = (rng.random(80) < 0.3).astype(np.int64)
    fold = folds(labels, group)
    assert {len(set(fold[group == g].tolist())) for g in group} == {1}
    for number in np.unique(fold):
        assert 0 < labels[fold != number].sum() < (fold != number).sum()


def test_a_held_out_ratio_owes_nothing_to_its_own_group() -> None:
    """Whatever the scores of a group are, the map by which they are judged stays."""
    members = pool()
    labels = np.array([m.label for m in members])
    group = np.repeat(np.arange(15), 4)
    scores = logit([m.probability for m in members])
    before = held_out(scores, labels, group, fit_logistic)
    fold = folds(labels, group)
    mine = fold == fold[0]
    moved = scores.copy()
    moved[mine] += 5
    after = held_out(moved, labels, group, fit_logistic)
    line = fit_logistic(scores[~mine], labels[~mine])
    assert before[mine] == pytest.approx(line(scores[mine]))
    assert after[mine] == pytest.approx(line(moved[mine]))


def test_known_scores_give_their_known_ratio_and_cost() -> None:
    made = calibrate(pool(400, seed=3), data="made here", every=5)
    assert made.fitted(np.array([1.0])) == pytest.approx(2 / math.log(10), abs=0.12)
    rng = np.random.default_rng(9)
    scores = np.concatenate([rng.normal(1, 1, 100_000), rng.normal(-1, 1, 100_000)])
    truth = cllr(2 * scores / math.log(10), np.repeat([1, 0], 100_000))
    value, low, high = made.cllr
    assert low < truth < high
    assert value == pytest.approx(truth, abs=0.05)
    assert made.cllr_min[0] <= value
    assert made.cllr_min[1] < made.cllr_min[0] < made.cllr_min[2]
    assert -math.log10(401) <= made.low < -0.5
    assert 0.5 < made.high <= math.log10(401)
    assert (made.held_out.min(), made.held_out.max()) == (made.low, made.high)


def test_the_card_says_what_the_pool_was(tmp_path: Path) -> None:
    members = [
        *pool(),
        member(0, 0.2, ("gif",), codec="GIF"),
        member(0, 0.2, ("far",), face_px=20.0),
        member(1, 0.8, ("wide",), "swap", fps=60.0),
    ]
    made = calibrate(members, data="made here: validation", every=5, left_out={"no face": 2})
    folder = write_random_weights(tmp_path, "frame-mobile")
    before = load_card(folder)
    record(folder, made)
    card = load_card(folder)
    known = card.calibration
    assert known is not None
    assert (card.sha256, card.measures, card.trustworthy) == (before.sha256, before.measures, False)
    assert (known.pool.n_real, known.pool.n_forged, known.pool.n_pseudo_fakes) == (30, 30, 20)
    assert (known.pool.persons, known.pool.groups, known.pool.every) == (30, 15, 5)
    assert known.pool.methods == {"pseudo-fake": 20, "swap": 10}
    assert known.pool.left_out == {"no face": 2, "conditions of one class only": 3}
    assert known.limits.codecs == ("H.264",)
    assert known.limits.ranges["fps"] == (24.5, 25.5)
    p = [m.probability for m in made.members]
    assert known.log10_ratio(p) == pytest.approx(np.clip(made.fitted(logit(p)), made.low, made.high), abs=1e-4)
    listed = json.loads(calibration_bytes(folder, known))
    assert len(listed["scores"]) == 60
    assert "p0" not in (folder / CALIBRATION_FILE).read_text()  # nobody is named
    again = cllr([row["log10_lr"] for row in listed["scores"]], [row["label"] for row in listed["scores"]])
    assert known.cllr[0] == pytest.approx(again, abs=1e-3)
    assert sum(listed["reliability"]["count"]) == 60
    assert listed["tippett"]["forged"][0] == listed["tippett"]["real"][0] == 1
    record(folder, calibrate(pool(), data="made here", every=5, method="pav"))
    replaced = load_card(folder).calibration
    assert replaced is not None
    assert replaced.method == "pav"


def test_too_small_and_too_tied_pools_are_refused() -> None:
    with pytest.raises(DataError, match="has 7 real videos of 4 groups"):
        calibrate(pool(7), data="", every=5)
    tied = [member(label, 0.3 + 0.1 * label, ("a", "b")) for label in (0, 1) for _ in range(20)]
    with pytest.raises(DataError, match="has 20 real videos of 1 groups"):
        calibrate(tied, data="", every=5)
    with pytest.raises(DataError, match="no codec in common"):
        calibrate([*pool(10)[::2], *(member(1, 0.8, (f"x{n}",), codec="GIF") for n in range(9))], data="", every=5)


def test_strangers_and_faceless_videos_are_not_in_the_pool() -> None:
    def none(path: Path) -> Evidence:
        return Evidence(_index(), 360, 360 * 480, "H.264")

    judged = [m.judged for m in pool(2)]
    empty = Judged(judged[0].sample, VideoScores(()), "")
    members, left_out = gather([*judged, empty], none, "float32")
    assert len(members) == 4
    assert left_out == {"no face": 1}
    assert members[0].conditions.values["scored_seconds"] == pytest.approx(19 / 25)
    stranger = Judged(Sample("x", Path("x.mp4"), 0), VideoScores(()), "")
    with pytest.raises(DataError, match="not known who is in it"):
        gather([stranger], none, "float32")


def _index() -> FrameIndex:
    from fractions import Fraction

    from engine.video.index import make_index

    n = np.arange(100)
    return make_index(n, Fraction(1, 25), stamp=n, key=n == 0, rank=n, place=np.column_stack([n * 9, n * 0 + 900]))
