"""The window: it places the views of the session and gives the commands their menus and keys. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QObject, QSize, Qt, QTimer
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QTabBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.evaluation.study.database import SUFFIX as STUDY_SUFFIX
from gui import clipboard, commands, keymap
from gui.compare.comparison import Comparison
from gui.compare.opening import ComparisonPlace
from gui.dialogs import mark
from gui.dialogs.export import ExportDialog
from gui.dialogs.keys import KeysDialog
from gui.dialogs.settings import SettingsDialog
from gui.intervals import Intervals
from gui.notices import NoticeStack
from gui.panels.case import CasePanel
from gui.panels.explanation import ExplanationPanel
from gui.panels.integrity import IntegrityPanel
from gui.panels.moments import MomentsPanel
from gui.panels.weights import WeightsPanel
from gui.player.painter import frame_image
from gui.player.player import PlayerPanel
from gui.player.provenance import frame_text
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.gallery_place import GalleryPlace
from gui.prototypes.panel import PrototypesPanel
from gui.session import DEFAULT_CASE, Session
from gui.specifications.checking import Checking
from gui.specifications.panel import SpecificationsPanel
from gui.status import StatusLine
from gui.study import opening
from gui.timeline.timeline import TimelinePanel
from gui.toolbar import MainToolBar

if TYPE_CHECKING:
    from gui.compare.view import CompareView
    from gui.player.picture import PictureView

MENUS = ("File", "Edit", "Play", "Analyse", "View", "Compare", "Help")
SEPARATORS = {
    "export", "settings", "quit", "mark", "in_point", "step_back", "peak_back", "go_to", "cancel",
    "explain_frame", "specifications", "prototype_gallery", "moments", "explainer_1", "fit", "timeline_in",
    "full_screen", "compare_add", "compare_make", "compare_red", "compare_export",
}  # fmt: skip
"""Commands before which a menu has a line."""
VIDEO_FILTER = (
    "Videos and stills (*.mp4 *.mov *.m4v *.mkv *.webm *.avi *.mts *.m2ts *.ts *.mpg *.mpeg *.wmv *.flv *.3gp "
    "*.gif *.png *.jpg *.jpeg *.tif *.tiff *.bmp *.webp);;All files (*)"
)
CASE_SUFFIX = ".tell"
CASE_FILTER = f"Tellframe cases (*{CASE_SUFFIX})"
LAYOUT_VERSION = 1
TABS_SHARE = 0.26
"""Of the window's width, which the names of the tabs may take."""


class MainWindow(QMainWindow):
    """Shows one session. Closing it closes the session."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Tellframe")
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self.comparison = Comparison(session, self)
        self.checking = Checking(session, self)
        self.intervals = Intervals(session, self)
        self.prototype_choice = PrototypeChoice(session, self)
        self.commands = commands.command_table(session, self)
        self.keymap = keymap.load(command.id for command in self.commands)
        self.actions_by_id = commands.make_actions(self.commands, self.keymap, self)
        self.player = PlayerPanel(session, self.actions_by_id)
        self.timeline = TimelinePanel(session)
        self.timeline.name_keys(self.actions_by_id)
        self.timeline.follow(self.checking)
        self.timeline.show_intervals(self.intervals)
        self.timeline.follow_prototypes(self.prototype_choice)
        self.specifications = SpecificationsPanel(session, self.checking)
        self.specifications.name_keys(self.actions_by_id)
        self.notices = NoticeStack()
        self.explanation = ExplanationPanel(session)
        self.explanation.name_keys(self.actions_by_id)
        self.moments = MomentsPanel(session, self.intervals)
        self.moments.name_keys(self.actions_by_id)
        self.prototypes = PrototypesPanel(session, self.prototype_choice)
        self.prototypes.name_keys(self.actions_by_id)
        self.prototypes.patch_changed.connect(self.player.picture.set_patch)
        self._place_views()
        case, details, timeline = self._docks
        self._compared = ComparisonPlace(
            session,
            self.comparison,
            self.actions_by_id,
            self,
            self.player,
            self.timeline,
            (case, details),
            timeline,
        )
        self._gallery = GalleryPlace(session, self.prototype_choice, self.actions_by_id, self)
        self._make_menus()
        self._connect()
        self._refresh_timer = QTimer(self, singleShot=True, interval=0)
        self._refresh_timer.timeout.connect(lambda: commands.refresh(self.commands, self.actions_by_id))
        commands.refresh(self.commands, self.actions_by_id)
        self._show_title()
        self._restore_layout()
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]
        for problem in self.keymap.problems:
            session.notify("warning", problem)
        if not session.settings.preferences.scope_seen:
            self.notices.show_scope()

    # Making

    def _place_views(self) -> None:
        session = self._session
        self.addToolBar(MainToolBar(session, self.actions_by_id, self))
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notices)
        column.addWidget(self.player, 1)
        self.setCentralWidget(centre)
        self._tabs = tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.setAccessibleName("Findings about this video")
        for name, tip, panel in (
            ("Explanation", "What drove the score of this frame", self.explanation),
            ("Moments", "Suspicious intervals, and the frames the detector attends to", self.moments),
            ("Prototypes", "What the prototypes say for fake and for real", self.prototypes),
            ("Specs", "Specifications in temporal logic", self.specifications),
            ("Integrity", "The file: hash, facts, warnings", IntegrityPanel(session)),
            ("Weights", "The cards of the detectors", WeightsPanel(session)),
        ):
            tabs.setTabToolTip(tabs.addTab(panel, name), tip)
        self.prototype_choice.changed.connect(self._show_prototypes_tab)
        self._show_prototypes_tab()
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self._docks = (
            self._dock("Case", CasePanel(session), Qt.DockWidgetArea.LeftDockWidgetArea),
            self._dock("Details", tabs, Qt.DockWidgetArea.RightDockWidgetArea),
            self._dock("Timeline", self.timeline, Qt.DockWidgetArea.BottomDockWidgetArea),
        )
        self.setStatusBar(StatusLine(session, self))

    def _show_prototypes_tab(self) -> None:
        """Only for a detector that has prototypes; no tab is cut off then where the window is wide enough."""
        tabs, wanted = self._tabs, bool(self.prototype_choice.prototypes)
        tabs.setTabVisible(tabs.indexOf(self.prototypes), wanted)
        room = int(self.width() * TABS_SHARE)
        tabs.setMinimumWidth(min(tabs.tabBar().sizeHint().width(), room) if wanted else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_prototypes_tab()

    def _dock(self, name: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(name, self)
        dock.setObjectName(name.lower())
        dock.setWidget(widget)
        dock.setTitleBarWidget(QWidget(dock))  # the views name themselves; a bar would only take room
        dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        self.addDockWidget(area, dock)
        return dock

    def _make_menus(self) -> None:
        for name in MENUS:
            menu = self.menuBar().addMenu(name)
            for command in self.commands:
                if command.group == name:
                    if command.id in SEPARATORS and menu.actions():
                        menu.addSeparator()
                    menu.addAction(self.actions_by_id[command.id])
                if command.id == "open_folder" and name == "File":
                    self._recent = menu.addMenu("Open recent")
                    self._recent.aboutToShow.connect(self._list_recent)
            if name == "View":
                self._add_dock_switches(menu)

    def _add_dock_switches(self, menu: QMenu) -> None:
        menu.addSeparator()
        for dock in self._docks:
            menu.addAction(dock.toggleViewAction())

    def _connect(self) -> None:
        session = self._session
        session.noticed.connect(self.notices.show_message)
        self.notices.scope_dismissed.connect(lambda: session.settings.change(scope_seen=True))
        self.player.open_requested.connect(self.choose_files)
        self.timeline.mark_edit_requested.connect(lambda chosen: mark.edit_mark(session, chosen, self))
        session.current_changed.connect(self._show_title)
        session.case_changed.connect(self._show_title)
        for signal in (
            session.current_changed,
            session.media_changed,
            session.marks_changed,
            session.analysis_changed,
            session.detectors_changed,
            session.choice_changed,
            session.style_changed,
            session.shown_changed,
            session.tracks_changed,
        ):
            signal.connect(self._refresh_soon)
        session.on_demand.changed.connect(self._refresh_soon)
        self.comparison.changed.connect(self._refresh_soon)
        self.checking.changed.connect(self._refresh_soon)
        self.checking.parsed_changed.connect(self._refresh_soon)
        self.intervals.changed.connect(self._refresh_soon)
        self.prototype_choice.changed.connect(self._refresh_soon)
        self.specifications.answers.prototype_requested.connect(self.show_prototype)
        self.comparison.panes_changed.connect(self._refresh_soon)

    def _refresh_soon(self) -> None:
        self._refresh_timer.start()

    def _show_title(self) -> None:
        video, case = self._session.current, self._session.case_path
        parts = [video.name if video else "", case.stem if case and case.name != DEFAULT_CASE else "", "Tellframe"]
        self.setWindowTitle(" — ".join(part for part in parts if part))

    def _list_recent(self) -> None:
        self._recent.clear()
        for path in self._session.settings.preferences.recent:
            action = self._recent.addAction(path)
            action.triggered.connect(lambda _checked=False, chosen=path: self._session.open([Path(chosen)]))
        if self._recent.isEmpty():
            self._recent.addAction("Nothing yet").setEnabled(False)

    # Layout

    def _restore_layout(self) -> None:
        settings = self._session.settings
        if not self.restoreGeometry(settings.layout("geometry")):
            self.resize(1280, 800)
        self._new_layout = not self.restoreState(settings.layout("state"), LAYOUT_VERSION)

    def _arrange(self) -> None:
        case, details, timeline = self._docks
        self.resizeDocks([case, details], [236, 314], Qt.Orientation.Horizontal)
        self.resizeDocks([timeline], [250], Qt.Orientation.Vertical)

    def sizeHint(self) -> QSize:
        return QSize(1280, 800)

    def open(self, files: Sequence[Path]) -> None:
        """Open videos, or go on with a case if there is one among the files."""
        cases = [file for file in files if file.suffix == CASE_SUFFIX]
        if cases:
            self._session.open_case(cases[0])
        studies = [file for file in files if file.suffix == STUDY_SUFFIX]
        if studies:
            opening.open_study(self._session, studies[0], self)
        videos = [file for file in files if file.suffix not in (CASE_SUFFIX, STUDY_SUFFIX)]
        if videos:
            self._session.open(videos)

    # What commands ask for (gui.commands.Window)

    def choose_files(self) -> None:
        """Let the user choose videos or stills."""
        chosen, _ = QFileDialog.getOpenFileNames(self, "Open videos or stills", self._last_folder(), VIDEO_FILTER)
        self._session.open([Path(path) for path in chosen])

    def choose_folder(self) -> None:
        """Let the user choose a folder of stills."""
        chosen = QFileDialog.getExistingDirectory(self, "Open a folder of stills", self._last_folder())
        if chosen:
            self._session.open([Path(chosen)])

    def choose_case(self) -> None:
        """Let the user choose a case file to go on with."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Open a case", self._last_folder(), CASE_FILTER)
        if chosen:
            self._session.open_case(Path(chosen))

    def choose_new_case(self) -> None:
        """Let the user name a new case file; a file that is there already is opened, never replaced."""
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            "New case",
            self._last_folder(),
            CASE_FILTER,
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if chosen:
            self._session.open_case(Path(chosen).with_suffix(CASE_SUFFIX))

    def choose_study(self) -> None:
        """Let the user choose a preference study to ask people with."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Open a study", self._last_folder(), opening.FILTER)
        if chosen:
            self._session.pause()
            opening.open_study(self._session, Path(chosen), self)

    def _last_folder(self) -> str:
        recent = self._session.settings.preferences.recent
        return str(Path(recent[0]).parent) if recent else ""

    def export(self) -> None:
        self._session.pause()
        ExportDialog(self._session, self).exec()

    def copy_frame(self) -> None:
        """Put the decoded frame and its provenance on the clipboard."""
        session = self._session
        frame, video = session.shown, session.current
        if frame is None or video is None:
            return
        adjusted = self.player.picture.display.changed
        text = frame_text(str(video.path), session.identity, frame, adjusted=adjusted)
        clipboard.copy(text, frame_image(frame.pixels).copy())
        session.notify("info", f"Frame {frame.index} was copied, with its provenance as text")

    def edit_settings(self) -> None:
        SettingsDialog(self._session, self).exec()

    def show_keys(self) -> None:
        dialog = KeysDialog(self.commands, self.keymap, self)
        if dialog.exec():
            self.keymap = dialog.keymap
            commands.apply_keys(self.commands, self.keymap, self.actions_by_id)
            self.explanation.name_keys(self.actions_by_id)
            self.timeline.name_keys(self.actions_by_id)
            self.specifications.name_keys(self.actions_by_id)
            self.moments.name_keys(self.actions_by_id)
            self.prototypes.name_keys(self.actions_by_id)

    def show_scope(self) -> None:
        self.notices.show_scope()

    def add_mark(self) -> None:
        """Mark the frame at the playhead."""
        self._session.pause()
        mark.add_mark(self._session, self._session.frame, self._session.frame, self)

    def add_range_mark(self) -> None:
        """Mark the chosen range."""
        self._session.pause()
        mark.add_mark(self._session, *self._session.range, self)

    def focus_frame_field(self) -> None:
        self._session.pause()
        field = self.player.transport.frame_field
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.selectAll()

    def go_to_highest_peak(self) -> None:
        self.timeline.go_to_most_suspicious()

    def toggle_full_screen(self) -> None:
        """Fill the screen with the picture and the timeline, or come back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def fit(self) -> None:
        self._zoomable.fit()

    def zoom_by(self, factor: float) -> None:
        self._zoomable.set_zoom(self._zoomable.zoom * factor)

    def show_actual_size(self) -> None:
        self._zoomable.set_zoom(1.0)

    @property
    def _zoomable(self) -> PictureView | CompareView:
        """The picture on the screen, or those of the comparison."""
        return self._compared.view if self._compared.view is not None else self.player.picture

    def toggle_comparison(self) -> None:
        """Compare explainers in the place of the picture, or come back."""
        self._compared.toggle()
        self._refresh_soon()

    def focus_pane(self, number: int) -> None:
        """Bring the keys to a pane of the comparison."""
        if self._compared.view is not None:
            self._compared.view.focus_pane(number)

    def export_comparison(self) -> None:
        """Write what is compared as a picture."""
        self._session.pause()
        self._compared.export()

    def show_specifications(self) -> None:
        """Bring the tab to the front and the keys to its chooser."""
        self._docks[1].show()
        self._tabs.setCurrentWidget(self.specifications)
        self.specifications.take_focus()

    def show_moments(self) -> None:
        """Bring the tab to the front and the keys to its list."""
        self._docks[1].show()
        self._tabs.setCurrentWidget(self.moments)
        self.moments.take_focus()

    def show_gallery(self) -> None:
        """Bring the gallery of prototypes to the front."""
        self._gallery.show()

    def export_prototype(self) -> None:
        """Write the chosen prototype's motion beside the questioned patch."""
        self._gallery.export()

    def show_prototype(self, name: str) -> None:
        """Choose a prototype and bring the tab that shows it to the front."""
        self.prototype_choice.choose_named(name)
        self.show_prototypes()

    def show_prototypes(self) -> None:
        """Bring the tab to the front and the keys to its list."""
        self._docks[1].show()
        self._tabs.setCurrentWidget(self.prototypes)
        self.prototypes.take_focus()

    def toggle_whole_prototypes(self) -> None:
        """Let the tab tell of the whole video, or of this moment again."""
        self.prototypes.toggle_whole()

    def save_specification(self) -> None:
        self.specifications.save_text()

    def timeline_in(self) -> None:
        self.timeline.zoom_in()

    def timeline_out(self) -> None:
        self.timeline.zoom_out()

    def timeline_fit(self) -> None:
        self.timeline.fit()

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave to a focused control the keys that work it: they are shortcuts of the player elsewhere."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and isinstance(watched, QWidget)
            and belongs_to_control(watched, event)
        ):
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.setFocus()  # on no control: all keys are the player's
        if self._new_layout:  # docks have no size before the window is shown
            self._new_layout = False
            QTimer.singleShot(0, self, self._arrange)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            self.player.empty.set_hot(True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.player.empty.set_hot(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.player.empty.set_hot(False)
        self.open(dropped_paths(event.mimeData()))
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._compared.leave()  # its own arrangement of the docks is not the one to keep
        settings = self._session.settings
        settings.keep_layout("geometry", self.saveGeometry())
        settings.keep_layout("state", self.saveState(LAYOUT_VERSION))
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
        opening.close_studies(self)
        self._gallery.close()
        self.checking.close()
        self.intervals.close()
        self.prototypes.close_down()
        self.hide()  # the engine may need a moment to stop: the user need not watch that
        self._session.close()
        super().closeEvent(event)


def belongs_to_control(widget: QWidget, event: QKeyEvent) -> bool:
    """Whether a plain key works the focused control, although it is a shortcut of the window."""
    if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
        return False
    keys = Qt.Key
    if isinstance(widget, QAbstractButton):
        return event.key() in (keys.Key_Space, keys.Key_Return)
    if isinstance(widget, QTabBar | QAbstractSlider):
        return event.key() in (keys.Key_Left, keys.Key_Right, keys.Key_Home, keys.Key_End)
    if isinstance(widget, QComboBox):
        return event.key() in (keys.Key_Space, keys.Key_Up, keys.Key_Down)
    if isinstance(widget, QAbstractItemView):
        return event.key() in (keys.Key_Up, keys.Key_Down, keys.Key_Home, keys.Key_End)
    return False


def dropped_paths(data: QMimeData) -> Sequence[Path]:
    """The local files of a drop."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
