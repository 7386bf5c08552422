"""Rows and sums of evidence: against naive loops in float64, and exactly the logits that are stored."""

import math

import numpy as np
import pytest
from prototype_scenes import COUNT, fives, make_prototypes, make_similarities

from engine.results import SIMILARITY
from gui.prototypes.evidence import DIGITS, evidence_of, strongest

PROTOTYPES = make_prototypes()


def naive(similarities, excluded=()):
    """Logits of real and of fake, clip by clip, term by term."""
    found = []
    for row in similarities.tolist():
        real = fake = 0.0
        for j, similarity in enumerate(row):
            if j not in excluded:
                real += PROTOTYPES[j].weights[0] * similarity
                fake += PROTOTYPES[j].weights[1] * similarity
        found.append((real, fake))
    return np.array(found)


def test_of_one_clip_the_sums_are_the_stored_logit():
    scores = make_similarities(0, fives(0, 249))
    for row in range(len(scores.spans)):
        found = evidence_of(scores.activations[SIMILARITY][row : row + 1], PROTOTYPES)
        real, fake = naive(scores.activations[SIMILARITY][row : row + 1])[0]
        assert np.float32(found.logit) == scores.logits[row]
        assert (found.real, found.fake) == pytest.approx((real, fake), rel=1e-14)
        assert found.probability == pytest.approx(float(scores.fake_probability[row]), abs=1e-6)
        assert found.clips == 1


@pytest.mark.parametrize("most", [0, 1, 12, COUNT, 99])
@pytest.mark.parametrize("excluded", [(), (0, 13), tuple(range(COUNT))])
def test_shares_and_rest_add_up_with_and_without_some(most, excluded):
    similarities = make_similarities(0, fives(0, 99)).activations[SIMILARITY]
    found = evidence_of(similarities, PROTOTYPES, excluded, most)
    real, fake = naive(similarities, excluded).mean(axis=0)
    assert (found.real, found.fake) == pytest.approx((real, fake), rel=1e-13, abs=1e-13)
    assert len(found.shares) + found.others == COUNT
    rest_fake, rest_real = found.rest
    assert math.fsum([*(s.fake for s in found.shares), rest_fake]) == pytest.approx(fake, rel=1e-13, abs=1e-13)
    assert math.fsum([*(s.real for s in found.shares), rest_real]) == pytest.approx(real, rel=1e-13, abs=1e-13)
    for share in found.shares:
        column = float(similarities[:, share.index].astype(np.float64).mean())
        assert share.similarity == pytest.approx(column, rel=1e-14)
        weights = (0, 0) if share.index in excluded else share.prototype.weights
        assert (share.real, share.fake) == pytest.approx((weights[0] * column, weights[1] * column), rel=1e-13)
        assert share.excluded == (share.index in excluded)


def test_what_is_shown_adds_up_to_the_last_digit():
    similarities = make_similarities(0, fives(0, 499), seed=3).activations[SIMILARITY]
    for row in range(len(similarities)):
        found = evidence_of(similarities[row : row + 1], PROTOTYPES)
        for name, rest in zip(("fake", "real"), found.shown_rest, strict=True):
            texts = [f"{getattr(share, name):.{DIGITS}f}" for share in found.shares] + [f"{rest:.{DIGITS}f}"]
            total = sum(round(float(text) * 10**DIGITS) for text in texts)
            assert total == round(float(f"{getattr(found, name):.{DIGITS}f}") * 10**DIGITS)
        assert found.shown_rest == pytest.approx(found.rest, abs=(len(found.shares) + 2) * 0.5 * 10**-DIGITS)


def test_the_heaviest_come_first_and_keep_their_place_when_they_are_left_out():
    similarities = make_similarities(0, [(0, 4)]).activations[SIMILARITY]
    force = [
        abs(p.weights[1] - p.weights[0]) * s for p, s in zip(PROTOTYPES, similarities[0].tolist(), strict=True)
    ]
    expected = sorted(range(COUNT), key=lambda j: -force[j])[:5]
    assert [share.index for share in evidence_of(similarities, PROTOTYPES, (), 5).shares] == expected
    left_out = evidence_of(similarities, PROTOTYPES, expected[:2], 5)
    assert [share.index for share in left_out.shares] == expected
    assert [(share.fake, share.real) for share in left_out.shares[:2]] == [(0, 0), (0, 0)]


def test_clips_without_similarities_do_not_count():
    similarities = make_similarities(0, fives(0, 19)).activations[SIMILARITY].copy()
    similarities[1] = np.nan
    found = evidence_of(similarities, PROTOTYPES)
    assert found.clips == 3
    assert found.fake == pytest.approx(naive(similarities[[0, 2, 3]]).mean(axis=0)[1], rel=1e-13)
    assert evidence_of(similarities[1:2], PROTOTYPES) is None
    assert evidence_of(similarities[:0], PROTOTYPES) is None
    assert strongest(similarities[1:2], PROTOTYPES) == ()


def test_the_strongest_of_a_video_by_their_best_clip_fake_before_real():
    similarities = make_similarities(0, fives(0, 99)).activations[SIMILARITY]
    force = [
        abs(p.weights[1] - p.weights[0]) * max(row[j] for row in similarities.tolist())
        for j, p in enumerate(PROTOTYPES)
    ]
    best = sorted(range(COUNT), key=lambda j: -force[j])
    fakes = [j for j in best[:12] if PROTOTYPES[j].label == "fake"]
    reals = [j for j in best[:12] if PROTOTYPES[j].label == "real"]
    assert strongest(similarities, PROTOTYPES) == (*fakes, *reals)
    without = strongest(similarities, PROTOTYPES, excluded=(best[0],))
    assert best[0] not in without
    assert set(without) == set(best[1:13])
