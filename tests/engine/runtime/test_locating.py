"""Explainers on pairs of pictures: a map that is right, one that is wrong, and pairs that do not fit."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from random_weights import card_values, random_network

from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.errors import CancelledError
from engine.explainers.base import UNWATCHED, Explainer, Maps
from engine.progress import CancelToken, Progress
from engine.runtime.locating import PicturePair, locate

SIZE = 64


class Half(Explainer):
    """Says that the left or the right half is fake."""

    id, signed, precision = "half", True, "float32"

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def steps(self, detector, crops, watch=UNWATCHED):  # type: ignore[no-untyped-def]
        yield None
        values = np.full((len(crops), 8, 8), -1.0, np.float32)
        values[:, :, 4 * self.side : 4 * self.side + 4] = 1.0
        return Maps(values, detector.score_crops(crops), np.ones(len(crops), np.int64))


@pytest.fixture(scope="module")
def detector() -> FrameDetector:
    network = random_network("frame-mobile", SIZE)
    card = parse_card(card_values("frame-mobile", network) | {"sha256": "0" * 64})
    return FrameDetector("frame-mobile", network, card, torch.device("cpu"), "float32")


def written(folder: Path, name: str, change: int, size: int = 128) -> PicturePair:
    """A pair whose left half differs by `change` levels."""
    real = cv2.resize(np.ascontiguousarray(skimage.data.astronaut()[30:200, 140:310]), (size, size)) // 2
    forged = real.copy()
    forged[:, : size // 2] += np.uint8(change)
    paths = [folder / f"{name}_{kind}.png" for kind in ("real", "forged")]
    for path, picture in zip(paths, (real, forged), strict=True):
        cv2.imwrite(str(path), picture[..., ::-1])
    return PicturePair(name, *paths, (name,))


def test_maps_are_held_against_what_differs(tmp_path: Path, detector: FrameDetector) -> None:
    explainers: dict[str, Explainer] = {"right": Half(0), "wrong": Half(1)}
    seen: list[Progress] = []
    found, left_out = locate(
        detector, explainers, [written(tmp_path, "a", 60)], cancel=CancelToken(), progress=seen.append
    )
    (pair,) = found
    assert not left_out
    assert pair.located["right"].relevance_mass == pytest.approx(1.0)
    assert pair.located["right"].pointing == pytest.approx(1.0)
    assert pair.located["wrong"].relevance_mass < 0.05  # the blur of the difference reaches over a little
    assert pair.located["right"].chance == pytest.approx(0.5, abs=0.03)
    picture = cv2.imread(str(tmp_path / "a_forged.png"))[..., ::-1]
    crop = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    alone = 1 / (1 + np.exp(-float(detector.score_crops(crop[None])[0])))
    assert pair.fake_probability == pytest.approx(alone, abs=0.05)  # it is the forged picture that is explained
    assert seen[-1].done == 1


def test_pairs_that_cannot_be_judged_are_named(tmp_path: Path, detector: FrameDetector) -> None:
    alike, fine = written(tmp_path, "alike", 3), written(tmp_path, "fine", 60)
    larger = PicturePair("larger", fine.real, written(tmp_path, "large", 60, 150).forged, ())
    broken = PicturePair("broken", fine.real, tmp_path / "nothing.png", ())
    found, left_out = locate(detector, {"half": Half(0)}, [alike, larger, broken, fine], cancel=CancelToken())
    assert [pair.name for pair in found] == ["fine"]
    assert set(left_out) == {"alike", "larger", "broken"}
    assert "differ too little" in left_out["alike"]
    assert "differ in size" in left_out["larger"]


def test_it_can_be_cancelled(tmp_path: Path, detector: FrameDetector) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        locate(detector, {"half": Half(0)}, [written(tmp_path, "a", 60)], cancel=token)
