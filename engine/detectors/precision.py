"""How much bf16 moves the probabilities of a network: what a card's `bf16_deviation` states."""

import numpy as np
import torch
from torch import nn

from engine.detectors.probability import sigmoid
from engine.results import FloatArray


@torch.inference_mode()
def both_precisions(network: nn.Module, inputs: torch.Tensor, batch: int = 10) -> tuple[FloatArray, FloatArray]:
    """Logits in float32 and under bf16 autocast: inputs (N, ...) normalised -> two (N,) float32.

    Of a network with two logits, (N, 2), that of fake less that of real.
    """
    device = inputs.device.type
    answers = []
    for bf16 in (False, True):
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            logits = torch.cat([network(part).float() for part in torch.split(inputs, batch)])
        answers.append((logits if logits.ndim == 1 else logits[:, 1] - logits[:, 0]).cpu().numpy())
    return answers[0], answers[1]


def bf16_deviation(float32: FloatArray, bf16: FloatArray, crops: int = 100) -> float:
    """Largest difference of the probabilities among the `crops` whose probability lies nearest to one half.

    There a logit's error moves the probability most: by up to a quarter of it.
    """
    nearest = np.argsort(np.abs(float32), kind="stable")[:crops]
    difference = sigmoid(float32[nearest]) - sigmoid(bf16[nearest])
    return float(np.abs(difference).max())
