"""The snippet detectors' task: its loss, what stays frozen, a resume that changes no bit; training by command."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from random_weights import card_values

from engine.cli import run
from engine.detectors.cards import load_card
from engine.detectors.specs import detector_spec
from engine.detectors.weights import save_weights
from engine.errors import DataError, UsageError
from engine.networks.mobilenet import build_mobilenet
from engine.networks.snippets.config import SnippetConfig
from engine.networks.snippets.network import PlacedSim, build_snippet_network
from engine.training.clips.mix import ClipMix
from engine.training.datasets.base import Dataset
from engine.training.faces.store import FaceStore
from engine.training.loop.trainer import Trainer
from engine.training.recipes import applied, find_recipe, read_recipe
from engine.training.snippets.task import SnippetTask, SnippetTaskConfig

pytestmark = pytest.mark.usefixtures("one_thread")
Stores = tuple[FaceStore, FaceStore]
CONFIG = SnippetTaskConfig(
    mix=ClipMix(pseudo={"drawn": 1.0}, operators=("partial",), without=0.0),
    size=32,
    pairs=2,
    snippets=2,
    steps=2,
    warm_up=1,
    frozen_stages=2,
    validate_every=2,
    validation_pairs=1,
    workers=0,
    seed=5,
    bf16=False,
)


def task(stores: Stores, config: SnippetTaskConfig = CONFIG) -> SnippetTask:
    torch.manual_seed(config.seed)
    network = build_snippet_network(SnippetConfig("mobilenetv2", size=config.size))
    return SnippetTask(network, *stores, config)


def test_the_loss_is_the_formula_in_numpy(clip_stores: Stores) -> None:
    t = task(clip_stores)
    t.module.eval()
    batch = t.batches()[0]
    with torch.no_grad():
        parts = t.loss(batch)
        pictures = torch.from_numpy(batch.pictures).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        clips = pictures.reshape(4, 2, 4, 3, 32, 32)
        logits = t.network.forward_with_attention(clips).frame_logits.reshape(4, 8).double().numpy()
    clip = logits.mean(axis=1)
    label = np.logaddexp(0, clip) - np.where(batch.labels == 1, 0.95, 0.05) * clip
    assert float(parts["label"].total) == pytest.approx(label.sum(), rel=1e-4)
    partial = [k for k in range(4) if 0 < batch.frame_labels[k].sum() < 8]
    assert partial
    frames = np.logaddexp(0, logits) - np.where(batch.frame_labels == 1, 0.95, 0.05) * logits
    assert float(parts["frames"].total) == pytest.approx(frames[partial].sum(), rel=1e-4)
    assert (parts["label"].count, parts["frames"].count, parts["frames"].weight) == (4, 8 * len(partial), 0.5)
    assert task(clip_stores, replace(CONFIG, frame_weight=0.0)).loss(batch).keys() == {"label"}


def test_a_resume_changes_no_bit_and_only_modules_move_in_frozen_stages(
    clip_stores: Stores, tmp_path: Path
) -> None:
    whole = Trainer(task(clip_stores), CONFIG, tmp_path / "whole")
    before = {name: value.clone() for name, value in whole.task.network.state_dict().items()}
    whole.run()
    after = whole.task.network.state_dict()
    frozen = ("trunk.conv_stem", "trunk.bn1", "trunk.blocks.0", "trunk.blocks.1")
    sims = tuple(name for name, part in whole.task.network.named_modules() if isinstance(part, PlacedSim))
    stay = {name for name in before if name.startswith(frozen) and not name.startswith(sims)}
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert stay
    assert not moved & stay
    assert any(name.startswith("trunk.blocks.1") for name in moved)
    part = Trainer(task(clip_stores), CONFIG, tmp_path / "part")
    part._train_step(part.task.batches()[0], None)
    part.save()
    resumed = Trainer(task(clip_stores), CONFIG, tmp_path / "part")
    assert resumed.resume()
    assert resumed.step == 1
    resumed.run()
    for name, value in whole.task.module.state_dict().items():
        assert torch.equal(value, resumed.task.module.state_dict()[name]), name


def test_data_and_settings_that_do_not_suffice_are_refused(clip_stores: Stores, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="do not suffice"):
        task(clip_stores, replace(CONFIG, mix=ClipMix(genuine={"elsewhere": 1.0})))
    with pytest.raises(ValueError, match="treatment must be one of"):
        replace(CONFIG, treatment="none")  # type: ignore[arg-type]
    path = tmp_path / "settings.toml"
    path.write_text('operators = ["jiter"]\n')
    with pytest.raises(UsageError, match="operators must be some of"):
        applied(read_recipe(path), CONFIG)
    path.write_text('operators = ["jitter"]\nswapped = 0\n')
    (changed,) = applied(read_recipe(path), CONFIG)
    assert (changed.mix.operators, changed.mix.swapped) == (("jitter",), 0.0)


def test_p003_means_what_the_paper_says() -> None:
    (config,) = applied(find_recipe("p003"), CONFIG)
    assert (config.optimiser, config.learning_rate, 2 * config.pairs, config.epochs) == ("adam", 1e-4, 10, 30)
    assert (config.schedule, config.plateau_factor, config.treatment) == ("plateau", 0.1, "flip")
    assert (config.snippets, config.spread, config.frame_weight, config.smoothing) == (4, 1.0, 0.0, 0.0)


def test_train_snippet_compact_from_the_trunk_of_a_frame_detector(
    drawn_clips: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, base = build_mobilenet(64), tmp_path / "frame-mobile"
    save_weights(base, network, card_values("frame-mobile", network), torch.float16)
    config = tmp_path / "settings.toml"
    config.write_text("pairs = 1\nvalidate_every = 1\nvalidation_pairs = 1\nworkers = 0\nwarm_up = 1\nsize = 64\n")
    monkeypatch.setattr("engine.training.datasets.read_dataset", lambda *_: drawn_clips)
    out = tmp_path / "out"
    words = ["train", "snippet-compact", "--data", str(tmp_path), "--config", str(config), "--from", str(base)]
    assert run([*words, "--steps", "1", "--out", str(out)]) == 0
    card = load_card(out)
    assert (card.id, card.architecture, card.size, card.margin) == (
        "snippet-compact",
        detector_spec("snippet-compact").architecture,
        64,
        0.1,
    )
    assert str(card.training["initialisation"]).startswith("the trunk of frame-mobile")
    assert set(card.training["held_out_auc"]) >= {
        "genuine pairs",
        "trained operators",
        "held-out operators",
        "mean",
    }
    assert list(card.training["held_out_operators"]) == ["desynchronisation", "temporal-resolution"]
