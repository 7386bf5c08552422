"""Maps of the windows of LPS, against loops and finite differences in double precision."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops
from test_gradcam import hooks

from engine.detectors.cards import parse_card
from engine.detectors.lps import LpsDetector
from engine.detectors.lps_windows import window_clips
from engine.detectors.specs import detector_spec
from engine.errors import UsageError
from engine.explainers.clip_gradcam import ClipGradCam, lps_gradcam
from engine.explainers.prediction_error import PredictionError
from engine.explainers.prototypes import Prototypes
from engine.explainers.registry import explainer_infos, explainer_settings, load_explainer
from engine.explainers.second_difference import SecondDifference
from engine.networks.lps.network import Lps
from engine.results import DetectorInfo, Picture
from tests.engine.networks.lps.lps_weights import fill, film

ID, SIZE = "lps-compact", 64
CPU = torch.device("cpu")
(CLIP,) = window_clips(200, 259)


@pytest.fixture(scope="module")
def network() -> Lps:
    network: Lps = detector_spec(ID).build(SIZE)
    with torch.no_grad():
        fill(network)
    return network.eval()


@pytest.fixture(scope="module")
def detector(network: Lps) -> LpsDetector:
    values = card_values(ID, network) | {"sha256": "0" * 64, "aligned": True}  # type: ignore[arg-type]
    return LpsDetector(ID, copy.deepcopy(network), parse_card(values), CPU)


@pytest.fixture(scope="module")
def exact(network: Lps) -> Lps:
    return copy.deepcopy(network).double().eval()


@pytest.fixture(scope="module")
def crops() -> Picture:
    """Clouds that flicker: no frame is like the one before."""
    clouds = noise_crops(6, SIZE).astype(np.float64)
    share = np.random.default_rng(2).dirichlet(np.ones(6), 60)
    return np.einsum("fk,khwc->fhwc", share, clouds).astype(np.uint8)


def windows(network: Lps, crops: Picture) -> torch.Tensor:
    """(60, S, S, 3) -> (1, 12, 3, 5, S, S) in double precision."""
    x = torch.from_numpy(crops).permute(0, 3, 1, 2).double() / 255
    mean, std = (
        torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (network.input_mean, network.input_std)
    )
    return ((x - mean) / std).view(1, 12, 5, 3, SIZE, SIZE).transpose(2, 3)


def test_the_second_difference_is_that_of_the_three_frames_around(
    detector: LpsDetector, exact: Lps, crops: Picture
) -> None:
    maps = SecondDifference().explain(detector, CLIP, crops)
    with torch.no_grad():
        found = exact.encoder.frame_features(windows(exact, crops)[0])  # (12, C, 5, h, w)
    frames = np.stack([found[n // 5, :, n % 5].numpy().mean(0) for n in range(60)])
    assert maps.values.shape == (60, SIZE // 8, SIZE // 8)
    expected = np.empty_like(frames)
    for n in range(60):
        middle = min(max(n, 1), 58)
        expected[n] = np.abs(frames[middle - 1] - 2 * frames[middle] + frames[middle + 1])
    np.testing.assert_allclose(maps.values, expected, rtol=2e-3, atol=1e-4)
    assert (maps.values[0] == maps.values[1]).all()
    assert not (maps.values[1] == maps.values[2]).all()
    np.testing.assert_array_equal(maps.logits, detector.score_clip(CLIP, crops).logits)


def test_a_flash_shows_where_and_when_it_is(detector: LpsDetector, crops: Picture) -> None:
    still = np.repeat(crops[:1], 60, axis=0)
    assert not SecondDifference().explain(detector, CLIP, still).values.any()
    flash = still.copy()
    flash[30, :16, 48:] ^= 255
    values = SecondDifference().explain(detector, CLIP, flash).values
    assert [n for n in range(60) if values[n].any()] == [29, 30, 31]
    assert values[30].argmax() // 8 < 3
    assert values[30].argmax() % 8 > 4


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_repeated_frames_make_no_second_differences(detector: LpsDetector, crops: Picture, count: int) -> None:
    (clip,) = window_clips(10, 9 + count)
    assert clip.repeats
    values = SecondDifference().explain(detector, clip, crops[clip.frames - 10]).values
    assert values.shape == (60, 8, 8)
    for frame in range(10, 10 + count):
        assert (values[clip.frames == frame] == values[frame - 10]).all()
    whole = SecondDifference().explain(detector, CLIP, crops).values
    inner = [0] * count if count < 3 else [1, *range(1, count - 1), count - 2]
    expected = whole[inner] if count > 2 else np.zeros((count, 8, 8))
    np.testing.assert_allclose(values[:count], expected, rtol=1e-4, atol=1e-5)


def test_the_prediction_error_is_the_series_before_its_mean(
    detector: LpsDetector, exact: Lps, crops: Picture
) -> None:
    maps = PredictionError().explain(detector, CLIP, crops)
    scores = detector.score_clip(CLIP, crops)
    cells = SIZE // 32
    assert maps.values.shape == (60, cells, cells)
    series = scores.activations["prediction-error"][0]
    np.testing.assert_allclose(maps.values.mean((1, 2)), series.repeat(5), rtol=1e-5)
    np.testing.assert_array_equal(maps.logits, scores.logits)
    with torch.no_grad():
        z = exact.encode(windows(exact, crops))
        made = exact.predict_next(z, reverse=True)
    row = made.examples.index(1)  # seen from behind alone
    predicted, true = (
        v[0].permute(0, 2, 3, 1).reshape(9, cells**2, -1).numpy() for v in (made.predicted, made.true)
    )
    for cell in range(cells**2):
        heard = np.exp(true @ predicted[row, cell])
        expected = -np.log(heard[row, cell] / heard.sum()) / np.log(9 * cells**2)
        for frame in range(5, 10):
            assert maps.values[frame].flat[cell] == pytest.approx(expected, rel=2e-3)


def test_gradcam_agrees_with_finite_differences(detector: LpsDetector, exact: Lps, crops: Picture) -> None:
    """L at a cell is 1 / (h w) times how the logit grows where all of A(t) grows by what A(t) is in that cell."""
    maps = ClipGradCam().explain(detector, CLIP, crops)
    step, cells = 1e-6, SIZE // 32
    with torch.no_grad():
        a = exact.encode(windows(exact, crops)).relu()
        exact = copy.deepcopy(exact)
        exact.activation = torch.nn.Identity()  # or what is 0 could not sink
        expected = np.empty((12, cells, cells))
        for t, row, column in np.ndindex(*expected.shape):
            found = []
            for sign in (1, -1):
                grown = a.clone()
                grown[0, t] += sign * step * a[0, t, :, row, column, None, None]
                real, fake = exact.classify(grown)[0]
                found.append(float(fake - real))
            expected[t, row, column] = (found[0] - found[1]) / (2 * step) / cells**2
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(maps.values, expected.repeat(5, 0), rtol=5e-3, atol=5e-3 * largest)
    assert (expected < 0).any()
    assert (expected > 0).any()
    assert np.abs(expected).max((1, 2)).min() < np.abs(expected).max((1, 2)).max()
    np.testing.assert_allclose(maps.logits, detector.score_clip(CLIP, crops).logits, rtol=1e-5)


def test_gradcam_without_an_aggregator_is_the_class_activation_map() -> None:
    """The logit is then linear in the mean of each example's features: L(t) = sum_c w_tc A_c(t) / (h w)."""
    small = detector_spec(ID).build(SIZE).config
    network = Lps(replace(small, aggregator=False)).double().eval()
    with torch.no_grad():
        fill(network)
        z = network.encode(film(1, 12, SIZE))
    norm, _, last = network.classifier
    weight = (last.weight[1] - last.weight[0]) * norm.weight / (norm.running_var + norm.eps).sqrt()
    expected = torch.einsum("tc,tchw->thw", weight.view(12, -1), z[0].relu()) / z[0, 0, 0].numel()
    values, _ = lps_gradcam(network, z)
    torch.testing.assert_close(values, expected.detach())


def test_maps_are_made_in_float32_whatever_scores_are_made_in(detector: LpsDetector, crops: Picture) -> None:
    coarse = LpsDetector(ID, copy.deepcopy(detector.network), detector.card, CPU, "bf16")
    rough = coarse.score_clip(CLIP, crops).logits
    for explainer in (ClipGradCam(), SecondDifference(), PredictionError()):
        maps, expected = (explainer.explain(each, CLIP, crops) for each in (coarse, detector))
        np.testing.assert_array_equal(maps.values, expected.values)
        np.testing.assert_array_equal(maps.logits, expected.logits)
        assert maps.logits != rough
    assert coarse.score_clip(CLIP, crops).logits == rough


def test_an_encoder_without_stages_for_single_frames_is_told(detector: LpsDetector, crops: Picture) -> None:
    config = replace(detector.network.config, encoder="none")
    raw = LpsDetector(ID, Lps(config), detector.card, CPU)
    with pytest.raises(UsageError, match="no features of single frames"):
        SecondDifference().explain(raw, CLIP, crops)
    maps = ClipGradCam().explain(raw, CLIP, crops)
    assert maps.values.shape == (60, SIZE // 32, SIZE // 32)


def test_nothing_is_left_behind(detector: LpsDetector, crops: Picture) -> None:
    before = hooks(detector.network)
    for explainer in (ClipGradCam(), SecondDifference(), PredictionError()):
        maps = explainer.explain(detector, CLIP, crops)
        assert maps.values.dtype == np.float32
    assert hooks(detector.network) == before
    assert all(p.grad is None and not p.requires_grad for p in detector.network.parameters())
    with pytest.raises(UsageError, match="none"):
        Prototypes().explain(detector, CLIP, crops)


def test_surprise_and_change_take_no_side() -> None:
    ours = ("gradcam", "second-difference", "prediction-error")
    infos = [DetectorInfo(ID, ID, "", True, "", {}, "", ours, "")]
    offered = {info.id: info.signed for info in explainer_infos(infos) if ID in info.settings}
    assert offered == {"gradcam": True, "second-difference": False, "prediction-error": False}
    assert [each.default for each in explainer_settings("gradcam", ID)] == ["activation", "none"]
    assert "surprise" in load_explainer("prediction-error", ID).title
    assert "sudden change" in load_explainer("second-difference", ID).title
