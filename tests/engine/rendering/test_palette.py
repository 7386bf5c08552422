"""Palettes: the sign can be told by everybody, strength by lightness."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from engine.rendering.palette import FACES, PALETTES, ZERO, face_colour, legend

# Machado, Oliveira, Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency",
# severity 1, on linear RGB.
DEFICIENCIES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def seen(colours: np.ndarray, deficiency: str) -> np.ndarray:
    """CIELAB of sRGB uint8 colours as a person with the deficiency sees them."""
    srgb = np.asarray(colours, float) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ DEFICIENCIES[deficiency].T, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb2lab(srgb)


@pytest.mark.parametrize("name", PALETTES)
def test_zero_is_transparent_and_strength_only_grows(name: str) -> None:
    table = PALETTES[name].table
    assert table.shape == (256, 4)
    assert table[ZERO, 3] == 0
    alpha = table[:, 3].astype(int)
    assert (np.diff(alpha[ZERO:]) > 0).sum() > 100
    assert (np.diff(alpha[ZERO:]) >= 0).all()
    assert (np.diff(alpha[1 : ZERO + 1]) <= 0).all()
    assert alpha[255] == alpha[1] == 255


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("name", [name for name, palette in PALETTES.items() if palette.signed])
def test_everybody_tells_fake_from_real(name: str, deficiency: str) -> None:
    table = PALETTES[name].table
    for strength in (0.3, 0.6, 1.0):
        step = round(127 * strength)
        fake, real = seen(table[[ZERO + step, ZERO - step], :3], deficiency)
        assert deltaE_ciede2000(fake, real) > 15, (strength, table[ZERO + step], table[ZERO - step])


def test_the_ends_of_the_default_are_orange_for_fake_and_blue_for_real() -> None:
    table = PALETTES["blue-orange"].table.astype(int)
    assert table[255, 0] > table[255, 1] > table[255, 2]
    assert table[1, 2] > table[1, 1] > table[1, 0]


def test_the_map_of_strength_gets_lighter_evenly() -> None:
    lightness = rgb2lab(PALETTES["dawn"].table[ZERO + 1 :, :3] / 255)[:, 0]
    steps = np.diff(lightness)
    assert lightness[-1] - lightness[0] > 65
    assert (steps > -0.2).all(), "rounding to bytes may cost a little"
    quarters = np.add.reduceat(steps, [0, 32, 63, 95])
    assert quarters.max() < 2 * quarters.min()
    assert (PALETTES["dawn"].table[ZERO + 1 :] == PALETTES["dawn"].table[1:ZERO][::-1]).all()


def test_red_is_pure_and_grows_evenly_from_nothing_as_in_p002() -> None:
    table = PALETTES["red"].table
    assert (table[:, :3] == (255, 0, 0)).all()
    for share in (0.0, 0.25, 0.5, 1.0):
        assert table[ZERO + round(127 * share), 3] == pytest.approx(255 * share, abs=2)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_first_faces_differ_for_everybody(deficiency: str) -> None:
    lab = seen(np.array(FACES[:4]), deficiency)
    distances = [deltaE_ciede2000(lab[i], lab[j]) for i in range(4) for j in range(i)]
    assert min(distances) > 8


def test_a_face_keeps_its_colour() -> None:
    assert face_colour(1) == face_colour(1 + len(FACES)) != face_colour(2)


@pytest.mark.parametrize("name", PALETTES)
def test_the_legend_says_which_side_is_which(name: str) -> None:
    shown = legend(name)
    assert "real" in shown.low
    assert "fake" in shown.high
    assert shown.table is PALETTES[name].table


@pytest.mark.parametrize("name", PALETTES)
def test_maps_without_a_sign_have_half_a_bar_and_no_word_of_fake_or_real(name: str) -> None:
    shown = legend(name, signed=False)
    assert (shown.low, shown.middle, shown.high, shown.first) == ("looks away", "", "looks here", ZERO)
