"""Clips of a study: which frames, which part of the picture, and red only where and as far as a map says."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from exports_scene import PTS, make_explanation, make_video

from engine.errors import ExportError
from engine.exports.study_clips import (
    cut_clip,
    explained_frames,
    face_clips,
    face_window,
    last_frame,
    several_faces,
)
from engine.rendering.compose import render_frame
from engine.rendering.primitives import Layers
from engine.rendering.red import red_overlay
from engine.results import FaceTrack
from engine.video.media import Media, open_media
from engine.video.writer import ClipWriter

IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


def overlaid(values: list[list[float]]) -> np.ndarray:
    made = red_overlay(np.array(values, np.float32), IDENTITY)
    pixels = np.full((len(values), len(values[0]), 3), 100, np.uint8)
    return render_frame(pixels, Layers(pixels.shape[1], pixels.shape[0], (made,)))


def test_the_overlay_by_hand() -> None:
    """Grey 100 under red of alpha 1, 0.5, 0.25 and 0: the maximum becomes 1; only what supports fake is red."""
    shown = overlaid([[2.0, 1.0], [0.5, -4.0]]).astype(int)
    assert np.abs(shown[0, 0] - (255, 0, 0)).max() == 0
    assert np.abs(shown[0, 1] - (178, 50, 50)).max() <= 1
    assert np.abs(shown[1, 0] - (139, 75, 75)).max() <= 1
    assert (shown[1, 1] == 100).all()


@pytest.mark.parametrize("values", [[[-1.0, -2.0]], [[0.0, 0.0]], [[np.nan, -np.inf]]])
def test_nothing_is_drawn_where_nothing_supports_fake(values: list[list[float]]) -> None:
    assert (overlaid(values) == 100).all()


def test_the_scale_of_a_map_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((5, 5)).astype(np.float32)
    assert (overlaid(values.tolist()) == overlaid((values * 1000).tolist())).all()


@pytest.mark.parametrize(
    ("seconds", "last"), [(0.001, 0), (0.08, 1), (0.0801, 2), (0.5, 7), (0.9001, 8), (60, 11)]
)
def test_the_stretch_ends_before_its_seconds(media: Media, seconds: float, last: int) -> None:
    assert last_frame(media.index, seconds) == last


def test_explained_frames_are_those_on_show(media: Media) -> None:
    """PTS are milliseconds: at 0, 100, 200 ... 1000 ms, the frame that began last."""
    wanted = sorted({max(n for n, pts in enumerate(PTS) if pts <= at) for at in range(0, 1001, 100)})
    assert explained_frames(media.index, 11, 10) == wanted == [0, 2, 4, 5, 7, 8, 10]
    assert explained_frames(media.index, 2, 10) == [0]
    assert explained_frames(media.index, 11, 1000) == list(range(12))


def track(frames: list[int], box: tuple[float, float, float, float], number: int = 0) -> FaceTrack:
    n = len(frames)
    boxes = np.tile(np.array(box, np.float32), (n, 1))
    marks, ones = np.zeros((n, 5, 2), np.float32), np.ones(n, np.float32)
    return FaceTrack(number, np.array(frames, np.int64), boxes, marks, ones, ones > 0, boxes)


def test_the_window_is_the_square_around_all_places_of_the_face() -> None:
    one, two = track([0, 1], (100, 100, 150, 200)), track([2, 9], (120, 100, 200, 160))
    x0, y0, x1, y1 = face_window([one, two], 5, 640, 480)  # together 100 to 200 both ways, and 30 on each side
    assert (x0, y0, x1, y1) == (70, 70, 230, 230)
    assert face_window([one], 5, 640, 480) == (45, 70, 205, 230)
    assert face_window([track([0], (0, 0, 100, 100))], 5, 640, 480) == (0, 0, 160, 160)  # moved into the picture
    assert face_window([track([0], (0, 0, 400, 400))], 5, 640, 480) == (0, 0, 640, 480)  # no larger than it


def test_two_faces_at_a_time_are_seen() -> None:
    one = track(list(range(20)), (0, 0, 50, 50))
    assert not several_faces([one], range(20))
    assert not several_faces([one, track([3, 4], (60, 0, 90, 50), 1)], range(20))  # a slip of the detector
    assert several_faces([one, track([3, 4, 5], (60, 0, 90, 50), 1)], range(20))
    assert not several_faces([track([0, 1], (0, 0, 9, 9)), track([2, 3], (0, 0, 9, 9), 1)], range(4))  # one by one


def read(path: Path) -> tuple[list[int], list[np.ndarray]]:
    media = open_media(path)
    try:
        reader = media.reader()
        frames = [reader.read(n) for n in range(len(media.index))]
        reader.close()
        start = frames[0].pts
        scale = media.index.time_base / Fraction(1, 1000)
        return [round((f.pts - start) * scale) for f in frames], [f.pixels.astype(int) for f in frames]
    finally:
        media.close()


def test_a_cut_clip_keeps_pictures_and_times(media: Media, tmp_path: Path) -> None:
    cut_clip(media, tmp_path / "cut.mp4", 5)
    times, pictures = read(tmp_path / "cut.mp4")
    assert times == PTS[:6]
    reader = media.reader()
    for number, picture in enumerate(pictures):
        whole = reader.read(number).pixels.astype(int)
        assert np.abs(picture[:240, :320] - whole[:240, :320]).mean() < 4
    reader.close()


def test_face_clips_are_in_step_and_only_explained_frames_are_red(media: Media, tmp_path: Path) -> None:
    plain, red = tmp_path / "plain.mp4", tmp_path / "red.mp4"
    window = (80, 40, 240, 200)
    face_clips(media, {plain: (), red: (make_explanation([3, 8]),)}, [0, 3, 5, 8], 11, window)
    (times, bare), (same, masked) = read(plain), read(red)
    assert times == same == [0, 140, 300, 900]
    assert bare[0].shape == (160, 160, 3)
    changed = [np.abs(one - other).mean() for one, other in zip(bare, masked, strict=True)]
    assert [change > 8 for change in changed] == [False, True, False, True]
    assert max(changed[0], changed[2]) < 2
    more_red = masked[1][..., 0] - bare[1][..., 0]
    inside = np.zeros((160, 160), bool)
    inside[20:139, 20:118] = True  # the map lies at x 100 to 198, y 60 to 179 of the frame
    assert np.abs(more_red[~inside]).mean() < 6 < more_red[inside].mean()


@pytest.mark.parametrize(("last", "seconds"), [(5, 0.34), (7, 0.9), (11, 1.06)])
def test_the_last_frame_stays_to_the_end_of_the_stretch(
    media: Media, tmp_path: Path, last: int, seconds: float
) -> None:
    face_clips(media, {tmp_path / "a.mp4": ()}, [0, 5], last, (0, 0, 100, 100))
    made = open_media(tmp_path / "a.mp4")
    try:
        assert made.index.duration == pytest.approx(seconds)
    finally:
        made.close()


def test_nothing_is_left_of_a_clip_without_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = open_media(make_video(tmp_path / "odd.mp4"))
    monkeypatch.setattr(ClipWriter, "write", lambda *_: (_ for _ in ()).throw(ExportError("full", advice="Free")))
    with pytest.raises(ExportError):
        face_clips(media, {tmp_path / f"{n}.mp4": () for n in range(3)}, [0, 1], 1, (0, 0, 64, 64))
    media.close()
    assert [path.name for path in tmp_path.iterdir()] == ["odd.mp4"]
