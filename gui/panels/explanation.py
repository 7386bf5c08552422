"""Why a face scored as it did on this frame: its mask, large, and how it is to be read. GUI thread only."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.rendering.meaning import meaning_of
from engine.rendering.palette import PALETTES
from gui import theme
from gui.explaining import FrameExplanation, grown_text
from gui.panels.explainer_settings import ExplainerSettingsView
from gui.panels.face_view import FaceView
from gui.panels.on_demand import OnDemandView
from gui.panels.parts import FactsGrid, Scrolling, column, heading, muted, row
from gui.panels.value_legend import ValueLegend
from gui.sanity import SanityBadge
from gui.session import Session

REFRESH_MS = 40
SIGNED = "Solid outlines are around what supports fake, dashed outlines around what supports real."


class ExplanationPanel(QWidget):
    """Follows the player; everything it shows is about the picture on the screen."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Explanation")
        self._session = session
        self._chosen: int | None = None
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        inside = QWidget()
        self._layout = column(inside)
        self._make_switch()
        self.on_demand = OnDemandView(session)
        self._layout.addWidget(self.on_demand)
        self._make_face()
        self.settings = ExplainerSettingsView(session)
        self._layout.addWidget(self.settings)
        self._make_look()
        self._make_provenance()
        self._layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scrolling(inside))
        for signal in (
            session.shown_changed,
            session.explanations_changed,
            session.tracks_changed,
            session.results_changed,
            session.style_changed,
            session.choice_changed,
            session.media_changed,
        ):
            signal.connect(self._later)
        self.refresh()

    def sizeHint(self) -> QSize:
        return QSize(340, 560)

    def name_keys(self, actions: Mapping[str, QAction]) -> None:
        """Tell in the tooltips which keys do the same."""
        self.on_demand.name_keys(actions)

    # Making

    def _make_switch(self) -> None:
        self.masks = QCheckBox("Show masks")
        self.masks.setToolTip("Show or hide what drove the score")
        self.masks.toggled.connect(self._session.set_masks_visible)
        self.state = muted(wrap=False)
        self._layout.addLayout(row(self.masks, QWidget(), self.state, stretch=1))

    def _make_face(self) -> None:
        self._buttons = QButtonGroup(self)
        self._buttons.idClicked.connect(self._choose)
        self._names = row()
        self._layout.addLayout(self._names)
        self.view = FaceView()
        self.view.pointed.connect(self._show_volume)
        self._layout.addWidget(self.view)
        self.volume = QLabel()
        self.volume.setFont(theme.numbers_font(self))
        self.volume.setWordWrap(True)
        self.volume.setToolTip(
            "Of the values that the volume has on each frame; the variance is in squared logits"
        )
        self._layout.addWidget(self.volume)
        self._mask: FrameExplanation | None = None
        self.score = QLabel()
        self.score.setFont(theme.numbers_font(self))
        self.score.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.score.setToolTip("Per cent of an error: of the largest value of the mask")
        self._layout.addWidget(self.score)
        self.legend = ValueLegend()
        self._layout.addWidget(self.legend)
        self.sanity = SanityBadge()
        self._layout.addLayout(row(self.sanity, QWidget(), stretch=1))
        self.meaning = muted()
        self._layout.addWidget(self.meaning)

    def _make_look(self) -> None:
        self.opacity, self._opacity_value = self._slider("Opacity of the mask")
        self.threshold, self._threshold_value = self._slider(
            "Hide what is weaker than this share of the strongest"
        )
        self.colours = QComboBox()
        self.colours.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.colours.setMinimumContentsLength(8)  # a long name must not make the window wider than a small screen
        self.colours.setAccessibleName("Colours")
        self.colours.setToolTip("The colours of the mask; all can be told apart by colour-blind people")
        for palette in PALETTES.values():
            self.colours.addItem(palette.name, palette.id)
        self.outline = QCheckBox("Outlines")
        self.outline.setToolTip("Solid lines around what supports fake, dashed ones around what supports real")
        self.boxes = QCheckBox("Face boxes")
        self.boxes.setToolTip("Show or hide the boxes around faces in the player")
        self.opacity.valueChanged.connect(lambda value: self._set_style(opacity=value / 100))
        self.threshold.valueChanged.connect(lambda value: self._set_style(threshold=value / 100))
        self.colours.activated.connect(lambda at: self._set_style(colour_map=self.colours.itemData(at)))
        self.outline.toggled.connect(lambda on: self._set_style(outline=on))
        self.boxes.toggled.connect(lambda on: self._set_style(boxes=on))
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow("Opacity", row(self.opacity, self._opacity_value, stretch=0))
        form.addRow("Hide below", row(self.threshold, self._threshold_value, stretch=0))
        form.addRow("Colours", self.colours)
        form.addRow("", row(self.outline, self.boxes))
        self._layout.addWidget(heading("Look"))
        self._layout.addLayout(form)

    def _slider(self, name: str) -> tuple[QSlider, QLabel]:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setPageStep(10)
        slider.setAccessibleName(name)
        slider.setToolTip(name)
        value = QLabel()
        value.setFont(theme.numbers_font(self))
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setFixedWidth(46)
        return slider, value

    def _make_provenance(self) -> None:
        self._provenance_title = heading("How it was made")
        self.provenance = FactsGrid()
        self._layout.addWidget(self._provenance_title)
        self._layout.addWidget(self.provenance)
        self._of_the_mask = (
            self.view,
            self.score,
            self.legend,
            self.sanity,
            self.meaning,
            self._provenance_title,
            self.provenance,
        )

    # Doing

    def _set_style(self, **changes: object) -> None:
        self._session.set_style(dataclasses.replace(self._session.style, **changes))  # type: ignore[arg-type]

    def _choose(self, track_id: int) -> None:
        self._chosen = track_id
        self.refresh()

    # Showing

    def _later(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def refresh(self) -> None:
        """Show what there is about the picture on the screen."""
        self._show_choices()
        self.on_demand.refresh()
        self._show_names()
        explanation = self._mask = self._explanation()
        shown = self._session.shown
        self.state.setText(self._state(explanation))
        there = explanation is not None and shown is not None
        for widget in self._of_the_mask:
            widget.setVisible(there)
        if explanation is None or shown is None:
            self.view.clear()
            self.volume.hide()
            return
        self.view.set_style(self._session.style)
        volumes = explanation.volumes
        self.view.show_map(
            shown.pixels,
            explanation.values,
            explanation.affine,
            self._aspect(),
            None if volumes is None else volumes.labels[explanation.row],
            "With the mask" if explanation.grown is None else "With the mask so far",
        )
        self.score.setText(self._score(explanation))
        largest = float(np.abs(explanation.values).max(initial=0.0))
        meaning = meaning_of(explanation.explainer_id)
        self.legend.show_palette(
            self._session.style.colour_map, explanation.headline, signed=explanation.signed, meaning=meaning
        )
        self.legend.show_largest(largest)
        unsigned = (
            f"{meaning.text[:1].upper()}{meaning.text[1:]}, whether the face is real or forged: not what is fake."
        )
        self.meaning.setText(f"{SIGNED if explanation.signed else unsigned} {cells_text(explanation)}")
        self.sanity.show_sanity(explanation.sanity, own_settings=bool(self._session.explainer_settings))
        self._show_provenance(explanation)

    def _show_volume(self) -> None:
        """Say what is known of the volume that is pointed at, or how to point at one."""
        there = self._mask is not None and self._mask.volumes is not None
        self.volume.setVisible(there)
        text = volume_text(self._mask, self.view.volume) if there and self._mask is not None else ""
        self.volume.setText(text)
        self.view.setAccessibleDescription(text)

    def _aspect(self) -> float:
        """Width of a pixel over its height."""
        media = self._session.media
        return 1.0 if media is None else float(media.facts.stream.shown_pixel_aspect)

    def _show_choices(self) -> None:
        style = self._session.style
        for widget in (self.masks, self.opacity, self.threshold, self.colours, self.outline, self.boxes):
            widget.blockSignals(True)
        self.masks.setChecked(self._session.masks_visible)
        self.opacity.setValue(round(style.opacity * 100))
        self.threshold.setValue(round(style.threshold * 100))
        self.colours.setCurrentIndex(self.colours.findData(style.colour_map))
        self.outline.setChecked(style.outline)
        self.boxes.setChecked(style.boxes)
        for widget in (self.masks, self.opacity, self.threshold, self.colours, self.outline, self.boxes):
            widget.blockSignals(False)
        self._opacity_value.setText(f"{style.opacity:.0%}".replace("%", " %"))
        self._threshold_value.setText(f"{style.threshold:.0%}".replace("%", " %"))

    def _show_names(self) -> None:
        """A button per face on the picture, where there are several."""
        faces = {face.track_id: face.name for face in self._session.faces}
        names = faces if len(faces) > 1 else {}
        if [self._buttons.id(button) for button in self._buttons.buttons()] != list(names):
            for button in self._buttons.buttons():
                self._buttons.removeButton(button)
                button.hide()
                button.deleteLater()
            for number, (track_id, name) in enumerate(names.items()):
                button = QToolButton()
                button.setText(name)
                button.setCheckable(True)
                button.setToolTip(f"Show the mask of {name}")
                self._buttons.addButton(button, track_id)
                self._names.insertWidget(number, button)
        face = self._face()
        chosen = self._buttons.button(face) if face is not None else None
        if chosen is not None:
            with QSignalBlocker(self._buttons):
                chosen.setChecked(True)

    def _face(self) -> int | None:
        """The face in question: the chosen one, else the one with the highest probability on this picture."""
        faces = self._session.faces
        if self._chosen in {face.track_id for face in faces}:
            return self._chosen
        scored = [face for face in faces if not math.isnan(face.probability)]
        best = max(scored or faces, key=lambda face: face.probability, default=None)
        return best.track_id if best else None

    def _explanation(self) -> FrameExplanation | None:
        """The mask of the face in question; while playing, as in the player, the latest one of a moment ago."""
        face, held = self._face(), self._session.held_masks
        if face is None or not self._session.masks_visible:
            return None
        return self._session.explanations.get(face) or (held[1].get(face) if held else None)

    def _state(self, explanation: FrameExplanation | None) -> str:
        """Why there is nothing to see, or that something is being computed."""
        session = self._session
        if session.media is None:
            return ""
        if not session.masks_visible:
            return "Masks are off"
        if session.results is None:
            return "Not analysed yet"
        if not session.faces:
            return "No face on this frame"
        if explanation is None:
            if session.slow:
                return "Being made" if session.on_demand.makes(session.frame) else "Not made for this frame"
            return "Computing…" if session.explaining else "No mask yet"
        if explanation.grown is not None:
            return "Unfinished, being made" if session.on_demand.makes(session.frame) else "Unfinished, stopped"
        held = session.shown is not None and session.shown.index != explanation.frame
        return f"Mask of frame {explanation.frame}" if held else ""

    def _score(self, explanation: FrameExplanation) -> str:
        probability = 1 / (1 + math.exp(-explanation.logit))
        names = {face.track_id: face.name for face in self._session.faces}
        who = names.get(explanation.track_id, f"Face {explanation.track_id + 1}")
        side = "above" if probability >= self._session.threshold else "below"
        without = len(self._session.reviewing.excluded)
        return (
            f"{who}, frame {explanation.frame}\n"
            f"Fake probability {probability:.3f}, {side} the threshold\n"
            f"Score before the sigmoid (logit) {explanation.logit:+.2f}".replace("-", "−")
            + (
                f"\n{errors_text(explanation)}\nCost {cost_text(explanation)}"
                if explanation.errors is not None
                else ""
            )
            + (f"\nWith all prototypes ({without} excluded elsewhere)" if without else "")
        )

    def _show_provenance(self, explanation: FrameExplanation) -> None:
        made = explanation.provenance
        rows = [
            ("", "Detector", explanation.detector_id),
            ("", "Explainer", explanation.title),
            ("", "Cost", cost_text(explanation)),
            ("", "Weights", _short(made.weights_sha256) or "none"),
            ("", "Device", f"{made.device}, {made.precision}"),
        ]
        rows += [
            ("", name.replace("_", " ").capitalize(), _short(str(value))) for name, value in made.settings.items()
        ]
        rows += [("", name, version) for name, version in made.versions.items()]
        self.provenance.set_rows(rows)


def cells_text(explanation: FrameExplanation) -> str:
    """How fine the mask is."""
    height, width = explanation.values.shape
    if explanation.smoothing != "none":
        return f"The mask is smoothed ({explanation.smoothing}): it is finer than what the network made."
    if "segmentation" in explanation.provenance.settings:
        count = len(np.unique(explanation.values))
        return f"The mask has one value for each of {count} superpixels and is not smoothed."
    return f"The mask has {width} × {height} cells and is not smoothed."


def volume_text(explanation: FrameExplanation, volume: int | None) -> str:
    """The moments of a volume over the frames, or how to choose one."""
    volumes = explanation.volumes
    if volumes is None:
        return ""
    if volume is None:
        return "Point at a volume, or press Tab and the arrow keys,\nfor its mean and variance over the frames"
    here = float(explanation.values[volumes.labels[explanation.row] == volume].mean())
    frames, among = int(volumes.frames[volume]), len(volumes.labels)
    mean, variance = float(volumes.mean[volume]), float(volumes.variance[volume])
    return (
        f"Volume {volume}, on {frames} of {among} frames: {here:+.2g}\n"
        f"Mean {mean:+.2g}, variance {variance:.2g}".replace("-", "−")
    )


def errors_text(explanation: FrameExplanation) -> str:
    """How well a mask is known that was estimated from samples; empty for others."""
    if explanation.errors is None:
        return ""
    if explanation.grown is not None:
        return f"Unfinished: {grown_text(explanation)}"
    worst = float(explanation.errors.max(initial=0.0))
    if not math.isfinite(worst):
        return "Standard errors not known: too few samples"
    largest = float(np.abs(explanation.values).max(initial=0.0))
    share = f" ({worst / largest:.0%})".replace("%", " %") if largest else ""
    return f"Largest standard error {worst:.2g}{share}"


def cost_text(explanation: FrameExplanation) -> str:
    """What it took to make the mask."""
    if explanation.passes is None or explanation.seconds is None:
        return "not measured"
    seconds = explanation.seconds
    time = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
    return f"{explanation.passes} forward pass{'es' * (explanation.passes != 1)}, {time}"


def _short(text: str) -> str:
    """A hash is recognised by its first digits; the whole one goes into exports."""
    return f"{text[:12]}…" if re.fullmatch("[0-9a-f]{64}", text) else text
