"""Real clips changed as a whole, and the coding that real and forged clips share."""

import io

import av
import numpy as np
import pytest
from forging_scene import rough_picture, still_clip
from skimage.metrics import peak_signal_noise_ratio
from skimage.registration import phase_cross_correlation

from engine.training.pseudo_fakes import recoding as recoding_module
from engine.training.pseudo_fakes.reals import REAL_KINDS, HardReal, disturb_clip, draw_hard_real
from engine.training.pseudo_fakes.recoding import CodingPass, Recoding, draw_recoding, recode

CORNER, MIDDLE = (slice(8, 104), slice(8, 104)), (slice(80, 176), slice(80, 176))


def moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    window = np.outer(np.hanning(96), np.hanning(96))
    grey = [(p.mean(axis=2) - 128) * window for p in (before, after)]
    return -phase_cross_correlation(*grey, upsample_factor=20)[0][::-1]


def test_jitter_of_a_real_clip_moves_face_and_background_alike() -> None:
    frames, _ = still_clip(12)
    made = disturb_clip(frames, HardReal("jitter", 0.006, 1))
    shifts = np.array([[moved(frames[0][at], f[at]) for at in (CORNER, MIDDLE)] for f in made])
    assert np.linalg.norm(shifts, axis=2).max() > 1
    assert np.abs(shifts[:, 0] - shifts[:, 1]).max() < 1.2  # all but the small turn
    assert np.corrcoef(shifts[:, 0].ravel(), shifts[:, 1].ravel())[0, 1] > 0.9


def test_flicker_of_a_real_clip_is_the_same_everywhere() -> None:
    frames, _ = still_clip(40)
    made = disturb_clip(frames, HardReal("flicker", 0.03, 2)).astype(float)
    gains = np.array(
        [[f[at][..., 1].mean() / frames[0][at][..., 1].mean() for at in (CORNER, MIDDLE)] for f in made]
    )
    assert gains[:, 0].std() == pytest.approx(0.03, rel=0.35)
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], atol=0.01)


def test_other_changes_of_real_clips() -> None:
    frames = np.stack([rough_picture(k) for k in range(5)])

    def change(kind: str, amount: float) -> np.ndarray:
        return disturb_clip(frames, HardReal(kind, amount, 0))  # type: ignore[arg-type]

    np.testing.assert_array_equal(change("none", 0.0), frames)
    np.testing.assert_array_equal(change("repeat", 0.0), frames[[0, 0, 2, 2, 4]])
    resampled = change("resample", 0.0)
    assert (resampled != frames).any()
    np.testing.assert_allclose(moved(frames[0][MIDDLE], resampled[0][MIDDLE]), [0, 0], atol=0.06)
    for kind, amount in (("blur", 1.2), ("smooth-skin", 25.0), ("resample", 0.0)):
        rough = [np.abs(np.diff(clip.astype(int), axis=2)).mean() for clip in (frames, change(kind, amount))]
        assert rough[1] < rough[0]


def test_all_changes_are_drawn_and_determined() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_hard_real(rng) for _ in range(400)]
    assert {each.kind for each in drawn} == set(REAL_KINDS)
    assert np.mean([each.kind == "none" for each in drawn]) == pytest.approx(0.3, abs=0.07)
    frames, _ = still_clip(3)
    for kind in REAL_KINDS:
        law = next(each for each in drawn if each.kind == kind)
        np.testing.assert_array_equal(disturb_clip(frames, law), disturb_clip(frames, law))


def test_recodings_lie_in_the_ranges_of_the_specification() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_recoding(rng) for _ in range(500)]
    passes = [each for one in drawn for each in one.passes]
    assert {each.crf for each in passes} == set(range(18, 41))
    assert 12 <= min(each.gop for each in passes) < 15 < 220 < max(each.gop for each in passes) <= 250
    assert {each.codec for each in passes} == {"h264", "h265"}
    assert {len(one.passes) for one in drawn} == {1, 2}
    assert 0.4 <= min(one.scale for one in drawn) < 1.0 == max(one.scale for one in drawn)


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_coding_is_lossy_as_its_factor_says_and_determined(codec: str) -> None:
    frames = np.stack([np.roll(rough_picture(), k, axis=1)[:97, :131] for k in range(6)])  # odd sides
    quality = []
    for crf in (18, 40):
        law = Recoding(1.0, (CodingPass(codec, crf, 12),))  # type: ignore[arg-type]
        made = recode(frames, law)
        assert made.shape == frames.shape
        np.testing.assert_array_equal(made, recode(frames, law))
        quality.append(peak_signal_noise_ratio(frames, made))
    assert quality[0] > quality[1] + 5
    assert quality[0] > 30


def test_two_passes_and_reduction_lose_more() -> None:
    frames, _ = still_clip(4)
    one, two = (CodingPass("h264", 30, 50),), (CodingPass("h264", 30, 50), CodingPass("h265", 34, 50))
    laws = [Recoding(1.0, one), Recoding(1.0, two), Recoding(0.5, two)]
    quality = [peak_signal_noise_ratio(frames, recode(frames, law)) for law in laws]
    assert quality[0] > quality[1] > quality[2]


def test_key_frames_come_as_often_as_the_law_says(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.stack([np.roll(rough_picture(), 2 * k, axis=1)[:64, :64] for k in range(30)])
    seen: list[bytes] = []
    decoded = recoding_module._decoded

    def spy(decoder: object, packets: list[av.Packet]) -> object:
        seen.extend(bytes(p) for p in packets)
        return decoded(decoder, packets)

    monkeypatch.setattr(recoding_module, "_decoded", spy)
    recode(frames, Recoding(1.0, (CodingPass("h264", 30, 12),)))
    stream = av.open(io.BytesIO(b"".join(seen)), format="h264")
    keys = [number for number, frame in enumerate(stream.decode(video=0)) if frame.key_frame]
    assert keys == [0, 12, 24]


@pytest.mark.parametrize(("codec", "side"), [("h265", 40), ("h264", 22), ("h264", 160)])
def test_small_clips_are_coded_and_every_time_alike(codec: str, side: int) -> None:
    """x265 damages memory below 64 px; x264 with its macroblock tree gave other bits nearly every time."""
    frames = np.stack([np.roll(rough_picture(), k, axis=1)[:side, :side] for k in range(8)])
    law = Recoding(1.0, (CodingPass(codec, 28, 60),))  # type: ignore[arg-type]
    made = [recode(frames, law) for _ in range(4)]
    assert made[0].shape == frames.shape
    assert all(np.array_equal(made[0], each) for each in made[1:])
