"""Logits and probabilities; without torch, so that the window can make one of the other, too."""

import numpy as np

from engine.results import FloatArray


def sigmoid(logits: FloatArray) -> FloatArray:
    """Probabilities of logits, float32, without overflow."""
    return (0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))).astype(np.float32)
