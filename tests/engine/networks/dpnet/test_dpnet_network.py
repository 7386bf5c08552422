"""Prototypes, similarities and evidence of DPNet against scipy, loops and numpy in double precision."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from engine.networks.dpnet.network import DpNetwork, build_dpnet, fixed_weights
from engine.networks.dpnet.prototypes import PrototypeLayer, squared_distances
from engine.networks.mobilenet import settle_batch_norm


def cells(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_scipy(z: torch.Tensor, vectors: torch.Tensor) -> np.ndarray:
    b, c, h, w = z.shape
    rows = z.double().permute(0, 2, 3, 1).reshape(-1, c).numpy()
    distances = cdist(rows, vectors.detach().double().flatten(1).numpy(), "sqeuclidean")
    return distances.reshape(b, h, w, -1).transpose(0, 3, 1, 2)


@pytest.fixture(scope="module")
def network() -> DpNetwork:
    """Small, and seen through once, so that no map is flat."""
    torch.manual_seed(0)
    net = build_dpnet("mobilenet", 7, 3, size=64)
    for norm in net.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None  # the statistics of the one batch
    with torch.no_grad():
        net.train()(clips(6))
        net.add_on[3].weight.mul_(0.1)  # as near to each other as after training
        spread = net.eval().features(clips(6))
        net.prototypes.vectors.copy_(spread[:, :, 1, 2][:, :, None, None] + 0.01)
    return net


def clips(count: int, seed: int = 1) -> torch.Tensor:
    return cells(count, 7, 64, 64, seed=seed)


# Distances


@pytest.mark.parametrize("away", [0.0, 100.0])
def test_distances_are_scipys_even_far_from_the_origin(away: float) -> None:
    z, vectors = cells(2, 256, 3, 5) + away, cells(6, 256, 1, 1, seed=1) + away
    vectors[4] = z[1, :, 2, 3, None, None]  # as after a projection
    ours = squared_distances(z, vectors).numpy()
    assert ours.min() >= 0
    np.testing.assert_allclose(ours, by_scipy(z, vectors), rtol=1e-4, atol=1e-2)
    assert ours[1, 4, 2, 3] < 1e-2


def test_distances_stay_float32_under_bf16() -> None:
    z, vectors = cells(2, 256, 4, 4), cells(6, 256, 1, 1, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        inside = squared_distances(z, vectors)
        half = squared_distances(z.bfloat16(), vectors)
    assert inside.dtype == half.dtype == torch.float32
    assert torch.equal(inside, squared_distances(z, vectors))
    np.testing.assert_allclose(half.numpy(), by_scipy(z.bfloat16(), vectors), rtol=1e-5)


def test_far_cells_have_no_infinite_gradient() -> None:
    layer = PrototypeLayer(2, 8)
    z = (cells(2, 8, 3, 3) * 1e6).requires_grad_()
    similarities, distances, _ = layer(z)
    (similarities.sum() + distances.sum()).backward()
    assert torch.isfinite(z.grad).all()
    assert torch.isfinite(layer.vectors.grad).all()


@pytest.mark.parametrize("similarity", ["inverse", "log"])
def test_similarity_is_the_largest_over_patches(similarity: str) -> None:
    """Eq 2, patch by patch."""
    torch.manual_seed(3)
    layer = PrototypeLayer(3, 5, similarity).double()  # type: ignore[arg-type]
    z = torch.rand(2, 5, 3, 4, dtype=torch.float64)
    similarities, distances, maps = (t.detach().numpy() for t in layer(z))
    vectors = layer.vectors.detach()
    for b in range(2):
        for j in range(6):
            seen = {}
            for row in range(3):
                for column in range(4):
                    d = float(((z[b, :, row, column] - vectors[j, :, 0, 0]) ** 2).sum())
                    value = 1 / (1 + d) if similarity == "inverse" else np.log((d + 1) / (d + 1e-4))
                    assert maps[b, j, row, column] == pytest.approx(value, rel=1e-9)
                    seen[value] = d
            assert similarities[b, j] == pytest.approx(max(seen), rel=1e-9)
            assert distances[b, j] == pytest.approx(seen[max(seen)], rel=1e-9)
            assert similarities[b, j] == maps[b, j].max()


@pytest.mark.parametrize("similarity", ["inverse", "log"])
def test_gradients_of_similarity_and_distance(similarity: str) -> None:
    torch.manual_seed(4)
    layer = PrototypeLayer(2, 4, similarity).double()  # type: ignore[arg-type]

    def outputs(z: torch.Tensor, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = layer.similarity_of(squared_distances(z, vectors))
        return maps, maps.flatten(2).max(2).values

    z = torch.randn(2, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    # The mean prototype is only an origin: its own gradient must not be missed.
    assert torch.autograd.gradcheck(outputs, (z, layer.vectors))


def test_prototypes_begin_between_0_and_1_and_half_of_them_are_real() -> None:
    layer = PrototypeLayer(50, 256)
    assert layer.vectors.shape == (100, 256, 1, 1)
    assert layer.vectors.min() >= 0
    assert layer.vectors.max() < 1
    assert abs(float(layer.vectors.detach().mean()) - 0.5) < 0.01
    assert layer.classes.tolist() == [0] * 50 + [1] * 50


# The network


def test_the_last_layer_is_fixed_and_kept(network: DpNetwork) -> None:
    expected = [[1, 1, 1, -0.5, -0.5, -0.5], [-0.5, -0.5, -0.5, 1, 1, 1]]
    assert network.weights.tolist() == expected
    assert "weights" in network.state_dict()
    assert "weights" not in dict(network.named_parameters())
    assert fixed_weights(torch.tensor([1, 0])).tolist() == [[-0.5, 1], [1, -0.5]]


def test_the_judgement_by_hand(network: DpNetwork) -> None:
    x = clips(3, 5)
    with torch.no_grad():
        out = network(x)
        z = network.features(x)
    assert z.shape == (3, 256, 4, 4)
    distances = by_scipy(z, network.prototypes.vectors)
    nearest = distances.min((2, 3))
    np.testing.assert_allclose(out.distances.numpy(), nearest, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(out.similarities.numpy(), 1 / (1 + nearest), rtol=1e-3)
    np.testing.assert_allclose(out.maps.numpy(), 1 / (1 + distances), rtol=1e-3)
    real, fake = nearest[:, :3], nearest[:, 3:]
    logit_real = (1 / (1 + real)).sum(1) - 0.5 * (1 / (1 + fake)).sum(1)
    logit_fake = (1 / (1 + fake)).sum(1) - 0.5 * (1 / (1 + real)).sum(1)
    np.testing.assert_allclose(out.logits.numpy(), np.stack([logit_real, logit_fake], 1), rtol=1e-3, atol=1e-4)
    assert out.logits.std() > 0.01


def test_evidence_sums_to_the_logits_to_the_last_bit(network: DpNetwork) -> None:
    with torch.no_grad():
        out = network(clips(4, 6))
        evidence = network.evidence(out.similarities)
    assert evidence.shape == (4, 2, 6)
    assert torch.equal(evidence.sum(2), out.logits)
    # The products of +1 and -0.5 are exact, so only the order of the sum is left to choose.
    for k in range(2):
        for j in range(6):
            own = (j >= 3) == (k == 1)
            assert torch.equal(evidence[:, k, j], out.similarities[:, j] * (1.0 if own else -0.5))


def test_neighbours_in_a_batch_change_nothing(network: DpNetwork) -> None:
    x = clips(3, 7)
    with torch.no_grad():
        together = network(x)
        alone = network(x[1:2])
    torch.testing.assert_close(alone.similarities, together.similarities[1:2])
    torch.testing.assert_close(alone.logits, together.logits[1:2])


def test_gradients_reach_every_parameter() -> None:
    torch.manual_seed(8)
    net = build_dpnet("mobilenet", 7, 3, size=64).train()
    out = net(clips(4, 8))
    (out.maps * cells(*out.maps.shape, seed=9)).sum().backward()
    dead = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not [name for name in dead if name != "add_on.0.bias"]  # which batch normalisation takes away again


def test_a_folded_start_settles_on_clips_without_another_answer() -> None:
    """Weights whose normalisation is folded in must see clips, flow included, before they are trained."""
    torch.manual_seed(10)
    net = build_dpnet("mobilenet", 7, 3, size=64).eval()
    x = clips(8, 11)
    with torch.no_grad():
        before = net.features(x)
        settle_batch_norm(net, x)
        after = net.features(x)
        batch = net.train().features(x)
    assert before.std() > 1e-3
    torch.testing.assert_close(after, before, atol=1e-3 * float(before.std()), rtol=1e-3)
    torch.testing.assert_close(batch, before, atol=0.05 * float(before.std()), rtol=0.02)
