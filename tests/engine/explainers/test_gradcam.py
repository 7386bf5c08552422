"""Signed Grad-CAM against closed forms, finite differences and a loop; where it is, alone or in a batch."""

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops, random_network
from torch import nn

from engine.detectors import specs
from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.errors import CancelledError, UsageError
from engine.explainers.base import Watch, map_affines
from engine.explainers.gradcam import GradCam, gradcam
from engine.explainers.registry import CLIP_EXPLAINERS, EXPLAINERS, explainer_settings, load_explainer
from engine.faces.crops import crop_affine, cut_crop
from engine.progress import CancelToken
from engine.results import CropSpec

CPU = torch.device("cpu")


def detector_of(detector_id: str, size: int, precision: str = "float32") -> FrameDetector:
    network = random_network(detector_id, size)
    card = parse_card(card_values(detector_id, network) | {"sha256": "0" * 64})
    return FrameDetector(detector_id, network, card, CPU, precision)


@pytest.fixture(scope="module", params=["frame-mobile", "frame-b4"])
def detector(request: pytest.FixtureRequest) -> FrameDetector:
    return detector_of(request.param, 128)


def hooks(network: nn.Module) -> int:
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in network.modules()
    )


class Tiny(nn.Module):
    """A convolution, a curved layer, a mean and a linear head, in double precision for differentiating."""

    def __init__(self, curved: bool) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.layer = nn.Conv2d(3, 4, 3, padding=1)
        self.after = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.SiLU()) if curved else nn.Identity()
        self.head = nn.Linear(4, 1)
        self.double().eval()

    def tail(self, activations: torch.Tensor) -> torch.Tensor:
        return self.head(self.after(activations).mean((2, 3))).squeeze(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tail(self.layer(x))


def test_with_a_mean_and_a_linear_head_it_is_the_class_activation_map() -> None:
    """ds/dA_c = w_c / (h w) everywhere, so L = sum_c w_c A_c / (h w) (Zhou et al. 2016, up to the constant)."""
    network = Tiny(curved=False)
    x = torch.randn(3, 3, 6, 5, dtype=torch.float64)
    values, logits = gradcam(network, network.layer, x)
    with torch.no_grad():
        expected = torch.einsum("c,nchw->nhw", network.head.weight[0], network.layer(x)) / 30
    assert (values < 0).any()
    assert (values > 0).any()
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(
        values.sum((1, 2)), logits - network.head.bias.detach(), msg="the map sums to the logit"
    )


def test_with_a_curved_tail_it_agrees_with_finite_differences() -> None:
    network = Tiny(curved=True)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    values, _ = gradcam(network, network.layer, x)
    with torch.no_grad():
        activations = network.layer(x)
        step = 1e-5
        for n in range(2):
            expected = torch.zeros(4, 5, dtype=torch.float64)
            for c in range(4):
                slopes = []
                for h in range(4):
                    for w in range(5):
                        up, down = activations.clone(), activations.clone()
                        up[n, c, h, w] += step
                        down[n, c, h, w] -= step
                        slopes.append(float(network.tail(up)[n] - network.tail(down)[n]) / (2 * step))
                expected += sum(slopes) / 20 * activations[n, c]
            torch.testing.assert_close(values[n], expected, rtol=1e-6, atol=1e-9)


def test_the_map_of_mobilenet_sums_to_its_logit() -> None:
    """Its layer feeds the mean and the head directly: sum over positions of L = logit - bias."""
    detector = detector_of("frame-mobile", 128)
    crops = noise_crops(3, 128, seed=2)
    maps = GradCam().explain(detector, crops)
    assert maps.values.shape == (3, 4, 4)
    bias = float(detector.network.head.bias)
    np.testing.assert_allclose(maps.values.sum((1, 2)), maps.logits - bias, atol=1e-4)


def test_maps_are_signed_float32_at_native_resolution(detector: FrameDetector) -> None:
    crops = noise_crops(2, 128, seed=1)
    maps = GradCam().explain(detector, crops)
    assert maps.values.dtype == np.float32
    assert maps.values.shape == (2, 4, 4)
    assert not maps.values.flags.writeable
    head = detector.network.head
    try:
        head.weight.neg_()
        opposite = GradCam().explain(detector, crops)
    finally:
        head.weight.neg_()
    assert np.abs(maps.values).max() > 0
    np.testing.assert_array_equal(opposite.values, -maps.values)


def test_b4_has_the_papers_map_of_12_by_12_at_380() -> None:
    network = random_network("frame-b4", 128)
    seen = []
    handle = network.get_submodule(network.gradcam_layer).register_forward_hook(
        lambda m, i, o: seen.append(o.shape)
    )
    with torch.no_grad():
        network(torch.zeros(1, 3, 380, 380))
    handle.remove()
    assert tuple(seen[0]) == (1, 448, 12, 12)


def test_the_explained_logit_is_the_scored_one(detector: FrameDetector) -> None:
    crops = noise_crops(3, 128, seed=8)
    np.testing.assert_allclose(GradCam().explain(detector, crops).logits, detector.score_crops(crops), atol=1e-4)


def test_neighbours_in_the_batch_change_nothing(detector: FrameDetector) -> None:
    crops = noise_crops(5, 128, seed=9)
    together = GradCam().explain(detector, crops).values
    scale = float(np.abs(together).max())
    for row, crop in enumerate(crops):
        alone = GradCam().explain(detector, crop[None]).values[0]
        np.testing.assert_allclose(alone, together[row], atol=1e-4 * scale)
    backwards = GradCam().explain(detector, crops[::-1]).values[::-1]
    np.testing.assert_allclose(backwards, together, atol=1e-4 * scale)


def test_it_is_float32_whatever_the_detector_scores_in() -> None:
    crops = noise_crops(3, 128, seed=10)
    exact, bf16 = detector_of("frame-mobile", 128), detector_of("frame-mobile", 128, "bf16")
    np.testing.assert_array_equal(GradCam().explain(exact, crops).values, GradCam().explain(bf16, crops).values)
    assert not np.array_equal(exact.score_crops(crops), bf16.score_crops(crops))


def test_no_hook_and_no_gradient_is_left_behind(detector: FrameDetector) -> None:
    before = hooks(detector.network)
    crops = noise_crops(2, 128)
    scores = detector.score_crops(crops)
    GradCam().explain(detector, crops)
    assert hooks(detector.network) == before
    assert all(p.grad is None for p in detector.network.parameters())
    np.testing.assert_array_equal(detector.score_crops(crops), scores)


def test_no_hook_is_left_behind_when_it_fails(detector: FrameDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hooks(detector.network)

    def broken(features: torch.Tensor) -> torch.Tensor:
        assert hooks(detector.network) == before + 1
        raise RuntimeError("broken behind the layer")

    monkeypatch.setattr(detector.network, "classify", broken)
    with pytest.raises(RuntimeError, match="broken behind the layer"):
        GradCam().explain(detector, noise_crops(1, 128))
    assert hooks(detector.network) == before


def test_it_works_inside_the_modes_that_scoring_uses(detector: FrameDetector) -> None:
    crops = noise_crops(1, 128)
    expected = GradCam().explain(detector, crops).values
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(GradCam().explain(detector, crops).values, expected)


def test_it_shrinks_its_batches_when_memory_is_short(
    detector: FrameDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = noise_crops(5, 128, seed=11)
    expected = GradCam().explain(detector, crops).values
    prepare = detector.prepare

    def short(part: np.ndarray) -> torch.Tensor:
        if len(part) > 2:
            raise torch.OutOfMemoryError("no")
        return prepare(part)

    monkeypatch.setattr(detector, "prepare", short)
    monkeypatch.setattr(detector, "batch", 4)
    told: list[str] = []
    values = GradCam().explain(detector, crops, Watch(notify=told.append)).values
    np.testing.assert_allclose(values, expected, atol=1e-4 * float(np.abs(expected).max()))
    assert len(told) == 1


def test_it_is_cancelled_between_batches(detector: FrameDetector) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        GradCam().explain(detector, noise_crops(1, 128), Watch(token))


# The layer, and smoothing


@pytest.mark.parametrize(("detector_id", "after"), [("frame-mobile", 2), ("frame-b4", 4)])
def test_at_a_chosen_stage_it_weighs_that_stage(detector_id: str, after: int) -> None:
    """The network run by hand up to the stage, and from a leaf there to the logit."""
    size = 96
    detector = detector_of(detector_id, size)
    crops = noise_crops(2, size, seed=5)
    maps = load_explainer("gradcam", detector_id, {"layer": f"trunk.blocks.{after}"}).explain(detector, crops)
    trunk, head = detector.network.trunk, detector.network.head
    with torch.no_grad():
        x = trunk.bn1(trunk.conv_stem(detector.prepare(crops)))
        for stage in trunk.blocks[: after + 1]:
            x = stage(x)
    activations = x.clone().requires_grad_()
    with torch.enable_grad():
        y = activations
        for stage in trunk.blocks[after + 1 :]:
            y = stage(y)
        logits = trunk.bn2(trunk.conv_head(y)).mean((2, 3)) @ head.weight[0] + head.bias[0]
        logits.sum().backward()
    alpha = activations.grad.mean((2, 3))
    expected = torch.einsum("nc,nchw->nhw", alpha, x).numpy()
    np.testing.assert_allclose(maps.values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(maps.logits, logits.detach().numpy(), atol=1e-4)
    assert maps.values.shape == (2, *x.shape[2:])


@pytest.mark.parametrize(
    "spec", [each for each in specs.SPECS.values() if not each.judges_clips], ids=lambda spec: spec.id
)
def test_each_detector_lists_its_layers_and_refuses_others(spec: specs.DetectorSpec) -> None:
    (layer, _) = explainer_settings("gradcam", spec.id)
    assert "trunk.blocks.2.1" in layer.allowed
    if spec.id.startswith("frame-mobile"):
        network = random_network(spec.id, 64)
        assert layer.default == network.gradcam_layer
        for name in layer.allowed.removeprefix("one of ").split(", "):
            assert network.get_submodule(name)
    assert ("trunk.bn2" in layer.allowed) != spec.id.endswith("ltpa"), "LTPA does without its last convolution"
    with pytest.raises(UsageError, match="setting layer") as caught:
        load_explainer("gradcam", spec.id, {"layer": "trunk.blocks.9"})
    assert "trunk.blocks.5" in caught.value.advice


def test_the_default_layer_and_its_name_have_one_key() -> None:
    default = load_explainer("gradcam", "frame-b4")
    assert load_explainer("gradcam", "frame-b4", {"layer": "trunk.blocks.6"}).settings == default.settings
    assert default.settings == {"layer": "trunk.blocks.6", "smoothing": "none"}
    assert default.title == "gradcam"


def test_smoothing_is_bilinear_by_hand_and_told() -> None:
    detector = detector_of("frame-mobile", 64)
    crops = noise_crops(1, 64, seed=6)
    cells = GradCam().explain(detector, crops).values[0]
    explainer = load_explainer("gradcam", "frame-mobile", {"smoothing": "bilinear"})
    smooth = explainer.explain(detector, crops).values[0]
    assert (cells.shape, smooth.shape) == ((2, 2), (64, 64))
    share = np.clip((np.arange(64) + 0.5) / 32 - 0.5, 0, 1)
    rows = np.stack([1 - share, share], 1)
    np.testing.assert_allclose(smooth, rows @ cells @ rows.T, rtol=1e-4, atol=1e-5)
    assert explainer.title == "gradcam, smoothed (bilinear)"


# Where the map lies


def test_the_corners_of_the_map_are_the_corners_of_the_box() -> None:
    box = np.array([100, 50, 340, 290], np.float32)
    affine = crop_affine(box, np.zeros((5, 2)), CropSpec(224))
    grid = map_affines(affine[None], 224, 7, 7)[0]
    corners = np.array([[0, 0, 1], [7, 7, 1], [7, 0, 1], [3.5, 3.5, 1]])
    np.testing.assert_allclose(corners @ grid.T, [[100, 50], [340, 290], [340, 50], [220, 170]], atol=1e-3)


def test_a_map_that_is_not_square_and_a_turned_crop() -> None:
    turn = np.deg2rad(30)
    affine = np.array([[2 * np.cos(turn), -2 * np.sin(turn), 11], [2 * np.sin(turn), 2 * np.cos(turn), 22]])
    grid = map_affines(affine[None], 60, 3, 6)[0]
    for x, y in ((0, 0), (6, 3), (2, 1), (5.5, 0.5)):
        crop_point = np.array([x * 60 / 6, y * 60 / 3])
        np.testing.assert_allclose(grid @ [x, y, 1], affine[:, :2] @ crop_point + affine[:, 2], atol=1e-4)


def test_a_spot_in_the_frame_is_found_in_its_cell() -> None:
    """Paint one cell's place in the frame, cut the crop, and see the same cell light up in the crop."""
    frame = np.zeros((300, 400, 3), np.uint8)
    affine = crop_affine(np.array([90.0, 60, 258, 228]), np.zeros((5, 2)), CropSpec(224))
    grid = map_affines(affine[None], 224, 7, 7)[0]
    (x0, y0), (x1, y1) = grid @ [2, 4, 1], grid @ [3, 5, 1]
    frame[round(y0) : round(y1), round(x0) : round(x1)] = 255
    cells = cut_crop(frame, affine, 224)[..., 0].reshape(7, 32, 7, 32).mean((1, 3))
    assert cells[4, 2] > 250
    cells[4, 2] = 0
    assert cells.max() < 10


# Registry


def test_every_explainer_a_detector_names_exists_and_the_other_way_round() -> None:
    named = {e for spec in specs.SPECS.values() for e in spec.explainers}
    assert named == EXPLAINERS.keys() | CLIP_EXPLAINERS.keys()
    for spec in specs.SPECS.values():
        for name in spec.explainers:
            assert load_explainer(name, spec.id).id == name


def test_unknown_explainers_are_words_at_fault() -> None:
    with pytest.raises(UsageError, match="magic") as caught:
        load_explainer("magic", "frame-mobile")
    assert "gradcam" in caught.value.advice
    with pytest.raises(UsageError, match="frame-x"):
        load_explainer("gradcam", "frame-x")
