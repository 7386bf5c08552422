"""One decoded picture with its place in the file."""

from dataclasses import dataclass

from engine.results import Picture


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame exactly as stored, ready to be shown.

    Attributes:
        index: number in display order, from 0.
        pts: presentation time in units of the index's time base.
        seconds: time since the first frame.
        pixels: RGB uint8 (H, W, 3), read-only, rotation applied, pixel aspect not applied.
    """

    index: int
    pts: int
    seconds: float
    pixels: Picture
