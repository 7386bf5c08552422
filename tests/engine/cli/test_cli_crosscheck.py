"""The numbers of `analyze` and `explain` against others made by hand: frame by PyAV, crop and network by numpy
and torch's plain functions, Grad-CAM in closed form."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hand_mobilenet import HandMobileNet, hand_crop
from random_weights import write_random_weights

from engine import cli, paths
from engine.exports import demo_clip
from engine.video.writer import ClipWriter

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="session")
def lively_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights whose logits depend strongly on the picture."""
    return write_random_weights(tmp_path_factory.mktemp("lively"), "frame-mobile")


@pytest.fixture
def weights(lively_weights: Path) -> Path:
    return Path(shutil.copytree(lively_weights, paths.data_dir() / "weights" / "frame-mobile"))


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def analysed(video: Path, out: Path, *more: object) -> dict[int, dict[int, float]]:
    """Track -> frame -> probability, as `analyze` tells them."""
    assert cli.run(["analyze", str(video), "--json", str(out), *map(str, more)]) == 0
    (entry,) = json.loads(out.read_text())
    found = {}
    for track in entry["tracks"]:
        (mine,) = track["detectors"]
        assert all(first == last for first, last in mine["spans"])
        found[track["id"]] = dict(
            zip((first for first, _ in mine["spans"]), mine["span_fake_probability"], strict=True)
        )
    return found


def explained(video: Path, frames: str, out: Path) -> dict[str, np.ndarray]:
    assert cli.run(["explain", str(video), "--frames", frames, "--out", str(out)]) == 0
    with np.load(out / "maps.npz", allow_pickle=False) as bundle:
        return dict(bundle)


def decoded(video: Path) -> list[np.ndarray]:
    with av.open(str(video)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_probability_and_map_are_those_made_by_hand(tmp_path: Path, face: Path, weights: Path) -> None:
    told = analysed(face, tmp_path / "r.json", "--every", 20)
    maps = explained(face, "40:61", tmp_path / "maps")
    assert maps["frames"].tolist() == list(range(40, 61))
    network, pictures = HandMobileNet(weights / "model.safetensors"), decoded(face)
    for number in (40, 60):
        row = number - 40
        affine = maps["affine"][row].astype(float)
        affine[:, :2] *= 7 / 224  # from the map's cells to the crop's pixels
        (by_hand,), (values,) = network(hand_crop(pictures[number], affine, 224)[None])
        aside = affine + np.array([[0, 0, 2], [0, 0, 0]])
        (elsewhere,), _ = network(hand_crop(pictures[number], aside, 224)[None])
        tolerance = float(abs(elsewhere - by_hand)) / 3
        assert tolerance > 0.01, "the check would notice a crop that lies two pixels off"
        assert logit(told[0][number]) == pytest.approx(by_hand, abs=tolerance)
        assert maps["logits"][row] == pytest.approx(logit(told[0][number]), abs=1e-3)
        assert np.abs(maps["values"][row] - values).max() < 0.05 * np.abs(values).max()


def test_the_same_numbers_again_and_with_fewer_frames_and_from_the_case(
    tmp_path: Path, face: Path, weights: Path
) -> None:
    sparse = analysed(face, tmp_path / "a.json", "--every", 25)
    case = tmp_path / "a.tell"
    dense = analysed(face, tmp_path / "b.json", "--every", 5, "--case", case)
    assert {n: p for n, p in dense[0].items() if n % 25 == 0} == pytest.approx(sparse[0], abs=2e-6)
    assert analysed(face, tmp_path / "c.json", "--every", 5, "--case", case) == dense
    assert analysed(face, tmp_path / "d.json", "--every", 25, "--case", case)[0] == {
        n: p for n, p in dense[0].items() if n % 25 == 0
    }
    assert analysed(face, tmp_path / "e.json", "--every", 5) == dense


@pytest.fixture(scope="module")
def two_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face on the left for 40 frames; on the right one that can be made out from frame 15 on only."""
    path = tmp_path_factory.mktemp("two") / "two.mp4"
    picture = demo_clip._picture()
    views = [demo_clip._view(picture, 6 * n)[::2, ::2] for n in range(40)]
    with ClipWriter(path, 640, 240, Fraction(1, 25)) as writer:
        for number, view in enumerate(views):
            canvas = np.full((240, 640, 3), 90, np.uint8)
            canvas[:, :320] = view
            other = (view[:, ::-1][:, :200] * np.array([0.5, 0.6, 1])).astype(np.uint8)
            canvas[:, 440:] = other if number >= 15 else cv2.GaussianBlur(other, (0, 0), 20)
            writer.write(canvas, number, 1)
    return path


def test_two_people_are_kept_apart(tmp_path: Path, two_people: Path, weights: Path) -> None:
    told = analysed(two_people, tmp_path / "r.json", "--every", 5)
    assert sorted(told) == [0, 1]
    assert sorted(told[0]) == [0, 5, 10, 15, 20, 25, 30, 35]
    assert sorted(told[1]) == [15, 20, 25, 30, 35]
    maps = explained(two_people, "30:31", tmp_path / "maps")
    assert maps["track"].tolist() == [0, 1]
    middle = maps["affine"] @ [3.5, 3.5, 1]
    assert middle[0, 0] < 320 < middle[1, 0]
    network, (picture,) = HandMobileNet(weights / "model.safetensors"), decoded(two_people)[30:31]
    for row in (0, 1):
        affine = maps["affine"][row].astype(float)
        affine[:, :2] *= 7 / 224
        (by_hand,), _ = network(hand_crop(picture, affine, 224)[None])
        assert logit(told[row][30]) == pytest.approx(by_hand, abs=0.15)
    assert abs(logit(told[0][30]) - logit(told[1][30])) > 0.3, "or they could be exchanged unseen"
