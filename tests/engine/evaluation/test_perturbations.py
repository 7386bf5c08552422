"""The ladder of perturbations against what each kind is defined to do."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data

from engine.errors import UsageError
from engine.evaluation.perturbations import LEVELS, Perturbation, perturbed
from engine.evaluation.wrapped import open_perturbed
from engine.results import Picture
from engine.video.media import open_media

FACE = np.ascontiguousarray(skimage.data.astronaut()[0:256, 100:356])
GREY = np.full((512, 400, 3), 100, np.uint8)


def changed(kind: str, level: int, pixels: Picture = FACE, frame: int = 0, seed: int = 0) -> Picture:
    return perturbed(pixels, Perturbation(kind, level, seed), frame)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 255, 255, "bgr0"
        for shift in range(6):
            frame = np.ascontiguousarray(np.roll(FACE, 3 * shift, axis=1)[:255, :255])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_the_levels_are_those_that_deeperforensics_publishes() -> None:
    assert LEVELS == {
        "saturation": (0.4, 0.3, 0.2, 0.1, 0.0),
        "contrast": (0.85, 0.725, 0.6, 0.475, 0.35),
        "blocks": (16, 32, 48, 64, 80),
        "noise": (0.001, 0.002, 0.005, 0.01, 0.05),
        "blur": (7, 9, 13, 17, 21),
        "resize": (2, 3, 4, 5, 6),
        "compression": (30, 32, 35, 38, 40),
    }
    with pytest.raises(UsageError, match="no perturbation blur 6"):
        Perturbation("blur", 6)
    with pytest.raises(UsageError, match="no perturbation fog 1"):
        Perturbation("fog", 1)


@pytest.mark.parametrize("kind", [kind for kind in LEVELS if kind != "compression"])
def test_stronger_levels_change_more_and_the_original_stays(kind: str) -> None:
    before = FACE.copy()
    apart = [np.abs(changed(kind, level).astype(float) - FACE).mean() for level in range(1, 6)]
    assert (np.diff(apart) > 0).all()
    assert apart[0] > 0.3
    np.testing.assert_array_equal(FACE, before)
    assert changed(kind, 1).dtype == np.uint8
    assert changed(kind, 1).shape == FACE.shape


def test_saturation_and_contrast_by_hand() -> None:
    pixel = np.array([[[200, 100, 50]]], np.uint8)
    luma = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    np.testing.assert_allclose(changed("saturation", 5, pixel)[0, 0], [luma] * 3, atol=1)
    half = luma + 0.4 * (np.array([200, 100, 50]) - luma)
    np.testing.assert_allclose(changed("saturation", 1, pixel)[0, 0], half, atol=1)
    np.testing.assert_array_equal(changed("contrast", 3, pixel)[0, 0], [120, 60, 30])


def test_blocks_are_as_many_grey_squares_as_stated() -> None:
    hit = (changed("blocks", 1, GREY) == 128).all(axis=2)
    most = round(400 / 256 * 16) * 64
    assert 0.8 * most < hit.sum() <= most  # squares may overlap
    assert set(np.unique(changed("blocks", 1, GREY))) == {100, 128}
    assert (changed("blocks", 1, np.full((10, 10, 3), 9, np.uint8)) == 128).any()  # small frames get one, too
    changed("blocks", 1, np.full((5, 4, 3), 9, np.uint8))


def test_noise_has_the_stated_variance_in_luma_and_chroma() -> None:
    added = changed("noise", 2, GREY).astype(np.float64) - 100
    luma = added @ np.array([0.299, 0.587, 0.114])
    assert luma.std() == pytest.approx(255 * np.sqrt(0.002) * 255 / 219, rel=0.03)
    blue = 0.564 * (added[..., 2] - luma)
    assert blue.std() == pytest.approx(255 * np.sqrt(0.002) * 255 / 224, rel=0.03)
    assert abs(added.mean()) < 0.2


def test_blur_has_the_stated_deviation_and_resize_the_stated_cells() -> None:
    dot = np.zeros((61, 61, 3), np.uint8)
    dot[30, 30] = 255
    spread = cv2.GaussianBlur(dot, (13, 13), 13 / 6)
    np.testing.assert_array_equal(changed("blur", 3, dot), spread)
    fine = np.indices((64, 64)).sum(axis=0) % 2 * 255
    chequered = np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)
    assert np.ptp(changed("resize", 1, chequered)) < 30  # cells of two pixels cannot hold it


def test_randomness_hangs_on_seed_and_frame_alone() -> None:
    for kind in ("noise", "blocks"):
        np.testing.assert_array_equal(changed(kind, 2, frame=4, seed=1), changed(kind, 2, frame=4, seed=1))
        assert (changed(kind, 2, frame=4) != changed(kind, 2, frame=5)).any()
        assert (changed(kind, 2, seed=1) != changed(kind, 2, seed=2)).any()


def test_media_give_perturbed_frames_whole_and_reduced(clip: Path) -> None:
    change = Perturbation("blocks", 3, seed=2)
    plain, media = open_media(clip), open_perturbed(clip, change)
    try:
        assert len(media.index) == 6
        assert media.identity().sha256 == plain.identity().sha256
        reader, other = media.reader(), plain.reader()
        for number in (3, 0):  # in any order
            whole = reader.read(number).pixels
            np.testing.assert_array_equal(whole, perturbed(other.read(number).pixels, change, number))
            small = reader.decode(number).rgb_reduced(85)
            assert small.shape == (85, 85, 3)
            np.testing.assert_array_equal(small, cv2.resize(whole, (85, 85), interpolation=cv2.INTER_AREA))
        reader.close()
        other.close()
    finally:
        media.close()
        plain.close()


def test_compression_encodes_the_clip_anew_and_leaves_nothing(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plain = open_media(clip)
    reader = plain.reader()
    truth = reader.read(2).pixels.astype(float)
    reader.close()
    plain.close()
    apart = []
    for level in (1, 5):
        media = open_perturbed(clip, Perturbation("compression", level))
        assert len(media.index) == 6
        assert "H.264" in media.facts.stream.codec
        reader = media.reader()
        pixels = reader.read(2).pixels
        reader.close()
        assert pixels.shape == (256, 256, 3)  # made even
        apart.append(np.abs(pixels[:255, :255] - truth).mean())
        assert abs((pixels[:255, :255] - truth).mean()) < 2  # no shift of colours
        media.close()
        assert list(tmp_path.iterdir()) == []
    assert 1 < apart[0] < apart[1]
