"""What a card says of its calibration: facts, and on demand a reliability and a Tippett plot. GUI thread only."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from engine.detectors.calibration import Calibration, calibration_bytes
from engine.errors import WeightsError
from gui import theme
from gui.panels.parts import FactsGrid, muted, row

PLOT_HEIGHT = 170
_NAMES = {
    "face_px": ("Face", "px"),
    "scored_frames": ("Scored frames", ""),
    "scored_seconds": ("Scored span", "s"),
    "faces": ("Faces", ""),
    "bits_per_pixel": ("Compression", "bits per pixel"),
    "fps": ("Frame rate", "fps"),
    "short_side_px": ("Shorter side", "px"),
}


def range_words(low: float, high: float, unit: str) -> str:
    """ "60 to 260 px", "8 or more"."""
    words = f"{low:g} {unit}".strip() + " or more" if math.isinf(high) else f"{low:g} to {high:g} {unit}"
    return words.strip()


def facts(made: Calibration) -> list[tuple[str, str, str]]:
    """(group, name, value) for display."""
    pool = made.pool
    cllr, least = ("{:.3f} ({:.3f} to {:.3f})".format(*figure) for figure in (made.cllr, made.cllr_min))
    counted = [", ".join(f"{name}: {count}" for name, count in t.items()) for t in (pool.methods, pool.left_out)]
    group = "Cross-validated by person"
    return [
        (group, "Cllr", cllr),
        (group, "Cllr min", least),
        (group, "ECE", f"{made.ece:.3f}"),
        (group, "log10 LR", f"{made.low:+.2f} to {made.high:+.2f}"),
        ("Pool", "Videos", f"{pool.n_real} real, {pool.n_forged} forged ({pool.n_pseudo_fakes} pseudo-fakes)"),
        ("Pool", "Persons", f"{pool.persons} in {pool.groups} groups"),
        ("Pool", "Methods", counted[0]),
        ("Pool", "Left out", counted[1] or "none"),
        ("Pool", "Data", pool.data),
        ("Pool", "Made", f"{made.date}, {made.method}, frames scored: 1 in {pool.every}"),
        *(
            ("Holds for", name, range_words(*made.limits.ranges[key], unit))
            for key, (name, unit) in _NAMES.items()
        ),
        ("Holds for", "Codecs", ", ".join(made.limits.codecs)),
        ("Holds for", "Precision", made.limits.precision),
    ]


class CalibrationView(QWidget):
    """Facts, and a button that unfolds the plots: they are made when they are first wanted."""

    def __init__(self, calibration: Calibration, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._calibration, self._folder = calibration, folder
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        grid = FactsGrid()
        grid.set_rows(facts(calibration))
        layout.addWidget(grid)
        self.unfold = QToolButton()
        self.unfold.setText("Plots")
        self.unfold.setCheckable(True)
        self.unfold.setArrowType(Qt.ArrowType.RightArrow)
        self.unfold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.unfold.setToolTip("Show or hide the reliability and the Tippett plot of the calibration pool")
        self.unfold.setAccessibleName("Plots of the calibration")
        self.unfold.toggled.connect(self._show_plots)
        layout.addLayout(row(self.unfold))
        self.plots: QWidget | None = None

    def _show_plots(self, wanted: bool) -> None:
        self.unfold.setArrowType(Qt.ArrowType.DownArrow if wanted else Qt.ArrowType.RightArrow)
        if self.plots is None:
            self.plots = self._make_plots()
            layout = self.layout()
            if layout is not None:
                layout.addWidget(self.plots)
        self.plots.setVisible(wanted)

    def _make_plots(self) -> QWidget:
        try:
            data = json.loads(calibration_bytes(self._folder, self._calibration))
        except WeightsError as error:
            return muted(f"✕ {error}")
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(reliability_plot(data["reliability"]))
        prior = data["reliability"]["prior"]
        layout.addWidget(
            muted(
                f"Reliability at a prior of {prior:.2f}, the pool's own share of forged videos. Points on the "
                "dashed line are well calibrated; bars are 95 % intervals."
            )
        )
        layout.addWidget(tippett_plot(data["tippett"]))
        layout.addWidget(
            muted("Tippett plot: share of videos with at least that log10 LR; forged solid ▲, real dashed ▽.")
        )
        return box


def reliability_plot(data: dict[str, Any]) -> pg.PlotWidget:
    """Observed share of forged videos over the predicted probability."""
    plot = _empty_plot("Predicted", "Forged")
    plot.setAccessibleName("Reliability plot of the calibration")
    plot.setToolTip("Observed share of forged videos over the probability that the calibration predicts")
    plot.setXRange(0, 1)
    plot.plot([0, 1], [0, 1], pen=pg.mkPen(theme.color("muted"), width=1, style=Qt.PenStyle.DashLine))
    x, y, low, high = (np.array(data[name], np.float64) for name in ("predicted", "observed", "low", "high"))
    ink = theme.color("link")
    plot.addItem(pg.ErrorBarItem(x=x, y=y, top=high - y, bottom=y - low, beam=0.02, pen=pg.mkPen(ink, width=1)))
    plot.plot(x, y, pen=None, symbol="o", symbolSize=7, symbolBrush=ink, symbolPen=None)
    return plot


def tippett_plot(data: dict[str, Any]) -> pg.PlotWidget:
    """Shares of forged and real videos with at least some log10 LR."""
    plot = _empty_plot("log10 LR", "Share")
    plot.setAccessibleName("Tippett plot of the calibration")
    plot.setToolTip("Share of the forged and of the real videos of the pool with at least some log10 LR")
    levels = np.array(data["log10_lr"], np.float64)
    edges = np.concatenate([[levels[0] - 0.1], levels, [levels[-1] + 0.1]])
    for name, ink, style, symbol in (
        ("forged", "high", Qt.PenStyle.SolidLine, "t1"),
        ("real", "low", Qt.PenStyle.DashLine, "t"),
    ):
        shares = np.array(data[name], np.float64)
        steps = np.append(shares, 0.0)  # from one level to the next the share is that of the next
        pen = pg.mkPen(theme.color(ink), width=2, style=style)
        plot.plot(edges, steps, stepMode="center", pen=pen)
        some = np.unique(np.linspace(0, len(levels) - 1, min(5, len(levels))).astype(int))
        plot.plot(
            levels[some], shares[some], pen=None, symbol=symbol, symbolSize=8,
            symbolBrush=theme.color(ink), symbolPen=None,
        )  # fmt: skip
    plot.addItem(pg.InfiniteLine(0, 90, pen=pg.mkPen(theme.color("muted"), width=1)))
    return plot


def _empty_plot(below: str, left: str) -> pg.PlotWidget:
    plot = pg.PlotWidget(background=theme.color("inset"))
    plot.setFixedHeight(PLOT_HEIGHT)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(False, False)
    plot.hideButtons()
    plot.setYRange(0, 1)
    for side, words in (("bottom", below), ("left", left)):
        axis = plot.getAxis(side)
        axis.setPen(theme.color("border"))
        axis.setTextPen(theme.color("muted"))
        axis.setLabel(words, color=theme.colours()["muted"])
        axis.enableAutoSIPrefix(False)
    return plot
