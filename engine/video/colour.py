"""From the decoder's picture to RGB as displayed: matrix, range, bit depth, rotation.

A stream that does not state its matrix is taken as BT.709 from 720 lines up and as BT.601 below, as players do.
One that does not state its range is taken as limited, unless its pixel format says full (yuvj420p).
Transfer curves are not converted: HDR pictures look flat but hold the stored values.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from engine.results import Picture

# AVCOL_SPC_* (ITU-T H.273, table 4) to swscale's matrices; 0 is RGB, 2 unspecified.
_MATRIX = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601}
_MATRIX |= {7: Colorspace.SMPTE240M, 9: Colorspace.BT2020, 10: Colorspace.BT2020}


def matrix_of(colorspace: int, height: int) -> Colorspace:
    """The matrix for a stated AVCOL_SPC number and the height as coded."""
    return _MATRIX.get(colorspace, Colorspace.ITU709 if height >= 720 else Colorspace.ITU601)


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a coded picture is brought to its display orientation.

    Attributes:
        turns: quarter turns anticlockwise, 0 to 3, after mirroring.
        mirrored: whether left and right are swapped first.
    """

    turns: int = 0
    mirrored: bool = False

    @property
    def degrees(self) -> int:
        """Clockwise rotation for display, degrees: what cameras write."""
        return (-90 * self.turns) % 360


def orientation_of(frame: Any) -> Orientation:
    """The orientation that a frame's display matrix asks for, to the nearest quarter turn.

    The matrix maps (x, y) to (a x + c y, b x + d y) with y pointing down; its first row is a, b, u.
    """
    for side in frame.side_data:
        if side.type == Type.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(bytes(side), np.int32, 5).astype(np.float64)
            mirrored = bool(a * d - b * c < 0)
            if mirrored:
                a, b = -a, -b
            return Orientation(round(-np.degrees(np.arctan2(b, a)) / 90) % 4, mirrored)
    return Orientation()


class Converter:
    """Turns decoded frames into RGB pictures. For one thread: it keeps the scaler between frames."""

    def __init__(self, width: int, height: int, orientation: Orientation) -> None:
        """For a stream of width x height as coded, before rotation; frames of another size are scaled to it."""
        self._size = width, height
        self._orientation = orientation
        self._full, self._small = VideoReformatter(), VideoReformatter()

    def rgb(self, frame: Any, width: int | None = None) -> Picture:
        """(H, W, 3) uint8 as displayed, read-only; scaled by area to a smaller displayed `width`."""
        w, h = self._size
        turned = self._orientation.turns % 2 == 1
        shown = h if turned else w
        if width is None or width >= shown:
            return self._convert(self._full, frame, w, h)
        other = max(1, round((w if turned else h) * width / shown))
        return self._convert(self._small, frame, *((other, width) if turned else (width, other)))

    def _convert(self, scaler: VideoReformatter, frame: Any, width: int, height: int) -> Picture:
        full = frame.color_range == ColorRange.JPEG.value or frame.format.name.startswith("yuvj")
        same = (frame.width, frame.height) == (width, height)
        converted = scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=matrix_of(frame.colorspace, frame.height),
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR if same else Interpolation.AREA,
            threads=1,
        )
        pixels: Picture = converted.to_ndarray()  # type: ignore[assignment] # rgb24 is always uint8
        return orient(pixels, self._orientation)


def orient(pixels: Picture, orientation: Orientation) -> Picture:
    """Mirror and rotate for display; contiguous and read-only."""
    if orientation.mirrored:
        pixels = pixels[:, ::-1]
    if orientation.turns:
        pixels = np.rot90(pixels, orientation.turns)
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels
