"""LPS as a whole (P001, sections 3.2 and 3.3): a window of 12 examples of 5 successive frames -> real or fake.

P001 names 512 inputs of the classifier and no second direction. Read with MemDPC, which it builds on, these are
the last states of two aggregators, one over the examples in their order and one over them reversed, each averaged
over its cells; batch normalisation and dropout before the linear layer are MemDPC's, too.
"""

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from engine.networks.lps.config import OBSERVED, RECURSIVE_STEPS, LpsConfig
from engine.networks.lps.encoder import RawCells, ResNet2d3d
from engine.networks.lps.gru import ConvGru
from engine.networks.lps.inception import Inception3d
from engine.networks.lps.predictor import Predictor

INPUT_MEAN = (0.485, 0.456, 0.406)
INPUT_STD = (0.229, 0.224, 0.225)
"""Of each RGB channel, for crops scaled to [0, 1]."""

CLASSES = ("real", "fake")
"""The order of the two logits."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What was predicted in one direction, and what came.

    Attributes:
        predicted: (B, P, C, h, w).
        true: (B, P, C, h, w), the features as encoded, before their ReLU.
        examples: numbers of the P examples in the window, from 0.
    """

    predicted: Tensor
    true: Tensor
    examples: tuple[int, ...]


class Lps(nn.Module):
    """Windows (B, m, 3, T, S, S), normalised -> (B, 2) logits of real and fake.

    Attributes:
        map_layers: dotted names of modules whose outputs are maps (B, m, C, h, w): what each aggregator receives.
    """

    map_layers = ("activation",)

    def __init__(self, config: LpsConfig) -> None:
        super().__init__()
        self.config = config
        self.size = config.size
        self.input_mean, self.input_std = INPUT_MEAN, INPUT_STD
        self.encoder = _encoder(config)
        channels = self.encoder.channels
        # Pixels have no layer before them whose negative answers could be cut off.
        self.activation = nn.Identity() if config.encoder == "none" else nn.ReLU()
        context = config.hidden if config.aggregator else channels
        if config.aggregator:
            self.forward_aggregator = ConvGru(channels, config.hidden)
            self.backward_aggregator = ConvGru(channels, config.hidden)
        self.predictor = Predictor(context, channels, config.slots if config.memory else None)
        width = 2 * config.hidden if config.aggregator else config.examples * channels
        self.classifier = nn.Sequential(nn.BatchNorm1d(width), nn.Dropout(0.5), nn.Linear(width, len(CLASSES)))
        self._initialise()

    def encode(self, windows: Tensor) -> Tensor:
        """(B, m, 3, T, S, S) -> features z (B, m, C, h, w), before their ReLU."""
        features: Tensor = self.encoder(windows.flatten(0, 1))
        return features.view(*windows.shape[:2], *features.shape[1:])

    def contexts(self, z: Tensor, *, reverse: bool) -> Tensor:
        """z (B, m, C, h, w) -> what is known after each example, (B, m, hidden, h, w).

        With `reverse` from the last example to the first. Without an aggregator it is the example itself.
        """
        seen = cast("Tensor", self.activation(z.flip(1) if reverse else z))
        if not self.config.aggregator:
            return seen
        return cast("Tensor", self._aggregator(reverse=reverse)(seen))

    def descriptors(self, z: Tensor) -> Tensor:
        """z (B, m, C, h, w) -> what the classifier judges, (B, 512) with P001's sizes."""
        if not self.config.aggregator:
            return self.contexts(z, reverse=False).mean((3, 4)).flatten(1)
        ends = [self.contexts(z, reverse=reverse)[:, -1].mean((2, 3)) for reverse in (False, True)]
        return torch.cat(ends, 1)

    def classify(self, z: Tensor) -> Tensor:
        """z (B, m, C, h, w) -> (B, 2) logits of real and fake."""
        return cast("Tensor", self.classifier(self.descriptors(z)))

    def forward(self, windows: Tensor) -> Tensor:
        return self.classify(self.encode(windows))

    def predict(self, z: Tensor) -> tuple[Predictions, Predictions]:
        """z (B, m, C, h, w) -> predictions in time's direction and against it, as configured, for pre-training."""
        one_step = self.config.prediction == "one-step"
        make = self.predict_next if one_step else self._predict_recursively
        return make(z, reverse=False), make(z, reverse=True)

    def predict_next(self, z: Tensor, *, reverse: bool) -> Predictions:
        """Every example but the first three from all true ones before it (P001, algorithm 1)."""
        contexts = self.contexts(z, reverse=reverse)[:, OBSERVED - 1 : -1]
        predicted = self.predictor(contexts.flatten(0, 1)).unflatten(0, contexts.shape[:2])
        return _compared(predicted, z, reverse=reverse)

    def _predict_recursively(self, z: Tensor, *, reverse: bool) -> Predictions:
        """The last three examples, each from its predecessors as predicted (MemDPC)."""
        aggregator = self._aggregator(reverse=reverse)
        observed = (z.flip(1) if reverse else z)[:, :-RECURSIVE_STEPS]
        state = aggregator(self.activation(observed))[:, -1]
        predicted = [self.predictor(state)]
        while len(predicted) < RECURSIVE_STEPS:
            state = aggregator.step(self.activation(predicted[-1]), state)
            predicted.append(self.predictor(state))
        return _compared(torch.stack(predicted, 1), z, reverse=reverse)

    def _aggregator(self, *, reverse: bool) -> ConvGru:
        return self.backward_aggregator if reverse else self.forward_aggregator

    def _initialise(self) -> None:
        trained_later = [self.predictor.phi]
        if self.config.aggregator:
            trained_later += [self.forward_aggregator, self.backward_aggregator]  # type: ignore[list-item]
        for layer in (layer for part in trained_later for layer in part.modules()):
            if isinstance(layer, nn.Conv2d):
                nn.init.orthogonal_(layer.weight, self.config.gain)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        last = cast("nn.Linear", self.classifier[-1])
        nn.init.orthogonal_(last.weight)
        nn.init.zeros_(last.bias)


def build_lps(config: LpsConfig, size: int) -> Lps:
    """The network of a configuration for crops of another size."""
    return Lps(replace(config, size=size))


def _encoder(config: LpsConfig) -> ResNet2d3d | Inception3d | RawCells:
    if config.encoder == "resnet":
        return ResNet2d3d(config.widths)
    return Inception3d(config.widths[-1]) if config.encoder == "inception" else RawCells(config.frames)


def _compared(predicted: Tensor, z: Tensor, *, reverse: bool) -> Predictions:
    """Predictions of the last examples in the order of a direction, beside those examples."""
    numbers = torch.arange(z.shape[1], device=z.device)
    ordered, numbers = (z.flip(1), numbers.flip(0)) if reverse else (z, numbers)
    count = predicted.shape[1]
    return Predictions(predicted, ordered[:, -count:], tuple(numbers[-count:].tolist()))
