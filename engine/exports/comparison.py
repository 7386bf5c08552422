"""Explainers side by side on one frame, as one picture with all that is needed to judge and to repeat it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engine.errors import UsageError
from engine.exports import sidecar
from engine.exports.files import Staging, never_over
from engine.exports.stills import png
from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers, timecode
from engine.rendering.palette import PALETTES, ZERO
from engine.rendering.primitives import Fill, Item, Layers, Mask, Text
from engine.rendering.scene import FrameShown, MapShown, Scene
from engine.rendering.style import OverlayStyle
from engine.rendering.text import measure
from engine.results import FloatArray, Picture, Provenance, VideoIdentity, frozen
from engine.video.frame import Frame

PANE = 480
"""Width of a pane's picture, pixels."""
SIZE, SMALL = 15, 13
PAD = 12
INK = (230, 234, 240, 255)
MUTED = (163, 175, 190, 255)
GROUND = (20, 23, 28)


@dataclass(frozen=True, slots=True)
class SheetPane:
    """One pane.

    Attributes:
        title: letter, detector and explainer.
        shown: its map on the frame; None without one, then `lines` say why.
        style: how the map is painted; labels, boxes and curve are left out.
        lines: what stands below, each to be wrapped.
        data: the same for programs, plain.
        provenance: of the map.
    """

    title: str
    shown: MapShown | None
    style: OverlayStyle
    lines: tuple[str, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """A colour bar: palette, words and numbers at its ends; `half` from zero on."""

    palette: str
    low: str
    high: str
    half: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A comparison as it is to be written.

    Attributes:
        frame: the exact frame.
        area: x0, y0, x1, y1 of the frame that is shown, pixels of the frame; may reach over its edges.
        aspect: width of a pixel over its height.
        columns: panes beside each other.
        wipe: share of the width of every picture that shows the frame alone; None for none.
        scales: what the colours mean.
        notes: lines for below all panes.
    """

    identity: VideoIdentity
    frame: Frame
    area: tuple[float, float, float, float]
    aspect: float
    panes: Sequence[SheetPane]
    columns: int
    wipe: float | None
    scales: Sequence[Scale]
    notes: Sequence[str]


def export_comparison(sheet: Sheet, out: Path) -> Path:
    """Write the picture (PNG) and beside it a JSON of the same name: both, or nothing. Any one thread.

    Raises:
        UsageError: there is no pane, or a file would replace the evidence.
        ExportError: the disk is full or the place cannot be written.
    """
    if not sheet.panes:
        raise UsageError("There is no pane to export", advice="Open the comparison first", file=out)
    if out.suffix.lower() != ".png":
        out = out.with_name(f"{out.name}.png")
    evidence = Path(sheet.identity.path)
    never_over([evidence], [out])
    content = png(render_sheet(sheet), sheet.frame, sheet.identity)
    with Staging([evidence]) as staging:
        staging.folder(out.parent)
        staging.write(out, content)
        staging.write_json(out.with_suffix(".json"), _data(sheet, out.name, content))
    return out


def render_sheet(sheet: Sheet) -> Picture:
    """The whole picture (H, W, 3)."""
    columns = max(1, min(sheet.columns, len(sheet.panes)))
    width = columns * (PANE + PAD) + PAD
    height = _picture_height(sheet)
    rows = [sheet.panes[at : at + columns] for at in range(0, len(sheet.panes), columns)]
    items: list[Item] = []
    pictures: list[tuple[int, int, Picture]] = []
    top = PAD
    for row in rows:
        bottom = top
        for number, pane in enumerate(row):
            left = PAD + number * (PANE + PAD)
            below = _words(items, [pane.title], left, top, PANE, SIZE, INK) + 4
            pictures.append((left, below, render_pane(sheet, pane, height)))
            bottom = max(bottom, _words(items, pane.lines, left, below + height + 6, PANE, SMALL, INK))
        top = bottom + PAD
    for scale in sheet.scales:
        top = _scale(items, scale, PAD, top) + 6
    top = _words(items, [*sheet.notes, *caption(sheet)], PAD, top, width - 2 * PAD, SMALL, MUTED) + PAD
    canvas = np.full((top, width, 3), GROUND, np.uint8)
    for left, y, picture in pictures:
        canvas[y : y + picture.shape[0], left : left + picture.shape[1]] = picture
    return render_frame(canvas, Layers(width, top, tuple(items)))


def caption(sheet: Sheet) -> list[str]:
    """What names the frame: number, pts, time, file and hash."""
    frame, identity = sheet.frame, sheet.identity
    where = f"Frame {frame.index} (from 0), {timecode(frame.seconds)}, pts {frame.pts} x {identity.time_base} s"
    return [f"{where}, of {Path(identity.path).name}, SHA-256 {identity.sha256}"]


def render_pane(sheet: Sheet, pane: SheetPane, height: int) -> Picture:
    """The shown part of the frame with the pane's map, PANE pixels wide, by the rules of every overlay."""
    x0, y0, x1, y1 = sheet.area
    stretch = np.array([PANE / (x1 - x0), height / (y1 - y0)])
    enlarging = stretch[1] >= 1
    matrix = np.array([[stretch[0], 0, -x0 * stretch[0]], [0, stretch[1], -y0 * stretch[1]]])
    # OpenCV puts pixel centres at whole numbers; ours lie at halves.
    centred = matrix.copy()
    centred[:, 2] += 0.5 * stretch - 0.5
    kind = cv2.INTER_LINEAR if enlarging else cv2.INTER_AREA
    raw = np.asarray(
        cv2.warpAffine(sheet.frame.pixels, centred, (PANE, height), flags=kind, borderValue=(11, 13, 16)), np.uint8
    )
    if pane.shown is None:
        return raw
    affine: FloatArray = np.asarray(
        matrix[:, :2] @ pane.shown.affine + np.array([[0, 0, matrix[0, 2]], [0, 0, matrix[1, 2]]]), np.float32
    )
    scene = Scene(PANE, height, sheet.frame.index, sheet.frame.index)
    moved = replace(pane.shown, affine=affine)
    shown = FrameShown(sheet.frame.index, sheet.frame.pts, sheet.frame.seconds, scene, (), (moved,))
    style = replace(pane.style, labels=False, boxes=False, curve=False)
    picture = render_frame(raw, build_layers(shown, style))
    if sheet.wipe is not None:
        at = round(sheet.wipe * PANE)
        picture[:, :at] = raw[:, :at]
        picture[:, max(0, at - 1) : at + 1] = 255
    return picture


def _picture_height(sheet: Sheet) -> int:
    x0, y0, x1, y1 = sheet.area
    return max(1, round(PANE * (y1 - y0) / ((x1 - x0) * sheet.aspect)))


def _words(
    items: list[Item],
    lines: Sequence[str],
    left: int,
    top: int,
    room: int,
    size: int,
    colour: tuple[int, int, int, int],
) -> int:
    """Lay lines out below each other, wrapped; where the last one ends."""
    for line in lines:
        for part in wrapped(line, size, room):
            items.append(Text(left, top, part, size, colour))
            top += measure(part, size)[1]
    return top


def wrapped(line: str, size: int, room: int) -> list[str]:
    """A line broken at its spaces, and inside a word that alone is too long."""
    found = [""]
    for word in line.split(" "):
        longer = f"{found[-1]} {word}".strip()
        if measure(longer, size)[0] <= room:
            found[-1] = longer
            continue
        found += [""] if found[-1] else []
        for letter in word:
            if measure(found[-1] + letter, size)[0] > room:
                found.append("")
            found[-1] += letter
    return found


def _scale(items: list[Item], scale: Scale, left: int, top: int) -> int:
    """A colour bar between its two words; where it ends."""
    width, height = measure(scale.low, SMALL)
    bar, start = 220, left + (width + 8 if scale.low else 0)
    first = ZERO if scale.half else 1
    entries = frozen(np.arange(first, 256, dtype=np.uint8)[None])
    affine = np.array([[bar / (256 - first), 0, start], [0, height - 4, top + 2]], np.float64)
    items += [
        Text(left, top, scale.low, SMALL, INK),
        Fill(start, top + 2, start + bar, top + height - 2, (11, 13, 16, 255)),
        Mask(entries, affine, PALETTES[scale.palette].table, 1.0),
        Text(start + bar + 8, top, scale.high, SMALL, INK),
    ]
    return top + height


def _data(sheet: Sheet, name: str, content: bytes) -> dict[str, Any]:
    frame = sheet.frame
    return sidecar.header(sheet.identity) | {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "frame": {"index": frame.index, "pts": frame.pts, "seconds": frame.seconds},
        "area": [round(value, 3) for value in sheet.area],
        "wipe": sheet.wipe,
        "panes": [
            {"title": pane.title, "style": sidecar.look(pane.style), "lines": list(pane.lines), **pane.data}
            for pane in sheet.panes
        ],
        "notes": list(sheet.notes),
        "provenance": sidecar.provenances(pane.provenance for pane in sheet.panes if pane.provenance is not None),
    }
