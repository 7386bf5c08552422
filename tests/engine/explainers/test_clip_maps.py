"""Maps of the frames of snippets, against closed forms and finite differences in double precision."""

import copy

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops, random_snippets
from test_gradcam import hooks

from engine.detectors.base import Clip
from engine.detectors.cards import parse_card
from engine.detectors.snippets import SnippetDetector
from engine.errors import UsageError
from engine.explainers.base import explaining_crops
from engine.explainers.clip_gradcam import ClipGradCam, snippet_gradcam
from engine.explainers.gradcam import GradCam
from engine.explainers.registry import explainer_infos, explainer_settings, load_explainer
from engine.explainers.snippet_attention import SnippetAttention
from engine.networks.snippets.network import SnippetNetwork
from engine.results import DetectorInfo

ID, SIZE, U, T = "snippet-compact", 64, 3, 4
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> SnippetNetwork:
    return random_snippets(ID, SIZE)


@pytest.fixture(scope="module")
def detector(network: SnippetNetwork) -> SnippetDetector:
    card = parse_card(card_values(ID, network) | {"sha256": "0" * 64})
    return SnippetDetector(ID, copy.deepcopy(network), card, CPU)


@pytest.fixture(scope="module")
def exact(network: SnippetNetwork) -> SnippetNetwork:
    return copy.deepcopy(network).double().eval()


def clip_of(snippets: int = U) -> tuple[Clip, np.ndarray]:
    frames = np.arange(40, 40 + snippets * T)
    return Clip(frames, frames.reshape(-1, T)[:, [0, -1]]), noise_crops(snippets * T, SIZE, seed=5)


def inputs(network: SnippetNetwork, crops: np.ndarray) -> torch.Tensor:
    """(U T, S, S, 3) -> (1, U, T, 3, S, S) in double precision."""
    x = torch.from_numpy(crops).permute(0, 3, 1, 2).double() / 255
    mean, std = (
        torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (network.input_mean, network.input_std)
    )
    return ((x - mean) / std).view(1, -1, T, 3, *x.shape[2:])


def test_of_the_last_map_it_is_the_class_activation_map(detector: SnippetDetector, exact: SnippetNetwork) -> None:
    """s_u = mean over t of w . GAP(A(t)) + b, so L(t) = sum_c w_c A_c(t) / (T h w)."""
    clip, crops = clip_of()
    maps = ClipGradCam().explain(detector, clip, crops)
    x = inputs(exact, crops)
    with torch.no_grad():
        logits = exact.forward_with_attention(x).snippet_logits[0]
        last = exact.trunk.forward_features(x.flatten(0, 2))  # it knows of U from the pass before
        expected = torch.einsum("c,nchw->nhw", exact.head.weight[0], last) / (T * last[0, 0].numel())
    assert (expected < 0).any()
    assert (expected > 0).any()
    assert maps.values.dtype == np.float32
    np.testing.assert_allclose(maps.values, expected.numpy(), rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    np.testing.assert_allclose(maps.logits, logits.numpy(), rtol=1e-3, atol=1e-3)
    sums = maps.values.reshape(U, -1).sum(1) * np.float64(1)
    np.testing.assert_allclose(sums, maps.logits - float(detector.network.head.bias), atol=1e-3)


@pytest.mark.parametrize("cell", [(0, 0), (5, 3)])
def test_of_an_earlier_map_it_agrees_with_finite_differences(exact: SnippetNetwork, cell: tuple[int, int]) -> None:
    """L at a cell is 1 / (h w) times how s_u grows where all positions of A(t) grow by what A(t) is there."""
    x, frame, step = inputs(exact, noise_crops(2 * T, SIZE, seed=6)), 5, 1e-6
    layer = exact.get_submodule("trunk.blocks.1")
    values, logits = snippet_gradcam(exact, layer, x)
    found = []
    for by in (step, -step):

        def grown(_layer: object, _inputs: object, out: torch.Tensor, by: float = by) -> torch.Tensor:
            out[frame] += by * out[frame][:, cell[0], cell[1], None, None].clone()
            return out

        handle = layer.register_forward_hook(grown)
        with torch.no_grad():
            found.append(exact.forward_with_attention(x).snippet_logits[0])
        handle.remove()
    slope = (found[0] - found[1]) / (2 * step) / values[frame].numel()
    assert slope[0].abs() > 0.001 * slope[1].abs(), "through Inter-SIM it changes the other snippet's logit, too"
    assert float(values[frame][cell]) == pytest.approx(float(slope[1]), rel=1e-5)
    torch.testing.assert_close(logits, (found[0] + found[1]) / 2, rtol=1e-6, atol=1e-6)


def test_no_hook_and_no_gradient_is_left_behind(detector: SnippetDetector) -> None:
    clip, crops = clip_of()
    before = hooks(detector.network)
    for layer in detector.network.map_layers:
        explainer = load_explainer("gradcam", ID, {"layer": layer})
        assert isinstance(explainer, ClipGradCam)
        assert explainer.explain(detector, clip, crops).values.shape[0] == U * T
    assert hooks(detector.network) == before
    with pytest.raises(ValueError, match="crops must be"):
        ClipGradCam().explain(detector, clip, noise_crops(U * T, SIZE // 2))
    assert hooks(detector.network) == before
    assert all(p.grad is None and not p.requires_grad for p in detector.network.parameters())


def test_it_can_be_smoothed_and_says_so(detector: SnippetDetector) -> None:
    explainer = load_explainer("gradcam", ID, {"smoothing": "bilinear"})
    assert isinstance(explainer, ClipGradCam)
    assert explainer.explain(detector, *clip_of()).values.shape == (U * T, SIZE, SIZE)
    assert "smoothed" in explainer.title


@pytest.mark.parametrize(("stage", "cells"), [("", 2), ("stage4", 2), ("stage3", 4), ("stage1", 32)])
def test_the_attention_is_that_of_the_pass_that_gives_the_score(
    detector: SnippetDetector, exact: SnippetNetwork, stage: str, cells: int
) -> None:
    clip, crops = clip_of()
    explainer = load_explainer("snippet-attention", ID, {"stage": stage} if stage else {})
    assert isinstance(explainer, SnippetAttention)
    maps = explainer.explain(detector, clip, crops)
    with torch.no_grad():
        output = exact.forward_with_attention(inputs(exact, crops))
    expected = output.intra[stage or "stage4"][0].flatten(0, 1).numpy()
    assert maps.values.shape == (U * T, cells, cells)
    np.testing.assert_allclose(maps.values, expected, atol=1e-3)
    assert 0 < maps.values.min() < maps.values.max() < 1
    assert maps.values.std(0).max() > 1e-3, "each frame has its own"
    np.testing.assert_allclose(maps.logits, output.snippet_logits[0].numpy(), rtol=1e-3, atol=1e-3)


def test_the_logits_are_those_of_the_spans(detector: SnippetDetector) -> None:
    clip, crops = clip_of()
    end = Clip(clip.frames, np.array([[50, 51]]))
    for explainer in (ClipGradCam(), SnippetAttention()):
        whole, part = (explainer.explain(detector, each, crops) for each in (clip, end))
        np.testing.assert_array_equal(part.logits, whole.logits[2:])
        np.testing.assert_array_equal(part.values, whole.values)


def test_the_registry_offers_them_for_snippets_alone() -> None:
    infos = [DetectorInfo(ID, ID, "", True, "", {}, "", ("gradcam", "snippet-attention"), "")]
    offered = {info.id: info for info in explainer_infos(infos) if ID in info.settings}
    assert set(offered) == {"gradcam", "snippet-attention"}
    (stage,) = offered["snippet-attention"].settings[ID]
    assert (stage.default, stage.options) == ("stage4", ("stage4", "stage3", "stage2", "stage1"))
    assert offered["gradcam"].signed
    assert not offered["snippet-attention"].signed
    assert [each.default for each in explainer_settings("gradcam", "snippet")] == ["trunk.layer4", "none"]
    assert "where it looks" in SnippetAttention().title
    with pytest.raises(UsageError, match="ltpa does not work on snippet"):
        load_explainer("ltpa", ID)
    assert isinstance(load_explainer("gradcam", "frame-mobile"), GradCam)
    with pytest.raises(UsageError, match="several"):
        explaining_crops(load_explainer("gradcam", ID), ID)
