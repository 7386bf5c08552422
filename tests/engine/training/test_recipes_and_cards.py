"""What is trained on by default, and what a card says of it and of its figures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.detectors.cards import load_card
from engine.detectors.registry import detector_spec
from engine.detectors.weights import save_weights
from engine.errors import UsageError
from engine.evaluation.evaluate import Figure
from engine.networks.mobilenet import build_mobilenet
from engine.training.card import DEV, Origin, new_card, record_figures
from engine.training.datasets import read_dataset
from engine.training.datasets.base import Dataset
from engine.training.recipes import default_config, default_mix, with_file


def test_forgeries_with_an_original_are_preferred_to_those_without(drawn: Dataset) -> None:
    mix = default_mix(drawn)
    assert set(mix.genuine) == {"drawn"}
    assert set(mix.pseudo) == {"drawn", "alone"}
    lone = tuple(replace(item, original="") for item in drawn.items)
    assert set(default_mix(replace(drawn, items=lone)).genuine) == {"drawn", "alone"}


def test_nothing_is_frozen_without_pretrained_weights(drawn: Dataset) -> None:
    assert default_config(drawn, 224, 1).frozen_stages == 0
    assert default_config(replace(drawn, pretrained=Path("some.npz")), 224, 1).frozen_stages > 0


@pytest.mark.data
def test_the_data_at_hand_give_every_kind_and_no_wav2lip(data_dir: Path) -> None:
    dataset = read_dataset(data_dir)
    mix = default_mix(dataset)
    assert set(mix.genuine) == {"DFDC stills", "MarekKowalski/FaceSwap"}
    assert {"DFDC stills", "LFW stills", "skymanaditya1/LipReadingQuiz"} <= set(mix.pseudo)
    assert sum(mix.genuine.values()) + sum(mix.pseudo.values()) == pytest.approx(1.0)
    dev = {item.source for item in dataset.part("dev")} - {item.source for item in dataset.part("train")}
    assert not dev & {*mix.genuine, *mix.pseudo}


def test_a_file_changes_settings_and_unknown_ones_are_refused(drawn: Dataset, tmp_path: Path) -> None:
    base = default_config(drawn, 64, 1)
    path = tmp_path / "settings.toml"
    path.write_text("steps = 12\nlearning_rate = 1\n[genuine]\ndrawn = 1.0\n[pseudo]\n")
    changed = with_file(base, path)
    assert (changed.steps, changed.learning_rate, dict(changed.mix.genuine), dict(changed.mix.pseudo)) == (
        12,
        1,
        {"drawn": 1.0},
        {},
    )
    for wrong in ("steps = 1.5", 'size = "large"', "nonsense = 1", "steps = "):
        path.write_text(wrong + "\n")
        with pytest.raises(UsageError):
            with_file(base, path)


def figure(value: float, low: float, protocol: str = DEV) -> Figure:
    return Figure(protocol, "AUC", value, low, 0.99, 35, 30)


def test_trust_follows_the_lower_end_of_the_dev_figure(drawn: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_mobilenet(64)
    spec = detector_spec("frame-mobile")
    record = {"step": 9, "aucs": {"clips": 0.9, "mean": 0.9}}
    card = new_card(
        spec, network, default_config(drawn, 64, 1), drawn, record, Origin("python main.py train", "random"), 0.001
    )
    folder = tmp_path / "frame-mobile"
    saved = save_weights(folder, network, card, torch.float16)
    assert not saved.trustworthy
    assert saved.training["persons"] == 9  # nine cartoon persons are in the training split
    record_figures(folder, [figure(0.95, 0.4, "held-out persons")], "x")
    assert not load_card(folder).trustworthy  # only dev decides
    record_figures(folder, [figure(0.8, 0.71)], "x")
    trusted = load_card(folder)
    assert trusted.trustworthy
    assert "0.710" in trusted.trust_reason
    record_figures(folder, [figure(0.75, 0.69)], "x")
    doubted = load_card(folder)
    assert not doubted.trustworthy
    assert [(m.protocol, m.value) for m in doubted.measures] == [("held-out persons", 0.95), (DEV, 0.75)]
    assert doubted.sha256 == saved.sha256
