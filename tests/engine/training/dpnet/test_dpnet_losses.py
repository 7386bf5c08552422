"""The loss of DPNet against loops in double precision, and its gradients against differences."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from engine.networks.dpnet.network import DpnetOutput, DpNetwork, build_dpnet, fixed_weights
from engine.training.dpnet.losses import LossConfig, mean_losses, overlaps, prototype_losses, total_loss
from engine.training.dpnet.refinement import refined_weights


@pytest.fixture(scope="module")
def network() -> DpNetwork:
    torch.manual_seed(0)
    return build_dpnet("mobilenet", 3, 3, size=64).double().eval()


def by_hand(output: DpnetOutput, labels: list[int], vectors: np.ndarray, config: LossConfig) -> dict[str, float]:
    """Eqs 3 to 7 in loops, with the signs of the text's meaning."""
    per_class, channels = len(vectors) // 2, vectors.shape[1]
    entropy = weight = own = foreign = 0.0
    for logits, distances, y in zip(output.logits.tolist(), output.distances.tolist(), labels, strict=True):
        w = config.class_weights[y]
        entropy += w * (math.log(math.exp(logits[0]) + math.exp(logits[1])) - logits[y])
        weight += w
        own += min(d for j, d in enumerate(distances) if j // per_class == y)
        foreign += min(channels, *(d for j, d in enumerate(distances) if j // per_class != y))
    scale = channels if config.divide_by_channels else 1
    alike, pairs = 0.0, 0
    for i, p in enumerate(vectors):
        for j, q in enumerate(vectors):
            if i != j and i // per_class == j // per_class:
                cosine = float(p @ q) / math.sqrt(float(p @ p) * float(q @ q))
                alike += max(0.0, cosine - config.overlap)
                pairs += 1
    if config.reduction == "mean" and pairs:
        alike /= pairs
    parts = {
        "label": entropy / weight,
        "clustering": own / len(labels) / scale,
        "separation": foreign / len(labels) / scale,
        "diversity": alike,
    }
    total = (
        parts["label"]
        + config.clustering * parts["clustering"]
        - config.separation * parts["separation"]
        + config.diversity * parts["diversity"]
    )
    return parts | {"total": total}


def spoken(network: DpNetwork, count: int, scale: float = 1.0, seed: int = 1) -> DpnetOutput:
    generator = torch.Generator().manual_seed(seed)
    z = torch.rand(count, 256, 2, 2, generator=generator, dtype=torch.float64) * scale
    with torch.no_grad():
        return network.judge(z)


@pytest.mark.parametrize("labels", [[0, 1, 1, 0, 1], [1, 1, 1], [0]], ids=["both", "only fake", "one clip"])
@pytest.mark.parametrize(
    "config",
    [
        LossConfig(),
        LossConfig(0.8, 0.08, 0.5, overlap=0.7, class_weights=(2.0, 0.5), divide_by_channels=True),
        LossConfig(reduction="sum"),
    ],
    ids=["default", "authors", "sum"],
)
def test_the_parts_are_those_of_the_loops(network: DpNetwork, labels: list[int], config: LossConfig) -> None:
    output = spoken(network, len(labels))
    vectors = network.prototypes.vectors.detach().flatten(1).numpy()
    expected = by_hand(output, labels, vectors, config)
    parts = prototype_losses(network, output, torch.tensor(labels), config)
    for name, part in parts.items():
        assert float(part.total.detach()) / part.count == pytest.approx(expected[name], rel=1e-9), name
    assert float(total_loss(parts).detach()) == pytest.approx(expected["total"], rel=1e-9)
    assert expected["diversity"] > 0


def test_signs_near_own_prototypes_is_good_and_near_others_is_bad(network: DpNetwork) -> None:
    """All else equal, the loss rises with the distance to the own class and falls with that to the other."""
    config = LossConfig()
    labels = torch.tensor([1])
    distances = torch.full((1, 6), 5.0, dtype=torch.float64, requires_grad=True)
    output = DpnetOutput(torch.zeros(1, 2, dtype=torch.float64), distances, distances, distances)
    slope = torch.autograd.grad(total_loss(prototype_losses(network, output, labels, config)), distances)[0][0]
    assert slope[3:].sum() == pytest.approx(0.2)
    assert slope[:3].sum() == pytest.approx(-0.2)


def test_own_prototypes_beyond_256_still_pull_and_others_no_longer_push(network: DpNetwork) -> None:
    distances = torch.full((2, 6), 1e4, dtype=torch.float64, requires_grad=True)
    output = DpnetOutput(torch.zeros(2, 2, dtype=torch.float64), distances, distances, distances)
    parts = prototype_losses(network, output, torch.tensor([0, 1]), LossConfig())
    assert float(parts["separation"].total.detach()) == 2 * 256
    slope = torch.autograd.grad(total_loss(parts), distances)[0]
    assert slope[0, :3].sum() == pytest.approx(0.1)
    assert not slope[0, 3:].any()


def test_a_single_prototype_of_a_class_overlaps_with_none() -> None:
    torch.manual_seed(2)
    network = build_dpnet("mobilenet", 3, 1, size=64).double()
    for reduction in ("mean", "sum"):
        parts = prototype_losses(
            network,
            spoken(network, 2),
            torch.tensor([0, 1]),
            LossConfig(reduction=reduction),  # type: ignore[arg-type]
        )
        loss = total_loss(parts)
        loss.backward()
        assert math.isfinite(float(loss.detach()))
        assert float(parts["diversity"].total.detach()) == 0
    assert torch.isfinite(network.prototypes.vectors.grad).all()


def test_a_vector_of_length_0_is_like_no_other() -> None:
    vectors = torch.zeros(4, 5, 1, 1, requires_grad=True)
    with torch.no_grad():
        vectors[1:3] = 1
    total, pairs = overlaps(vectors, torch.tensor([0, 0, 0, 1]), 0.3)
    total.backward()
    assert pairs == 6
    assert float(total.detach()) == pytest.approx(2 * 0.7)
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize("config", [LossConfig(), LossConfig(divide_by_channels=True, reduction="sum")])
def test_gradients_of_the_whole_loss(config: LossConfig) -> None:
    torch.manual_seed(3)
    network = build_dpnet("mobilenet", 3, 2, size=64).double()
    network.prototypes.vectors = torch.nn.Parameter(torch.rand(4, 6, 1, 1, dtype=torch.float64))
    vectors = network.prototypes.vectors
    z = torch.rand(3, 6, 2, 2, dtype=torch.float64, requires_grad=True)

    def loss(z: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        network.prototypes.vectors = vectors  # type: ignore[assignment]
        return total_loss(prototype_losses(network, network.judge(z), torch.tensor([0, 1, 1]), config))

    assert torch.autograd.gradcheck(loss, (z, vectors))


def test_means_over_batches_are_those_of_one_large_batch(network: DpNetwork) -> None:
    x = torch.randn(5, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    labels = torch.tensor([0, 1, 1, 1, 0])
    config = LossConfig(class_weights=(2.0, 0.5))
    whole = mean_losses(network, [(x, labels)], config)
    assert mean_losses(network, [(x[:1], labels[:1]), (x[1:], labels[1:])], config) == pytest.approx(whole)
    with torch.no_grad():
        output = network(x)
    vectors = network.prototypes.vectors.detach().flatten(1).numpy()
    assert whole == pytest.approx(by_hand(output, labels.tolist(), vectors, config))


# The last layer


def test_refining_reaches_the_least_objective_that_scipy_finds() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 60)
    classes = np.arange(6) // 3
    s = rng.uniform(0, 1, (60, 6)) * np.where(labels[:, None] == classes, 1.0, 0.8)
    start = fixed_weights(torch.from_numpy(classes)).double()
    l1, shares = 0.01, np.where(labels == 0, 2.0, 0.5)
    foreign = np.arange(2)[:, None] != classes

    def objective(w: np.ndarray) -> float:
        a = s @ w.T
        entropy = np.log(np.exp(a).sum(1)) - a[np.arange(60), labels]
        return float((shares * entropy).sum() / shares.sum() + l1 * np.abs(w[foreign]).sum())

    ours = refined_weights(
        start,
        torch.from_numpy(s),
        torch.from_numpy(labels),
        torch.from_numpy(classes),
        l1=l1,
        class_weights=(2.0, 0.5),
        steps=5000,
    ).numpy()

    def split(v: np.ndarray) -> tuple[float, np.ndarray]:
        """|w| as the sum of two parts that are not negative, which L-BFGS-B can hold; with the gradient."""
        w = v[:12].reshape(2, 6) - v[12:].reshape(2, 6)
        probability = np.exp(s @ w.T) / np.exp(s @ w.T).sum(1, keepdims=True)
        slope = ((probability - np.eye(2)[labels]) * (shares / shares.sum())[:, None]).T @ s
        tied = l1 * foreign.ravel() * (v[:12] + v[12:])
        smooth = objective(w) - l1 * np.abs(w[foreign]).sum()
        rise = np.concatenate([slope.ravel() + l1 * foreign.ravel(), l1 * foreign.ravel() - slope.ravel()])
        return smooth + float(tied.sum()), rise

    least = minimize(
        split,
        np.concatenate([start.numpy().clip(0).ravel(), (-start.numpy()).clip(0).ravel()]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * 24,
        options={"maxiter": 20000, "maxfun": 50000, "ftol": 1e-15, "gtol": 1e-10},
    )
    assert objective(ours) == pytest.approx(least.fun, abs=1e-6)
    assert objective(start.numpy()) > objective(ours) + 0.01
