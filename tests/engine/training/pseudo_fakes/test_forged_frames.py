"""Pseudo-fakes: where they change a picture, how, and that a seed determines them."""

import dataclasses
import time

import cv2
import numpy as np
import pytest

from engine.training.faces.shape68 import MEAN_SHAPE, face_square, fit_shape, five_points, similarity, transform
from engine.training.pseudo_fakes import ForgeryConfig, draw_forgery, forge, pose_distance, warps
from engine.training.pseudo_fakes.blending import blend, match_colours
from engine.training.pseudo_fakes.masks import REGION_WEIGHTS, REGIONS, MaskLaw, draw_mask_law, make_mask
from engine.training.pseudo_fakes.mismatch import apply_mismatch, draw_mismatch

SIZE = 256
POINTS = (MEAN_SHAPE * 0.8 + 0.1).astype(np.float32) * SIZE


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Something with structure at all scales."""
    rng = np.random.default_rng(0)
    total = np.zeros((SIZE, SIZE, 3))
    for knots in (4, 16, 64, 256):
        total += cv2.resize(rng.normal(size=(knots, knots, 3)), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * 18
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def hard(region: str) -> MaskLaw:
    return MaskLaw(region, 0.0, 0.01, 0.5, 0.006, 0)  # type: ignore[arg-type]


def test_regions_lie_where_their_names_say() -> None:
    covers = {}
    marks = {
        "eye": POINTS[36:42].mean(0),
        "mouth": POINTS[48:60].mean(0),
        "chin": POINTS[8] - [0, 8],
        "nose": POINTS[30],
    }
    marks["forehead"] = POINTS[19:25].mean(0) - [0, 12]
    for region in REGIONS:
        mask = make_mask(POINTS, hard(region), (SIZE, SIZE))
        covers[region] = {name for name, (x, y) in marks.items() if mask[int(y), int(x)] > 0.5}
    assert covers == {
        "hull": {"eye", "mouth", "chin", "nose", "forehead"},
        "no-forehead": {"eye", "mouth", "chin", "nose"},
        "mouth-chin": {"mouth", "chin"},
        "eyes-brows": {"eye"},
        "nose-mouth": {"mouth", "nose"},
    }


def test_the_law_softens_and_erodes() -> None:
    area = {t: make_mask(POINTS, MaskLaw("hull", 0, 0.05, t, 0.006, 0), (SIZE, SIZE)).sum() for t in (0.4, 0.8)}
    assert area[0.8] < area[0.4]
    soft = make_mask(POINTS, MaskLaw("no-forehead", 0, 0.02, 0.5, 0.1, 0), (SIZE, SIZE))
    sharp = make_mask(POINTS, hard("no-forehead"), (SIZE, SIZE))
    between = [float(((m > 0.05) & (m < 0.95)).mean()) for m in (soft, sharp)]
    assert between[0] > 4 * between[1]
    assert soft.min() >= 0
    assert soft.max() <= 1


def test_regions_are_drawn_with_their_weights() -> None:
    rng = np.random.default_rng(3)
    drawn = [draw_mask_law(rng).region for _ in range(4000)]
    shares = [drawn.count(region) / 4000 for region in REGIONS]
    np.testing.assert_allclose(shares, REGION_WEIGHTS, atol=0.03)


@pytest.mark.parametrize("how", ["alpha", "poisson", "pyramid"])
def test_blending_keeps_the_outside_and_pictures_equal_to_themselves(picture: np.ndarray, how: str) -> None:
    mask = make_mask(POINTS, hard("no-forehead"), (SIZE, SIZE))
    other = np.clip(picture[::-1].astype(int) // 2 + 60, 0, 255).astype(np.uint8)
    forged = blend(other, picture, mask, how, 1.0)  # type: ignore[arg-type]
    far = cv2.dilate(mask, np.ones((65, 65))) == 0
    assert np.abs(forged[far].astype(int) - picture[far]).max() <= 1
    assert np.abs(forged[mask > 0.9].astype(int) - picture[mask > 0.9]).mean() > 10
    same = blend(picture, picture, mask, how, 1.0)  # type: ignore[arg-type]
    assert np.abs(same.astype(int) - picture).mean() < 0.6


def test_alpha_blending_is_the_formula(picture: np.ndarray) -> None:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[100, 100], mask[101, 100] = 1.0, 0.5
    other = 255 - picture
    forged = blend(other, picture, mask, "alpha", 0.5)
    for y, weight in ((100, 0.5), (101, 0.25), (102, 0.0)):
        by_hand = (1 - weight) * picture[y, 100].astype(float) + weight * other[y, 100].astype(float)
        assert np.abs(forged[y, 100] - by_hand).max() <= 0.5


def test_poisson_blending_takes_the_gradients_and_not_the_level(picture: np.ndarray) -> None:
    brighter = np.clip(picture.astype(int) // 2 + 120, 0, 255).astype(np.uint8)
    target = np.full_like(picture, 90)
    mask = make_mask(POINTS, hard("no-forehead"), (SIZE, SIZE))
    forged = blend(brighter, target, mask, "poisson", 1.0)
    deep = cv2.erode(mask, np.ones((31, 31))) > 0.99

    def steps(p: np.ndarray) -> np.ndarray:
        return np.diff(p.astype(int), axis=1)[deep[:, 1:]].ravel()

    assert np.corrcoef(steps(forged), steps(brighter))[0, 1] > 0.98
    assert abs(forged[deep].mean() - 90) < 0.5 * abs(brighter[deep].mean() - 90)


def test_colour_matching_brings_mean_and_deviation(picture: np.ndarray) -> None:
    target = np.clip(picture * 0.4 + [90, 30, 10], 0, 255).astype(np.uint8)
    mask = make_mask(POINTS, hard("no-forehead"), (SIZE, SIZE))

    def stats(p: np.ndarray) -> np.ndarray:
        inside = cv2.cvtColor(p, cv2.COLOR_RGB2LAB)[mask > 0.5].astype(float)
        return np.concatenate([inside.mean(0), inside.std(0)])

    before, after = (
        np.abs(stats(picture) - stats(target)),
        np.abs(stats(match_colours(picture, target, mask, 1.0)) - stats(target)),
    )
    assert before.max() > 20
    assert after.max() < 3
    assert match_colours(picture, target, mask, 0.0) is picture


def test_piecewise_warp_brings_each_triangle_to_its_place(picture: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    target = POINTS + rng.normal(scale=2.0, size=POINTS.shape).astype(np.float32)
    warped = warps.piecewise_affine(picture, POINTS, target, (SIZE, SIZE))
    for corners in warps.triangles()[::7]:
        middle_to, middle_from = target[corners].mean(0), POINTS[corners].mean(0)
        x, y = np.round(middle_to).astype(int)
        solve = np.linalg.solve(np.column_stack([target[corners], np.ones(3)]), POINTS[corners])
        source = np.array([x, y, 1.0]) @ solve  # the affine map of this triangle, by hand
        assert np.abs(source - middle_from).max() < 3
        expected = cv2.getRectSubPix(picture.astype(np.float32), (1, 1), source.astype(np.float64).tolist())[0, 0]
        assert np.abs(warped[y, x] - expected).max() < 12
    np.testing.assert_array_equal(warps.piecewise_affine(picture, POINTS, POINTS, (SIZE, SIZE))[:20], picture[:20])


def test_similarity_is_recovered_and_five_points_give_the_shape_back() -> None:
    angle, scale, shift = 0.3, 1.7, np.array([12.0, -5.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (MEAN_SHAPE @ turn.T + shift).astype(np.float32)
    affine = similarity(MEAN_SHAPE, moved)
    np.testing.assert_allclose(affine, np.column_stack([turn, shift]), atol=1e-4)
    np.testing.assert_allclose(fit_shape(five_points(moved)), moved, atol=1e-3)
    np.testing.assert_allclose(transform(affine, MEAN_SHAPE), moved, atol=1e-3)
    np.testing.assert_allclose(face_square(MEAN_SHAPE * 100 + 7), [7, 7, 107, 107], atol=0.2)


def test_pose_distance_ignores_place_and_size_and_sees_turning() -> None:
    turned = POINTS * [0.6, 1.0]
    distances = pose_distance(POINTS, np.stack([POINTS * 3 + 40, turned]).astype(np.float32))
    assert distances[0] < 1e-4
    assert distances[1] > 0.05


def test_a_forgery_is_determined_by_its_seed_and_stays_inside_its_mask(picture: np.ndarray) -> None:
    config = ForgeryConfig(other_person=0.5, blends=(("alpha", 1.0),))
    donor = np.ascontiguousarray(picture[:, ::-1])
    seen = set()
    for seed in range(30):
        forgery = draw_forgery(np.random.default_rng(seed), config)
        assert forgery == draw_forgery(np.random.default_rng(seed), config)
        forged, mask = forge(picture, POINTS, forgery, donor, POINTS)
        again, _ = forge(picture, POINTS, forgery, donor, POINTS)
        np.testing.assert_array_equal(forged, again)
        seen.add(forgery.other_person)
        if not forgery.mismatch_outside:
            np.testing.assert_array_equal(forged[mask == 0], picture[mask == 0])
        assert mask.max() <= forgery.ratio + 1e-6
        assert not np.array_equal(forged, picture)
    assert seen == {True, False}


def test_a_missing_donor_is_refused(picture: np.ndarray) -> None:
    forgery = draw_forgery(np.random.default_rng(0), ForgeryConfig(other_person=1.0))
    with pytest.raises(ValueError, match="another person"):
        forge(picture, POINTS, forgery)


def test_mismatch_changes_what_it_says(picture: np.ndarray) -> None:
    nothing = dataclasses.replace(
        draw_mismatch(np.random.default_rng(0), 1.0),
        rgb_shift=(0.0, 0.0, 0.0),
        hue=0.0,
        saturation=1.0,
        gamma=1.0,
        contrast=1.0,
        reduction=1.0,
        sharpen=0.0,
        noise=0.0,
        chroma=1,
        resolution=0,
    )
    np.testing.assert_array_equal(apply_mismatch(picture, nothing, 200), picture)

    def detail(p: np.ndarray) -> float:
        return float(cv2.Laplacian(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())

    def changed(**parts: object) -> np.ndarray:
        return apply_mismatch(picture, dataclasses.replace(nothing, **parts), 200)

    plain = detail(picture)
    assert detail(changed(reduction=3.0)) < 0.5 * plain < plain < detail(changed(sharpen=1.0))
    assert detail(changed(resolution=64)) < detail(changed(resolution=128)) < plain
    np.testing.assert_array_equal(changed(resolution=256), picture)  # no smaller than the face
    shifted = changed(rgb_shift=(10.0, 0.0, -10.0)).astype(int).mean((0, 1)) - picture.mean((0, 1))
    np.testing.assert_allclose(shifted, [10, 0, -10], atol=1.0)
    assert np.std(changed(noise=5.0).astype(int) - picture) == pytest.approx(5.0, abs=0.7)
    grey = cv2.cvtColor(changed(chroma=4), cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(grey - cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).mean() < 2


@pytest.mark.long
def test_sixty_forgeries_a_second_on_one_core(picture: np.ndarray) -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    forgeries = [draw_forgery(rng, ForgeryConfig()) for _ in range(200)]
    started = time.process_time()
    for forgery in forgeries:
        forge(picture, POINTS, forgery, picture, POINTS)
    assert 200 / (time.process_time() - started) >= 60
