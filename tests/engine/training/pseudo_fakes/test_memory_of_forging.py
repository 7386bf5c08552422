"""Forging a video holds as many pictures for a long one as for a short one, and of a donor only the face."""

import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.exports import demo_clip
from engine.faces.detector import FaceDetector
from engine.results import FaceTrack
from engine.training.faces.shape68 import MEAN_SHAPE
from engine.training.pseudo_fakes import video, video_faces
from engine.training.pseudo_fakes.clip_points import fitted_points
from engine.video.media import open_media
from engine.video.reader import FrameReader
from engine.video.writer import ClipWriter


def write(path: Path, frames: int) -> Path:
    picture = demo_clip._picture()
    with ClipWriter(path, 320, 240, Fraction(1, 25)) as writer:
        for number in range(frames):
            writer.write(demo_clip._view(picture, 4 * (number % 8))[::2, ::2], number, 1)
    return path


class Living:
    """Counts the pictures that readers gave and that are still held."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = 0
        self.reach = -1
        real, forger = FrameReader.frames, video.ClipForger

        def frames(reader: FrameReader, *given: Any, **named: Any) -> Iterator[Any]:
            for frame in real(reader, *given, **named):
                self.now += 1
                self.most = max(self.most, self.now)
                weakref.finalize(frame.pixels, self._gone)
                yield frame

        def watched(*given: Any) -> video.ClipForger:
            made = forger(*given)
            self.reach = made.plan.reach
            return made

        monkeypatch.setattr(FrameReader, "frames", frames)
        monkeypatch.setattr(video, "ClipForger", watched)

    def _gone(self) -> None:
        self.now -= 1


@pytest.mark.parametrize("operator", ["temporal-resolution", "desynchronisation"])
def test_no_more_pictures_are_held_for_a_longer_video(
    tmp_path: Path, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    for count in (20, 50):
        media = open_media(write(tmp_path / f"{count}.mp4", count))
        points = np.repeat(((MEAN_SHAPE - 0.5) * 80 + [160, 120])[None], count, 0).astype(np.float32)
        face = video_faces.VideoFace(np.arange(count), points, dense=False, words={})
        with monkeypatch.context() as patch:
            living = Living(patch)
            patch.setattr(video, "face_of", lambda *_, face=face: face)
            order = video.Order(operators=(operator,), landmarks=points)
            video.forge_video(media, tmp_path / str(count), order)
        media.close()
        assert living.most <= 2 * living.reach + 2
        held.append((living.most, living.reach))
    assert held[0] == held[1]
    assert held[0][1] > 0  # neighbours are needed


def test_of_a_donor_only_the_face_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = open_media(write(tmp_path / "donor.mp4", 3))
    shape = ((MEAN_SHAPE - 0.5) * 60 + [200, 90]).astype(np.float32)
    corners = np.stack([shape[36:42].mean(0), shape[42:48].mean(0), shape[30], shape[48], shape[54]])
    landmarks = np.stack([corners + np.float32([2 * row, 0]) for row in range(3)])
    boxes = np.repeat(np.array([[160, 50, 240, 130]], np.float32), 3, 0)
    track = FaceTrack(0, np.arange(3), boxes, landmarks, np.ones(3, np.float32), np.ones(3, bool), boxes)
    monkeypatch.setattr(video_faces, "find_tracks", lambda *_: (track,))
    donor = video_faces.donor_of(media, FaceDetector(), None, None)
    assert donor is not None
    apart = fitted_points(landmarks) - donor.points
    x, y = np.round(apart[0, 0]).astype(int).tolist()
    np.testing.assert_allclose(apart, np.broadcast_to([x, y], apart.shape), atol=1e-3)
    height, width = donor.frames.shape[1:3]
    assert width < 150
    assert height < 150
    face = np.ptp(donor.points[..., 0], axis=1).max()
    assert donor.points.min() >= 0.5 * face - 1
    assert (donor.points.max(axis=(0, 1)) <= np.array([width, height]) - 0.5 * face + 1).all()
    reader = media.reader()
    for row, part in enumerate(donor.frames):
        np.testing.assert_array_equal(part, reader.read(row).pixels[y : y + height, x : x + width])
    reader.close()
    media.close()
