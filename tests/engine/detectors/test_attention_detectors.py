"""P002's detectors with attention from file to score: weights, folding, precision, and Grad-CAM on them."""

import copy
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops, random_network

from engine.detectors.cards import CARD, card_text, load_card, parse_card
from engine.detectors.folding import fold_batch_norm
from engine.detectors.frame import FrameDetector
from engine.detectors.precision import bf16_deviation, both_precisions
from engine.detectors.probability import sigmoid
from engine.detectors.registry import import_weights, load_detector
from engine.detectors.specs import SPECS
from engine.detectors.weights import load_state, save_weights
from engine.errors import WeightsError
from engine.explainers.gradcam import GradCam, gradcam
from engine.networks.blank import Blank
from engine.networks.frame import FrameNetwork

CPU = torch.device("cpu")
WITH_ATTENTION = ("frame-b4-attention", "frame-b4-ltpa")
SIDE = 64


def detector_of(detector_id: str, network: FrameNetwork, precision: str = "float32") -> FrameDetector:
    card = parse_card(card_values(detector_id, network) | {"sha256": "0" * 64})
    return FrameDetector(detector_id, network, card, CPU, precision)


@pytest.fixture(scope="module", params=WITH_ATTENTION)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A folder with random weights of a detector."""
    network = random_network(request.param, SIDE)
    folder = tmp_path_factory.mktemp("weights") / request.param
    save_weights(folder, network, card_values(request.param, network), torch.float16)
    return request.param, folder


def test_the_registry_has_all_of_the_papers_detectors_at_its_size() -> None:
    """Table 1 of P002: B4 and B7, plain and LTPA, at 380 pixels; its explainer of Bonettini et al. is a B4."""
    wanted = {"frame-b4", "frame-b4-ltpa", "frame-b7", "frame-b7-ltpa", "frame-b4-attention"}
    assert wanted == {spec.id for spec in SPECS.values() if spec.architecture.startswith("efficientnet")}
    assert {SPECS[name].size for name in wanted} == {380}
    assert len({spec.architecture for spec in SPECS.values()}) == len(SPECS)


# Weights


def test_weights_come_back_with_the_same_logits_and_maps(saved: tuple[str, Path]) -> None:
    detector_id, folder = saved
    original = random_network(detector_id, SIDE).half().float()
    card = load_card(folder)
    with Blank():
        loaded = SPECS[detector_id].build(card.size).eval()
    load_state(folder, card, loaded)
    x = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits, maps = original.forward_with_attention(x)
        again, again_maps = loaded.forward_with_attention(x)
    assert torch.equal(logits, again)
    assert maps.keys() == again_maps.keys() == set(original.attention_names)
    assert all(torch.equal(maps[name], again_maps[name]) for name in maps)
    assert all(value.flatten(1).std(1).min() > 1e-4 for value in maps.values()), "a flat map proves nothing"


def test_weights_of_another_architecture_are_refused(saved: tuple[str, Path], tmp_path: Path) -> None:
    """By the card's name, and by the tensors where the card lies."""
    detector_id, folder = saved
    card = load_card(folder)
    (other,) = set(WITH_ATTENTION) - {detector_id}
    for name in (other, "frame-b4"):
        with torch.device("meta"), Blank():
            network = SPECS[name].build(SIDE)
        with pytest.raises(WeightsError, match="do not fit"):
            load_state(folder, card, network)
    raw = tomllib.loads((folder / CARD).read_text())
    for change in (
        {"id": other},
        {"architecture": SPECS[other].architecture},
        {"id": other} | {"architecture": SPECS[other].architecture},
    ):
        claimed = tmp_path / str(len(list(tmp_path.iterdir())))
        claimed.mkdir()
        (claimed / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
        (claimed / CARD).write_text(card_text(raw | change))
        with pytest.raises(WeightsError):
            import_weights(claimed)


def test_imported_weights_score(saved: tuple[str, Path]) -> None:
    detector_id, folder = saved
    assert import_weights(folder).trained
    crops = noise_crops(2, SIDE, seed=2)
    expected = detector_of(detector_id, random_network(detector_id, SIDE).half().float()).score_crops(crops)
    np.testing.assert_array_equal(load_detector(detector_id, "cpu").score_crops(crops), expected)


# Folding and precision


@pytest.mark.parametrize("detector_id", WITH_ATTENTION)
def test_folding_leaves_the_outputs_within_1e_5(detector_id: str) -> None:
    """In double precision, so that what differs is the function and not the rounding."""
    network = random_network(detector_id, SIDE).double()
    folded = copy.deepcopy(network)
    fold_batch_norm(folded)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    x = torch.randn(3, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits, maps = network.forward_with_attention(x)
        folded_logits, folded_maps = folded.forward_with_attention(x)
    torch.testing.assert_close(folded_logits, logits, rtol=0, atol=1e-5)
    for name, value in maps.items():
        torch.testing.assert_close(folded_maps[name], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("detector_id", WITH_ATTENTION)
def test_what_auto_chooses_keeps_a_hundred_probabilities_within_a_hundredth(detector_id: str) -> None:
    """Whatever bf16 does to random weights; with these it does too much, and the card says so."""
    network = random_network(detector_id, SIDE)
    exact = detector_of(detector_id, copy.deepcopy(network))
    float32, bf16 = both_precisions(exact.network, exact.prepare(noise_crops(100, SIDE, seed=20)))
    assert (np.abs(sigmoid(float32) - 0.5) < 0.25).sum() > 50, "the crops are around one half"
    measured = bf16_deviation(float32, bf16)
    chosen = FrameDetector(detector_id, network, replace(exact.card, bf16_deviation=measured), CPU, "auto")
    assert measured > 0
    assert bf16_deviation(float32, {"float32": float32, "bf16": bf16}[chosen.precision]) <= 0.01


# Grad-CAM


def tail_map(network: FrameNetwork, block: torch.Tensor) -> torch.Tensor:
    """Grad-CAM by hand for a network that goes on with its last convolution, a mean and a linear layer."""
    block = block.detach().requires_grad_()
    last = network.trunk.bn2(network.trunk.conv_head(block))
    logit = (last.mean((2, 3)) @ network.head.weight[0]).sum()
    (gradient,) = torch.autograd.grad(logit, block)
    return torch.einsum("bc,bchw->bhw", gradient.mean((2, 3)), block).detach()


@pytest.mark.parametrize("detector_id", WITH_ATTENTION)
def test_gradcam_is_what_the_gradient_by_hand_says(detector_id: str) -> None:
    """For LTPA in closed form. With a = softmax(u l) and d = sum of a l, the gradient of w d at a position is
    a (w + u (w l - w d)), whose sum over the positions is w: Grad-CAM is w l / (h w), whatever is attended to.
    """
    network = random_network(detector_id, SIDE).double()
    x = torch.randn(2, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    layer = network.get_submodule(network.gradcam_layer)
    seen: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _m, _i, out: seen.append(out))
    with torch.no_grad():
        logits = network(x)
    handle.remove()
    values, explained = gradcam(network, layer, x)
    if detector_id == "frame-b4-ltpa":
        weight = network.head.weight[0, -448:].detach()
        expected = torch.einsum("c,bchw->bhw", weight, seen[0]) / seen[0][0, 0].numel()
    else:
        expected = tail_map(network, seen[0])
    torch.testing.assert_close(explained, logits)
    torch.testing.assert_close(values, expected)
    assert values.shape == (2, 2, 2)


@pytest.mark.parametrize("detector_id", WITH_ATTENTION)
def test_gradcam_of_a_crop_does_not_depend_on_its_neighbours(detector_id: str) -> None:
    network = random_network(detector_id, SIDE).double()
    layer = network.get_submodule(network.gradcam_layer)
    x = torch.randn(3, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    together, _ = gradcam(network, layer, x)
    for k in range(3):
        alone, _ = gradcam(network, layer, x[k : k + 1])
        torch.testing.assert_close(alone[0], together[k])


@pytest.mark.parametrize("detector_id", WITH_ATTENTION)
def test_the_logit_that_gradcam_explains_is_the_scored_one(detector_id: str) -> None:
    detector = detector_of(detector_id, random_network(detector_id, SIDE))
    crops = noise_crops(2, SIDE, seed=9)
    maps = GradCam().explain(detector, crops)
    np.testing.assert_allclose(maps.logits, detector.score_crops(crops), rtol=1e-3, atol=1e-3)
    assert np.isfinite(maps.values).all()
    assert maps.values.std() > 0


# B7


@pytest.mark.long
@pytest.mark.parametrize("detector_id", ["frame-b7", "frame-b7-ltpa"])
def test_b7_comes_back_from_its_file_folds_and_is_explained(detector_id: str, tmp_path: Path) -> None:
    network = random_network(detector_id, SIDE)
    save_weights(tmp_path / detector_id, network, card_values(detector_id, network), torch.float16)
    import_weights(tmp_path / detector_id)
    detector = load_detector(detector_id, "cpu")
    crops = noise_crops(3, SIDE, seed=5)
    scores = detector.score_crops(crops)
    with torch.no_grad():
        plain = network.half().float()(detector.prepare(crops)).numpy()
    np.testing.assert_allclose(scores, plain, rtol=1e-3, atol=1e-3)
    maps = GradCam().explain(detector, crops)
    assert maps.values.shape == (3, 2, 2)
    np.testing.assert_allclose(maps.logits, scores, rtol=1e-3, atol=1e-3)
