"""Each temporal operator does what it says, measured on pictures by means of its own."""

import cv2
import numpy as np
import pytest
from forging_scene import FPS, POINTS, WIDTH, deep, forgery, rough_picture, still_clip
from skimage.registration import phase_cross_correlation

from engine.training.faces.shape68 import similarity, transform
from engine.training.pseudo_fakes import warps
from engine.training.pseudo_fakes.operators import OPERATORS
from engine.training.pseudo_fakes.operators.features import Desynchronisation, FeatureDrift
from engine.training.pseudo_fakes.operators.flicker import Flicker
from engine.training.pseudo_fakes.operators.movement import Drift, Jitter
from engine.training.pseudo_fakes.operators.plan import ClipFaces, Footage, still_plan
from engine.training.pseudo_fakes.operators.timing import Partial, TemporalResolution
from engine.training.pseudo_fakes.rendering import forge_clip

CENTRE = slice(88, 168)
"""A square that lies wholly in the mask, along both axes."""


def displacements(frames: np.ndarray, original: np.ndarray) -> np.ndarray:
    """(T, 2) by which the middle of each frame lies right of and below the original's, by phase correlation."""
    window = np.outer(np.hanning(80), np.hanning(80))
    grey = [(f[CENTRE, CENTRE].mean(axis=2) - 128) * window for f in (original, *frames)]
    found = [phase_cross_correlation(grey[0], each, upsample_factor=20)[0] for each in grey[1:]]
    return -np.array(found)[:, ::-1]


def correlation(course: np.ndarray, lag: int) -> float:
    centred = course - course.mean(axis=0)
    return float((centred[lag:] * centred[:-lag]).sum() / (centred**2).sum())


def test_jitter_has_its_deviation_and_no_memory() -> None:
    frames, points = still_clip(120)
    made = forge_clip(frames, points, forgery(Jitter(0.015, 0.0, 0.0, 4)), FPS)
    seen = displacements(made.frames, frames[0])
    assert seen.std(axis=0) == pytest.approx([0.015 * WIDTH] * 2, rel=0.2)
    assert abs(correlation(seen, 1)) < 0.2


def test_jitter_turns_and_scales_by_its_deviations() -> None:
    plan = OPERATORS["jitter"].apply
    faces = ClipFaces(np.repeat(POINTS[None], 4000, 0), FPS)
    motion = plan(still_plan(4000), faces, Jitter(0.0, 0.7, 0.006, 1)).motion
    assert motion.std(axis=0) == pytest.approx([0, 0, 0.7, 0.006], rel=0.05, abs=1e-9)


@pytest.mark.parametrize("rho", [0.8, 0.95])
def test_a_drifting_patch_remembers_where_it_was(rho: float) -> None:
    frames, points = still_clip(200)
    made = forge_clip(frames, points, forgery(Drift(0.015, 0.0, 0.0, "ar1", rho, 1.0, 2)), FPS)
    seen = displacements(made.frames, frames[0])
    assert correlation(seen, 1) == pytest.approx(rho, abs=0.09)
    assert correlation(seen, 4) == pytest.approx(rho**4, abs=0.25)


def test_a_sinusoidal_drift_has_its_frequency_and_deviation() -> None:
    frames, points = still_clip(100)
    made = forge_clip(frames, points, forgery(Drift(0.012, 0.0, 0.0, "sinusoid", 0.9, 2.0, 5)), FPS)
    seen = displacements(made.frames, frames[0])
    spectrum = np.abs(np.fft.rfft(seen[:, 0] - seen[:, 0].mean()))
    assert np.fft.rfftfreq(100, 1 / FPS)[int(spectrum.argmax())] == 2.0
    assert seen.std(axis=0) == pytest.approx([0.012 * WIDTH] * 2, rel=0.15)


def around(frames: np.ndarray, original: np.ndarray, part: slice) -> np.ndarray:
    """(T, 2) displacement of a 25-pixel window around a feature, by template matching to a quarter pixel."""
    x, y = np.round(POINTS[part].mean(axis=0)).astype(int)
    big = cv2.resize(original[y - 12 : y + 13, x - 12 : x + 13], None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    found = []
    for frame in frames:
        area = cv2.resize(frame[y - 18 : y + 19, x - 18 : x + 19], None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
        where = cv2.minMaxLoc(cv2.matchTemplate(area, big, cv2.TM_CCOEFF_NORMED))[3]
        found.append((np.array(where) - 24) / 4)
    return np.array(found)


def test_features_drift_independently_of_each_other() -> None:
    frames, points = still_clip(150)
    amplitude, rho = 0.03, 0.85
    made = forge_clip(frames, points, forgery(FeatureDrift(amplitude, rho, 8)), FPS)
    mouth, nose = (around(made.frames, frames[0], part) for part in (slice(48, 60), slice(29, 36)))
    eyes = np.linalg.norm(POINTS[36:42].mean(0) - POINTS[42:48].mean(0))
    assert mouth.std(axis=0) == pytest.approx([amplitude * eyes] * 2, rel=0.35)
    assert correlation(mouth, 1) == pytest.approx(rho, abs=0.12)
    assert abs(np.corrcoef(mouth[:, 0], nose[:, 0])[0, 1]) < 0.4


def test_a_morph_moves_landmarks_by_their_offsets_and_the_outline_not_at_all() -> None:
    offsets = np.zeros((68, 2), np.float32)
    offsets[48:60] = (2.5, -1.5)
    field = warps.displacements(POINTS, offsets, (256, 256))
    for number, wanted in ((51, (2.5, -1.5)), (57, (2.5, -1.5)), (8, (0, 0)), (0, (0, 0)), (19, (0, 0))):
        x, y = (POINTS + offsets)[number]
        np.testing.assert_allclose(field[round(y), round(x)], wanted, atol=0.25)
    assert not field[:, :40].any()
    x, y = POINTS[[8, 57]].mean(axis=0) + np.array([1.25, -0.75])  # halfway between lip and chin
    assert 0.25 * 2.5 < field[round(y), round(x), 0] < 0.75 * 2.5


def speaking(length: int) -> np.ndarray:
    """Landmarks of a head that turns and shifts while its mouth opens and closes."""
    courses = []
    for t in range(length):
        points = POINTS.copy()
        points[55:60, 1] += 4 * np.sin(0.9 * t)  # the lower lip
        turn = np.array([[np.cos(0.01 * t), -np.sin(0.01 * t), 0.4 * t], [np.sin(0.01 * t), np.cos(0.01 * t), 0]])
        courses.append(transform(turn.astype(np.float32), points))
    return np.stack(courses)


def apply(name: str, points: np.ndarray, drawn: object) -> np.ndarray:
    return OPERATORS[name].apply(still_plan(len(points)), ClipFaces(points, FPS), drawn).offsets


def test_a_desynchronised_mouth_is_that_of_another_time_on_the_same_head() -> None:
    points = speaking(30)
    offsets = apply("desynchronisation", points, Desynchronisation("shift", "mouth", 3, 1.0))
    assert not offsets[:, :48].any()
    for t in (0, 5, 20):
        onto = similarity(points[t + 3][:17], points[t][:17])  # the jaw does not speak here
        np.testing.assert_allclose((points[t] + offsets[t])[48:], transform(onto, points[t + 3])[48:], atol=0.02)
    np.testing.assert_allclose(offsets[-1], 0, atol=1e-4)  # nothing later is known


def test_an_exaggerated_mouth_moves_by_its_factor() -> None:
    points = speaking(70)
    offsets = apply("desynchronisation", points, Desynchronisation("scale", "mouth", 1, 1.5))

    def opening(p: np.ndarray) -> np.ndarray:
        return np.linalg.norm(p[:, 57] - p[:, 51], axis=1)

    assert opening(points + offsets).std() == pytest.approx(1.5 * opening(points).std(), rel=0.02)


def test_a_retimed_patch_shows_the_pixels_of_later() -> None:
    frames = np.stack([rough_picture(k) for k in range(8)])
    points = np.repeat(POINTS[None], 8, 0)
    made = forge_clip(frames, points, forgery(Desynchronisation("retime", "mouth", 2, 1.0)), FPS)
    inside = deep(made.masks)
    for t in range(8):
        assert np.abs(made.frames[t][inside].astype(int) - frames[min(t + 2, 7)][inside]).max() <= 1


def test_flicker_has_its_gain_and_tint() -> None:
    frames, points = still_clip(150)
    drawn = Flicker("noise", 0.04, 0.03, 0.0, 12, 6)
    made = forge_clip(frames, points, forgery(drawn), FPS)
    inside = deep(made.masks)
    colours = made.frames[:, inside].mean(axis=1) / frames[0][inside].mean(axis=0)
    assert colours[:, 1].std() == pytest.approx(0.04, rel=0.2)
    assert (colours[:, 0] / colours[:, 1] - 1).std() == pytest.approx(0.03, rel=0.2)
    assert np.corrcoef(colours[:, 0] / colours[:, 1], colours[:, 2] / colours[:, 1])[0, 1] < -0.95


def test_switching_flicker_knows_two_settings_in_runs() -> None:
    frames, points = still_clip(80)
    made = forge_clip(frames, points, forgery(Flicker("switch", 0.04, 0.0, 0.0, 8, 6)), FPS)
    levels = made.frames[:, deep(made.masks)].mean(axis=(1, 2)).round(6)
    assert len(set(levels)) == 2
    runs = np.diff(np.flatnonzero(np.diff(levels)))
    assert 2 <= runs.min() <= runs.max() <= 8


def test_repeated_frames_are_pairs_inside_the_mask_only() -> None:
    frames = np.stack([rough_picture(k) for k in range(9)])
    points = np.repeat(POINTS[None], 9, 0) + np.arange(9, dtype=np.float32)[:, None, None]
    made = forge_clip(frames, points, forgery(TemporalResolution("repeat")), FPS)
    for t in range(8):
        inside = deep(made.masks[t : t + 2])
        equal = (made.frames[t][inside] == made.frames[t + 1][inside]).all()
        assert equal == (t % 2 == 0)
        outside = made.masks[t] == 0
        np.testing.assert_array_equal(made.frames[t][outside], frames[t][outside])


def test_interpolated_and_averaged_frames_are_the_means_of_their_neighbours() -> None:
    frames = np.stack([rough_picture(k) for k in range(7)])
    points = np.repeat(POINTS[None], 7, 0)
    known = frames.astype(float)
    made = forge_clip(frames, points, forgery(TemporalResolution("interpolate")), FPS)
    inside = deep(made.masks)
    assert np.abs(made.frames[3][inside] - (known[2] + known[4])[inside] / 2).max() <= 0.51
    np.testing.assert_array_equal(made.frames[4][inside], frames[4][inside])
    made = forge_clip(frames, points, forgery(TemporalResolution("mean")), FPS)
    assert np.abs(made.frames[3][inside] - known[2:5].mean(0)[inside]).max() <= 0.51


def test_a_partial_forgery_is_one_run_and_the_rest_is_identical() -> None:
    frames, points = still_clip(40)
    made = forge_clip(frames, points, forgery(Jitter(0.01, 0.5, 0.005, 1), Partial(0.3, 0.5)), FPS)
    assert np.flatnonzero(made.frame_labels).tolist() == list(range(14, 26))
    np.testing.assert_array_equal(made.frames[~made.frame_labels], frames[~made.frame_labels])
    assert all((made.frames[t] != frames[t]).any() for t in range(14, 26))


def test_nothing_is_taken_over_a_break() -> None:
    points = speaking(10)
    faces = ClipFaces(points, FPS, np.array([0, 4]))
    assert faces.within_runs(np.arange(10) + 3).tolist() == [3, 3, 3, 3, 7, 8, 9, 9, 9, 9]
    assert faces.within_runs(np.arange(10) - 1).tolist() == [0, 0, 1, 2, 4, 4, 5, 6, 7, 8]
    assert faces.in_run().tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5]


def test_parameters_lie_in_the_ranges_of_the_specification() -> None:
    rng = np.random.default_rng(0)
    dense = Footage(FPS, dense=True)
    drawn = {name: [o.draw(rng, dense) for _ in range(300)] for name, o in OPERATORS.items()}
    ranges = {
        "jitter": {"shift": (0.002, 0.015), "degrees": (0.2, 1.0), "scale": (0.002, 0.01)},
        "drift": {"shift": (0.002, 0.015), "rho": (0.8, 0.98), "hertz": (0.3, 3.0)},
        "feature-drift": {"amplitude": (0.003, 0.02), "rho": (0.8, 0.98)},
        "desynchronisation": {"frames": (-4, 4), "factor": (0.5, 1.6)},
        "flicker": {"gain": (0.01, 0.04), "tint": (0.01, 0.04), "ratio": (0.01, 0.04)},
        "partial": {"share": (0.1, 0.6), "place": (0.0, 1.0)},
    }
    for name, limits in ranges.items():
        for field, (low, high) in limits.items():
            values = np.array([getattr(each, field) for each in drawn[name]])
            assert low <= values.min() < low + 0.15 * (high - low), (name, field)
            assert high - 0.15 * (high - low) < values.max() <= high, (name, field)
    assert all(each.frames != 0 for each in drawn["desynchronisation"])
    assert {each.mode for each in drawn["desynchronisation"]} == {"shift", "scale"}
    assert {each.mode for each in drawn["temporal-resolution"]} == {"repeat", "interpolate", "mean"}
    sparse = [OPERATORS["desynchronisation"].draw(rng, Footage(FPS, dense=False)) for _ in range(20)]
    assert {each.mode for each in sparse} == {"retime"}
