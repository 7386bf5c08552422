"""The questioned patch of a texture that moves as one knows, and `export --prototype` over a stand-in engine."""

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Self

import cv2
import numpy as np
import pytest
import torch
from fake_worker import _identity, fake_scores
from PIL import Image
from random_weights import card_values, noise_crops, random_dpnet

from engine import cli
from engine.detectors.cards import load_card
from engine.detectors.flow_card import flow_table
from engine.detectors.prototypes import prototype_files, read_motions
from engine.detectors.weights import save_weights
from engine.exports.questioned_patch import Questioned, side_by_side
from engine.faces.flow import FlowSpec
from engine.results import DetectorInfo, Explanation, FaceTrack, Prototype, PrototypeSource, frozen
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest, ExplainRequest, ExplanationMade
from engine.video.media import Media, open_media
from engine.video.writer import ClipWriter

ID, SIZE, SIDE, FRAMES, PACE = "dpnet-compact", 64, 96, 30, 2
X, Y = 60, 40
"""Corner of the face's box, whose side is SIDE."""
SOURCE = PrototypeSource("train/a.mp4", 3, (0, 0, 9, 9), (0, 0), (1, 1, 5, 5), 0.1, "")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cloud that moves to the right by PACE pixels a frame."""
    (cloud,) = noise_crops(1, 320, 5)
    cloud = cv2.GaussianBlur(cloud, (0, 0), 1.5)
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    with ClipWriter(path, 240, 180, Fraction(1, 25)) as writer:
        for number in range(FRAMES):
            left = 70 - PACE * number
            writer.write(np.ascontiguousarray(cloud[20:200, left : left + 240]), number, 1)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Prototype, ...], np.ndarray]:
    """A folder of weights, its prototypes, and their motions."""
    network = random_dpnet(ID, SIZE)
    count = len(network.prototypes.vectors)
    found = tuple(
        Prototype(f"p{k}", "real" if k < count // 2 else "fake", (0.0, 1.0), SOURCE) for k in range(count)
    )
    motions = np.random.default_rng(0).normal(size=(count, 10, 2, 16, 16)).astype(np.float16).astype(np.float32)
    flow = FlowSpec(SIZE, SIDE, bound=5.0)
    values = card_values(ID, network) | {"margin": 0.0, "flow": flow_table(flow, 5)}  # type: ignore[arg-type]
    folder = tmp_path_factory.mktemp("weights") / ID
    save_weights(folder, network, values, torch.float16, prototype_files(found, motions))
    return folder, found, motions


@pytest.fixture
def media(video: Path) -> Iterator[Media]:
    opened = open_media(video)
    yield opened
    opened.close()


def boxes(count: int) -> np.ndarray:
    return np.tile(np.array([X, Y, X + SIDE, Y + SIDE], np.float32), (count, 1))


def asked(weights: Any, last: int, seen: int = FRAMES) -> Questioned:
    folder, found, _ = weights
    return Questioned(folder, found[3], 3, fake_scores(ID, 0, 2), 5, last, boxes(seen), 0, 0.5)


def test_the_patch_moves_as_the_video_does(media: Media, weights: Any) -> None:
    shown = side_by_side(media, asked(weights, 9), (X + 24, Y + 24, X + 72, Y + 60))
    assert shown.frames.tolist() == list(range(5, 15))
    right, down = (float(np.median(shown.flow[:, axis])) for axis in (0, 1))
    assert right == pytest.approx(PACE * SIZE / SIDE, abs=0.1)
    assert down == pytest.approx(0, abs=0.1)
    assert shown.pictures.shape == (10, 36, 48, 3)
    pixels = media.reader().read(5).pixels[Y + 24 : Y + 60, X + 24 : X + 72]
    assert np.abs(shown.pictures[0].astype(int) - pixels).mean() < 2
    assert np.array_equal(shown.motion, weights[2][3])
    assert np.array_equal(read_motions(weights[0], load_card(weights[0])), weights[2])


def test_without_a_place_all_of_the_crop_is_shown_and_a_short_stretch_goes_forth_and_back(
    media: Media, weights: Any
) -> None:
    shown = side_by_side(media, asked(weights, 9, seen=10), None)
    assert shown.box == (X, Y, X + SIDE, Y + SIDE)
    assert shown.frames.tolist() == [5, 6, 7, 8, 9, 8, 7, 6, 5, 6]


class Session:
    """Stands for the engine: one face, clips every five frames; the second is most similar to p3."""

    info: DetectorInfo

    def __init__(self, *_: object) -> None:
        self.progress = SimpleNamespace(show=lambda _: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def named(self, detectors: list[str]) -> list[str]:
        return detectors

    def say(self, line: str) -> None:
        pass

    def detectors(self) -> Any:
        return SimpleNamespace(detectors=(self.info,))

    def ask(self, request: AnalyzeRequest | ExplainRequest) -> Iterator[AnalysisDone | ExplanationMade]:
        identity = replace(_identity(request.video), frames=FRAMES)
        if isinstance(request, ExplainRequest):
            assert (request.explainer_id, dict(request.settings)) == ("prototypes", {"prototype": "p3"})
            values = np.zeros((1, 4, 4), np.float32)
            values[0, 1, 2] = 0.8
            affine = np.array([[[SIDE / 4, 0, X], [0, SIDE / 4, Y]]], np.float32)
            frames = frozen(np.array(request.frames, np.int64))
            scores = fake_scores(ID, 0, 2)
            yield ExplanationMade(
                1,
                identity,
                Explanation(
                    "prototypes", ID, 0, frames, frames, frozen(values), frozen(affine),
                    frozen(np.zeros(1, np.float32)), True, scores.provenance,
                ),
            )  # fmt: skip
            return
        assert (request.first, request.last) == (0, 19)  # a clip looks ten frames ahead
        similarity = np.full((4, len(self.info.prototypes)), 0.1, np.float32)
        similarity[1, 3], similarity[3, 3] = 0.7, 0.9  # the last one begins behind the range
        scores = replace(
            fake_scores(ID, 0, 3),
            spans=frozen(np.array([[0, 4], [5, 9], [10, 14], [15, 19]])),
            activations=MappingProxyType({"similarity": frozen(similarity)}),
        )
        numbers = np.arange(20)
        around = boxes(20)
        track = FaceTrack(
            0,
            numbers,
            around,
            np.zeros((20, 5, 2), np.float32),
            np.ones(20, np.float32),
            np.ones(20, bool),
            around,
        )
        yield AnalysisDone(1, identity, ID, (track,), (scores,), 0.6, ())


def test_the_command_writes_the_clip_that_is_most_similar(
    video: Path, weights: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, found, _ = weights
    Session.info = DetectorInfo(ID, "DPNet", "P000", True, "0" * 64, {}, "", (), str(folder), found)
    monkeypatch.setattr("engine.cli.export.EngineSession", Session)
    out = tmp_path / "a.gif"
    words = ["export", str(video), "--detector", ID, "--frames", "0:10", "--out", str(out)]
    assert cli.run([*words, "--prototype", "p3"]) == 0
    told = json.loads(out.with_suffix(".json").read_text())
    assert told["questioned"]["frames"] == list(range(5, 15))
    assert told["questioned"]["similarity"] == pytest.approx(0.7)
    x0, y0, x1, y1 = told["questioned"]["box"]
    assert x0 < X + 2.5 * SIDE / 4 < x1  # around the hot cell
    assert y0 < Y + 1.5 * SIDE / 4 < y1
    with Image.open(out) as decoded:
        assert decoded.n_frames == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "a.json"]
    assert cli.run([*words, "--prototype", "nobody"]) == 2
    Session.info = replace(Session.info, prototypes=())
    assert cli.run([*words, "--prototype", "p3"]) == 2
