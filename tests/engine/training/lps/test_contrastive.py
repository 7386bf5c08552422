"""The contrastive loss against loops over named pairs, brute-force counts, and autograd through all scores."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.utils._python_dispatch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.training.lps.contrastive import PairCounts, contrastive_hits, contrastive_loss, count_pairs


def random_features(seed: int, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    one, two = (torch.from_numpy(rng.normal(size=shape)) for _ in range(2))
    return one, two


def kind_of(one: tuple[int, ...], other: tuple[int, ...]) -> str:
    """What a predicted cell (video, example, row, column) has in common with a true one."""
    if one[0] != other[0]:
        return "batch"
    if one[2:] != other[2:]:
        return "spatial"
    return "positive" if one[1] == other[1] else "temporal"


def naive_loss(predicted: np.ndarray, true: np.ndarray) -> tuple[float, PairCounts]:
    """Equation 4, one pair at a time, with the pairs that took part counted by kind."""
    b, p, _, h, w = predicted.shape
    places = list(itertools.product(range(b), range(p), range(h), range(w)))
    counted = dict.fromkeys(("positive", "temporal", "spatial", "batch"), 0)
    losses = []
    for mine in places:
        above, below = 0.0, 0.0
        for other in places:
            kind = kind_of(mine, other)
            counted[kind] += 1
            a, c = (
                predicted[mine[0], mine[1], :, mine[2], mine[3]],
                true[other[0], other[1], :, other[2], other[3]],
            )
            value = math.exp(float(a @ c))
            below += value
            above += value if kind == "positive" else 0.0
        losses.append(-math.log(above / below))
    return float(np.mean(losses)), PairCounts(*counted.values())


@pytest.mark.parametrize("rows_at_a_time", [1, 5, 16, 36, 1000])
def test_the_loss_is_the_loop_however_it_is_cut(rows_at_a_time: int) -> None:
    predicted, true = random_features(1, (2, 3, 4, 2, 3))
    loss, counts = naive_loss(predicted.numpy(), true.numpy())
    np.testing.assert_allclose(float(contrastive_loss(predicted, true, rows_at_a_time)), loss, rtol=1e-12)
    assert count_pairs(2, 3, 6) == counts


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 1, 2, 2), (1, 4, 1, 3), (4, 2, 2, 1)])
def test_pairs_are_counted_by_brute_force(shape: tuple[int, int, int, int]) -> None:
    b, p, h, w = shape
    features = np.zeros((b, p, 1, h, w))
    loss, counts = naive_loss(features, features)
    assert count_pairs(b, p, h * w) == counts
    assert loss == pytest.approx(math.log(b * p * h * w))


def test_pairs_of_the_paper() -> None:
    counts = count_pairs(16, 9, 49)
    rows = 16 * 9 * 49
    assert rows == 7056
    assert counts == PairCounts(rows, rows * 8, rows * 9 * 48, rows * 15 * 9 * 49)
    assert sum((counts.positives, counts.temporal, counts.spatial, counts.batch)) == rows**2


@pytest.mark.parametrize("kind", ["temporal", "spatial", "batch"])
def test_each_kind_of_negative_raises_the_loss(kind: str) -> None:
    """A true cell of one kind is made like the prediction of cell (0, 0, 0, 0): only then its loss grows."""
    predicted, true = torch.zeros(2, 2, 3, 2, 2), torch.zeros(2, 2, 3, 2, 2)
    predicted[0, 0, :, 0, 0] = torch.tensor([4.0, 0, 0])
    before = float(contrastive_loss(predicted, true))
    place = next(other for other in itertools.product(range(2), repeat=4) if kind_of((0, 0, 0, 0), other) == kind)
    true[place[0], place[1], :, place[2], place[3]] = torch.tensor([2.0, 0, 0])
    after = float(contrastive_loss(predicted, true))
    assert (after - before) * 16 == pytest.approx(math.log((15 + math.exp(8)) / 16), rel=1e-4)


def test_gradients_go_to_both_sides() -> None:
    predicted, true = random_features(2, (2, 2, 3, 1, 2))
    predicted.requires_grad_()
    true.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: contrastive_loss(a, b, 3), (predicted, true))


def test_gradients_are_those_of_the_whole_score_in_one_piece() -> None:
    predicted, true = (x.requires_grad_() for x in random_features(3, (3, 4, 5, 2, 2)))
    rows, columns = (x.permute(0, 1, 3, 4, 2).reshape(-1, 5) for x in (predicted, true))
    whole = 2 * cross_entropy(rows @ columns.T, torch.arange(48))
    wanted = torch.autograd.grad(whole, (predicted, true))
    found = torch.autograd.grad(2 * contrastive_loss(predicted, true, 7), (predicted, true))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_coarse_features_are_compared_finely() -> None:
    predicted, true = random_features(4, (2, 3, 16, 2, 2))
    coarse = predicted.bfloat16(), true.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = contrastive_loss(*coarse)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, contrastive_loss(*(x.float() for x in coarse)))


def test_large_scores_do_not_overflow() -> None:
    predicted, true = (100 * x.float() for x in random_features(5, (1, 2, 8, 2, 2)))
    predicted.requires_grad_()
    loss = contrastive_loss(predicted, true)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(predicted.grad).all()


def test_the_scores_of_all_pairs_are_never_there_at_once() -> None:
    """Sixteen videos of the paper: no tensor that is made on the way has more than a chunk of the 7056 rows."""
    largest = 0

    class Watched(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor):
                largest = max(largest, out.numel())
            return out

    predicted, true = (torch.randn(16, 9, 4, 7, 7, requires_grad=True) for _ in range(2))
    with Watched():
        contrastive_loss(predicted, true, 512).backward()
    assert largest == 512 * 7056


@pytest.mark.parametrize("rows_at_a_time", [1, 5, 36])
def test_hits_are_the_loop(rows_at_a_time: int) -> None:
    predicted, true = random_features(6, (2, 3, 4, 2, 3))
    true += predicted  # so that many are found again
    rows, columns = (x.permute(0, 1, 3, 4, 2).reshape(-1, 4).numpy() for x in (predicted, true))
    wanted = [
        all(row @ columns[i] > row @ c for j, c in enumerate(columns) if j != i) for i, row in enumerate(rows)
    ]
    assert 0 < sum(wanted) < 36
    assert contrastive_hits(predicted, true, rows_at_a_time).tolist() == wanted


def test_where_all_cells_are_alike_nothing_is_a_hit() -> None:
    assert not contrastive_hits(torch.ones(2, 3, 4, 2, 2), torch.ones(2, 3, 4, 2, 2)).any()
