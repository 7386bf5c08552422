"""The suspicious intervals as a list, the rule that found them, and a way to make them marks. GUI thread only."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.evaluation.intervals import SuspiciousInterval
from engine.rendering.layers import timecode
from gui import theme
from gui.intervals import Intervals
from gui.panels.parts import heading, muted, row
from gui.session import Session
from gui.timeline.intervals import interval_text

LISTED = 200
"""More are too many to read; the timeline has them all."""
ROWS = 3
"""So many are seen without scrolling."""


class IntervalList(QListWidget):
    """A click or Enter goes to the first frame of an interval."""

    def __init__(self, session: Session, intervals: Intervals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._intervals = session, intervals
        self._listed: tuple[SuspiciousInterval, ...] = ()
        self.setAccessibleName("Suspicious intervals")
        self.setToolTip("Click or Enter to go to the first frame")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setFont(theme.numbers_font(self))
        self.itemClicked.connect(self._go)
        self.itemActivated.connect(self._go)
        self.currentRowChanged.connect(self._on_row)

    def refresh(self) -> None:
        """List what was found, keeping the interval that is chosen."""
        found = self._intervals.found[:LISTED]
        if found != self._listed:
            media = self._session.media
            seconds = media.index.seconds if media is not None else None
            self._listed = found
            self.blockSignals(True)
            self.clear()
            for each in found:
                item = QListWidgetItem(interval_text(each, seconds))
                item.setToolTip(f"{item.text()}\nClick or Enter to go to the first frame")
                self.addItem(item)
            self.blockSignals(False)
            self.setFixedHeight(self.sizeHintForRow(0) * min(len(found), ROWS) + 4 if found else 0)
        chosen = self._intervals.chosen
        self.blockSignals(True)
        self.setCurrentRow(found.index(chosen) if chosen in found else -1)
        self.blockSignals(False)

    def _go(self, item: QListWidgetItem) -> None:
        self._intervals.go_to(self._listed[self.row(item)])

    def _on_row(self, number: int) -> None:
        self._intervals.choose(self._listed[number] if 0 <= number < len(self._listed) else None)


class IntervalsView(QWidget):
    """List, button and rule."""

    def __init__(self, session: Session, intervals: Intervals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._intervals = session, intervals
        self.list = IntervalList(session, intervals)
        self.empty = muted()
        self.more = muted()
        self.mark = QPushButton("Make it a mark")
        self.mark.clicked.connect(intervals.mark_current)
        self.name_mark_key("Mark the chosen interval, or the one under the playhead, with what found it")
        self.change = QPushButton("Change the rule")
        self.change.setCheckable(True)
        self.change.setToolTip("Show or hide what can be set of the rule")
        self.change.toggled.connect(self._show_controls)
        theme.set_role(self.change, "link")
        self.defaults = QPushButton("Defaults")
        self.defaults.setToolTip("Find intervals by the usual rule of this detector")
        self.defaults.clicked.connect(lambda: intervals.set_rule(None))
        theme.set_role(self.defaults, "link")
        self.high = self._share("Begins at", "An interval begins where the probability is at least this")
        self.low = self._share("Goes on at", "It goes on, both ways, while the probability is at least this")
        self.gap = self._count("Close gaps of", 0, "Intervals with so many frames between them, or fewer, are one")
        self.shortest = self._count("Shortest", 1, "Shorter intervals do not count")
        self.rule = muted()
        self.outstanding = muted()
        self.go_outstanding = QPushButton("Go there")
        self.go_outstanding.setToolTip("Go to the first frame of what stands out most")
        self.go_outstanding.clicked.connect(self._go_outstanding)
        self.mark_outstanding = QPushButton("Mark it")
        self.mark_outstanding.setToolTip("Make what stands out most a mark, with what found it")
        self.mark_outstanding.clicked.connect(intervals.mark_outstanding)
        self._controls = self._make_controls()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(heading("Suspicious intervals"))
        for widget in (self.list, self.more, self.empty):
            layout.addWidget(widget)
        layout.addLayout(row(self.mark, QWidget(), self.defaults, self.change, stretch=1))
        layout.addWidget(self._controls)
        layout.addWidget(self.rule)
        layout.addWidget(heading("Stands out most"))
        layout.addWidget(self.outstanding)
        layout.addLayout(row(self.go_outstanding, self.mark_outstanding, QWidget(), stretch=2))
        self._show_controls(shown=False)
        intervals.changed.connect(self.refresh)
        session.analysis_changed.connect(self.refresh)
        session.frame_changed.connect(lambda _frame: self._show_button())

    def name_mark_key(self, tip: str) -> None:
        """The tooltip of the button, with its key."""
        self.mark.setToolTip(tip)

    def refresh(self) -> None:
        """Show what was found, and by which rule; nothing while nobody looks."""
        if not self.isVisible():
            return
        found, rule = self._intervals.found, self._intervals.rule
        self.list.refresh()
        self.list.setVisible(bool(found))
        self.more.setText(f"The first {LISTED} of {len(found)}; the timeline shows them all.")
        self.more.setVisible(len(found) > LISTED)
        self.empty.setVisible(not found)
        self.empty.setText(self._why_empty())
        for control, value in (
            (self.high, rule.high),
            (self.low, rule.low),
            (self.gap, rule.gap),
            (self.shortest, rule.shortest),
        ):
            control.blockSignals(True)
            control.setValue(value)  # type: ignore[arg-type]
            control.blockSignals(False)
        self.defaults.setEnabled(self._intervals.own_rule)
        self.rule.setText(f"An interval {rule.words()}. It says that the scores are high, not why.")
        self._show_outstanding()
        self._show_button()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The wheel scrolls the panel over a control that does not have the focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _show_outstanding(self) -> None:
        found, results, media = self._intervals.outstanding, self._session.results, self._session.media
        for button in (self.go_outstanding, self.mark_outstanding):
            button.setEnabled(found is not None)
        if found is not None and media is not None:
            begin, end = (timecode(media.index.seconds(at)) for at in (found.first, found.last))
            self.outstanding.setText(
                f"Face {found.track_id + 1}, frames {found.first:,}–{found.last:,} ({begin} to {end}): mean logit "
                f"higher by {found.contrast:.2f} than in the rest. Something stands out in a genuine video, "
                "too: it is a place to look at, no finding."
            )
        elif results is None or not results.done:
            self.outstanding.setText("It appears here when the whole video is analysed.")
        else:
            self.outstanding.setText("Nothing: too few scores, or all alike.")

    def _go_outstanding(self) -> None:
        if self._intervals.outstanding is not None:
            self._intervals.go_to(self._intervals.outstanding)

    def _why_empty(self) -> str:
        results = self._session.results
        if results is None:
            return "Intervals appear here once the video is analysed."
        return "None by this rule." if results.done else "None by this rule so far."

    def _show_button(self) -> None:
        if self.isVisible():
            self.mark.setEnabled(self._intervals.current is not None)

    def _change(self) -> None:
        high = self.high.value()
        rule = replace(
            self._intervals.rule,
            high=high,
            low=min(high, self.low.value()),
            gap=self.gap.value(),
            shortest=self.shortest.value(),
        )
        self._intervals.set_rule(rule)

    def _share(self, name: str, tip: str) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setRange(0.01, 1)
        box.setSingleStep(0.05)
        self._prepare(box, name, tip)
        return box

    def _count(self, name: str, least: int, tip: str) -> QSpinBox:
        box = QSpinBox()
        box.setRange(least, 9999)
        box.setSuffix(" fr.")
        self._prepare(box, name, tip)
        return box

    def _prepare(self, box: QSpinBox | QDoubleSpinBox, name: str, tip: str) -> None:
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setKeyboardTracking(False)
        box.installEventFilter(self)
        box.valueChanged.connect(self._change)

    def _show_controls(self, shown: bool) -> None:
        self._controls.setVisible(shown)
        self.defaults.setVisible(shown)

    def _make_controls(self) -> QWidget:
        made = QWidget()
        grid = QGridLayout(made)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        for at, box in enumerate((self.high, self.low, self.gap, self.shortest)):
            label = QLabel(box.accessibleName())
            theme.set_role(label, "small")
            label.setBuddy(box)
            grid.addWidget(label, at // 2, 2 * (at % 2))
            grid.addWidget(box, at // 2, 2 * (at % 2) + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        return made
