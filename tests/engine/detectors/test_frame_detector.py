"""Frame detectors against the plain network, alone and in batches, in both precisions, short of memory."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops, random_network

from engine import paths
from engine.detectors import devices, registry
from engine.detectors.cards import Card, parse_card
from engine.detectors.folding import fold_batch_norm
from engine.detectors.frame import FrameDetector
from engine.detectors.own import choose_precision
from engine.detectors.precision import bf16_deviation, both_precisions
from engine.detectors.probability import sigmoid
from engine.errors import CancelledError, DeviceError, UsageError
from engine.networks.frame import FrameNetwork
from engine.progress import CancelToken
from engine.results import Picture

CPU = torch.device("cpu")
NETWORKS = ("frame-mobile", "frame-b4")


def card_of(detector_id: str, network: FrameNetwork) -> Card:
    return parse_card(card_values(detector_id, network) | {"sha256": "0" * 64})


def plain_logits(network: FrameNetwork, crops: Picture) -> np.ndarray:
    """The network as it is written, one crop at a time, normalised by the formula."""
    mean, std = np.array(network.input_mean), np.array(network.input_std)
    logits = []
    for crop in crops:
        x = torch.from_numpy(((crop / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32))
        with torch.no_grad():
            logits.append(float(network(x)[0]))
    return np.array(logits)


@pytest.fixture(scope="module", params=NETWORKS)
def pair(request: pytest.FixtureRequest) -> tuple[FrameNetwork, FrameDetector]:
    """A network as written and the detector made of a copy of it; small pictures keep B4 quick."""
    size = {"frame-mobile": 224, "frame-b4": 128}[request.param]
    network = random_network(request.param, size)
    detector = FrameDetector(request.param, copy.deepcopy(network), card_of(request.param, network), CPU)
    return network, detector


def test_scores_are_those_of_the_plain_network(pair: tuple[FrameNetwork, FrameDetector]) -> None:
    network, detector = pair
    crops = noise_crops(5, network.size, seed=3)
    np.testing.assert_allclose(detector.score_crops(crops), plain_logits(network, crops), rtol=1e-4, atol=1e-3)


def test_neighbours_in_the_batch_change_nothing(pair: tuple[FrameNetwork, FrameDetector]) -> None:
    network, detector = pair
    crops = noise_crops(7, network.size, seed=4)
    together = detector.score_crops(crops)
    assert together.std() > 0.1
    alone = np.concatenate([detector.score_crops(crop[None]) for crop in crops])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(detector.score_crops(crops[::-1])[::-1], together, rtol=1e-4, atol=1e-4)


def test_folding_keeps_the_function_and_the_layer_of_gradcam(pair: tuple[FrameNetwork, FrameDetector]) -> None:
    network, detector = pair
    folded = copy.deepcopy(network)
    fold_batch_norm(folded)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    x = torch.randn(2, 3, network.size, network.size, generator=torch.Generator().manual_seed(1))
    seen = []
    for n in (network, folded):
        handle = n.get_submodule(detector.gradcam_layer).register_forward_hook(lambda m, i, o: seen.append(o))
        with torch.no_grad():
            n(x)
        handle.remove()
    np.testing.assert_allclose(seen[0], seen[1], atol=2e-3 * float(seen[0].abs().max()))


def test_no_crops_give_no_scores(pair: tuple[FrameNetwork, FrameDetector]) -> None:
    network, detector = pair
    assert detector.score_crops(np.empty((0, network.size, network.size, 3), np.uint8)).shape == (0,)


def test_crops_of_another_size_are_refused(pair: tuple[FrameNetwork, FrameDetector]) -> None:
    network, detector = pair
    with pytest.raises(ValueError, match="crops must be"):
        detector.score_crops(noise_crops(1, network.size // 2))


def test_out_of_memory_halves_the_batch_and_says_so(
    pair: tuple[FrameNetwork, FrameDetector], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, detector = pair
    crops = noise_crops(11, network.size, seed=5)
    expected = detector.score_crops(crops)
    forward, sizes = detector._forward, []

    def short(part: Picture) -> np.ndarray:
        sizes.append(len(part))
        if len(part) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(part)

    monkeypatch.setattr(detector, "_forward", short)
    monkeypatch.setattr(detector, "batch", 8)
    told: list[str] = []
    np.testing.assert_allclose(detector.score_crops(crops, notify=told.append), expected, rtol=1e-4, atol=1e-4)
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 1]
    assert len(told) == 2
    assert "2 faces at a time" in told[1]
    sizes.clear()
    detector.score_crops(crops, notify=told.append)
    assert max(sizes) == 2, "the smaller batch is kept"
    assert len(told) == 2


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_no_memory_for_a_single_crop_is_an_error_of_the_device(
    pair: tuple[FrameNetwork, FrameDetector], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    network, detector = pair

    def none(part: Picture) -> np.ndarray:
        raise error

    monkeypatch.setattr(detector, "_forward", none)
    monkeypatch.setattr(detector, "batch", 4)
    with pytest.raises(DeviceError, match="not enough memory"):
        detector.score_crops(noise_crops(3, network.size))


def test_other_faults_are_not_taken_for_want_of_memory(
    pair: tuple[FrameNetwork, FrameDetector], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, detector = pair

    def broken(part: Picture) -> np.ndarray:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(detector, "_forward", broken)
    with pytest.raises(RuntimeError, match="mat1"):
        detector.score_crops(noise_crops(2, network.size))


def test_scoring_is_cancelled_between_batches(pair: tuple[FrameNetwork, FrameDetector]) -> None:
    network, detector = pair
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        detector.score_crops(noise_crops(2, network.size), cancel=token)


# Precision


def test_auto_takes_bf16_only_where_the_card_vouches_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network("frame-mobile")
    card = card_of("frame-mobile", network)
    monkeypatch.setattr("engine.detectors.own.has_fast_bf16", lambda device: True)
    assert choose_precision(card, CPU, "auto") == "float32"
    assert choose_precision(replace(card, bf16_deviation=0.02), CPU, "auto") == "float32"
    assert choose_precision(replace(card, bf16_deviation=0.01), CPU, "auto") == "bf16"
    assert choose_precision(replace(card, bf16_deviation=0.001), CPU, "float32") == "float32"
    assert choose_precision(card, CPU, "bf16") == "bf16"
    monkeypatch.setattr("engine.detectors.own.has_fast_bf16", lambda device: False)
    assert choose_precision(replace(card, bf16_deviation=0.001), CPU, "auto") == "float32"
    with pytest.raises(UsageError, match="fp8"):
        choose_precision(card, CPU, "fp8")


@pytest.mark.parametrize("detector_id", NETWORKS)
def test_auto_keeps_probabilities_around_one_half_within_a_hundredth(detector_id: str) -> None:
    """100 crops; the card states what was measured on others, as training does."""
    size = {"frame-mobile": 160, "frame-b4": 96}[detector_id]
    network = random_network(detector_id, size)
    exact = FrameDetector(detector_id, copy.deepcopy(network), card_of(detector_id, network), CPU, "float32")
    measured = bf16_deviation(*both_precisions(exact.network, exact.prepare(noise_crops(100, size, seed=20))))
    card = replace(card_of(detector_id, network), bf16_deviation=measured)
    chosen = FrameDetector(detector_id, network, card, CPU, "auto")
    crops = noise_crops(100, size, seed=21)
    float32, auto = exact.score_crops(crops), chosen.score_crops(crops)
    assert (np.abs(sigmoid(float32) - 0.5) < 0.25).sum() > 50, "the crops are around one half"
    assert bf16_deviation(float32, auto) <= 0.01


def test_bf16_is_what_is_computed_when_it_is_asked_for() -> None:
    network = random_network("frame-mobile")
    card = card_of("frame-mobile", network)
    crops = noise_crops(8, 224, seed=6)
    exact = FrameDetector("frame-mobile", copy.deepcopy(network), card, CPU, "float32").score_crops(crops)
    bf16 = FrameDetector("frame-mobile", copy.deepcopy(network), card, CPU, "bf16")
    difference = np.abs(bf16.score_crops(crops) - exact)
    assert 1e-4 < difference.max() < 3
    assert bf16.provenance().precision == "bf16"


def test_the_deviation_is_taken_over_the_crops_nearest_to_one_half() -> None:
    float32 = np.array([-9.0, 0.1, -0.2, 3.0], np.float32)
    bf16 = np.array([-1.0, 0.2, -0.2, 2.0], np.float32)
    near = abs(1 / (1 + np.exp(-0.1)) - 1 / (1 + np.exp(-0.2)))
    assert bf16_deviation(float32, bf16, crops=2) == pytest.approx(near, abs=1e-6)
    far = abs(1 / (1 + np.exp(9)) - 1 / (1 + np.exp(1)))
    assert bf16_deviation(float32, bf16) == pytest.approx(far, abs=1e-6)


def test_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        np.testing.assert_allclose(sigmoid(np.array([-1000, 0, 1000], np.float32)), [0, 0.5, 1])


@pytest.mark.parametrize("detector_id", NETWORKS)
def test_the_shipped_weights_keep_to_a_hundredth_in_the_precision_chosen(detector_id: str) -> None:
    if not (paths.WEIGHTS / detector_id / "card.toml").is_file():
        pytest.skip(f"no weights of {detector_id} are shipped")
    exact = registry.load_detector(detector_id, "cpu", "float32")
    chosen = registry.load_detector(detector_id, "cpu", "auto")
    crops = noise_crops(100, exact.crop_spec.size, seed=22)
    assert bf16_deviation(exact.score_crops(crops), chosen.score_crops(crops)) <= 0.01


# Devices and provenance


def test_a_wanted_gpu_that_is_not_there_is_an_error_and_auto_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no usable NVIDIA GPU") as caught:
        devices.resolve_device("cuda")
    assert caught.value.exit_status == 2
    assert devices.resolve_device("auto").type == "cpu"


def test_provenance_names_all_that_made_the_score(mobile_weights: Path) -> None:
    registry.import_weights(mobile_weights)
    provenance = registry.load_detector("frame-mobile", "cpu").provenance(faces="f")
    assert provenance.component == "frame-mobile"
    assert len(provenance.weights_sha256) == 64
    assert provenance.settings["faces"] == "f"
    assert {"torch", "timm", "av", "python", "numpy"} <= provenance.versions.keys()
    other = registry.load_detector("frame-mobile", "cpu", "bf16").provenance(faces="f")
    assert other.settings_hash != provenance.settings_hash, "results of two precisions are never mixed"
