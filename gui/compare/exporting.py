"""Writes the comparison as it is on the screen, from the exact frame and the maps. GUI thread only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRectF, QStandardPaths
from PySide6.QtWidgets import QFileDialog

from engine.exports.comparison import Scale, Sheet, SheetPane, export_comparison
from engine.rendering.palette import legend
from engine.rendering.scene import MapShown
from engine.results import VideoIdentity, frozen
from engine.video.frame import Frame
from gui.compare.comparison import Comparison
from gui.compare.pane import Pane
from gui.compare.view import CompareView, attention_letters, rule_text
from gui.compare.wording import agreement_text, cost_text, latin, measures_data, measures_line, score_text
from gui.explaining import FrameExplanation
from gui.session import Session


def ask_and_export(session: Session, comparison: Comparison, view: CompareView) -> None:
    """Let the user name the file, then write it on a worker thread; what came of it is told in place."""
    frame, identity = session.shown, session.identity
    if frame is None or not session.shown_exact or identity is None:
        session.notify("info", "The frame must be exact and the file hashed before a comparison can be exported")
        return
    chosen, _ = QFileDialog.getSaveFileName(
        view, "Export this comparison", str(_suggested(session, frame)), "PNG picture (*.png)"
    )
    if chosen:
        start_export(session, make_sheet(session, comparison, view, frame, identity), Path(chosen))


def start_export(session: Session, sheet: Sheet, out: Path) -> None:
    """Write on a worker thread."""
    session.settings.change(export_folder=str(out.parent))
    task = session.background.start(lambda _cancel, _progress: export_comparison(sheet, out), slow=True)
    task.succeeded.connect(lambda written: session.notify("info", f"✓ The comparison was written to {written}"))
    task.failed.connect(lambda error: session.notify("error", str(error)))


def make_sheet(
    session: Session, comparison: Comparison, view: CompareView, frame: Frame, identity: VideoIdentity
) -> Sheet:
    """The comparison as plain data."""
    area = view.shown_area()
    panes = [_pane(session, comparison, view, pane) for pane in view.seen_panes()]
    scales = [_scale(comparison)]
    if comparison.difference:
        panes.append(_difference(comparison, view))
        a, b = (comparison.letter(pane) for pane in view.seen_panes())
        scales.append(Scale(comparison.difference_style.colour_map, f"-2: {b} higher", f"+2: {a} higher"))
    first, last = session.range
    attention = attention_letters([pane.state(comparison.face) for pane in comparison.panes])
    over = f"over the frames made so far among {first} to {last}; tau over neighbouring frames"
    notes = [
        latin(rule_text(comparison, attention)),
        f"V, tau, rho and mu as in P002, {over}. They describe a map and do not say that it is right.",
    ]
    agreements = [f"{pair} {agreement_text(found.mean, found.frames)}" for pair, found in comparison.agreements()]
    if agreements:
        notes.append(latin(f"Agreement (Spearman, mean over frames that both have): {', '.join(agreements)}"))
    if comparison.wipe:
        notes.append("Left of the white line: the frame as decoded.")
    aspect = view.aspect
    columns = view.columns
    wipe = comparison.wipe_at if comparison.wipe else None
    return Sheet(identity, frame, _edges(area), aspect, panes, columns, wipe, scales, notes)


def _pane(session: Session, comparison: Comparison, view: CompareView, pane: Pane) -> SheetPane:
    state = pane.state(comparison.face)
    detector = pane.detector
    weights = detector.weights_sha256 if detector is not None else ""
    measures = comparison.measures(pane)
    mask = state.mask if state.mask is not None and state.mask.frame == _index(session) else None
    lines = [f"Weights SHA-256 {weights or 'none'}"]
    if mask is None:
        lines.append(state.text or "No mask on this frame")
    else:
        lines += [latin(score_text(mask.logit, session.threshold)), _made(mask)]
    if measures is not None:
        lines.append(measures_line(measures))
    data = {
        "detector": pane.choice.detector_id,
        "weights_sha256": weights,
        "explainer": pane.choice.explainer_id,
        "settings": {name: str(value) for name, value in pane.choice.settings},
        "seconds": None if mask is None else mask.seconds,
        "passes": None if mask is None else mask.passes,
        "logit": None if mask is None else mask.logit,
        "measures": measures_data(measures),
    }
    shown = view.map_of(mask)
    title = f"{comparison.letter(pane)}   {pane.choice.text}"
    provenance = None if mask is None else mask.provenance
    return SheetPane(latin(title), _frozen(shown), comparison.style, tuple(lines), data, provenance)


def _made(mask: FrameExplanation) -> str:
    """With which settings, at which size, up to which value."""
    height, width = mask.values.shape
    settings = ", ".join(f"{name}={_plain(value)}" for name, value in mask.provenance.settings.items())
    largest = float(np.abs(mask.values).max(initial=0.0))
    cost = cost_text(mask)
    smoothed = "not smoothed" if mask.smoothing == "none" else f"smoothed ({mask.smoothing})"
    size = f"{width} x {height} cells, {smoothed}; largest |value| {largest:.3g}"
    return f"{size}; {f'made in {cost}; ' if cost else ''}sanity {mask.sanity.verdict}; {settings}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=dict)


def _difference(comparison: Comparison, view: CompareView) -> SheetPane:
    one, other = view.seen_panes()
    a, b = comparison.letter(one), comparison.letter(other)
    lines = (
        "Each map divided by its largest |value| before, on the grid of the first one's crop.",
        latin(view.difference.mean.text()),
    )
    return SheetPane(
        f"Difference {a} - {b}", _frozen(view.difference.shown), comparison.difference_style, lines, {"of": [a, b]}
    )


def _scale(comparison: Comparison) -> Scale:
    if comparison.red:
        return Scale("red", "0", "1: supports fake", half=True)
    words = legend(comparison.style.colour_map)
    return Scale(comparison.style.colour_map, f"-1: {words.low}", f"+1: {words.high}")


def _frozen(shown: MapShown | None) -> MapShown | None:
    return None if shown is None else MapShown(frozen(shown.values), frozen(shown.affine), shown.end)


def _index(session: Session) -> int | None:
    return session.shown.index if session.shown is not None else None


def _edges(area: QRectF) -> tuple[float, float, float, float]:
    return area.left(), area.top(), area.right(), area.bottom()


def _suggested(session: Session, frame: Frame) -> Path:
    """Never beside the evidence by itself."""
    folder = session.settings.preferences.export_folder
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    if not folder:
        folder = documents if Path(documents).is_dir() else str(Path.home())
    video = session.current
    name = video.path.stem if video is not None else "video"
    return Path(folder) / f"{name}_{frame.index}_comparison.png"
