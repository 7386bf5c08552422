"""Small drawings for reports as SVG: a ROC with its band, curves with intervals, scores of both classes, bars."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.detection import Array

_WIDTH, _HEIGHT = 420, 320
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 16, 12, 44
_KEYS = 104
"""Width of what names the colours, right of the axes."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart by colour-blind readers, too (Okabe and Ito 2008)."""
_WHISKER = 'stroke="#1c2128" stroke-width="1.5"'
REAL, FAKE = "#0072b2", "#d55e00"


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over places, with intervals; a value of nan leaves a gap."""

    name: str
    x: Sequence[float]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def roc_plot(far: Sequence[float], tpr: Sequence[float], grid: Array, low: Array, high: Array) -> str:
    """The ROC (points) with a band between `low` and `high` at the false alarm rates `grid`."""
    canvas = Canvas((0, 1), (0, 1), "false alarm rate", "share of forged found")
    outline = [*zip(grid, high, strict=True), *reversed(list(zip(grid, low, strict=True)))]
    canvas.shape(outline, f'fill="{COLOURS[0]}" fill-opacity="0.18" stroke="none"')
    canvas.line([(0, 0), (1, 1)], 'stroke="#8c959f" stroke-dasharray="4 4"')
    canvas.line(list(zip(far, tpr, strict=True)), f'stroke="{COLOURS[0]}" stroke-width="2"')
    return canvas.svg()


def score_plot(real: Array, fake: Array, threshold: float, bins: int = 20) -> str:
    """How many real and forged ones have which fake probability; the threshold as a dashed line."""
    edges = np.linspace(0, 1, bins + 1)
    shares = [np.histogram(values, edges)[0] / max(1, len(values)) for values in (real, fake)]
    top = max(0.05, float(np.max(shares)))
    canvas = Canvas((0, 1), (0, top), "fake probability", "share of the class", keys=True)
    for values, colour, name, row in ((shares[0], REAL, "real", 0), (shares[1], FAKE, "forged", 1)):
        for left, right, share in zip(edges[:-1], edges[1:], values, strict=True):
            if share:
                box = [(left, 0), (left, share), (right, share), (right, 0)]
                canvas.shape(box, f'fill="{colour}" fill-opacity="0.45" stroke="{colour}"')
        canvas.key(name, colour, row)
    canvas.line([(threshold, 0), (threshold, top)], 'stroke="#57606a" stroke-dasharray="4 4"')
    return canvas.svg()


def curve_plot(curves: Sequence[Curve], x_name: str, y_name: str, low: float = 0.0) -> str:
    """Curves with a bar for each interval, from `low` to 1."""
    ends = [x for curve in curves for x in curve.x]
    room = 0.08 * (max(ends) - min(ends))
    canvas = Canvas((min(ends) - room, max(ends) + room), (low, 1.0), x_name, y_name, sorted(set(ends)), keys=True)
    for row, curve in enumerate(curves):
        colour = COLOURS[row % len(COLOURS)]
        points = zip(curve.x, curve.value, curve.low, curve.high, strict=True)
        known = [point for point in points if not np.isnan(point[1])]
        canvas.line([(x, value) for x, value, _, _ in known], f'stroke="{colour}" stroke-width="2"')
        shift = (row - (len(curves) - 1) / 2) * 0.02 * (max(ends) - min(ends))  # bars of one place side by side
        for x, _, bottom, top in known:
            if not np.isnan(bottom):
                canvas.line([(x + shift, bottom), (x + shift, top)], f'stroke="{colour}" stroke-opacity="0.6"')
        canvas.key(curve.name, colour, row)
    return canvas.svg()


def share_plot(names: Sequence[str], shares: Sequence[tuple[float, float, float]], y_name: str) -> str:
    """A bar for each name: value, lower and upper end of its interval, which may be nan."""
    places = range(1, len(names) + 1)
    canvas = Canvas((0.4, len(names) + 0.6), (0, 1), "", y_name, places, keys=True)
    for row, (place, name, (value, low, high)) in enumerate(zip(places, names, shares, strict=True)):
        colour = COLOURS[row % len(COLOURS)]
        _bar(canvas, place, 0, value, colour)
        if not np.isnan(low):
            canvas.line([(place, low), (place, high)], _WHISKER)
            for end in (low, high):
                canvas.line([(place - 0.06, end), (place + 0.06, end)], _WHISKER)
        canvas.key(f"{place} {name}", colour, row)
    return canvas.svg()


def stacked_plot(names: Sequence[str], counts: Sequence[Sequence[int]], x_name: str, y_name: str) -> str:
    """Columns numbered from 1, each of the counts of all names one over the other: (columns, names)."""
    places = range(1, len(counts) + 1)
    top = 5 * max(1, -(-max(map(sum, counts), default=0) // 5))
    canvas = Canvas((0.4, len(counts) + 0.6), (0, top), x_name, y_name, places, keys=True)
    for row, name in enumerate(names):
        canvas.key(name, COLOURS[row % len(COLOURS)], row)
    for place, column in zip(places, counts, strict=True):
        base = 0
        for row, count in enumerate(column):
            if count:
                _bar(canvas, place, base, base + count, COLOURS[row % len(COLOURS)])
            base += count
    return canvas.svg()


def _bar(canvas: "Canvas", place: float, bottom: float, top: float, colour: str) -> None:
    box = [(place - 0.35, bottom), (place - 0.35, top), (place + 0.35, top), (place + 0.35, bottom)]
    canvas.shape(box, f'fill="{colour}" fill-opacity="0.75" stroke="#ffffff"')


def _tick(value: float, span: float) -> str:
    """A number with as many decimals as tell the numbers of a scale apart."""
    return f"{round(value, 2 - math.floor(math.log10(span or 1.0))):.12g}"


class Canvas:
    """Axes and marks in the coordinates of the data."""

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        x_name: str,
        y_name: str,
        x_ticks: Sequence[float] | None = None,
        *,
        keys: bool = False,
    ) -> None:
        self._x, self._y = x, y
        self._right = _WIDTH - (_KEYS if keys else _RIGHT)
        self._marks: list[str] = []
        self._keys: list[str] = []
        for value in x_ticks if x_ticks is not None else np.linspace(*x, 6):
            at, _ = self._place(float(value), y[0])
            self._text(at, _HEIGHT - _BOTTOM + 16, f"{value:g}", "middle")
        for value in np.linspace(*y, 6):
            _, at = self._place(x[0], float(value))
            self._marks.append(f'<path d="M{_LEFT} {at:.1f}H{self._right}" stroke="#e3e7eb"/>')
            self._text(_LEFT - 6, at + 4, _tick(value, y[1] - y[0]), "end")
        self._text((_LEFT + self._right) / 2, _HEIGHT - 8, x_name, "middle")
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        turned = f'transform="rotate(-90 12 {middle:.0f})"'
        self._text(12, middle, y_name, "middle", turned)

    def line(self, points: Sequence[tuple[float, float]], look: str) -> None:
        if points:
            self._marks.append(f'<polyline fill="none" points="{self._points(points)}" {look}/>')

    def shape(self, points: Sequence[tuple[float, float]], look: str) -> None:
        self._marks.append(f'<polygon points="{self._points(points)}" {look}/>')

    def key(self, name: str, colour: str, row: int) -> None:
        top = _TOP + 4 + 15 * row
        left = self._right + 10
        self._keys.append(f'<rect x="{left}" y="{top}" width="10" height="10" fill="{colour}"/>')
        self._keys.append(f'<text x="{left + 15}" y="{top + 9}">{html.escape(name)}</text>')

    def svg(self) -> str:
        frame = (
            f'<rect x="{_LEFT}" y="{_TOP}" width="{self._right - _LEFT}" height="{_HEIGHT - _TOP - _BOTTOM}" '
            'fill="none" stroke="#57606a"/>'
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
            f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="11" fill="#1c2128">'
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
            + "".join(self._marks)
            + frame
            + "".join(self._keys)
            + "</svg>"
        )

    def _text(self, x: float, y: float, text: str, anchor: str, more: str = "") -> None:
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._marks.append(f"<text {place} {more}>{html.escape(text)}</text>")

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self._x[0]) / ((self._x[1] - self._x[0]) or 1.0)
        up = (y - self._y[0]) / ((self._y[1] - self._y[0]) or 1.0)
        return (
            _LEFT + across * (self._right - _LEFT),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM),
        )

    def _points(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in (self._place(float(a), float(b)) for a, b in points))
