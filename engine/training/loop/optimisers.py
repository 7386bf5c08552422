"""The optimiser that the settings name, and its state as named tensors."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from engine.training.loop.config import LoopConfig


def make_optimiser(module: nn.Module, config: LoopConfig) -> Optimizer:
    """Over all parameters that ask for a gradient; each group has a `factor` for the learning rate."""
    groups = _groups(module, config)
    match config.optimiser:
        case "adamw":
            return AdamW(groups, lr=config.learning_rate)
        case "adam":
            return Adam(groups, lr=config.learning_rate)
        case "sgd":
            return SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.momentum > 0)


def optimiser_tensors(module: nn.Module, optimiser: Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as tensors named PARAMETER/QUANTITY."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in module.named_parameters()}
    return {
        f"{names[parameter]}/{quantity}": value
        for parameter, state in optimiser.state.items()
        for quantity, value in state.items()
        if value is not None
    }


def restore_optimiser(module: nn.Module, optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The reverse of `optimiser_tensors`, each in the device and memory layout of its parameter."""
    parameters = dict(module.named_parameters())
    for name, value in tensors.items():
        parameter, quantity = name.rsplit("/", 1)
        target = parameters[parameter]
        kept = value if value.ndim == 0 else torch.empty_like(target, dtype=value.dtype).copy_(value).detach()
        optimiser.state[target][quantity] = kept


def _groups(module: nn.Module, config: LoopConfig) -> list[dict[str, Any]]:
    """Weights decay, biases and normalisations do not; those with the highest rate come first."""
    factors = {name: config.rate_factor(name) for name, p in module.named_parameters() if p.requires_grad}
    groups = []
    for factor in sorted(set(factors.values()), reverse=True):
        parameters = [module.get_parameter(name) for name, its in factors.items() if its == factor]
        weights, others = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
        groups += [
            {"params": weights, "weight_decay": config.weight_decay, "factor": factor},
            {"params": others, "weight_decay": 0.0, "factor": factor},
        ]
    return groups
