"""The learning rate of every schedule against its closed form, and against torch's own where it has one."""

import itertools
import math

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from engine.training.loop.config import LoopConfig
from engine.training.loop.schedules import falls, falls_from, learning_rate


def test_linear_rises_stays_and_falls() -> None:
    config = LoopConfig(steps=100, warm_up=10, cool_down=0.3, learning_rate=2.0)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * (k + 1) for k in range(10)])
    assert set(rates[10:71]) == {2.0}
    assert rates[70:] == pytest.approx([2.0 * (100 - step) / 30 for step in range(70, 100)])
    assert falls_from(config) == 70


def test_cosine_is_half_a_cosine_after_the_warm_up() -> None:
    config = LoopConfig(steps=110, warm_up=10, schedule="cosine", learning_rate=2.0)
    assert learning_rate(config, 4) == pytest.approx(1.0)
    assert learning_rate(config, 10) == pytest.approx(2.0)
    assert learning_rate(config, 35) == pytest.approx(1 + math.sqrt(0.5))
    assert learning_rate(config, 60) == pytest.approx(1.0)
    assert learning_rate(config, 109) == pytest.approx(1 + math.cos(0.99 * math.pi))
    assert falls_from(config) == 10


def test_constant_is_constant_after_the_warm_up() -> None:
    config = LoopConfig(steps=50, warm_up=0, schedule="constant", learning_rate=0.5)
    assert {learning_rate(config, step) for step in range(50)} == {0.5}


@pytest.mark.parametrize(("patience", "cooldown"), [(1, 0), (2, 3), (10, 20), (3, 1)])
def test_plateau_falls_as_torch_does(patience: int, cooldown: int) -> None:
    config = LoopConfig(
        steps=1000,
        warm_up=0,
        schedule="plateau",
        plateau_patience=patience,
        plateau_cooldown=cooldown,
        plateau_factor=0.5,
        learning_rate=1.0,
    )
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = ReduceLROnPlateau(
        optimiser, mode="max", factor=0.5, patience=patience, cooldown=cooldown, threshold=0.0, eps=0.0
    )
    generator = torch.Generator().manual_seed(3)
    figures: list[float] = []
    for figure in torch.rand(200, generator=generator).tolist():
        figures.append(figure)
        oracle.step(figure)
        assert learning_rate(config, 500, figures) == pytest.approx(optimiser.param_groups[0]["lr"])
    assert falls(config, figures) >= 3
    assert falls_from(config) == 1000


def test_plateau_stops_falling_at_the_minimum() -> None:
    config = LoopConfig(
        warm_up=0, schedule="plateau", plateau_patience=1, plateau_factor=0.1, learning_rate=1.0, minimum_rate=0.03
    )
    rates = [learning_rate(config, 9, [0.5] * n) for n in range(12)]
    assert all(a >= b for a, b in itertools.pairwise(rates))
    assert rates[0] == 1.0
    assert rates[-1] == 0.03


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("optimiser", "lion"),
        ("schedule", "steps"),
        ("learning_rate", 0.0),
        ("cool_down", 1.5),
        ("average", 1.0),
        ("plateau_factor", 0.0),
        ("momentum", -0.1),
        ("patience", 0),
        ("workers", -1),
    ],
)
def test_settings_without_sense_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        LoopConfig(**{name: value})  # type: ignore[arg-type]
