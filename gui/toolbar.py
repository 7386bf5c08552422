"""The row at the top: what analyses, how, and how far it has come. GUI thread only."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QAction, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from gui import theme
from gui.commands import explainer_name
from gui.session import Session
from gui.videos import Analysis, AnalysisState

DEVICES = (("auto", "Auto"), ("cpu", "CPU"), ("cuda", "GPU"))


class MainToolBar(QToolBar):
    """Open, detector, explainer, threshold, device, analyse, cancel, progress.

    Args:
        actions: of the commands, by id.
    """

    def __init__(self, session: Session, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__("Toolbar", parent)
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setIconSize(QSize(18, 18))
        self.toggleViewAction().setEnabled(False)
        self._session, self._actions = session, actions
        self._detector = self._combo("Detector", "What scores the faces", 11)
        self._explainer = self._combo("Explainer", "What shows why (1 to 9)", 12)
        self._device = self._combo("Device", "Where the next analysis runs", 4)
        self._threshold = QDoubleSpinBox()
        self._people = QMenu("One face", self)
        self._progress, self._state = QProgressBar(), QLabel()
        self._lay_out()
        self._connect()
        self._show_detectors()
        self._show_choices()
        self._show_analysis()

    # Making

    def _lay_out(self) -> None:
        self._threshold.setRange(0, 1)
        self._threshold.setSingleStep(0.05)
        self._threshold.setDecimals(2)
        self._threshold.setKeyboardTracking(False)
        self._threshold.setAccessibleName("Threshold")
        self._threshold.setToolTip(
            "Fake probability from which a frame counts as suspicious; arrow keys change it"
        )
        self._threshold.setFocusPolicy(Qt.FocusPolicy.ClickFocus | Qt.FocusPolicy.TabFocus)
        for value, text in DEVICES:
            self._device.addItem(text, value)
        self._open = self._button("open")
        self._open.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.addWidget(self._open)
        self._analyse = self._make_analyse_button()
        self._analyse_action = self.addWidget(self._analyse)
        self._cancel = QPushButton(theme.icon("cancel"), "Cancel")
        self._cancel.setAccessibleName("Cancel the analysis")
        self._cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._cancel.setToolTip(self._actions["cancel"].toolTip())
        self._cancel.clicked.connect(self._actions["cancel"].trigger)
        self._cancel_action = self.addWidget(self._cancel)
        self._progress.setFixedWidth(170)
        self._progress.setAccessibleName("Progress of the analysis")
        self._progress_action = self.addWidget(self._progress)
        self.addSeparator()
        for text, widget in (
            ("Detector", self._detector),
            ("Explainer", self._explainer),
            ("Threshold", self._threshold),
            ("Device", self._device),
        ):
            self.addWidget(self._labelled(text, widget))
        self._state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        theme.set_role(self._state, "muted")
        self.addWidget(self._state)

    def _combo(self, name: str, tip: str, letters: int) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        combo.setMinimumContentsLength(letters)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return combo

    def _labelled(self, text: str, widget: QWidget) -> QWidget:
        label = QLabel(text)
        theme.set_role(label, "muted")
        label.setBuddy(widget)
        pair = QWidget()
        row = QHBoxLayout(pair)
        row.setContentsMargins(2, 0, 6, 0)
        row.setSpacing(6)
        row.addWidget(label)
        row.addWidget(widget)
        return pair

    def _button(self, command: str) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(self._actions[command])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(self._actions[command].text())
        return button

    def _make_analyse_button(self) -> QToolButton:
        button = self._button("analyse")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        menu = QMenu(button)
        menu.addAction(self._actions["analyse"])
        menu.addAction(self._actions["analyse_range"])
        menu.addMenu(self._people)
        button.setMenu(menu)
        return button

    def _connect(self) -> None:
        session = self._session
        session.detectors_changed.connect(self._show_detectors)
        session.choice_changed.connect(self._show_choices)
        session.analysis_changed.connect(self._show_analysis)
        session.current_changed.connect(self._show_analysis)
        session.media_changed.connect(self._show_analysis)
        session.tracks_changed.connect(self._show_people)
        self._detector.activated.connect(lambda row: session.set_detector(self._detector.itemData(row)))
        self._explainer.activated.connect(lambda row: session.set_explainer(self._explainer.itemData(row)))
        self._device.activated.connect(lambda row: session.set_device(self._device.itemData(row)))
        self._threshold.valueChanged.connect(session.set_threshold)

    # Showing

    def _show_detectors(self) -> None:
        with QSignalBlocker(self._detector):
            self._detector.clear()
            for detector in self._session.detectors:
                text = detector.id if detector.trained else f"{detector.id} (not trained)"
                self._detector.addItem(text, detector.id)
                row = self._detector.count() - 1
                tip = detector.name if detector.trained else f"{detector.name}: {detector.problem}"
                self._detector.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
                model = self._detector.model()
                if not detector.trained and isinstance(model, QStandardItemModel):
                    model.item(row).setEnabled(False)
        self._detector.setEnabled(bool(self._session.detectors))
        self._detector.setPlaceholderText("Loading…")
        self._show_choices()

    def _show_choices(self) -> None:
        session = self._session
        with QSignalBlocker(self._detector), QSignalBlocker(self._explainer):
            self._detector.setCurrentIndex(self._detector.findData(session.detector_id))
            self._explainer.clear()
            for explainer_id in session.explainers:
                self._explainer.addItem(explainer_name(explainer_id), explainer_id)
                if session.is_slow(explainer_id):
                    tip = "Takes long: its masks are made when you ask for them"
                    self._explainer.setItemData(self._explainer.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self._explainer.setCurrentIndex(self._explainer.findData(session.explainer_id))
        self._explainer.setEnabled(self._explainer.count() > 0)
        with QSignalBlocker(self._threshold), QSignalBlocker(self._device):
            self._threshold.setValue(session.threshold)
            self._device.setCurrentIndex(max(0, self._device.findData(session.device)))
        self._show_analysis()

    def _show_people(self) -> None:
        self._people.clear()
        results = self._session.results
        for track in results if results is not None and results.done else ():
            action = self._people.addAction(f"Only {track.name}")
            action.triggered.connect(lambda _checked=False, n=track.id: self._session.start_analysis(people=[n]))
        self._people.setEnabled(results is not None and results.done and len(results) > 1)

    def _show_analysis(self) -> None:
        analysis = self._session.analysis
        active = analysis.state.active
        self._analyse_action.setVisible(not active)
        self._cancel_action.setVisible(active)
        self._progress_action.setVisible(active)
        cancelling = analysis.state is AnalysisState.CANCELLING
        self._cancel.setEnabled(not cancelling)
        self._cancel.setText("Cancelling…" if cancelling else "Cancel")
        progress = analysis.progress
        known = progress is not None and progress.total > 0
        self._progress.setRange(0, 1000 if known else 0)
        if progress is not None and known:
            self._progress.setValue(round(1000 * progress.fraction))
            left = progress.seconds_left
            self._progress.setFormat(f"{progress.fraction:.0%}" + (f", {remaining(left)} left" if left else ""))
        self._progress.setToolTip(state_text(analysis))
        self._state.setText("" if active and known else state_text(analysis))
        self._state.setToolTip(self._state.text())
        self._show_people()


def state_text(analysis: Analysis) -> str:
    """Where an analysis stands, in a few words."""
    match analysis.state:
        case AnalysisState.QUEUED:
            return "Waiting for its turn"
        case AnalysisState.RUNNING:
            progress = analysis.progress
            if progress is None:
                return "Starting"
            left = progress.seconds_left
            return progress.label if left is None else f"{progress.label}, {remaining(left)} left"
        case AnalysisState.CANCELLING:
            return "Stopping after this step"
        case AnalysisState.CANCELLED:
            return "Cancelled; what was found stays"
        case AnalysisState.FAILED:
            return "Failed"
        case AnalysisState.DONE:
            return "Analysed"
        case _:
            return ""


def remaining(seconds: float) -> str:
    """A duration as one would say it."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
