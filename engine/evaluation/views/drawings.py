"""The drawings of views of a set, as SVG; a grid of numbers lies in them as a PNG of one pixel a number."""

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engine.evaluation.detection import Array
from engine.evaluation.plots import COLOURS, FAKE, REAL, Canvas
from engine.evaluation.views.heat import Heat
from engine.evaluation.views.means import ClassMeans, Mean
from engine.results import FloatArray, Picture

_INK, _QUIET = "#1c2128", "#57606a"
_SIGNS = ("circle", "square", "triangle", "diamond", "plus", "wedge", "bar")
_NAME = 30
"""Letters of a method's name beside a drawing; a table of the report has all of it."""
_DASHED = ' stroke-dasharray="6 3"'


@dataclass(frozen=True, slots=True)
class Line:
    """One video in a plot of lines."""

    fake: bool
    x: Sequence[float]
    y: Sequence[float]


def scatter(places: Array, numbers: Sequence[int], names: Sequence[str]) -> str:
    """Places (N, 2) without axes: real ones as crosses, as P000 has it, each method with a sign and colour.

    Args:
        numbers: (N,) 0 for real, else the number of the method.
        names: of the methods, from 1 on.
    """
    size, margin, keys = 440, 14, 120
    low, high = places.min(axis=0), places.max(axis=0)
    scale = (size - 2 * margin) / max(1e-12, float((high - low).max()))
    middle = (low + high) / 2
    marks, rows = [], []
    groups = [("real", "cross", _QUIET, [at for at, each in enumerate(numbers) if not each])]
    for number, full in enumerate(names):
        members = [at for at, each in enumerate(numbers) if each == number + 1]
        name = f"{number + 1} {full if len(full) <= _NAME else full[: _NAME - 1] + '…'}"
        sign = _SIGNS[(number + number // len(COLOURS)) % len(_SIGNS)]
        groups.append((name, sign, COLOURS[number % len(COLOURS)], members))
    for row, (name, sign, colour, members) in enumerate(groups):
        for at in members:
            x, y = (places[at] - middle) * scale + size / 2
            marks.append(_sign(sign, x, size - y, colour))
        rows.append(_sign(sign, size + 14, 20 + 18 * row, colour))
        rows.append(_text(size + 26, 24 + 18 * row, f"{name} ({len(members)})"))
    keys = max(keys, 40 + 7 * max(len(f"{name} ({len(members)})") for name, _, _, members in groups))
    frame = f'<rect x="0.5" y="0.5" width="{size - 1}" height="{size - 1}" fill="none" stroke="#c9d1d9"/>'
    height = max(size, 30 + 18 * len(groups))
    return _document(size + keys, height, [frame, *marks, *rows])


def heat_picture(heat: Heat) -> str:
    """Prototypes by clips, dark for the smallest similarity among them, light for the largest."""
    left, top, width = 118, 26, 640
    rows, columns = heat.values.shape
    height = min(520, max(120, 6 * rows))
    low, high = float(heat.values.min()), float(heat.values.max())
    parts = [_image(_sequential(heat.values, low, high), left, top, width, height)]
    for at, number in heat.edges:
        x = left + at / columns * width
        parts.append(f'<path d="M{x:.1f} {top - 16}V{top + height}" stroke="#ffffff" stroke-width="1.5"/>')
        parts.append(f'<path d="M{x:.1f} {top - 16}V{top}" stroke="{_INK}"/>')
        parts.append(_text(x + 3, top - 6, str(number) if number else "real"))
    half = top + height / 2
    parts.append(f'<path d="M{left - 8} {half:.1f}H{left + width}" stroke="#ffffff" stroke-width="1.5"/>')
    parts.append(f'<path d="M{left - 8} {half:.1f}H{left}" stroke="{_INK}"/>')
    parts.append(_text(left - 8, top + height / 4 + 4, "prototypes of real", "end"))
    parts.append(_text(left - 8, top + 3 * height / 4 + 4, "of fake", "end"))
    ramp = np.arange(256, dtype=np.uint8)[None]
    foot = top + height + 12
    parts.append(_image(_coloured(ramp), left, foot, 120, 10))
    parts.append(_text(left - 6, foot + 9, f"{low:.3g}", "end"))
    parts.append(_text(left + 126, foot + 9, f"{high:.3g} similarity"))
    return _document(left + width + 2, foot + 20, parts)


def map_pictures(means: ClassMeans, signed: bool) -> str:
    """Square maps of real, of forged, and of their difference; dots where its interval does not hold 0."""
    side = round(len(means.real.value) ** 0.5)
    size, gap, top = 190, 22, 24
    shared = np.concatenate([means.real.value, means.fake.value])
    difference = means.difference
    sure = (difference.low > 0) | (difference.high < 0)
    panels: list[tuple[str, Mean, Array, bool]] = [
        ("real", means.real, shared, signed),
        ("forged", means.fake, shared, signed),
        ("forged less real", difference, difference.value, True),
    ]
    parts = []
    for number, (name, mean, range_of, both) in enumerate(panels):
        x = number * (size + gap) + 1
        low, high = _range(range_of, both)
        parts.append(_text(x, top - 8, name))
        grid = mean.value.reshape(side, side)
        parts.append(_image(_diverging(grid, high) if both else _sequential(grid, low, high), x, top, size, size))
        parts.append(_text(x, top + size + 14, f"{low:.2g} to {high:.2g}"))
        if mean is difference:
            cell = size / side
            for at in np.flatnonzero(sure):
                cx, cy = x + (at % side + 0.5) * cell, top + (at // side + 0.5) * cell
                parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{max(0.9, cell / 8):.1f}" fill="{_INK}"/>')
    return _document(3 * size + 2 * gap + 2, top + size + 22, parts)


def line_plot(lines: Sequence[Line], threshold: float) -> str:
    """Fake probability over the frames of each video: forged ones dashed."""
    ends = [x for line in lines for x in line.x]
    end = max([*ends, 1.0])
    name = "frame since the face appeared"
    canvas = Canvas((0, end), (0, 1), name, "fake probability", _ticks(0, end), keys=True)
    canvas.line([(0, threshold), (end, threshold)], f'stroke="{_QUIET}" stroke-dasharray="2 3"')
    for line in lines:
        look = f'stroke="{FAKE if line.fake else REAL}" stroke-width="1.4"{_DASHED if line.fake else ""}'
        canvas.line(list(zip(line.x, line.y, strict=True)), look)
    canvas.key("real", REAL, 0)
    canvas.key("forged (- -)", FAKE, 1)
    return canvas.svg()


def band_plot(means: ClassMeans, x: Sequence[float], x_name: str, y_name: str) -> str:
    """Means of both classes with their bands; forged ones dashed."""
    shown = [v for mean in (means.real, means.fake) for v in (*mean.low, *mean.high, *mean.value)]
    known = [v for v in shown if not np.isnan(v)] or [0.0, 1.0]
    height = _round_range(min(known), max(known))
    canvas = Canvas((min(x), max(x)), height, x_name, y_name, _ticks(min(x), max(x)), keys=True)
    for row, (name, mean, colour) in enumerate((("real", means.real, REAL), ("forged (- -)", means.fake, FAKE))):
        there = [at for at in range(len(x)) if not np.isnan(mean.value[at])]
        outline = [(x[at], mean.high[at]) for at in there] + [(x[at], mean.low[at]) for at in reversed(there)]
        if outline:
            canvas.shape(outline, f'fill="{colour}" fill-opacity="0.15" stroke="none"')
        look = f'stroke="{colour}" stroke-width="2"{_DASHED if row else ""}'
        canvas.line([(x[at], mean.value[at]) for at in there], look)
        canvas.key(name, colour, row)
    return canvas.svg()


def strip(pictures: Sequence[Picture], frames: Sequence[int]) -> str:
    """Faces side by side, each with the number of its frame."""
    size, gap = 112, 4
    parts = []
    for number, (picture, frame) in enumerate(zip(pictures, frames, strict=True)):
        x = number * (size + gap)
        small = np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
        parts += [_image(small, x, 0, size, size), _text(x, size + 13, f"frame {frame}")]
    return _document(max(1, len(pictures)) * (size + gap), size + 18, parts)


def _ticks(low: float, high: float) -> list[float]:
    """At most eight whole numbers from low to high, in steps of 1, 2 or 5 times a power of ten."""
    step = next(s * 10**power for power in range(9) for s in (1, 2, 5) if s * 10**power * 7 >= high - low)
    return [float(at) for at in range(-(-int(low) // step) * step, int(high) + 1, step)]


def _round_range(low: float, high: float) -> tuple[float, float]:
    """A range around two numbers whose fifths are round."""
    power = 10.0 ** math.floor(math.log10(max(high - low, 1e-9)) - 1)
    for step in (power * s for s in (1, 2, 5, 10, 20, 50)):
        start = math.floor(low / step) * step
        if start + 5 * step >= high:
            break
    return start, start + 5 * step


def _sign(sign: str, x: float, y: float, colour: str) -> str:
    r = 4.0
    line = f'fill="none" stroke="{colour}" stroke-width="1.6"'
    full = f'fill="{colour}" fill-opacity="0.8"'
    outlines = {
        "cross": (f"M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}", line),
        "plus": (f"M{x - r:.1f} {y:.1f}h{2 * r}m{-r} {-r}v{2 * r}", line),
        "bar": (f"M{x - r:.1f} {y:.1f}h{2 * r}", f'stroke="{colour}" stroke-width="3"'),
        "square": (f"M{x - 3.5:.1f} {y - 3.5:.1f}h7v7h-7z", full),
        "triangle": (f"M{x:.1f} {y - r:.1f}l{r} {2 * r - 1}h{-2 * r}z", full),
        "wedge": (f"M{x:.1f} {y + r:.1f}l{r} {1 - 2 * r}h{-2 * r}z", full),
        "diamond": (f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z", full),
    }
    if sign == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" {full}/>'
    path, look = outlines[sign]
    return f'<path d="{path}" {look}/>'


def _range(values: Array, signed: bool) -> tuple[float, float]:
    """What the ends of a scale stand for; a signed one has 0 in its middle."""
    if signed:
        most = max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-12)
        return -most, most
    return float(np.nanmin(values)), float(np.nanmax(values))


def _sequential(grid: Array | FloatArray, low: float, high: float) -> Picture:
    return _coloured(np.round((grid - low) / max(high - low, 1e-12) * 255).astype(np.uint8))


def _diverging(grid: Array, most: float) -> Picture:
    """Blue below 0, white at it, orange above."""
    share = np.clip(grid / most, -1, 1)[..., None]
    below, above = np.array([0, 114, 178]), np.array([213, 94, 0])
    colours = np.where(share < 0, 255 + (below - 255) * -share, 255 + (above - 255) * share)
    return np.asarray(np.round(colours), np.uint8)


def _coloured(shades: Picture) -> Picture:
    """(h, w) uint8 -> RGB by viridis, which is read alike without colours."""
    return np.ascontiguousarray(cv2.applyColorMap(shades, cv2.COLORMAP_VIRIDIS)[..., ::-1], np.uint8)


def _image(picture: Picture, x: float, y: float, width: float, height: float) -> str:
    finer = [max(1, round(drawn / cells)) for drawn, cells in zip((height, width), picture.shape, strict=False)]
    fine = picture.repeat(finer[0], axis=0).repeat(finer[1], axis=1)  # not every viewer keeps cells crisp
    _, data = cv2.imencode(".png", np.ascontiguousarray(fine[..., ::-1]))
    text = base64.b64encode(data.tobytes()).decode()
    return (
        f'<image x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{text}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _document(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="11" fill="{_INK}">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>'
    )
