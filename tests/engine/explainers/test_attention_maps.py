"""Attention as explanation: against plain tensor operations on the trunk's blocks, and known answers by hand."""

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops, random_network

from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.detectors.specs import SPECS
from engine.errors import UsageError
from engine.explainers.attention import Attention
from engine.explainers.ltpa import Ltpa, LtpaSettings
from engine.explainers.registry import load_explainer

SIDE = 64


def detector_of(detector_id: str) -> FrameDetector:
    network = random_network(detector_id, SIDE)
    card = parse_card(card_values(detector_id, network) | {"sha256": "0" * 64})
    return FrameDetector(detector_id, network, card, torch.device("cpu"))


@pytest.fixture(scope="module")
def ltpa() -> FrameDetector:
    return detector_of("frame-b4-ltpa")


@pytest.fixture(scope="module")
def bonettini() -> FrameDetector:
    return detector_of("frame-b4-attention")


def blocks(detector: FrameDetector, crops: np.ndarray) -> list[torch.Tensor]:
    """The outputs of all stages of a trunk without attention on its way."""
    trunk = detector.network.trunk
    with torch.no_grad():
        x = trunk.bn1(trunk.conv_stem(detector.prepare(crops)))
        found = []
        for stage in trunk.blocks:
            x = stage(x)
            found.append(x)
    return found


@pytest.mark.parametrize("which", ["sum", "c1", "c2", "c3"])
def test_ltpa_is_the_softmax_of_the_queries_on_the_three_blocks(ltpa: FrameDetector, which: str) -> None:
    crops = noise_crops(2, SIDE, seed=3)
    maps = load_explainer("ltpa", "frame-b4-ltpa", {"which": which}).explain(ltpa, crops)
    stages = blocks(ltpa, crops)
    by_hand = []
    for local, query in zip((stages[2], stages[4], stages[6]), ltpa.network.queries, strict=True):
        scores = np.einsum("c,nchw->nhw", query.detach().double().numpy(), local.double().numpy())
        powers = np.exp(scores - scores.max((1, 2), keepdims=True))
        by_hand.append(powers / powers.sum((1, 2), keepdims=True))
    assert [each.shape[1:] for each in by_hand] == [(8, 8), (4, 4), (2, 2)]
    if which == "sum":
        expected = by_hand[0] + np.kron(by_hand[1], np.ones((1, 2, 2))) + np.kron(by_hand[2], np.ones((1, 4, 4)))
    else:
        expected = by_hand[int(which[1]) - 1]
    expected /= expected.max((1, 2), keepdims=True)
    np.testing.assert_allclose(maps.values, expected, rtol=2e-3)
    np.testing.assert_allclose(maps.logits, ltpa.score_crops(crops), atol=1e-4)
    assert maps.values.dtype == np.float32
    assert maps.passes.tolist() == [1, 1]


def test_bonettini_is_the_sigmoid_of_a_weighed_block(bonettini: FrameDetector) -> None:
    crops = noise_crops(2, SIDE, seed=4)
    maps = Attention().explain(bonettini, crops)
    trunk, layer = bonettini.network.trunk, bonettini.network.attention
    with torch.no_grad():
        x = trunk.bn1(trunk.conv_stem(bonettini.prepare(crops)))
        for stage in trunk.blocks[:3]:
            x = stage(x)
    weight, bias = layer.weight.detach().double().numpy()[0, :, 0, 0], float(layer.bias)
    scores = np.einsum("c,nchw->nhw", weight, x.double().numpy()) + bias
    np.testing.assert_allclose(maps.values, 1 / (1 + np.exp(-scores)), rtol=1e-3)
    assert maps.values.shape == (2, 8, 8)
    np.testing.assert_allclose(maps.logits, bonettini.score_crops(crops), atol=1e-4)


def test_known_answers_on_weights_made_by_hand(ltpa: FrameDetector, bonettini: FrameDetector) -> None:
    """Without a query, attention is even everywhere; without a kernel, it is the sigmoid of the bias."""
    crops = noise_crops(1, SIDE, seed=5)
    kept = [query.detach().clone() for query in ltpa.network.queries]
    layer = bonettini.network.attention
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    try:
        for query in ltpa.network.queries:
            query.zero_()
        for which in ("sum", "c1", "c2", "c3"):
            values = Ltpa(LtpaSettings(which)).explain(ltpa, crops).values
            np.testing.assert_allclose(values, 1, rtol=1e-6)
        layer.weight.zero_()
        layer.bias.fill_(np.log(3.0))
        np.testing.assert_allclose(Attention().explain(bonettini, crops).values, 0.75, rtol=1e-6)
    finally:
        for query, old in zip(ltpa.network.queries, kept, strict=True):
            query.copy_(old)
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)


def test_the_sum_lies_on_the_cells_of_the_finest_map() -> None:
    """48, 24 and 12 cells as at 380 px: a spot in each, and what each adds where."""
    maps = {name: torch.zeros(1, cells, cells) for name, cells in (("c1", 48), ("c2", 24), ("c3", 12))}
    maps["c1"][0, 5, 7] = 0.25
    maps["c2"][0, 2, 3] = 0.5
    maps["c3"][0, 1, 1] = 1.0
    found = Ltpa().combine(maps)[0].numpy()
    expected = np.zeros((48, 48))
    expected[4:8, 4:8] += 1.0
    expected[4:6, 6:8] += 0.5
    expected[5, 7] += 0.25
    np.testing.assert_allclose(found, expected / 1.75, rtol=1e-6)


def test_they_have_no_sign_and_say_where_and_not_what() -> None:
    for detector_id, explainer_id in (("frame-b4-ltpa", "ltpa"), ("frame-b4-attention", "attention")):
        explainer = load_explainer(explainer_id, detector_id)
        assert not explainer.signed
        assert "where it looks" in explainer.title
        assert explainer_id not in SPECS["frame-b4"].explainers
    assert load_explainer("ltpa", "frame-b7-ltpa", {"which": "c2"}).title == "ltpa c2, where it looks"
    with pytest.raises(UsageError, match="ltpa does not work on frame-b4"):
        load_explainer("ltpa", "frame-b4")
    with pytest.raises(UsageError, match="setting which"):
        load_explainer("ltpa", "frame-b4-ltpa", {"which": "c4"})
