"""The run that stands out: against all runs tried one by one, against runs that were put in, and what is none."""

import numpy as np
import pytest

from engine.evaluation.standing_out import StandingOut, logits_of, standing_out


def found_in(values: np.ndarray, length: int = 1, track_id: int = 0) -> StandingOut | None:
    """Of logits."""
    return standing_out(track_id, spans_of(len(values), length), 1 / (1 + np.exp(-values.astype(np.float64))))


def spans_of(count: int, length: int = 1) -> np.ndarray:
    first = np.arange(count) * length
    return np.stack([first, first + length - 1], 1)


def by_brute_force(values: np.ndarray) -> tuple[int, int]:
    """The step of two means that leaves the least squares, among runs of 5 to 70 % and four scores at least."""
    n = len(values)
    best, found = np.inf, (0, 0)
    for a in range(n):
        for b in range(a + 1, n + 1):
            inside, rest = values[a:b], np.concatenate([values[:a], values[b:]])
            if not max(4, 0.05 * n) <= b - a <= 0.7 * n or inside.mean() <= rest.mean():
                continue
            left = ((inside - inside.mean()) ** 2).sum() + ((rest - rest.mean()) ** 2).sum()
            if left < best:
                best, found = left, (a, b - 1)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_step_of_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(20, 70))
    values = rng.normal(size=count)
    found = found_in(values, track_id=3)
    assert found is not None
    assert (found.first, found.last) == by_brute_force(values)
    inside = values[found.first : found.last + 1]
    rest = np.delete(values, slice(found.first, found.last + 1))
    assert found.contrast == pytest.approx(inside.mean() - rest.mean(), abs=1e-9)
    assert (found.track_id, found.scores) == (3, len(inside))


@pytest.mark.parametrize(("count", "first", "last"), [(128, 40, 90), (5000, 812, 1377), (90_000, 30_011, 33_002)])
def test_a_run_that_was_put_in_is_found_whatever_the_level_of_the_video(count: int, first: int, last: int) -> None:
    rng = np.random.default_rng(1)
    for level in (-4.0, 0.0, 4.0):
        values = rng.normal(level, 0.3, count)
        values[first : last + 1] += 3
        found = found_in(values, 4)
        assert found is not None
        assert (found.first, found.last) == (4 * first, 4 * last + 3)
        assert found.contrast == pytest.approx(3, abs=0.1)


def test_few_scores_and_flat_curves_have_none() -> None:
    assert found_in(np.arange(15)) is None
    assert found_in(np.zeros(40)) is None


def test_for_json_it_has_the_seconds() -> None:
    values = np.zeros(50, np.float32)
    values[10:20] = 2
    found = found_in(values)
    assert found is not None
    assert found.plain(lambda frame: frame / 25) == {
        "first": 10, "last": 19, "begin": 0.4, "end": 0.76, "scores": 10, "contrast": pytest.approx(2.0)
    }  # fmt: skip


def test_probabilities_of_0_and_1_have_logits_too() -> None:
    found = logits_of(np.array([0.0, 0.5, 0.8, 1.0], np.float32))
    np.testing.assert_allclose(found, [-np.log(1e7 - 1), 0, np.log(4), np.log(1e7 - 1)], rtol=1e-6)
