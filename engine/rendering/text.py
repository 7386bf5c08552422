"""The one font of overlays, for its measures and its pixels. The window loads the same font from `font_bytes`."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.results import Picture


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font (Aileron Regular, CC0, inside Pillow) at a height of `size` pixels. It has Latin letters only."""
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):  # Pillow without FreeType: not in any wheel
        raise TypeError("Pillow was built without FreeType")
    return loaded


def font_bytes() -> bytes:
    """The font file, for QFontDatabase.addApplicationFontFromData."""
    data: bytes = font(16).font_bytes
    return data


def measure(text: str, size: int) -> tuple[int, int]:
    """Width and height of a line in pixels; the height is the same for every text of a size."""
    ascent, descent = font(size).getmetrics()
    return round(font(size).getlength(text)), ascent + descent


@lru_cache(maxsize=512)
def coverage(text: str, size: int) -> Picture:
    """(h, w) uint8, how much of each pixel the letters cover."""
    picture = Image.new("L", measure(text, size))
    ImageDraw.Draw(picture).text((0, 0), text, font=font(size), fill=255)
    return np.asarray(picture)
