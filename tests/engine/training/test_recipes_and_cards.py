"""What is trained on by default, and what a card says of it and of its figures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.detectors.cards import load_card
from engine.detectors.specs import detector_spec
from engine.detectors.weights import save_weights
from engine.errors import DataError, UsageError
from engine.evaluation.evaluate import Figure
from engine.networks.mobilenet import build_mobilenet
from engine.training.card import DEV, Origin, new_card, record_figures
from engine.training.datasets import read_dataset
from engine.training.datasets.base import Dataset
from engine.training.datasets.own_footage import read_own_footage
from engine.training.kinds import kind_of
from engine.training.recipes import (
    RECIPES,
    applied,
    default_config,
    default_mix,
    find_recipe,
    pretrained_trunk,
    read_recipe,
)


def test_forgeries_with_an_original_are_preferred_to_those_without(drawn: Dataset) -> None:
    mix = default_mix(drawn)
    assert set(mix.genuine) == {"drawn"}
    assert set(mix.pseudo) == {"drawn", "alone"}
    lone = tuple(replace(item, original="") for item in drawn.items)
    assert set(default_mix(replace(drawn, items=lone)).genuine) == {"drawn", "alone"}


def test_nothing_is_frozen_without_pretrained_weights(drawn: Dataset) -> None:
    assert default_config(drawn, 224, 1, trained=False).frozen_stages == 0
    assert default_config(drawn, 224, 1, trained=True).frozen_stages > 0
    there = replace(drawn, pretrained=Path("some.npz"))
    assert pretrained_trunk("frame-mobile", there) == Path("some.npz")
    assert pretrained_trunk("frame-b4", there) is None  # they are MobileNetV2's
    assert pretrained_trunk("frame-mobile", drawn) is None


@pytest.mark.data
def test_the_data_at_hand_give_every_kind_and_no_wav2lip(data_dir: Path) -> None:
    dataset = read_dataset(data_dir)
    mix = default_mix(dataset)
    assert set(mix.genuine) == {"DFDC stills", "MarekKowalski/FaceSwap"}
    assert {"DFDC stills", "LFW stills", "skymanaditya1/LipReadingQuiz"} <= set(mix.pseudo)
    assert sum(mix.genuine.values()) + sum(mix.pseudo.values()) == pytest.approx(1.0)
    dev = {item.source for item in dataset.part("dev")} - {item.source for item in dataset.part("train")}
    assert not dev & {*mix.genuine, *mix.pseudo}


def test_a_file_changes_settings(drawn: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("steps = 12\nlearning_rate = 1\n[genuine]\ndrawn = 1.0\n[pseudo]\n")
    (changed,) = applied(read_recipe(path), default_config(drawn, 64, 1, trained=False))
    assert (changed.steps, changed.learning_rate, dict(changed.mix.genuine), dict(changed.mix.pseudo)) == (
        12,
        1,
        {"drawn": 1.0},
        {},
    )
    assert isinstance(changed.learning_rate, float)


def test_phases_go_over_what_they_share(drawn: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text("pairs = 3\n[[phases]]\nsize = 32\n[[phases]]\nsize = 48\npairs = 2\n")
    phases = applied(read_recipe(path), default_config(drawn, 64, 1, trained=False))
    assert [(phase.size, phase.pairs) for phase in phases] == [(32, 3), (48, 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps = 1.5", "wrong type"),
        ("steps = true", "wrong type"),
        ("bf16 = 1", "wrong type"),
        ('size = "large"', "wrong type"),
        ("nonsense = 1", "is no setting"),
        ("mix = 1", "is no setting"),
        ("steps = ", "cannot be read"),
        ('optimiser = "lion"', "optimiser must be one of adamw, adam, sgd"),
        ('schedule = "steps"', "schedule must be one of"),
        ("learning_rate = -1", "learning_rate must lie above 0"),
        ("pairs = 0", "pairs must be at least 1"),
        ("smoothing = 0.7", "smoothing"),
        ("genuine = 3", "table of shares"),
        ('[genuine]\ndrawn = "much"', "table of shares"),
        ("[pseudo]\ndrawn = -1", "table of shares"),
        ("[recipe]\nname = 1", "something unknown"),
        ('[recipe]\ndata = "forged"', "wrong types"),
        ("phases = 2", "no list of tables"),
        ("phases = []", "no list of tables"),
        ("[[phases]]\nstepps = 3", "is no setting"),
    ],
)
def test_settings_without_sense_are_refused_with_the_file(
    drawn: Dataset, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text + "\n")
    with pytest.raises(UsageError, match=words) as caught:
        applied(read_recipe(path), default_config(drawn, 64, 1, trained=False))
    assert caught.value.file == path


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_every_shipped_recipe_can_be_applied(drawn: Dataset, name: str) -> None:
    recipe = find_recipe(name)
    assert recipe.title
    for detector_id in recipe.detectors or ("frame-mobile", "snippet-compact"):
        spec = detector_spec(detector_id)
        phases = applied(recipe, kind_of(spec).default_config(spec, drawn, trained=False))
        assert all(phase.validate_every <= max(phase.steps, phase.epochs * 1000) for phase in phases)


def test_recipes_know_their_detectors() -> None:
    find_recipe("full-size").require("frame-b4-ltpa")
    find_recipe("own-camera").require("frame-mobile")
    with pytest.raises(UsageError, match="is not for frame-mobile"):
        find_recipe("full-size").require("frame-mobile")
    with pytest.raises(UsageError, match="no recipe nowhere"):
        find_recipe("nowhere")


def footage(root: Path, names: list[str]) -> Path:
    root.mkdir(parents=True)
    for name in names:
        (root / name).write_bytes(b"")
    return root


def test_own_footage_holds_persons_out(tmp_path: Path) -> None:
    names = [f"p{k}__{take}.mp4" for k in range(8) for take in range(2)]
    dataset = read_own_footage(footage(tmp_path / "direct", [*names, "notes.txt"]))
    assert (len(dataset.part("train")), len(dataset.part("validation"))) == (12, 4)
    assert {item.label for item in dataset.items} == {0}
    in_real = read_own_footage(footage(tmp_path / "below" / "real", names).parent)
    assert [(i.name, i.split) for i in in_real.items] == [(i.name, i.split) for i in dataset.items]


def test_own_footage_must_be_authentic_and_of_two_at_least(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="do not suffice"):
        read_own_footage(footage(tmp_path / "one", ["ann__1.mp4", "ann__2.mp4"]))
    root = footage(tmp_path / "both", ["ann.mp4", "bob.mp4"])
    (root / "fake").mkdir()
    with pytest.raises(DataError, match="Only authentic"):
        read_own_footage(root)
    with pytest.raises(DataError, match="no such folder"):
        read_own_footage(tmp_path / "nowhere")


def figure(value: float, low: float, protocol: str = DEV) -> Figure:
    return Figure(protocol, "AUC", value, low, 0.99, 35, 30)


def test_trust_follows_the_lower_end_of_the_dev_figure(drawn: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_mobilenet(64)
    spec = detector_spec("frame-mobile")
    record = {"step": 9, "aucs": {"clips": 0.9, "mean": 0.9}}
    card = new_card(
        spec,
        network,
        default_config(drawn, 64, 1, trained=False),
        drawn,
        record,
        Origin("python main.py train", "random"),
        0.001,
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
