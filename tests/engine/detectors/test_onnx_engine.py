"""ONNX Runtime in torch's place: the same scores of every architecture, or torch after all, and never unsaid."""

import copy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from random_weights import card_values, noise_crops, random_network

from engine import paths
from engine.detectors import onnx_engine, registry
from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.errors import UsageError
from engine.evaluation.explanations.checks import Checks
from engine.explainers.games import FrameGame
from engine.progress import CancelToken

CPU = torch.device("cpu")
SIDE = 64


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache folder is the test's own; one thread, so that nothing waits for busy cores."""
    monkeypatch.setattr(onnx_engine, "cache_dir", lambda: tmp_path / "cache")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "cache" / "onnx"
    torch.set_num_threads(before)


def detector_of(detector_id: str, precision: str = "float32", seed: int = 0) -> FrameDetector:
    network = random_network(detector_id, SIDE, seed)
    card = parse_card(card_values(detector_id, network) | {"sha256": f"{seed}" * 64})
    return FrameDetector(detector_id, network, card, CPU, precision)


def refuse(text: str) -> None:
    pytest.fail(f"torch computed after all: {text}")


@pytest.fixture
def mild(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights are compared on what they were normalised to: extremes they answer in lost digits."""
    monkeypatch.setattr("engine.detectors.frame.proof_crops", lambda size: noise_crops(24, size)[:3])


@pytest.mark.parametrize(
    "detector_id",
    [
        "frame-mobile",
        "frame-mobile-attention",
        "frame-mobile-ltpa",
        *(
            pytest.param(f"frame-{each}", marks=pytest.mark.long)
            for each in ("b4", "b4-attention", "b4-ltpa", "b7", "b7-ltpa")
        ),
    ],
)
@pytest.mark.usefixtures("mild")
def test_scores_are_torchs(detector_id: str) -> None:
    detector = detector_of(detector_id)
    crops = noise_crops(24, SIDE)[3:9]
    expected = detector.score_crops(crops)
    assert np.ptp(expected) > 0.1
    detector.use_onnx_runtime(refuse)
    found = detector.score_crops(crops)
    assert not np.array_equal(found, expected), "it was torch that computed"
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    np.testing.assert_allclose(detector.logits(detector.prepare(crops[:1])), expected[:1], rtol=0, atol=1e-3)
    assert (found.dtype, detector.score_crops(crops[:0]).shape) == (np.float32, (0,))
    np.testing.assert_array_equal(detector.exact_logits(crops), detector.on_torch().exact_logits(crops))


@pytest.mark.parametrize("detector_id", ["frame-mobile", "frame-mobile-attention", "frame-mobile-ltpa"])
def test_the_shipped_weights_pass_the_proof(detector_id: str) -> None:
    if registry.weights_folder(detector_id) is None:
        pytest.skip(f"no weights of {detector_id} are shipped")
    detector = registry.load_detector(detector_id, "cpu", "auto", "onnxruntime", refuse)
    assert detector.provenance().settings["engine"] == "onnxruntime"


@pytest.mark.usefixtures("mild")
def test_results_of_the_two_engines_are_never_mixed() -> None:
    detector = detector_of("frame-mobile")
    torchs = detector.provenance(faces="f")
    detector.use_onnx_runtime(refuse)
    made_by = detector.provenance(faces="f")
    assert made_by.settings_hash != torchs.settings_hash
    assert made_by.versions["onnxruntime"] == onnxruntime.__version__
    assert made_by.device == f"{torchs.device}, ONNX Runtime"
    assert detector.on_torch().provenance(faces="f") == torchs, "what torch makes is kept as ever"


@pytest.mark.usefixtures("mild")
def test_it_is_exported_once_and_again_when_the_file_is_damaged(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported, real = [], onnx_engine.traced
    monkeypatch.setattr(onnx_engine, "traced", lambda *given: exported.append(1) or real(*given))
    detector = detector_of("frame-mobile")
    detector.use_onnx_runtime(refuse)
    (place,) = cache.iterdir()
    whole = place.read_bytes()
    detector.use_onnx_runtime(refuse)
    assert len(exported) == 1
    for damaged in (whole[:-1], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        place.write_bytes(damaged)
        detector.use_onnx_runtime(refuse)
        assert onnx_engine._read(place) is not None
    assert len(exported) == 3
    detector_of("frame-mobile", seed=1).use_onnx_runtime(refuse)
    assert len(list(cache.iterdir())) == 2, "other weights have a file of their own"


@pytest.mark.usefixtures("mild")
def test_a_cache_that_cannot_be_written_costs_time_alone(cache: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    detector = detector_of("frame-mobile")
    detector.use_onnx_runtime(refuse)
    assert "engine" in detector.provenance().settings


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda logits: logits + 0.002, "lie up to 2.0e-03"),
        (lambda logits: logits * np.nan, "lie up to inf"),
        (lambda logits: logits[:1], "lie up to inf"),
        (lambda logits: 1 / 0, "ZeroDivisionError"),
    ],
)
@pytest.mark.usefixtures("mild")
def test_torch_computes_and_the_user_is_told_where_the_answers_differ(
    change: object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = detector_of("frame-mobile")
    crops = noise_crops(3, SIDE)
    expected, torchs = detector.score_crops(crops), detector.provenance()
    real = onnx_engine.NetworkSession.logits
    monkeypatch.setattr(onnx_engine.NetworkSession, "logits", lambda self, x: change(real(self, x)))  # type: ignore[operator]
    told: list[str] = []
    detector.use_onnx_runtime(told.append)
    assert len(told) == 1
    assert words in told[0]
    np.testing.assert_array_equal(detector.score_crops(crops), expected)
    assert detector.provenance() == torchs


@pytest.mark.usefixtures("mild")
def test_copies_with_random_parameters_are_never_answered_by_the_trained_session() -> None:
    detector = detector_of("frame-mobile")
    detector.use_onnx_runtime(refuse)
    other = Checks(detector, 0, CancelToken())._random_detector(detector, 1.0, 0)
    crops = noise_crops(2, SIDE)
    expected = copy.deepcopy(other.network)
    with torch.inference_mode():
        by_hand = expected(other.prepare(crops)).numpy()
    np.testing.assert_allclose(other.score_crops(crops), by_hand, rtol=1e-4, atol=1e-3)
    assert np.abs(other.score_crops(crops) - detector.score_crops(crops)).max() > 0.01
    labels = np.zeros((1, SIDE, SIDE), np.int64)
    labels[:, :, SIDE // 2 :] = 1
    game = FrameGame(other, crops[:1], labels)
    np.testing.assert_allclose(game(np.ones((1, 2), np.bool_))[:, 0], by_hand[:1], rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("mild")
def test_kernel_shaps_games_are_played_by_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = detector_of("frame-mobile")
    crops, labels = noise_crops(1, SIDE), np.arange(SIDE)[None, :, None] // 16 * np.ones((1, SIDE, SIDE), np.int64)
    masks = np.eye(4, dtype=np.bool_)
    expected = FrameGame(detector, crops, labels)(masks)
    detector.use_onnx_runtime(refuse)
    monkeypatch.setattr(detector.network, "forward", lambda _: pytest.fail("torch was asked"))
    np.testing.assert_allclose(FrameGame(detector, crops, labels)(masks), expected, rtol=0, atol=1e-3)


def test_what_it_cannot_do_is_refused(mobile_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "weights_dirs", lambda: (mobile_weights.parent,))
    with pytest.raises(UsageError, match="no engine tpu"):
        registry.load_detector("frame-mobile", "cpu", engine="tpu")
    with pytest.raises(UsageError, match="float32 only"):
        registry.load_detector("frame-mobile", "cpu", "bf16", "onnxruntime")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for device in ("cuda", "auto"):
        with pytest.raises(UsageError, match="on the processor only") as caught:
            registry.load_detector("frame-mobile", device, engine="onnxruntime")
        assert "device cpu" in caught.value.advice


@pytest.mark.usefixtures("mild")
def test_short_memory_halves_the_batch_as_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = detector_of("frame-mobile")
    crops = noise_crops(4, SIDE)
    expected = detector.score_crops(crops)
    detector.use_onnx_runtime(refuse)
    session = detector._session
    assert session is not None
    real = session._session

    def run(names: list[str], fed: dict[str, np.ndarray]) -> list[np.ndarray]:
        if len(fed["crops"]) > 2:
            raise onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException("Failed to allocate memory")
        return real.run(names, fed)

    session._session = SimpleNamespace(run=run)
    told: list[str] = []
    np.testing.assert_allclose(detector.score_crops(crops, notify=told.append), expected, rtol=0, atol=1e-3)
    assert detector.batch <= 2
    assert "Memory is short" in told[0]
