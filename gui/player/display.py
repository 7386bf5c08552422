"""Changes for the eye alone: levels and fields of what is shown, never of what is analysed or exported."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.results import Picture, frozen


class Field(StrEnum):
    """What of an interlaced frame is shown. A frame holds two moments; a field holds one."""

    BOTH = "Both fields"
    TOP = "Top field"
    BOTTOM = "Bottom field"


@dataclass(frozen=True)
class Display:
    """How frames are shown.

    Attributes:
        brightness: added to every value, -1 to 1 of full scale.
        black, white: values shown as black and white, 0 to 255; black lies below white.
        gamma: above 1 lightens the middle tones.
        field: of interlaced frames.
    """

    brightness: float = 0.0
    black: int = 0
    white: int = 255
    gamma: float = 1.0
    field: Field = Field.BOTH

    @property
    def adjusted(self) -> bool:
        """Whether tones differ from the decoded ones."""
        return (self.brightness, self.black, self.white, self.gamma) != (0.0, 0, 255, 1.0)

    @property
    def changed(self) -> bool:
        """Whether anything on the screen differs from the decoded frame."""
        return self.adjusted or self.field is not Field.BOTH

    def table(self) -> Picture:
        """(256,) uint8, the shown value of each decoded one."""
        share = np.clip((np.arange(256) - self.black) / max(1, self.white - self.black), 0, 1)
        share = np.clip(share ** (1 / self.gamma) + self.brightness, 0, 1)
        return np.asarray(np.round(share * 255), np.uint8)

    def apply(self, pixels: Picture) -> Picture:
        """The picture to show; the same array where nothing is changed."""
        if self.field is not Field.BOTH:
            pixels = one_field(pixels, top=self.field is Field.TOP)
        if self.adjusted:
            pixels = frozen(self.table()[pixels])
        return pixels


def one_field(pixels: Picture, *, top: bool) -> Picture:
    """The rows of one field of an (H, W, 3) frame, with the mean of their neighbours in between."""
    first_made = 1 if top else 0
    rows = np.arange(first_made, len(pixels), 2)
    if not len(rows) or len(pixels) < 2:
        return pixels
    # Above the first and below the last row of the field there is nothing: the row that is there stands for both.
    above = np.where(rows - 1 >= 0, rows - 1, rows + 1)
    below = np.where(rows + 1 < len(pixels), rows + 1, rows - 1)
    made = pixels.copy()
    made[rows] = (pixels[above].astype(np.uint16) + pixels[below] + 1) // 2
    return frozen(made)
