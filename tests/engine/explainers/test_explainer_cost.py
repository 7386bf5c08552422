"""The passes that explainers tell are those the network sees, and their seconds leave out what came between."""

import time
from collections.abc import Generator

import pytest
import torch
from random_weights import card_values, noise_crops, random_network

from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.explainers.base import finished, timed
from engine.explainers.registry import load_explainer

CHEAP = {"kernel-shap": {"samples": 20, "segments": 4, "tolerance": 0}}


@pytest.mark.parametrize("explainer_id", ["gradcam", "kernel-shap"])
def test_passes_are_those_the_network_sees(explainer_id: str) -> None:
    network = random_network("frame-mobile", 64)
    card = parse_card(card_values("frame-mobile", network) | {"sha256": "0" * 64})
    detector = FrameDetector("frame-mobile", network, card, torch.device("cpu"))
    seen = 0

    def note(_network: object, inputs: tuple[torch.Tensor, ...]) -> None:
        nonlocal seen
        seen += len(inputs[0])

    detector.network.register_forward_pre_hook(note)
    explainer = load_explainer(explainer_id, "frame-mobile", CHEAP.get(explainer_id, {}))
    maps = explainer.explain(detector, noise_crops(3, 64))
    assert maps.passes.shape == (3,)
    assert maps.passes.min() >= 1
    assert maps.passes.sum() == seen


def test_seconds_are_those_of_the_steps_alone() -> None:
    def steps() -> Generator[None, None, str]:
        for _ in range(3):
            time.sleep(0.02)
            yield None
        time.sleep(0.02)
        return "made"

    def interrupted() -> Generator[None, None, tuple[str, float]]:
        inner = timed(steps())
        while True:
            try:
                next(inner)
            except StopIteration as end:
                return end.value
            time.sleep(0.2)
            yield None

    made, seconds = finished(interrupted())
    assert made == "made"
    assert 0.08 <= seconds < 0.3
