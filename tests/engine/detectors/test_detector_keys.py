"""Under which settings scores are stored: everything that changes them changes the key."""

from pathlib import Path

import pytest
import torch
from random_weights import card_values, random_network

from engine.detectors.frame import FrameDetector
from engine.detectors.weights import save_weights


@pytest.mark.parametrize("change", [{"margin": 0.25}, {"mean": [0.4, 0.5, 0.5]}, {"std": [0.5, 0.5, 0.25]}])
def test_the_same_weights_under_another_card_have_another_key(tmp_path: Path, change: dict[str, object]) -> None:
    network = random_network("frame-mobile")
    values = card_values("frame-mobile", network)
    cards = [
        save_weights(tmp_path / name, network, values | more, torch.float16)
        for name, more in (("a", {}), ("b", change), ("c", {}))
    ]
    assert len({card.sha256 for card in cards}) == 1, "the tensors are the same"
    one, other, again = (
        FrameDetector("frame-mobile", network, card, torch.device("cpu")).provenance(faces="f") for card in cards
    )
    assert one.settings_hash != other.settings_hash
    assert one.settings_hash == again.settings_hash
