"""P002's networks against numpy, timm's own passes and closed forms: shapes, attention, gradients, neighbours."""

import numpy as np
import pytest
import torch
from torch.nn.functional import linear

from engine.networks.attention import AttentionNetwork
from engine.networks.blank import Blank
from engine.networks.efficientnet import build_attention, build_efficientnet, build_ltpa
from engine.networks.frame import FrameNetwork
from engine.networks.ltpa import LtpaNetwork, attend
from engine.networks.mobilenet import build_mobile_attention, build_mobile_ltpa, build_mobilenet

SIDE = 64
BUILDS = {
    "plain": build_efficientnet,
    "attention": build_attention,
    "ltpa": build_ltpa,
}


def randomised(network: FrameNetwork, seed: int = 0) -> FrameNetwork:
    """A network that has seen something, in double precision: no map is flat and none is a single spike."""
    torch.manual_seed(seed)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None
    with torch.no_grad():
        network.train()(pictures(8, seed))
        network.double().eval()
        for name, parameter in network.named_parameters():
            if name.startswith(("head", "attention")):
                parameter.normal_(std=0.1)
        if isinstance(network, LtpaNetwork):
            weights = (
                network.queries if network.compatibility == "parametrised" else network.projections.parameters()
            )
            for local, weight in zip(taps(network, pictures(3).double()), weights, strict=True):
                weight.normal_(std=1 / (np.abs(local).mean() * weight.numel() ** 0.5))
    return network


def pictures(count: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def ltpa() -> LtpaNetwork:
    network = randomised(build_ltpa("b4", SIDE))
    assert isinstance(network, LtpaNetwork)
    return network


@pytest.fixture(scope="module")
def attention() -> AttentionNetwork:
    network = randomised(build_attention("b4", SIDE))
    assert isinstance(network, AttentionNetwork)
    return network


# Shapes


@pytest.mark.parametrize(
    ("variant", "blocks", "head", "tapped"),
    [("b4", (10, 22, 32), 1792, (56, 160, 448)), ("b7", (18, 38, 55), 2560, (80, 224, 640))],
)
def test_taps_lie_at_the_papers_blocks_with_its_resolutions(
    variant: str, blocks: tuple[int, ...], head: int, tapped: tuple[int, ...]
) -> None:
    with torch.device("meta"), Blank():
        nets = {name: build(variant).eval() for name, build in BUILDS.items()}  # type: ignore[operator]
        x = torch.empty(2, 3, 380, 380)
    with torch.no_grad():
        seen = {name: net.features(x) for name, net in nets.items()}
    assert all(net.size == 380 for net in nets.values())
    trunk = nets["ltpa"].trunk
    assert tuple(sum(len(stage) for stage in trunk.blocks[: k + 1]) for k in (2, 4, 6)) == blocks
    assert [tuple(a.shape) for a in seen["ltpa"].attention.values()] == [(2, 48, 48), (2, 24, 24), (2, 12, 12)]
    assert tuple(seen["ltpa"].descriptor.shape) == (2, sum(tapped))
    assert tuple(seen["ltpa"].map.shape) == (2, tapped[-1], 12, 12)
    assert tuple(seen["attention"].attention["attention"].shape) == (2, 48, 48)
    assert nets["attention"].attention.weight.shape == (1, tapped[0], 1, 1)
    for name in ("plain", "attention"):
        assert tuple(seen[name].map.shape) == (2, head, 12, 12)
    for name, net in nets.items():
        assert net.classify(seen[name]).shape == (2,)
        assert net.map_channels == seen[name].map.shape[1]
        assert net.attention_names == tuple(seen[name].attention)


def test_at_224_pixels_the_map_of_bonettini_has_28_cells() -> None:
    with torch.device("meta"), Blank():
        network = build_attention("b4", 224).eval()
        x = torch.empty(1, 3, 224, 224)
    with torch.no_grad():
        assert network.features(x).attention["attention"].shape == (1, 28, 28)


def test_the_compact_networks_are_tapped_at_the_same_resolutions() -> None:
    with torch.device("meta"), Blank():
        nets = [build().eval() for build in (build_mobilenet, build_mobile_attention, build_mobile_ltpa)]
        x = torch.empty(2, 3, 224, 224)
    with torch.no_grad():
        plain, attention, ltpa = (net.features(x) for net in nets)
    assert all(net.size == 224 for net in nets)
    assert tuple(attention.attention["attention"].shape) == (2, 28, 28)
    assert [tuple(a.shape) for a in ltpa.attention.values()] == [(2, 28, 28), (2, 14, 14), (2, 7, 7)]
    assert tuple(ltpa.descriptor.shape) == (2, 32 + 96 + 320)
    assert tuple(plain.map.shape) == tuple(attention.map.shape) == (2, 1280, 7, 7)
    assert tuple(ltpa.map.shape) == (2, 320, 7, 7)
    for net, seen in zip(nets, (plain, attention, ltpa), strict=True):
        assert net.classify(seen).shape == (2,)
        assert net.map_channels == seen.map.shape[1]


def test_an_open_attention_of_the_compact_network_is_the_plain_one() -> None:
    torch.manual_seed(4)
    plain, attended = build_mobilenet(SIDE).eval(), build_mobile_attention(SIDE).eval()
    attended.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        attended.attention.weight.zero_()
        attended.attention.bias.fill_(40.0)
        torch.testing.assert_close(attended(pictures(2)), plain(pictures(2)))


def test_compact_ltpa_that_has_learned_nothing_averages_its_taps() -> None:
    network = build_mobile_ltpa(SIDE).eval()
    x, means = pictures(2), []
    with torch.no_grad():
        seen = network.features(x)
        y = network.trunk.bn1(network.trunk.conv_stem(x))
        for number, stage in enumerate(network.trunk.blocks):
            y = stage(y)
            if number in (2, 4, 6):
                means.append(y.mean((2, 3)))
    torch.testing.assert_close(seen.descriptor, torch.cat(means, 1))


# The plain networks are timm's


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_plain_network_is_timms_trunk_a_mean_and_a_linear_layer(mode: str) -> None:
    torch.manual_seed(2)
    network = build_efficientnet("b4", SIDE).train(mode == "train")
    network.dropout.p = 0.0
    x = pictures(3)
    with torch.no_grad():
        pooled = network.trunk(x)  # timm's own pooling, num_classes = 0
        expected = linear(pooled, network.head.weight, network.head.bias)[:, 0]
        torch.testing.assert_close(network(x), expected)
        logit, maps = network.forward_with_attention(x)
    torch.testing.assert_close(logit, expected)
    assert not maps


# Bonettini's attention


def test_an_open_attention_changes_nothing(attention: AttentionNetwork) -> None:
    """sigmoid(40) = 1: what remains is timm's own forward pass."""
    weight, bias = (p.clone() for p in attention.attention.parameters())
    x = pictures(2).double()
    with torch.no_grad():
        attention.attention.weight.zero_()
        attention.attention.bias.fill_(40.0)
        opened, maps = attention.forward_with_attention(x)
        expected = linear(attention.trunk(x), attention.head.weight, attention.head.bias)[:, 0]
        attention.attention.weight.copy_(weight)
        attention.attention.bias.copy_(bias)
        ours = attention(x)
    torch.testing.assert_close(opened, expected)
    assert (maps["attention"] == 1).all()
    assert not torch.allclose(ours, expected, atol=1e-3)


def test_the_attention_is_a_sigmoid_of_the_tenth_block_that_weighs_it(attention: AttentionNetwork) -> None:
    x = pictures(2, 3).double()
    trunk = attention.trunk
    with torch.no_grad():
        logit, maps = attention.forward_with_attention(x)
        blocks = [block for stage in trunk.blocks for block in stage]
        y = trunk.bn1(trunk.conv_stem(x))
        for block in blocks[:10]:
            y = block(y)
        scores = np.einsum("bchw,c->bhw", y.numpy(), attention.attention.weight[0, :, 0, 0].numpy())
        by_hand = 1 / (1 + np.exp(-(scores + float(attention.attention.bias))))
        y = y * torch.from_numpy(by_hand)[:, None]
        for block in blocks[10:]:
            y = block(y)
        pooled = trunk.bn2(trunk.conv_head(y)).mean((2, 3))
        expected = linear(pooled, attention.head.weight, attention.head.bias)[:, 0]
    np.testing.assert_allclose(maps["attention"].numpy(), by_hand, atol=1e-6)
    assert by_hand.std() > 0.01
    torch.testing.assert_close(logit, expected)


# LTPA


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last two axes."""
    e = np.exp(scores - scores.max((-2, -1), keepdims=True))
    return e / e.sum((-2, -1), keepdims=True)


@pytest.mark.parametrize("compatibility", ["parametrised", "dot"])
def test_attending_is_a_softmax_and_a_weighted_sum(compatibility: str) -> None:
    """Position by position in loops."""
    rng = np.random.default_rng(4)
    local = rng.normal(size=(2, 5, 3, 4))
    queries = rng.normal(size=(1 if compatibility == "parametrised" else 2, 5))
    descriptor, maps = attend(torch.from_numpy(local), torch.from_numpy(queries))
    for b in range(2):
        query = queries[b % len(queries)]
        raw = np.array([[np.exp(query @ local[b, :, i, j]) for j in range(4)] for i in range(3)])
        weights = raw / raw.sum()
        np.testing.assert_allclose(maps[b].numpy(), weights, rtol=1e-12)
        by_hand = sum(weights[i, j] * local[b, :, i, j] for i in range(3) for j in range(4))
        np.testing.assert_allclose(descriptor[b].numpy(), by_hand, rtol=1e-10)


def taps(network: LtpaNetwork, x: torch.Tensor) -> list[np.ndarray]:
    """Outputs of the 10th, 22nd and 32nd block by timm's own way of looking inside a trunk."""
    found: list[np.ndarray] = []
    y = network.trunk.bn1(network.trunk.conv_stem(x))
    for number, block in enumerate((b for stage in network.trunk.blocks for b in stage), start=1):
        y = block(y)
        if number in (10, 22, 32):
            found.append(y.numpy())
    return found


def test_the_formula_with_the_global_descriptor_gives_the_same_maps_and_logits(ltpa: LtpaNetwork) -> None:
    """c = u (l + P g) in full, with some P and g: the network leaves both out, since they cancel."""
    x = pictures(3, 5).double()
    rng = np.random.default_rng(6)
    whole = rng.normal(size=(3, 1792))
    descriptors, maps = [], []
    with torch.no_grad():
        logit, found = ltpa.forward_with_attention(x)
        for local, query in zip(taps(ltpa, x), ltpa.queries, strict=True):
            projected = whole @ rng.normal(size=(1792, local.shape[1])) * 0.1
            summed = local + projected[:, :, None, None]
            maps.append(softmax(np.einsum("c,bchw->bhw", query.numpy(), summed)))
            descriptors.append(np.einsum("bhw,bchw->bc", maps[-1], local))
        weight, bias = ltpa.head.weight[0].numpy(), float(ltpa.head.bias)
    for ours, by_hand in zip(found.values(), maps, strict=True):
        np.testing.assert_allclose(ours.numpy(), by_hand, atol=1e-6)
        np.testing.assert_allclose(ours.sum((1, 2)).numpy(), 1, atol=1e-6)
    # The uppermost map of a 64 px crop has 2 x 2 cells; none of the three is flat.
    assert all(by_hand.std((1, 2)).min() > 1e-3 * by_hand.mean() for by_hand in maps)
    np.testing.assert_allclose(logit.numpy(), np.concatenate(descriptors, 1) @ weight + bias, atol=1e-5)


def test_the_dot_product_lets_the_global_descriptor_choose() -> None:
    network = randomised(build_ltpa("b4", SIDE, "dot"))
    assert isinstance(network, LtpaNetwork)
    x = pictures(2, 7).double()
    with torch.no_grad():
        logit, found = network.forward_with_attention(x)
        whole = network.trunk(x).numpy()  # timm's own average of its last map
        descriptors = []
        for local, projection, ours in zip(taps(network, x), network.projections, found.values(), strict=True):
            query = whole @ projection.weight.numpy().T
            by_hand = softmax(np.einsum("bc,bchw->bhw", query, local))
            np.testing.assert_allclose(ours.numpy(), by_hand, atol=1e-6)
            descriptors.append(np.einsum("bhw,bchw->bc", by_hand, local))
        expected = np.concatenate(descriptors, 1) @ network.head.weight[0].numpy() + float(network.head.bias)
    np.testing.assert_allclose(logit.numpy(), expected, atol=1e-5)
    assert network.map_channels == 1792


def test_projecting_up_is_the_same_function_with_other_weights() -> None:
    """Maps brought to the width of g by a 1x1 convolution W: its W melts into query and head."""
    rng = np.random.default_rng(8)
    local, up = rng.normal(size=(2, 6, 4, 4)), rng.normal(size=(20, 6))
    query, head = rng.normal(size=20) * 0.3, rng.normal(size=20)
    wide = np.einsum("dc,bchw->bdhw", up, local)
    a = softmax(np.einsum("d,bdhw->bhw", query, wide))
    expected = np.einsum("bhw,bdhw->bd", a, wide) @ head
    descriptor, maps = attend(torch.from_numpy(local), torch.from_numpy(query @ up)[None])
    np.testing.assert_allclose(maps.numpy(), a, rtol=1e-10)
    np.testing.assert_allclose(descriptor.numpy() @ (head @ up), expected, rtol=1e-10)


def test_a_new_ltpa_network_begins_with_plain_averages() -> None:
    network = build_ltpa("b4", SIDE).eval()
    with torch.no_grad():
        maps = network.features(pictures(1)).attention
    for name, side in (("c1", 8), ("c2", 4), ("c3", 2)):
        torch.testing.assert_close(maps[name], torch.full((1, side, side), side**-2))


# All of them


@pytest.mark.parametrize("name", ["plain", "attention", "ltpa", "dot"])
def test_gradients_reach_every_parameter(name: str) -> None:
    torch.manual_seed(3)
    network = build_ltpa("b4", SIDE, "dot") if name == "dot" else BUILDS[name]("b4", SIDE)
    network.train()
    features = network.features(pictures(4, 9))
    loss = (network.classify(features) * torch.tensor([1.0, -1.0, 2.0, 0.5])).sum()
    loss.backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not dead


@pytest.mark.parametrize("name", ["attention", "ltpa"])
def test_neighbours_change_neither_logit_nor_maps(name: str, request: pytest.FixtureRequest) -> None:
    network: FrameNetwork = request.getfixturevalue(name)
    x = pictures(3, 10).double()
    with torch.no_grad():
        together, maps = network.forward_with_attention(x)
        for k in (0, 2):
            alone, own = network.forward_with_attention(x[k : k + 1])
            torch.testing.assert_close(alone, together[k : k + 1])
            for key, value in own.items():
                torch.testing.assert_close(value, maps[key][k : k + 1])
    assert together.std() > 1e-3
    torch.testing.assert_close(network(x.flip(0)).detach(), together.flip(0))


@pytest.mark.parametrize("name", ["attention", "ltpa"])
def test_maps_stay_float32_under_bf16(name: str, request: pytest.FixtureRequest) -> None:
    network: FrameNetwork = request.getfixturevalue(name)
    network.float()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        _, maps = network.forward_with_attention(pictures(2, 11))
    network.double()
    for value in maps.values():
        assert value.dtype == torch.float32
        assert (value >= 0).all()
        assert (value <= 1).all()
        if name == "ltpa":
            torch.testing.assert_close(value.sum((1, 2)), torch.ones(2))


def test_autocast_rounds_nothing_of_the_attention() -> None:
    local, query = torch.randn(2, 56, 12, 12), torch.randn(1, 56)
    exact = attend(local, query)
    with torch.autocast("cpu", torch.bfloat16):
        again = attend(local, query)
    assert all(torch.equal(a, b) for a, b in zip(exact, again, strict=True))
