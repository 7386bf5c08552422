"""The three stages of LPS: losses by hand, what each moves, resumes that change no bit, all of it by command."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cli import run
from engine.detectors.base import Clip
from engine.detectors.cards import load_card
from engine.detectors.lps import LpsDetector
from engine.detectors.registry import load_detector
from engine.detectors.specs import detector_spec
from engine.errors import DataError, UsageError
from engine.networks.lps.network import Lps
from engine.training.clips.batches import ClipBatches
from engine.training.clips.mix import ClipMix
from engine.training.datasets.base import Dataset
from engine.training.faces.store import FaceStore
from engine.training.loop.trainer import Trainer
from engine.training.lps.config import LpsTaskConfig
from engine.training.lps.task import ACCURACY, LpsPretraining, LpsTask
from engine.training.lps.windows import WindowBatches
from engine.training.recipes import applied, find_recipe

pytestmark = pytest.mark.usefixtures("one_thread")
Stores = tuple[FaceStore, FaceStore]
SPEC = detector_spec("lps-compact")
FINETUNE = LpsTaskConfig(
    mix=ClipMix(genuine={"drawn": 1.0}, hard_reals=0.0),  # nothing has to be forged
    treatment="flip",
    size=32,
    pairs=1,
    optimiser="adam",
    steps=2,
    warm_up=1,
    validate_every=2,
    validation_pairs=1,
    workers=0,
    seed=5,
)
PRETRAIN = replace(FINETUNE, stage="pretrain")
DISTIL = replace(FINETUNE, stage="distil")


def network_of(config: LpsTaskConfig) -> Lps:
    """At its beginning; as if it had learnt to judge where it is to be distilled."""
    torch.manual_seed(config.seed)
    network = config.build(SPEC)
    assert isinstance(network, Lps)
    if config.stage == "distil":
        torch.nn.init.normal_(network.classifier[-1].bias, std=0.1)
    return network


def task(stores: Stores, config: LpsTaskConfig) -> LpsPretraining | LpsTask:
    kind = LpsPretraining if config.stage == "pretrain" else LpsTask
    return kind(network_of(config), *stores, config)


def as_input(pictures: np.ndarray) -> torch.Tensor:
    """(B, 60, S, S, 3) -> (B, 12, 3, 5, S, S), by hand."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((pictures / 255 - mean) / std).reshape(len(pictures), 12, 5, *pictures.shape[2:])
    return torch.from_numpy(x.transpose(0, 1, 5, 2, 3, 4)).float()


def equation_4(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each predicted cell the loss, and whether its true cell is the nearest."""
    rows, columns = (
        x.astype(np.float64).transpose(0, 1, 3, 4, 2).reshape(-1, x.shape[2]) for x in (predicted, true)
    )
    scores = rows @ columns.T
    losses = np.log(np.exp(scores).sum(1)) - np.diag(scores)
    return losses, scores.argmax(1) == np.arange(len(rows))


def test_the_loss_of_the_pre_training_is_equation_4(clip_stores: Stores) -> None:
    t = task(clip_stores, replace(PRETRAIN, size=64))
    t.module.eval()
    batch = t.batches()[0]
    assert batch.pictures.shape == (2, 60, 64, 64, 3)
    with torch.no_grad():
        parts = t.loss(batch)
        z = t.network.encode(as_input(batch.pictures))
    for name, reverse in (("forward", False), ("backward", True)):
        with torch.no_grad():
            made = t.network.predict_next(z, reverse=reverse)
        losses, _ = equation_4(made.predicted.numpy(), made.true.numpy())
        assert parts[name].count == len(losses) == 2 * 9 * 4
        assert float(parts[name].total) == pytest.approx(losses.sum(), rel=1e-4)
        assert parts[name].weight == 1


def test_the_pre_training_is_steered_by_the_contrastive_task(clip_stores: Stores) -> None:
    t = task(clip_stores, PRETRAIN)
    torch.nn.init.normal_(t.network.predictor.phi[-1].weight)
    figures = t.validate(t.network)
    (windows,) = t._held_out
    assert len(windows) == 8
    hits = []
    with torch.no_grad():
        for made in t.network.predict(t.network.encode(as_input(windows))):
            hits += equation_4(made.predicted.numpy(), made.true.numpy())[1].tolist()
    assert figures == {ACCURACY: np.mean(hits), "mean": np.mean(hits)}
    assert len(hits) == 2 * 8 * 9


def test_the_loss_of_the_fine_tuning_is_cross_entropy(clip_stores: Stores) -> None:
    for smoothing in (0.0, 0.1):
        t = task(clip_stores, replace(FINETUNE, smoothing=smoothing))
        t.module.eval()
        batch = t.batches()[0]
        with torch.no_grad():
            (part,) = t.loss(batch).values()
            logits = t.network(as_input(batch.pictures)).double().numpy()
        shares = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        fake = np.where(batch.labels == 1, 1 - smoothing, smoothing)
        wanted = -(fake * shares[:, 1] + (1 - fake) * shares[:, 0]).sum()
        assert (float(part.total), part.count, part.weight) == (pytest.approx(wanted, rel=1e-4), 2, 1)


def test_the_distillation_follows_the_teacher_where_it_is_right(clip_stores: Stores) -> None:
    """A teacher that always says fake, a student that leans to real: only the forged clip has a second term."""
    t = task(clip_stores, DISTIL)
    assert t._teacher is not None
    with torch.no_grad():
        for network, bias in ((t._teacher, (0.0, 2.0)), (t.network, (1.0, 0.0))):
            network.classifier[-1].weight.zero_()
            network.classifier[-1].bias.copy_(torch.tensor(bias))
    batch = t.batches()[0]
    assert batch.labels.tolist() == [0, 1]
    with torch.no_grad():
        parts = t.loss(batch)
    p = 1 / (1 + math.exp(-2))
    q = 1 / (1 + math.exp(1))
    assert float(parts["label"].total) == pytest.approx(-math.log(1 - q) - math.log(q), rel=1e-5)
    wanted = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert float(parts["teacher"].total) == pytest.approx(wanted, rel=1e-5)
    assert [(part.count, part.weight) for part in parts.values()] == [(2, 0.7), (1, pytest.approx(0.3))]


def test_only_what_judges_can_be_distilled(clip_stores: Stores) -> None:
    with pytest.raises(UsageError, match="nothing to distil"):
        LpsTask(network_of(FINETUNE), *clip_stores, DISTIL)


def test_bf16_is_refused_on_a_processor(clip_stores: Stores) -> None:
    """Its weight gradients of 3D convolutions are not even the same twice there."""
    assert not FINETUNE.bf16
    for config in (PRETRAIN, FINETUNE):
        with pytest.raises(UsageError, match="bf16"):
            task(clip_stores, replace(config, bf16=True))


def parts_moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("config", [PRETRAIN, FINETUNE, DISTIL], ids=lambda config: config.stage)
def test_a_resume_changes_no_bit_and_each_stage_moves_its_own(
    clip_stores: Stores, tmp_path: Path, config: LpsTaskConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.training.lps.task._AT_ONCE", 2)
    whole = Trainer(task(clip_stores, config), config, tmp_path / "whole")
    before = {name: value.clone() for name, value in whole.task.network.state_dict().items()}
    whole.run()
    moved = parts_moved(before, whole.task.network.state_dict())
    heads = {name.split(".")[0] for name in moved}
    aggregators = {"forward_aggregator", "backward_aggregator"}
    if config.stage == "pretrain":
        assert heads == {"encoder", "predictor"} | aggregators
    elif config.stage == "finetune":
        assert heads == {"encoder", "classifier"} | aggregators
    else:
        assert heads == {"classifier"} | aggregators
        assert all(".out_gate." in name for name in moved if "aggregator" in name)
    part = Trainer(task(clip_stores, config), config, tmp_path / "part")
    part._train_step(part.task.batches()[0], None)
    part.save()
    resumed = Trainer(task(clip_stores, config), config, tmp_path / "part")
    assert resumed.resume()
    resumed.run()
    for name, value in whole.task.module.state_dict().items():
        assert torch.equal(value, resumed.task.module.state_dict()[name]), name


def test_the_trunk_is_fine_tuned_at_a_tenth_of_the_rate(clip_stores: Stores, tmp_path: Path) -> None:
    for config, factor in ((FINETUNE, 0.1), (PRETRAIN, 1.0)):
        t = task(clip_stores, config)
        trainer = Trainer(t, config, tmp_path / config.stage)
        trainer._train_step(t.batches()[0], None)
        rates = {p: group["lr"] for group in trainer.optimiser.param_groups for p in group["params"]}
        found = {name.split(".")[0]: rates[p] for name, p in t.network.named_parameters() if p in rates}
        rate = config.learning_rate
        assert found.pop("classifier", rate) == rate
        assert found.keys() >= {"encoder", "forward_aggregator", "backward_aggregator"}
        assert set(found.values()) == {factor * rate}
        assert trainer.optimiser.param_groups[0]["lr"] == rate  # which the log shows


def test_frozen_stages_stay(clip_stores: Stores) -> None:
    t = task(clip_stores, replace(PRETRAIN, frozen_stages=2))
    still = {
        name.split(".")[1] for name, p in t.network.named_parameters() if not p.requires_grad and "enc" in name
    }
    assert still == {"stem", "res1", "res2"}
    assert list(t.frozen) == [t.network.encoder.stem, t.network.encoder.res1, t.network.encoder.res2]


def test_windows_are_of_reals_alone_or_one_of_a_pair(clip_stores: Stores) -> None:
    store, form = clip_stores[0], FINETUNE.form

    def make(footage: str, **more: object) -> WindowBatches:
        return WindowBatches(store, FINETUNE.mix, form, footage, windows=4, seed=1, **more)  # type: ignore[arg-type]

    pairs = ClipBatches(store, FINETUNE.mix, form, pairs=4, seed=1)
    chosen = []
    both = make("all")[2].pictures
    for place, window in enumerate(both):
        pair = pairs.pair(2, place)
        assert not np.array_equal(pair.real, pair.forged)
        chosen.append([np.array_equal(window, each) for each in (pair.real, pair.forged)])
    assert {tuple(each) for each in chosen} == {(True, False), (False, True)}
    np.testing.assert_array_equal(make("all", share=range(1, 3))[2].pictures, both[1:3])
    reals = make("reals")[0].pictures
    np.testing.assert_array_equal(make("reals", share=[3])[0].pictures, reals[3:])
    assert not np.array_equal(reals[0], reals[1])
    only = FaceStore([face for face in store.faces if face.item.label == 0], length=64)
    alone = WindowBatches(only, FINETUNE.mix, form, "reals", windows=4, seed=1)[0].pictures
    np.testing.assert_array_equal(alone, reals)


def test_switches_of_the_ablations_and_alignment() -> None:
    plain = network_of(FINETUNE).config
    assert (plain.size, plain.gain, network_of(PRETRAIN).config.gain) == (32, 1.0, 0.1)
    for name, value in (("encoder", "none"), ("encoder", "inception"), ("aggregator", False), ("memory", False)):
        config = replace(FINETUNE, **{name: value})
        assert network_of(config).config == replace(plain, **{name: value})
        assert "ablation" in config.described()
    assert "ablation" not in FINETUNE.described()
    assert (FINETUNE.form.aligned, replace(FINETUNE, aligned=False).form.aligned) == (True, False)


@pytest.mark.parametrize(
    "change",
    [{"stage": "pre-train"}, {"share": 1.5}, {"encoder": "none", "frozen_stages": 1}, {"temperature": 0.0}],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change)) if len(change) == 1 else "frozen_stages"):
        replace(FINETUNE, **change)


def test_data_that_do_not_suffice_are_refused(clip_stores: Stores) -> None:
    for config in (PRETRAIN, FINETUNE):
        with pytest.raises(DataError, match="do not suffice"):
            task(clip_stores, replace(config, mix=ClipMix(genuine={"elsewhere": 1.0})))


def test_the_compact_recipe_has_the_three_stages_of_the_paper() -> None:
    phases = applied(find_recipe("compact-lps"), FINETUNE)
    assert [phase.stage for phase in phases] == ["pretrain", "finetune", "distil"]
    assert {phase.optimiser for phase in phases} == {"adam"}
    assert (phases[0].footage, phases[1].trunk_rate, phases[2].share, phases[2].temperature) == (
        "reals",
        0.1,
        0.7,
        1,
    )
    assert [phase.makes_detector for phase in phases] == [False, True, True]


SETTINGS = """
pairs = 1
validate_every = 1
validation_pairs = 1
workers = 0
warm_up = 1
size = 32
steps = 1
treatment = "flip"
hard_reals = 0.0
[genuine]
drawn = 1.0
[pseudo]
"""


def test_train_all_stages_by_one_command_and_judge_with_what_comes_out(
    drawn_clips: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "settings.toml", tmp_path / "weights" / "lps-compact"
    monkeypatch.setattr("engine.training.datasets.read_dataset", lambda *_: drawn_clips)
    words = ["train", "lps-compact", "--data", str(tmp_path), "--config", str(config), "--out", str(out)]
    phase = "[[phases]]\nstage = "
    config.write_text(SETTINGS + phase + '"pretrain"\n')
    assert run(words) != 0
    assert "leaves no detector" in capsys.readouterr().err
    config.write_text(SETTINGS + "".join(f'{phase}"{stage}"\n' for stage in ("pretrain", "finetune", "distil")))
    assert run(words) == 0
    card = load_card(out)
    assert (card.id, card.aligned, card.margin, card.size) == ("lps-compact", True, 0.1, 32)
    assert (card.training["stage"], len(card.training["phases"])) == ("distil", 3)
    assert set(card.training["held_out_auc"]) == {"genuine pairs", "mean"}
    monkeypatch.setattr("engine.paths.weights_dirs", lambda: (out.parent,))
    detector = load_detector("lps-compact", "cpu")
    assert isinstance(detector, LpsDetector)
    assert detector.crop_spec.aligned
    crops = np.zeros((60, 32, 32, 3), np.uint8)
    scores = detector.score_clip(Clip(np.arange(60), np.array([[0, 59]])), crops)
    assert np.isfinite(scores.logits).all()
