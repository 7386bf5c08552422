"""The Specifications tab: choose or write one, set its parameters, see what it says. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAction, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.panels.parts import Scrolling, column, heading, muted, progress_text, row
from gui.session import Session
from gui.specifications import shelf
from gui.specifications.answer_view import AnswerView
from gui.specifications.checking import CLASSES, Checking
from gui.specifications.completion import completions
from gui.specifications.editor import FormulaEditor
from gui.specifications.parameters import ParameterForm

REFRESH_MS = 60
INTRODUCTION = (
    "A specification says in temporal logic what should be true of the scores in time, such as: the fake "
    "probability stays above 0.5 for ten scores. Choose one, or write your own; the verdict follows for every "
    "face, with the frame that decides it."
)
WHOLE = "On all scores of the video."
SCOPE = "A verdict is about the scores of the detector, not about what happened to the video."


class SpecificationsPanel(QWidget):
    """Follows a Checking."""

    def __init__(self, session: Session, checking: Checking, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Specifications")
        self._session, self._checking = session, checking
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self._show_answers)
        inside = QWidget()
        self._layout = column(inside)
        self._make_chooser()
        self._make_answers()
        self._make_text()
        self._layout.addStretch(0)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._scroll = Scrolling(inside)
        outer.addWidget(self._scroll)
        checking.shelf_changed.connect(self._show_shelf)
        checking.loaded.connect(self._show_text)
        checking.parsed_changed.connect(self._show_parsed)
        checking.changed.connect(self._later)
        session.media_changed.connect(self._later)
        self._show_shelf()
        self._show_text()
        self._show_parsed()
        self._show_answers()

    def sizeHint(self) -> QSize:
        return QSize(340, 560)

    def name_keys(self, actions: Mapping[str, QAction]) -> None:
        """Tell in the tooltips which keys do the same."""
        self.save.setToolTip(actions["specification_save"].toolTip())
        self.answers.set_tip(actions["specification_witness"].toolTip())
        self.chooser.setToolTip(actions["specifications"].toolTip())

    def take_focus(self) -> None:
        """Bring the keys to the chooser."""
        self._scroll.ensureWidgetVisible(self.chooser)
        self.chooser.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # Making

    def _make_chooser(self) -> None:
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Specification")
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.chooser.setMinimumContentsLength(12)
        self.chooser.setToolTip("Choose what is checked")
        self.chooser.activated.connect(lambda at: self._checking.choose(self.chooser.itemData(at)))
        self.new = QToolButton()
        self.new.setText("New")
        self.new.setToolTip("Write a specification of your own")
        self.new.clicked.connect(self._start_new)
        self.about = muted()
        self.warnings = QLabel()
        self.warnings.setWordWrap(True)
        theme.set_role(self.warnings, "", "warning")
        self.classes = QComboBox()
        for name in CLASSES:
            self.classes.addItem("the predicted class" if name == CLASSES[0] else name, name)
        self.classes.setAccessibleName("Class for which it is checked")
        self.classes.setToolTip("This specification has a formula for each class: choose which one is checked")
        self.classes.activated.connect(lambda at: self._checking.set_own_class(self.classes.itemData(at)))
        self._class_row = QWidget()
        form = QFormLayout(self._class_row)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(muted("For", wrap=False), self.classes)
        self.parameters = ParameterForm()
        self.parameters.changed.connect(self._checking.set_value)
        self._layout.addLayout(row(self.chooser, self.new, stretch=0))
        for widget in (self.about, self.warnings, self._class_row, self.parameters):
            self._layout.addWidget(widget)

    def _make_answers(self) -> None:
        self._verdict = heading("Verdict")
        self.state = muted(wrap=False)
        self.standing = QLabel()
        self.standing.setWordWrap(True)
        theme.set_role(self.standing, "", "warning")
        self.answers = AnswerView(self._checking)
        self.answers.set_tip("Go to the frame that decides this verdict")
        self._scope = muted(SCOPE)
        self._layout.addLayout(row(self._verdict, QWidget(), self.state, stretch=1))
        for widget in (self.standing, self.answers, self._scope):
            self._layout.addWidget(widget)

    def _make_text(self) -> None:
        self._text_title = heading("Text")
        self.text_state = muted(wrap=False)
        self.editor = FormulaEditor()
        self.editor.setToolTip(
            "Edit the specification; Ctrl+Space completes names and operators, Tab leaves the text"
        )
        self.editor.textChanged.connect(lambda: self._checking.set_text(self.editor.toPlainText()))
        self.fault = QPushButton()
        theme.set_role(self.fault, "link")
        self.fault.setAccessibleName("Go to the place that is wrong")
        self.fault.setToolTip("Go to the place that is wrong")
        self.fault.clicked.connect(self._go_to_fault)
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.reason.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.save, self.save_as, self.revert = (QPushButton(text) for text in ("Save", "Save as…", "Revert"))
        self.save.setToolTip("Write the text over its file")
        self.save_as.setToolTip("Write the text as a file of your own, under another name")
        self.revert.setToolTip("Go back to what is on the disk")
        self.save.clicked.connect(self.save_text)
        self.save_as.clicked.connect(self.save_text_as)
        self.revert.clicked.connect(self._checking.revert)
        self._layout.addLayout(row(self._text_title, QWidget(), self.text_state, stretch=1))
        self._layout.addWidget(self.editor, 1)
        for widget in (self.fault, self.reason):
            self._layout.addWidget(widget)
        self._layout.addLayout(row(self.save, self.save_as, self.revert))
        self._of_a_text = (
            self._verdict, self.state, self.standing, self._scope, self._text_title, self.text_state, self.editor,
            self.save, self.save_as, self.revert,
        )  # fmt: skip

    # Doing

    def _start_new(self) -> None:
        self._checking.start_new()
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def _go_to_fault(self) -> None:
        parsed = self._checking.parsed
        if parsed is not None and parsed.fault is not None:
            self.editor.go_to_place(parsed.fault)

    def save_text(self) -> None:
        """Write the text over its own file; where there is none, under a name that is asked for."""
        if self._checking.can_save:
            self._checking.save()
        elif self._checking.edited:
            self.save_text_as()

    def save_text_as(self) -> None:
        """Ask for a name, again while it cannot be one, and write the text there."""
        entries, name, problem = self._checking.entries, f"{self._checking.name or 'my specification'}", ""
        if any(entry.name == name and not entry.own for entry in entries):
            name = f"my {name}"
        while True:
            label = f"{problem}.\n\nName:" if problem else "Name of the specification:"
            name, accepted = QInputDialog.getText(self, "Save the specification", label, text=name)
            name = name.strip().removesuffix(shelf.SUFFIX)
            if not accepted:
                return
            problem = shelf.name_problem(name, entries)
            if not problem and self._may_replace(name):
                self._checking.save(name)
                return

    def _may_replace(self, name: str) -> bool:
        if not any(entry.name == name and entry.own for entry in self._checking.entries):
            return True
        question = f"There is a specification {name}. Replace it?"
        return QMessageBox.question(self, "Save the specification", question) == QMessageBox.StandardButton.Yes

    # Showing

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._checking.list_entries()
        self._show_answers()

    def _later(self) -> None:
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _show_shelf(self) -> None:
        checking, chooser = self._checking, self.chooser
        chooser.blockSignals(True)
        chooser.clear()
        chooser.addItem("No specification", "")
        for own in (False, True):
            entries = [entry for entry in checking.entries if entry.own is own]
            draft = own and checking.is_draft(shelf.NEW)
            if entries or draft:
                chooser.insertSeparator(chooser.count())
            for entry in entries:
                edited = " (edited)" if checking.is_draft(entry.id) else ""
                sign = "✗ " if entry.problem else ""
                chooser.addItem(f"{sign}{entry.title}{edited}", entry.id)
                tip = entry.problem or f"{entry.name}, {'your own' if entry.own else 'comes with Tellframe'}"
                chooser.setItemData(chooser.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            if draft:
                chooser.addItem("New, not saved", shelf.NEW)
        chooser.setCurrentIndex(max(0, chooser.findData(checking.chosen)))
        chooser.blockSignals(False)
        self._show_buttons()

    def _show_text(self) -> None:
        self.chooser.setCurrentIndex(max(0, self.chooser.findData(self._checking.chosen)))
        self.editor.load(self._checking.text)
        entry = self._checking.entry
        self._text_title.setToolTip(str(entry.path) if entry is not None else "Not saved yet")
        self._show_buttons()

    def _show_buttons(self) -> None:
        checking = self._checking
        self.save.setEnabled(checking.can_save)
        self.revert.setEnabled(checking.edited)
        self.revert.setText("Revert" if checking.entry is not None or not checking.chosen else "Drop")
        self.text_state.setText(self._text_words())

    def _text_words(self) -> str:
        checking = self._checking
        if checking.edited:
            return "edited, not saved" if checking.entry is not None else "not saved"
        return "" if checking.entry is None or checking.entry.own else "comes with Tellframe"

    def _show_parsed(self) -> None:
        checking, parsed = self._checking, self._checking.parsed
        specification, fault = checking.specification, parsed is not None and parsed.fault is not None
        for widget in self._of_a_text:
            widget.setVisible(bool(checking.chosen))
        self.about.setText(INTRODUCTION if not checking.chosen else specification.about if specification else "")
        self.about.setVisible(bool(self.about.text()))
        warnings = ". ".join(specification.warnings) if specification is not None else ""
        self.warnings.setText(f"{warnings}." if warnings else "")
        self.warnings.setVisible(bool(warnings))
        self._class_row.setVisible(specification is not None and specification.has_classes)
        self.classes.setCurrentIndex(CLASSES.index(checking.own_class))
        self.parameters.show_parameters(specification.parameters if specification else (), checking.values)
        self.parameters.setEnabled(not fault)
        self._show_fault()
        self._show_buttons()
        self._show_answers()

    def _show_fault(self) -> None:
        """Below the text: that it is read, that nothing is wrong, or what is, and where."""
        checking, parsed = self._checking, self._checking.parsed
        fault = parsed.fault if parsed is not None else None
        unknown = checking.answers.unknown if checking.answers is not None and fault is None else ()
        place = fault or next(iter(unknown), None)
        self.fault.setVisible(fault is not None)
        self.reason.setVisible(bool(checking.chosen))
        if parsed is not None:
            self.editor.set_places((fault,) if fault is not None else unknown)
        if fault is not None:
            self.fault.setText(f"✗ Line {fault.line}, column {fault.column}")
        if place is not None:
            reason = place.reason[:1].upper() + place.reason[1:]
            self.reason.setText(
                reason if fault is not None else f"! Line {place.line}: {reason[:1].lower()}{reason[1:]}"
            )
        else:
            self.reason.setText("◌ Reading…" if parsed is None else "✓ Nothing is wrong with the text")
        theme.set_role(
            self.reason,
            "muted" if place is None else "",
            "" if place is None else ("error" if fault else "warning"),
        )

    def _show_answers(self) -> None:
        checking = self._checking
        self.state.setText(progress_text(checking.progress) + "…" if checking.progress is not None else "")
        answers = checking.answers
        standing = checking.standing
        self.standing.setText(standing or WHOLE)
        limited = answers is not None and standing
        theme.set_role(self.standing, "" if standing else "muted", "warning" if limited else "")
        unread = checking.parsed is None or checking.parsed.fault is not None
        self.answers.refresh(keep_room=unread and bool(checking.chosen))  # what is edited must not jump about
        self._complete_with()
        if answers is not None:
            self._show_fault()

    def _complete_with(self) -> None:
        answers, specification = self._checking.answers, self._checking.specification
        series = [name for face in answers.faces for name in face.series] if answers is not None else []
        names = [parameter.name for parameter in specification.parameters] if specification is not None else []
        self.editor.set_completions(completions(series, names))
