"""Hints of a teacher: their distance by hand, what they leave alone, and that a pupil comes nearer to them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.networks.frame import FrameNetwork
from engine.networks.mobilenet import build_mobilenet
from engine.training.faces.store import FaceStore
from engine.training.frames.batches import MixConfig
from engine.training.frames.task import FrameConfig, FrameTask
from engine.training.frames.teacher import Teacher, tapped
from engine.training.inputs import to_input
from engine.training.loop.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")
Stores = tuple[FaceStore, FaceStore]
CONFIG = FrameConfig(
    mix=MixConfig(pseudo={"drawn": 1.0}),
    size=48,
    pairs=4,
    steps=12,
    warm_up=1,
    learning_rate=1e-2,
    average=0.0,
    frozen_stages=0,
    validate_every=12,
    validation_pairs=8,
    workers=0,
    teacher="frame-mobile",
)


def network(seed: int) -> FrameNetwork:
    torch.manual_seed(seed)
    return build_mobilenet(48)


def by_hand(net: FrameNetwork, pictures: np.ndarray) -> list[np.ndarray]:
    """The maps behind stages 2, 4 and 6, stage by stage."""
    trunk = net.trunk
    with torch.no_grad():
        x = trunk.bn1(trunk.conv_stem(to_input(pictures, net)))
        maps = []
        for stage in trunk.blocks:
            x = stage(x)
            maps.append(x.numpy())
    return [maps[k] for k in (2, 4, 6)]


def test_the_loss_by_hand() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), np.uint8)
    teacher, pupil = network(1).eval(), network(2).eval()
    hints = Teacher(teacher, pupil, pictures)
    with tapped(pupil) as seen:
        pupil(to_input(pictures, pupil))
    maps = by_hand(pupil, pictures), by_hand(teacher, pictures)
    expected = 0.0
    for own, hint, adapter in zip(*maps, hints.adapters, strict=True):
        weight, bias = (p.detach().numpy().astype(np.float64) for p in (adapter.weight[..., 0, 0], adapter.bias))
        told = np.einsum("bchw,dc->bdhw", own.astype(np.float64), weight) + bias[:, None, None]
        mean, deviation = hint.mean((0, 2, 3), keepdims=True), hint.std((0, 2, 3), keepdims=True, ddof=1)
        expected += float((((hint - mean) / (deviation + 1e-3) - told) ** 2).mean((1, 2, 3)).sum())
    assert float(hints.loss(seen, pictures).detach()) == pytest.approx(expected, rel=1e-4)


def test_no_hook_stays_and_the_teacher_is_no_part_of_what_is_kept() -> None:
    teacher, pupil = network(1), network(2)
    hints = Teacher(teacher, pupil, np.zeros((2, 48, 48, 3), np.uint8))
    for net in (teacher, pupil):
        assert not any(module._forward_hooks for module in net.modules())
    assert {name.split(".")[0] for name in hints.state_dict()} == {"adapters"}
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_a_pupil_comes_nearer(stores: Stores, tmp_path: Path) -> None:
    trainer = Trainer(FrameTask(network(2), *stores, CONFIG, teacher=network(1)), CONFIG, tmp_path)
    batch = trainer.task.batches()[99]

    def distance() -> float:
        trainer.task.network.eval()
        with torch.no_grad():
            return float(trainer.task.loss(batch)["teacher"].total)

    before = distance()
    whole = trainer.run()
    assert distance() < before
    assert whole.steps == CONFIG.steps


def test_weights_of_losses_are_not_negative() -> None:
    with pytest.raises(ValueError, match="teacher_weight"):
        replace(CONFIG, teacher_weight=-1.0)
