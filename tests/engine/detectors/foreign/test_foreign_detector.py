"""Foreign models as detectors, against sums by hand and against our own networks in torch."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_models import SIDE, WEIGHTS, linear, model, port, write, write_toml
from random_weights import card_values, noise_crops, random_network

from engine import onnx as exporter
from engine import paths
from engine.detectors.cards import parse_card
from engine.detectors.foreign import shelf
from engine.detectors.foreign.detector import ForeignDetector, load_foreign
from engine.detectors.foreign.settings import parse_settings, template
from engine.detectors.frame import FrameDetector
from engine.detectors.probability import sigmoid
from engine.detectors.registry import detector_infos, explainers_of, load_any
from engine.errors import CancelledError, DescriptionMissingError, DeviceError, UsageError, WeightsError
from engine.explainers.registry import load_explainer
from engine.progress import CancelToken
from engine.results import Picture

CROPS = noise_crops(5, SIDE, seed=1)


def by_hand(crops: Picture, mean: tuple[float, ...], std: tuple[float, ...], scale: float) -> np.ndarray:
    """The logit of `linear` fed with RGB."""
    pixels = (crops.astype(np.float64) / scale - mean) / std
    return np.asarray(pixels.mean((1, 2)) @ WEIGHTS.astype(np.float64))


MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.5, 1.0)
PLAIN = by_hand(CROPS, MEAN, STD, 255)


@pytest.fixture
def loaded() -> Iterator[list[ForeignDetector]]:
    kept: list[ForeignDetector] = []
    yield kept
    for each in kept:
        each.close()


@pytest.fixture
def own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weights"
    monkeypatch.setattr(paths, "weights_dirs", lambda: (folder,))
    return folder


@pytest.mark.parametrize(
    ("made", "said", "expected"),
    [
        (linear(), {}, PLAIN),
        (linear(batch=1, side="s"), {"classes": '["fake", "real"]'}, -PLAIN),
        (linear(nchw=False), {"layout": "NHWC", "colour": "BGR"}, by_hand(CROPS[..., ::-1], MEAN, STD, 255)),
        (linear(last="Sigmoid"), {"meaning": "probability"}, PLAIN),
        (linear(columns=2), {"meaning": "two-logits"}, PLAIN),
        (
            linear(columns=2, last="Softmax"),
            {"meaning": "two-probabilities", "classes": '["fake", "real"]'},
            -PLAIN,
        ),
    ],
    ids=["logit", "one at a time", "nhwc bgr", "probability", "two logits", "softmax"],
)
def test_logits_are_those_that_the_description_asks_for(
    made: object, said: dict[str, object], expected: np.ndarray, tmp_path: Path, loaded: list[ForeignDetector]
) -> None:
    detector = load_foreign(write(tmp_path / "x.onnx", made, **said), "cpu")  # type: ignore[arg-type]
    loaded.append(detector)
    found = detector.score_crops(CROPS)
    assert (found.dtype, found.shape) == (np.float32, (5,))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert detector.score_crops(CROPS[:0]).shape == (0,)
    assert (detector.crop_spec.size, detector.crop_spec.margin) == (SIDE, 0.25)


def test_what_tellframe_writes_it_reads_back(tmp_path: Path, loaded: list[ForeignDetector]) -> None:
    network = random_network("frame-mobile", 64)
    card = parse_card(card_values("frame-mobile", network) | {"sha256": "5" * 64})
    ours = FrameDetector("frame-mobile", network, card, torch.device("cpu"), "float32")
    path = tmp_path / "mobile.onnx"
    exporter.export_onnx(ours, path)
    crops = noise_crops(4, 64, seed=2)
    expected = ours.score_crops(crops)
    loaded.append(load_foreign(path, "cpu"))
    found = loaded[0].score_crops(crops)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(sigmoid(found), sigmoid(expected), atol=1e-3)
    path.with_suffix(".toml").unlink()  # what stands inside the file fills the template
    description, settings = shelf.describe_model(path)
    assert settings == loaded[0].settings
    assert parse_settings(tomllib.loads(template(description))) == settings


def test_it_is_known_by_its_file_and_by_its_description(tmp_path: Path, loaded: list[ForeignDetector]) -> None:
    path = write(tmp_path / "my net.onnx", linear())
    loaded += [load_foreign(path, "cpu")]
    assert loaded[0].current
    write_toml(path, scale=1.0)
    assert not loaded[0].current
    loaded += [load_foreign(path, "cpu")]
    write(path, linear(last="Tanh"))
    loaded += [load_foreign(path, "cpu")]
    ids = [each.id for each in loaded]
    assert all(each.startswith("onnx-my-net-") for each in ids)
    assert len(set(ids)) == 3
    made_by = [each.provenance(faces="f") for each in loaded]
    assert made_by[0].weights_sha256 == made_by[1].weights_sha256 != made_by[2].weights_sha256
    assert made_by[0].settings_hash != made_by[1].settings_hash
    assert "onnxruntime" in made_by[0].versions
    assert (loaded[0].trustworthy, "not measured here" in loaded[0].trust_reason) == (False, True)


def test_without_a_description_the_error_holds_one_to_fill_in(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(linear().SerializeToString())
    with pytest.raises(DescriptionMissingError, match=r"x\.toml is missing") as caught:
        load_foreign(path, "cpu")
    lines = caught.value.template.splitlines()
    assert f"size = {SIDE}" in "\n".join(lines)
    assert 'layout = "NCHW"' in "\n".join(lines)
    with pytest.raises(KeyError):  # nothing is guessed
        parse_settings(tomllib.loads(caught.value.template))
    filled = "\n".join(
        line.removeprefix("# ") if " = " in line else line for line in lines if line[:1] != "#" or " = " in line
    )
    path.with_suffix(".toml").write_text(filled)
    load_foreign(path, "cpu").close()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"NCHW"', '"NCWH"', "input.layout"),
        ("size = 16", "size = 0", "input.size"),
        ("size = 16", "side = 16", "lacks input.size"),
        ("scale = 255.0", "scale = 0", "positive"),
        ("[0.5, 0.4, 0.3]", "[0.5]", "three numbers"),
        ("[0.5, 0.4, 0.3]", "[nan, 0.4, 0.3]", "must be a number"),
        ("margin = 0.25", "margin = true", "input.margin"),
        ("margin = 0.25", "margin = 0.25\nmagrin = 1", "no input.magrin"),
        ('"logit"', '"guess"', "output.meaning"),
        ('["real", "fake"]', '["real", "real"]', "output.classes"),
        ("[output]", "[outputs]", "[output]"),
        ("[input]", "[input", "cannot be read"),
        ("[input]", f'onnx_sha256 = "{"0" * 64}"\n[input]', "another model"),
    ],
)
def test_descriptions_at_fault(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    from engine.detectors.foreign.description import Description, Port
    from engine.detectors.foreign.settings import read_settings

    path = tmp_path / "x.onnx"
    toml = write_toml(path)
    toml.write_text(toml.read_text().replace(old, new))
    description = Description(path, "1" * 64, (), 17, "", Port("x", (None, 3, 16, 16)), (Port("y", None),), {})
    with pytest.raises(WeightsError) as caught:
        read_settings(description)
    assert complaint in caught.value.message
    assert caught.value.file == toml


def test_it_is_cancelled_between_batches_and_runs_in_float32_only(
    tmp_path: Path, loaded: list[ForeignDetector]
) -> None:
    path = write(tmp_path / "x.onnx", linear())
    loaded.append(load_foreign(path, "auto"))
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        loaded[0].score_crops(CROPS, cancel=token)
    with pytest.raises(ValueError, match="uint8"):
        loaded[0].score_crops(CROPS.astype(np.float32))
    with pytest.raises(UsageError):
        load_foreign(path, "cpu", "bf16")
    with pytest.raises(UsageError):
        load_foreign(path, "tpu")
    with pytest.raises(DeviceError):
        load_foreign(path, "cuda")


def test_only_explainers_that_ask_for_scores_work_on_it() -> None:
    assert explainers_of("x.onnx") == explainers_of("onnx-x-12345678") == ("kernel-shap",)
    assert load_explainer("kernel-shap", "x.onnx").id == "kernel-shap"
    with pytest.raises(UsageError, match="looks into the network"):
        load_explainer("gradcam", "x.onnx")


def test_an_imported_model_is_listed_and_loaded_by_its_id(
    own_weights: Path, tmp_path: Path, loaded: list[ForeignDetector]
) -> None:
    made = linear()
    tensor = made.graph.initializer[0]
    (tmp_path / "x.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "x.bin"
    path = write(tmp_path / "x.onnx", made)
    settings = parse_settings(tomllib.loads(path.with_suffix(".toml").read_text()))
    new = shelf.import_model(path, settings)
    assert sorted(each.name for each in (own_weights / new).iterdir()) == ["x.bin", "x.onnx", "x.toml"]
    info = next(each for each in detector_infos() if each.id == new)
    assert (info.trained, info.card["trustworthy"], info.explainers) == (True, False, ("kernel-shap",))
    path.unlink()
    detector = load_any(new, "cpu")
    assert isinstance(detector, ForeignDetector)
    loaded.append(detector)
    assert (detector.id, detector.weights_sha256) == (new, info.weights_sha256)
    np.testing.assert_allclose(detector.score_crops(CROPS), PLAIN, rtol=1e-4, atol=1e-5)
    (own_weights / new / "x.bin").write_bytes(bytes(12))
    changed = next(each for each in detector_infos() if each.id == new)
    assert not changed.trained
    assert "no longer" in changed.problem
    for absent in ("onnx-nothing-00000000", "onnx-../../x"):
        with pytest.raises(UsageError, match="no foreign model"):
            load_any(absent, "cpu")


def test_a_model_that_fails_is_not_imported(own_weights: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "x.onnx", linear(), meaning="two-logits")
    settings = parse_settings(tomllib.loads(path.with_suffix(".toml").read_text()))
    with pytest.raises(WeightsError, match="2 values per crop"):
        shelf.import_model(path, settings)
    assert not own_weights.exists()


def test_a_model_that_fails_later_says_so(tmp_path: Path, loaded: list[ForeignDetector]) -> None:
    """NaN for a white crop only: log(1.2 - mean)."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["limit", "mean"], ["rest"]),
        helper.make_node("Log", ["rest"], ["y"]),
    ]
    made = model(nodes, outputs=[port("y", ["n"])], tensors=[numpy_helper.from_array(np.float32([0.99]), "limit")])
    path = write(tmp_path / "x.onnx", made, mean=[0.0] * 3, std=[1.0] * 3)
    loaded.append(load_foreign(path, "cpu"))
    assert np.isfinite(loaded[0].score_crops(CROPS)).all()
    with pytest.raises(WeightsError, match="not finite"):
        loaded[0].score_crops(np.full((1, SIDE, SIDE, 3), 255, np.uint8))
