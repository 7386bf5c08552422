"""Weights and cards: what is read back is what was written, and whatever is wrong is refused in one line."""

import hashlib
import pickle
import shutil
import struct
import tomllib
from pathlib import Path

import pytest
import safetensors.torch
import torch
from random_weights import card_values, random_network, write_random_weights

from engine import paths
from engine.detectors import registry, specs
from engine.detectors.cards import CARD, card_text, load_card, parse_card
from engine.detectors.files import MODEL
from engine.detectors.weights import EXPLANATIONS, load_state, save_weights
from engine.errors import UsageError, WeightsError


@pytest.fixture
def folder(mobile_weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mobile_weights, tmp_path / "frame-mobile"))


def build() -> torch.nn.Module:
    return specs.SPECS["frame-mobile"].build(224)


def with_model(folder: Path, data: bytes) -> Path:
    """Put other bytes in, with the card's hash made to fit."""
    raw = tomllib.loads((folder / CARD).read_text())
    (folder / MODEL).write_bytes(data)
    (folder / CARD).write_text(card_text(raw | {"sha256": hashlib.sha256(data).hexdigest()}))
    return folder


def test_what_is_loaded_is_what_was_saved_to_half_precision(folder: Path) -> None:
    network = build()
    load_state(folder, load_card(folder), network)
    original = random_network("frame-mobile")
    assert network.state_dict().keys() == original.state_dict().keys()
    for name, tensor in original.state_dict().items():
        loaded = network.state_dict()[name]
        assert loaded.dtype == tensor.dtype
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(loaded, tensor.half().float()), name


def test_a_card_is_read_back_as_written() -> None:
    network = random_network("frame-mobile")
    raw = card_values("frame-mobile", network) | {
        "sha256": "ab" * 32,
        "trust_reason": 'a "quoted" back\\slash, a line\nbreak, Umläute and \t tab',
        "bf16_deviation": 0.004,
        "training": {"seeds": [1, 2], "rate": 1e-05, "ok": True, "nested": {"a b": "c"}},
    }
    assert tomllib.loads(card_text(raw)) == raw
    card = parse_card(tomllib.loads(card_text(raw)))
    assert card.measures[0].high == 0.6
    assert card.training["rate"] == 1e-05
    assert card.bf16_deviation == 0.004
    assert card.limits["text"] == "knows nothing"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": ["fake", "real"]}, "classes"),
        ({"sha256": "xyz"}, "sha256"),
        ({"std": [0.5, 0.5]}, "three numbers"),
        ({"std": [0.5, 0.5, 0.0]}, "positive"),
        ({"trustworthy": "yes"}, "trustworthy"),
        ({"size": "big"}, "big"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(folder: Path, change: dict[str, object], said: str) -> None:
    raw = tomllib.loads((folder / CARD).read_text())
    (folder / CARD).write_text(card_text(raw | change))
    with pytest.raises(WeightsError, match=said) as caught:
        load_card(folder)
    assert caught.value.file == folder / CARD


@pytest.mark.parametrize("field", ["id", "sha256", "size", "mean", "classes", "trustworthy"])
def test_a_card_without_a_field_names_the_field(folder: Path, field: str) -> None:
    raw = tomllib.loads((folder / CARD).read_text())
    del raw[field]
    (folder / CARD).write_text(card_text(raw))
    with pytest.raises(WeightsError, match=field):
        load_card(folder)


def test_cards_that_are_no_toml_or_absent_are_refused(folder: Path) -> None:
    (folder / CARD).write_bytes(b"\xff\xfe nonsense")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_card(folder)
    (folder / CARD).unlink()
    with pytest.raises(WeightsError, match="no card"):
        load_card(folder)


def test_one_flipped_bit_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray((folder / MODEL).read_bytes())
    data[-1] ^= 1
    (folder / MODEL).write_bytes(data)
    with pytest.raises(WeightsError, match="not those of their card"):
        load_state(folder, load_card(folder), build())
    monkeypatch.setattr(paths, "WEIGHTS", folder.parent)
    info = next(info for info in registry.detector_infos() if info.id == "frame-mobile")
    assert not info.trained
    assert "not those of their card" in info.problem
    with pytest.raises(WeightsError, match="not those of their card"):
        registry.load_detector("frame-mobile", "cpu")


def test_missing_model_is_refused(folder: Path) -> None:
    (folder / MODEL).unlink()
    with pytest.raises(WeightsError, match="missing"):
        load_state(folder, load_card(folder), build())


@pytest.mark.parametrize("fault", ["shape", "missing", "extra", "nan"])
def test_weights_that_do_not_fit_are_refused_with_the_tensor(folder: Path, fault: str) -> None:
    tensors = safetensors.torch.load_file(folder / MODEL)
    if fault == "shape":
        tensors["head.weight"] = torch.zeros(2, 1280)
    elif fault == "missing":
        del tensors["head.bias"]
    elif fault == "extra":
        tensors["backdoor"] = torch.zeros(1)
    else:
        tensors["head.bias"] = torch.tensor([float("nan")])
    with_model(folder, safetensors.torch.save(tensors))
    network = build()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(WeightsError, match=r"head|backdoor") as caught:
        load_state(folder, load_card(folder), network)
    assert caught.value.file == folder / MODEL
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


class Trap:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("kind", ["pickle", "torch", "header", "empty"])
def test_a_file_that_is_no_safetensors_is_refused_and_runs_nothing(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    sprung = tmp_path / "sprung"
    if kind == "torch":
        torch.save({"head.weight": Trap(sprung)}, tmp_path / "evil.pt")
    data = {
        "pickle": lambda: pickle.dumps(Trap(sprung)),
        "torch": lambda: (tmp_path / "evil.pt").read_bytes(),
        "header": lambda: struct.pack("<Q", 2**60) + b"{}",
        "empty": lambda: b"",
    }[kind]()
    with_model(folder, data)
    with pytest.raises(WeightsError, match="no safetensors"):
        load_state(folder, load_card(folder), build())
    with pytest.raises(WeightsError, match="no safetensors"):
        registry.import_weights(folder)
    assert not sprung.exists()


def test_a_detector_without_weights_is_listed_and_never_scores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path / "nothing")
    infos = {info.id: info for info in registry.detector_infos()}
    assert {"frame-mobile", "frame-b4", "frame-b4-attention", "frame-b4-ltpa", "frame-b7", "frame-b7-ltpa"} <= set(
        infos
    )
    for info in infos.values():
        assert not info.trained
        assert "not trained" in info.problem
        with pytest.raises(WeightsError, match="not trained") as caught:
            registry.load_detector(info.id, "cpu")
        assert "train" in caught.value.advice


def test_unknown_detectors_and_devices_are_words_at_fault(folder: Path) -> None:
    with pytest.raises(UsageError, match="frame-x"):
        registry.load_detector("frame-x")
    with pytest.raises(UsageError, match="tpu"):
        registry.load_detector("frame-mobile", "tpu")


def test_imported_weights_are_those_that_score_and_the_old_ones_are_replaced(folder: Path) -> None:
    info = registry.import_weights(folder)
    assert info.trained
    assert info.card["trust_reason"] == "random weights"
    assert registry.load_detector("frame-mobile", "cpu").weights_sha256 == info.weights_sha256
    assert sorted(p.name for p in Path(info.folder).iterdir()) == [CARD, MODEL]
    network = random_network("frame-mobile", seed=5)
    save_weights(folder, network, card_values("frame-mobile", network), torch.float16)
    again = registry.import_weights(folder)
    assert again.weights_sha256 != info.weights_sha256
    assert registry.load_detector("frame-mobile", "cpu").weights_sha256 == again.weights_sha256
    assert [p.name for p in Path(info.folder).parent.iterdir()] == ["frame-mobile"]


def test_what_was_measured_of_explanations_comes_along_and_goes_with_the_old_weights(folder: Path) -> None:
    target = paths.weights_dirs()[0] / "frame-mobile"
    (folder / EXPLANATIONS).write_text("measured")
    registry.import_weights(folder)
    assert (target / EXPLANATIONS).read_text() == "measured"
    (folder / EXPLANATIONS).unlink()
    registry.import_weights(folder)
    assert not (target / EXPLANATIONS).exists()


def test_an_import_that_fails_leaves_the_old_weights(folder: Path) -> None:
    info = registry.import_weights(folder)
    with_model(folder, b"no weights")
    with pytest.raises(WeightsError):
        registry.import_weights(folder)
    assert registry.load_detector("frame-mobile", "cpu").weights_sha256 == info.weights_sha256


def test_a_failing_copy_leaves_the_old_weights_and_no_remains(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = registry.import_weights(folder)

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WeightsError, match="No space left"):
        registry.import_weights(folder)
    monkeypatch.undo()
    assert [p.name for p in Path(info.folder).parent.iterdir()] == ["frame-mobile"]


def test_weights_of_another_detector_are_refused(folder: Path) -> None:
    raw = tomllib.loads((folder / CARD).read_text())
    (folder / CARD).write_text(card_text(raw | {"id": "frame-b4"}))
    with pytest.raises(WeightsError, match="frame-b4"):
        registry.import_weights(folder)
    (folder / CARD).write_text(card_text(raw | {"id": "sorcery"}))
    with pytest.raises(WeightsError, match="sorcery"):
        registry.import_weights(folder)


def test_the_users_weights_go_before_the_shipped_ones(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = write_random_weights(tmp_path / "shipped", "frame-mobile", seed=9)
    monkeypatch.setattr(paths, "WEIGHTS", shipped.parent)
    assert registry.weights_folder("frame-mobile") == shipped
    info = registry.import_weights(folder)
    assert info.weights_sha256 == load_card(folder).sha256
    assert registry.load_detector("frame-mobile", "cpu").weights_sha256 == info.weights_sha256
