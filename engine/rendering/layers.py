"""Decides what is drawn on one frame: geometry, colours, thresholds and words. Drawing it is dumb, and done twice.

`build_layers` is called by the window (QPainter draws) and by the exporter (`engine.rendering.compose` draws).
"""

import numpy as np

from engine.rendering.mask import dashed, mask_indices, outline, transformed
from engine.rendering.palette import PALETTES, face_colour, legend
from engine.rendering.primitives import RGBA, Fill, Layers, Lines, Mask, Text
from engine.rendering.scene import FaceShown, FrameShown, MapShown
from engine.rendering.strip import curve_strip
from engine.rendering.style import OverlayStyle
from engine.rendering.text import measure
from engine.results import frozen

WHITE: RGBA = (255, 255, 255, 255)
BLACK: RGBA = (0, 0, 0, 255)
BACKDROP: RGBA = (12, 14, 18, 165)


def build_layers(shown: FrameShown, style: OverlayStyle) -> Layers:
    """Everything that lies over one frame. About a millisecond; any thread."""
    scene = shown.scene
    stroke = max(1, round(scene.height / 540))
    size = max(11, round(scene.height / 45))
    masks: list[Mask] = []
    fills: list[Fill] = []
    lines: list[Lines] = []
    texts: list[Text] = []
    for values in shown.maps:
        mask, edges = _explained(values, style, stroke)
        masks += [mask] if style.mask else []
        lines += edges if style.outline else []
    if style.boxes:
        for face in shown.faces:
            _face(face, scene.width, stroke, size, fills, lines, texts)
    if style.curve:
        more_fills, more_lines = curve_strip(shown, style.decision, stroke)
        fills += more_fills
        lines += more_lines
    if style.labels:
        _labels(shown, style, size, masks, fills, texts)
    return Layers(scene.width, scene.height, tuple(masks), tuple(fills), tuple(lines), tuple(texts))


def timecode(seconds: float) -> str:
    """H:MM:SS.mmm, rounded to the millisecond."""
    total = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and total else ""
    return f"{sign}{total // 3_600_000}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}.{total % 1000:03d}"


def _explained(shown: MapShown, style: OverlayStyle, stroke: int) -> tuple[Mask, list[Lines]]:
    indices = mask_indices(shown.values, style)
    table = PALETTES[style.colour_map].table
    mask = Mask(frozen(indices), shown.affine.astype(np.float64), table, style.opacity)
    fake = transformed(outline(indices, fake=True), shown.affine)
    real = dashed(transformed(outline(indices, fake=False), shown.affine))
    edges = [
        Lines(tuple(segments), (*table[entry, :3].tolist(), 255), stroke)
        for segments, entry in ((fake, 255), (real, 1))
        if len(segments)
    ]
    return mask, edges


def _face(
    face: FaceShown,
    width: int,
    stroke: int,
    size: int,
    fills: list[Fill],
    lines: list[Lines],
    texts: list[Text],
) -> None:
    colour = face_colour(face.track_id)
    x0, y0, x1, y1 = (float(v) for v in face.box)
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
    lines.append(Lines((corners,), (*colour, 255), stroke))
    words = face.name if face.probability is None else f"{face.name}  {face.probability:.2f}"
    text_width, text_height = measure(words, size)
    pad = size // 4
    # Above the box, or inside it where there is no room above; never over the edge of the picture.
    left = max(0, min(round(x0), width - text_width - 2 * pad))
    top = round(y0) - text_height if y0 >= text_height else max(0, round(y0))
    fills.append(Fill(left, top, left + text_width + 2 * pad, top + text_height, (*colour, 255)))
    light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 120
    texts.append(Text(left + pad, top, words, size, BLACK if light else WHITE))


def _labels(
    shown: FrameShown, style: OverlayStyle, size: int, masks: list[Mask], fills: list[Fill], texts: list[Text]
) -> None:
    scene = shown.scene
    words = [f"Frame {shown.index}   {timecode(shown.seconds)}   pts {shown.pts}"]
    if scene.detector_id:
        words.append(f"{scene.detector_id}   weights {scene.weights_sha256[:12]}")
    if shown.maps:
        words.append(
            f"{scene.explainer_id}   opacity {style.opacity:.0%}   threshold {style.threshold:.0%} of maximum"
        )
    row = measure("", size)[1]
    pad = size // 2
    bar = legend(style.colour_map)
    low_width, high_width = measure(bar.low, size)[0], measure(bar.high, size)[0]
    ramp = 8 * size
    widths = [measure(line, size)[0] for line in words]
    if shown.maps:
        widths.append(low_width + high_width + ramp + 2 * pad)
    rows = len(words) + bool(shown.maps)
    fills.append(Fill(0, 0, min(scene.width, max(widths) + 2 * pad), rows * row + pad, BACKDROP))
    for i, line in enumerate(words):
        texts.append(Text(pad, pad // 2 + i * row, line, size, WHITE))
    if shown.maps:
        top = pad // 2 + len(words) * row
        left = 2 * pad + low_width
        texts.append(Text(pad, top, bar.low, size, WHITE))
        texts.append(Text(left + ramp + pad, top, bar.high, size, WHITE))
        # 255 entries over the width of the bar, one map row over its height.
        affine = np.array([[ramp / 255, 0, left], [0, float(size), top + (row - size) // 2]])
        entries = np.arange(1, 256, dtype=np.uint8)[None]
        masks.append(Mask(frozen(entries), affine, bar.table, 1.0))
