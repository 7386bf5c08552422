"""Decides what is drawn on one frame: geometry, colours, thresholds and words. Drawing it is dumb, and done twice.

`build_layers` is called by the window (QPainter draws) and by the exporter (`engine.rendering.compose` draws).
"""

import numpy as np

from engine.rendering.mask import dashed, mask_indices, outline, transformed
from engine.rendering.palette import PALETTES, face_colour, legend
from engine.rendering.primitives import RGBA, Fill, Item, Layers, Lines, Mask, Text
from engine.rendering.scene import FaceShown, FrameShown, MapShown, Scene
from engine.rendering.strip import curve_strip
from engine.rendering.style import OverlayStyle
from engine.rendering.text import measure
from engine.results import excluded_words, frozen

WHITE: RGBA = (255, 255, 255, 255)
BLACK: RGBA = (0, 0, 0, 255)
BACKDROP: RGBA = (12, 14, 18, 165)
SEAM: RGBA = (0, 0, 0, 110)
SMALLEST = 7
"""Size of letters that can still be read, pixels."""
FAKE_LINE, REAL_LINE = 200, 56
"""Palette entries of the outlines, lighter than the ends of the palette."""


def build_layers(shown: FrameShown, style: OverlayStyle) -> Layers:
    """Everything that lies over one frame. About a millisecond; any thread."""
    scene = shown.scene
    stroke = max(1, round(scene.height / 540))
    size = max(12, round(scene.height / 45))
    items: list[Item] = []
    for values in shown.maps:
        items += _explained(values, style, stroke)
    over = curve_strip(shown, style.decision, stroke) if style.curve and scene.scores else []
    if style.labels:
        over += _labels(shown, style, size)
    if style.boxes:
        backdrops = [item for item in over if isinstance(item, Fill)]
        for face in shown.faces:
            items += _face(face, scene, stroke, size, backdrops)
    return Layers(scene.width, scene.height, (*items, *over))


def timecode(seconds: float) -> str:
    """H:MM:SS.mmm, rounded to the millisecond."""
    total = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and total else ""
    return f"{sign}{total // 3_600_000}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}.{total % 1000:03d}"


def _explained(shown: MapShown, style: OverlayStyle, stroke: int) -> list[Item]:
    indices = frozen(mask_indices(shown.values, style, shown.end))
    table = PALETTES[style.colour_map].table
    items: list[Item] = []
    if style.mask:
        items.append(Mask(indices, shown.affine.astype(np.float64), table, style.opacity))
    if style.outline:
        fake = transformed(outline(indices, fake=True), shown.affine)
        real = dashed(transformed(outline(indices, fake=False), shown.affine))
        for segments, entry in ((fake, FAKE_LINE), (real, REAL_LINE)):
            if len(segments):
                # A dark seam below keeps the line visible on any picture.
                items.append(Lines(tuple(segments), SEAM, stroke + 2))
                items.append(Lines(tuple(segments), (*table[entry, :3].tolist(), 255), stroke))
    return items


def _face(face: FaceShown, scene: Scene, stroke: int, size: int, taken: list[Fill]) -> list[Item]:
    colour = face_colour(face.track_id)
    x0, y0, x1, y1 = (float(v) for v in face.box)
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
    words = face.name if face.probability is None else f"{face.name}  {face.probability:.2f}"
    text_width, text_height = measure(words, size)
    pad = size // 4
    left = max(0, min(round(x0), scene.width - text_width - 2 * pad))
    right = left + text_width + 2 * pad
    near = [fill for fill in taken if fill.x0 < right and left < fill.x1]
    top = _top_of_name(round(y0), round(y1), text_height, scene.height, near)
    light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 120
    return [
        Lines((corners,), (*colour, 255), stroke),
        Fill(left, top, right, top + text_height, (*colour, 255)),
        Text(left + pad, top, words, size, BLACK if light else WHITE),
    ]


def _top_of_name(y0: int, y1: int, row: int, height: int, taken: list[Fill]) -> int:
    """Where the name of a face stands, `row` pixels high, so that neither edge nor what lies over boxes hides it.

    Above the box y0 to y1, or inside it as high as there is room, or under it, or under what lies over all of it.
    """

    def free(top: int) -> bool:
        inside = 0 <= top <= height - row
        return inside and not any(fill.y0 < top + row and top < fill.y1 for fill in taken)

    start = max(0, y0)
    ends = [fill.y1 for fill in taken if fill.y1 > start]
    places = [y0 - row, start, *(end for end in ends if end <= y1 - row), y1, *ends]
    return next((top for top in places if free(top)), start if y0 < row else y0 - row)


def _labels(shown: FrameShown, style: OverlayStyle, size: int) -> list[Item]:
    scene = shown.scene
    words = [f"Frame {shown.index}   {timecode(shown.seconds)}   pts {shown.pts}"]
    if scene.detector_id:
        words.append(f"{scene.detector_id}   weights {scene.weights_sha256[:12]}")
    if scene.excluded:
        words.append(excluded_words(len(scene.excluded)))
    if scene.statement is not None:
        words.append(f"Whole video: {scene.statement.line}")
    if shown.maps:
        words.append(
            f"{scene.map_title}   opacity {style.opacity:.0%}   threshold {style.threshold:.0%} of maximum"
        )
    widest = max(measure(line, size)[0] for line in words)
    if shown.maps:
        widest = max(widest, _legend(style.colour_map, scene, 0, 0, size)[1])
    if widest + size > scene.width:  # a narrow picture: smaller letters, rather than words cut off
        size = max(SMALLEST, size * scene.width // (widest + size))
    pad, row = size // 2, measure("", size)[1]
    right = pad + max(measure(line, size)[0] for line in words)
    lines: list[Item] = [Text(pad, pad // 2 + i * row, line, size, WHITE) for i, line in enumerate(words)]
    if shown.maps:
        bar, end = _legend(style.colour_map, scene, pad, pad // 2 + len(words) * row, size)
        lines += bar
        right = max(right, end)
    rows = len(words) + bool(shown.maps)
    return [Fill(0, 0, min(scene.width, right + pad), rows * row + pad, BACKDROP), *lines]


def _legend(palette_id: str, scene: Scene, left: int, top: int, size: int) -> tuple[list[Item], int]:
    """The colour bar between its two words, and where it ends on the right."""
    colours = legend(palette_id, signed=scene.signed, meaning=scene.meaning)
    (low, row), (high, _) = measure(colours.low, size), measure(colours.high, size)
    gap, length = size // 2, 8 * size
    start = left + low + gap
    # All entries over the length of the bar, one row of the map over its height.
    entries = frozen(np.arange(colours.first, 256, dtype=np.uint8)[None])
    affine = np.array([[length / entries.size, 0, start], [0, size, top + (row - size) // 2]], np.float64)
    end = start + length + gap
    items: list[Item] = [
        Text(left, top, colours.low, size, WHITE),
        Mask(entries, affine, colours.table, 1.0),
        Text(end, top, colours.high, size, WHITE),
    ]
    return items, end + high
