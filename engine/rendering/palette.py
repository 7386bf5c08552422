"""Colour maps of explanations and the colours of faces, made so that colour-blind people can tell them apart.

A palette has 256 entries; entry 128 stands for zero and is transparent, entries 129 to 255 support fake, 127 to 1
support real, entry 0 is unused and equals entry 1. Colours are interpolated in OKLab (Ottosson 2020, "A perceptual
color space for image processing"), where equal steps look equally large.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.rendering.meaning import ATTENTION, Meaning
from engine.results import Picture, frozen

FloatArray = npt.NDArray[np.float64]
Colour = tuple[int, int, int]

ZERO = 128
STEPS = 127

FACES: tuple[Colour, ...] = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178),
)  # fmt: skip
"""Colours of faces by track id: Okabe and Ito's set ("Color universal design", 2008) without black."""


@dataclass(frozen=True, slots=True)
class Palette:
    """One colour map.

    Attributes:
        name: as the user reads it.
        signed: whether colour tells fake from real; if not, it tells only how strong a value is.
        table: (256, 4) uint8 RGBA, alpha not multiplied in.
    """

    id: str
    name: str
    signed: bool
    table: Picture


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour bar must show: entries `first` to 255 of the table from left to right under three labels."""

    table: Picture
    low: str
    middle: str
    high: str
    first: int = 1


def legend(palette_id: str, *, signed: bool = True, meaning: Meaning = ATTENTION) -> Legend:
    """The colour bar of a palette. Outlines carry the sign, too: solid supports fake, dashed supports real.

    Of maps that have no sign (attention) it is half a bar, with the words of their `meaning` and no word of fake.
    """
    palette = PALETTES[palette_id]
    if not signed:
        return Legend(palette.table, meaning.low, "", meaning.high, ZERO)
    if palette.signed:
        return Legend(palette.table, "supports real", "0", "supports fake")
    return Legend(palette.table, "supports real (dashed)", "0", "supports fake (solid)")


def face_colour(track_id: int) -> Colour:
    """Colour of a face, the same everywhere."""
    return FACES[track_id % len(FACES)]


def _oklab(colours: FloatArray) -> FloatArray:
    """sRGB in [0, 1] (..., 3) to OKLab."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    lab: FloatArray = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def srgb(lab: FloatArray) -> FloatArray:
    """OKLab (..., 3) to sRGB, clipped to [0, 1]."""
    linear = ((lab @ np.linalg.inv(_TO_LAB).T) ** 3) @ np.linalg.inv(_TO_LMS).T
    linear = np.clip(linear, 0, 1)
    colours: FloatArray = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return colours


_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _ramp(anchors: tuple[Colour, ...]) -> FloatArray:
    """(127, 3) sRGB in [0, 1] through the anchors, evenly in OKLab."""
    lab = _oklab(np.array(anchors, float) / 255)
    at = np.linspace(0, 1, STEPS)
    stops = np.linspace(0, 1, len(anchors))
    return srgb(np.stack([np.interp(at, stops, lab[:, k]) for k in range(3)], axis=1))


def _table(real: FloatArray, fake: FloatArray) -> Picture:
    """(256, 4) from the ramps of strength 1/127 to 1; alpha grows with the root, so weak values show."""
    table = np.zeros((256, 4))
    alpha = np.sqrt(np.arange(1, STEPS + 1) / STEPS)[:, None]
    table[ZERO + 1 :] = np.hstack([fake, alpha])
    table[1:ZERO] = np.hstack([real, alpha])[::-1]
    table[0] = table[1]
    return frozen(np.round(table * 255).astype(np.uint8))


def _red() -> Picture:
    """P002's user study (section 6): transparent for nothing, full red for the largest value, evenly between."""
    alpha = np.abs(np.maximum(np.arange(256), 1) - ZERO) / STEPS
    table = np.zeros((256, 4))
    table[:, 0], table[:, 3] = 1, alpha
    return frozen(np.round(table * 255).astype(np.uint8))


def _palettes() -> dict[str, Palette]:
    blue = _ramp(((160, 205, 245), (0, 90, 200)))
    orange = _ramp(((255, 205, 140), (225, 90, 0)))
    purple = _ramp(((205, 185, 235), (95, 30, 150)))
    green = _ramp(((190, 235, 170), (30, 140, 40)))
    dawn = _ramp(((45, 20, 85), (120, 40, 130), (205, 75, 95), (245, 150, 60), (250, 235, 130)))
    made = (
        Palette("blue-orange", "Blue real, orange fake", signed=True, table=_table(blue, orange)),
        Palette("purple-green", "Purple real, green fake", signed=True, table=_table(purple, green)),
        Palette("dawn", "Dawn (strength only)", signed=False, table=_table(dawn, dawn)),
        Palette("red", "Red as in P002 (strength only)", signed=False, table=_red()),
    )
    return {palette.id: palette for palette in made}


PALETTES = _palettes()
