"""Every action of the user as a command: one table from which menus, buttons, keys and the list of keys are made.

What edits (marks) goes through gui.edits, whose objects carry their inverse; undo and redo are commands, too.
"""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.command import Command
from gui.compare.commands import compare_commands
from gui.compare.comparison import Comparison
from gui.explain_commands import explain_commands
from gui.intervals import Intervals
from gui.keymap import Keymap
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.gallery_commands import gallery_commands
from gui.prototypes.panel_commands import prototype_commands
from gui.session import Session
from gui.specifications.checking import Checking
from gui.specifications.commands import specification_commands

EXPLAINER_KEYS = 9
EXPLAINERS = {
    "gradcam": "Signed Grad-CAM",
    "ltpa": "LTPA attention",
    "attention": "Attention (Bonettini)",
    "snippet-attention": "Attention in snippets",
    "prototypes": "Prototypes",
    "prototype-gradient": "Prototype gradient",
    "second-difference": "Second difference",
    "prediction-error": "Error of prediction",
    "kernel-shap": "Kernel SHAP",
}
"""Names of explainers where the id is not one already."""


def explainer_name(explainer_id: str) -> str:
    """As the user reads it."""
    return EXPLAINERS.get(explainer_id, explainer_id)


class Window(Protocol):
    """What commands ask of the window itself."""

    comparison: Comparison
    checking: Checking
    intervals: Intervals
    prototype_choice: PrototypeChoice

    def choose_files(self) -> None: ...
    def choose_case(self) -> None: ...
    def choose_new_case(self) -> None: ...
    def choose_folder(self) -> None: ...
    def choose_study(self) -> None: ...
    def export(self) -> None: ...
    def copy_frame(self) -> None: ...
    def edit_settings(self) -> None: ...
    def show_keys(self) -> None: ...
    def show_scope(self) -> None: ...
    def add_mark(self) -> None: ...
    def add_range_mark(self) -> None: ...
    def focus_frame_field(self) -> None: ...
    def go_to_highest_peak(self) -> None: ...
    def toggle_full_screen(self) -> None: ...
    def fit(self) -> None: ...
    def zoom_by(self, factor: float) -> None: ...
    def show_actual_size(self) -> None: ...
    def timeline_in(self) -> None: ...
    def timeline_out(self) -> None: ...
    def timeline_fit(self) -> None: ...
    def toggle_comparison(self) -> None: ...
    def focus_pane(self, number: int) -> None: ...
    def export_comparison(self) -> None: ...
    def show_specifications(self) -> None: ...
    def show_moments(self) -> None: ...
    def show_prototypes(self) -> None: ...
    def toggle_whole_prototypes(self) -> None: ...
    def show_gallery(self) -> None: ...
    def export_prototype(self) -> None: ...
    def save_specification(self) -> None: ...
    def close(self) -> bool: ...


def command_table(session: Session, window: Window) -> tuple[Command, ...]:
    """All commands, in the order in which menus list them."""
    return (
        *_file_commands(session, window),
        *_edit_commands(session, window),
        *_play_commands(session, window),
        *_analysis_commands(session),
        *explain_commands(session, explainer_name),
        *specification_commands(window),
        *gallery_commands(session, window),
        *prototype_commands(window),
        *_moment_commands(window),
        *_view_commands(session, window),
        *compare_commands(session, window),
        Command("keys", "Help", "All keys", "List every command with its keys", window.show_keys, "keys"),
        Command(
            "scope", "Help", "What it can and cannot tell", "The limits of the tool", window.show_scope, "info"
        ),
    )


def _file_commands(session: Session, window: Window) -> tuple[Command, ...]:
    def has_video() -> bool:
        return session.current is not None

    def has_picture() -> bool:
        return session.media is not None

    return (
        Command("open", "File", "Open…", "Choose one or more videos or stills", window.choose_files, "open"),
        Command(
            "open_folder",
            "File",
            "Open folder of stills…",
            "Open numbered stills as one video",
            window.choose_folder,
        ),
        Command("new_case", "File", "New case…", "Start a case file of its own", window.choose_new_case),
        Command("open_case", "File", "Open case…", "Go on with a case file and its videos", window.choose_case),
        Command(
            "open_study", "File", "Open study…", "Ask people which explanations convince them", window.choose_study
        ),
        Command(
            "export",
            "File",
            "Export…",
            "Write the chosen range as a clip with masks, or as stills",
            window.export,
            "export",
            enabled=has_picture,
        ),
        Command(
            "copy_frame",
            "File",
            "Copy frame with provenance",
            "Copy the picture, with file, SHA-256, frame number and time as text",
            window.copy_frame,
            "copy",
            enabled=lambda: session.shown is not None,
        ),
        Command(
            "close_video",
            "File",
            "Remove from the list",
            "Take the current video out of the list; the case keeps its results",
            lambda: session.remove_video(session.current_row),
            enabled=has_video,
        ),
        Command("settings", "File", "Settings…", "Memory, start-up and display", window.edit_settings, "settings"),
        Command("quit", "File", "Quit", "Close Tellframe", lambda: (window.close(), None)[1]),
    )


def _edit_commands(session: Session, window: Window) -> tuple[Command, ...]:
    def has_picture() -> bool:
        return session.media is not None

    def clear_range() -> None:
        session.set_in(None)
        session.set_out(None)

    return (
        Command(
            "undo",
            "Edit",
            "Undo",
            "Undo the last change of a mark, or of excluded prototypes, in this video",
            session.undo,
            enabled=lambda: session.current is not None and bool(session.current.edits.undo_text),
            repeats=True,
        ),
        Command(
            "redo",
            "Edit",
            "Redo",
            "Do again what was undone",
            session.redo,
            enabled=lambda: session.current is not None and bool(session.current.edits.redo_text),
            repeats=True,
        ),
        Command(
            "mark",
            "Edit",
            "Mark frame…",
            "Mark this frame with a note",
            window.add_mark,
            "mark",
            enabled=has_picture,
        ),
        Command(
            "mark_range",
            "Edit",
            "Mark range…",
            "Mark the chosen range with a note",
            window.add_range_mark,
            enabled=has_picture,
        ),
        Command(
            "in_point",
            "Edit",
            "Range starts here",
            "Let the chosen range begin at this frame",
            lambda: session.set_in(session.frame),
            "in",
            enabled=has_picture,
        ),
        Command(
            "out_point",
            "Edit",
            "Range ends here",
            "Let the chosen range end at this frame",
            lambda: session.set_out(session.frame),
            "out",
            enabled=has_picture,
        ),
        Command(
            "clear_range", "Edit", "Clear range", "Choose the whole video again", clear_range, enabled=has_picture
        ),
    )


def _play_commands(session: Session, window: Window) -> tuple[Command, ...]:
    def has_picture() -> bool:
        return session.media is not None

    def has_scores() -> bool:
        return session.results is not None

    def stepping(name: str, text: str, tip: str, frames: int, icon: str) -> Command:
        return Command(
            name, "Play", text, tip, lambda: session.step(frames), icon, enabled=has_picture, repeats=True
        )

    def playing(name: str, text: str, tip: str, do: Callable[[], None], icon: str = "") -> Command:
        return Command(name, "Play", text, tip, do, icon, enabled=has_picture)

    return (
        playing("play", "Play", "Play or pause", session.toggle_play, "play"),
        playing("play_back", "Play backwards", "Play backwards; again for faster", lambda: session.shuttle(-1)),
        playing("pause", "Pause", "Stop on this frame", session.pause, "pause"),
        playing("play_forward", "Play forwards", "Play; again for faster", lambda: session.shuttle(1)),
        stepping("step_back", "One frame back", "Step one frame back", -1, "step-back"),
        stepping("step_forward", "One frame on", "Step one frame on", 1, "step-forward"),
        stepping("ten_back", "Ten frames back", "Step ten frames back", -10, "ten-back"),
        stepping("ten_forward", "Ten frames on", "Step ten frames on", 10, "ten-forward"),
        playing("first", "First frame", "Go to the first frame", lambda: session.go_to(0), "first"),
        playing("last", "Last frame", "Go to the last frame", lambda: session.go_to(session.frames - 1), "last"),
        Command(
            "peak_back",
            "Play",
            "Previous suspicious moment",
            "Go back to the highest frame of the stretch before",
            lambda: session.go_to_peak(-1),
            "peak-back",
            enabled=has_scores,
        ),
        Command(
            "peak_forward",
            "Play",
            "Next suspicious moment",
            "Go on to the highest frame of the next stretch above the threshold",
            lambda: session.go_to_peak(1),
            "peak-forward",
            enabled=has_scores,
        ),
        Command(
            "peak_highest",
            "Play",
            "Most suspicious moment",
            "Go to the frame with the highest fake probability",
            window.go_to_highest_peak,
            enabled=has_scores,
        ),
        playing(
            "go_to", "Go to frame or time…", "Type a frame number, or Tab to type a time", window.focus_frame_field
        ),
    )


def _analysis_commands(session: Session) -> tuple[Command, ...]:
    def ready() -> bool:
        detector = session.detector
        return session.media is not None and detector is not None and detector.trained

    return (
        Command(
            "analyse",
            "Analyse",
            "Analyse video",
            "Score every face in the video",
            session.start_analysis,
            "analyse",
            enabled=ready,
        ),
        Command(
            "analyse_range",
            "Analyse",
            "Analyse range",
            "Score only the range from I to O",
            lambda: session.start_analysis(range=session.range),
            enabled=ready,
        ),
        Command(
            "cancel",
            "Analyse",
            "Cancel analysis",
            "Stop the analysis; what was found stays",
            session.cancel_analysis,
            "cancel",
            enabled=lambda: session.analysis.state.active,
        ),
    )


def _moment_commands(window: Window) -> tuple[Command, ...]:
    return (
        Command(
            "moments",
            "Analyse",
            "Suspicious intervals",
            "List where the scores of a face are high, and show which frames the detector attends to",
            window.show_moments,
        ),
        Command(
            "mark_interval",
            "Analyse",
            "Make the interval a mark",
            "Mark the chosen interval, or the one under the playhead, with what found it",
            lambda: window.intervals.mark_current(),
            enabled=lambda: bool(window.intervals.found),
        ),
    )


def _view_commands(session: Session, window: Window) -> tuple[Command, ...]:
    def has_picture() -> bool:
        return session.media is not None

    def explainer(number: int) -> Command:
        def name() -> str:
            explainers = session.explainers
            return f"Masks by {explainer_name(explainers[number - 1])}" if number <= len(explainers) else ""

        def choose() -> None:
            session.set_explainer(session.explainers[number - 1])
            session.set_masks_visible(True)

        return Command(
            f"explainer_{number}",
            "View",
            f"Explainer {number}",
            f"Show masks of explainer {number}",
            choose,
            enabled=lambda: bool(name()),
            named=name,
        )

    return (
        Command(
            "masks",
            "View",
            "Masks",
            "Show or hide what drove the score",
            lambda: session.set_masks_visible(not session.masks_visible),
            "mask",
            checked=lambda: session.masks_visible,
        ),
        Command(
            "boxes",
            "View",
            "Face boxes",
            "Show or hide the boxes around faces",
            session.toggle_boxes,
            checked=lambda: session.style.boxes,
        ),
        *(explainer(n) for n in range(1, EXPLAINER_KEYS + 1)),
        Command(
            "fit", "View", "Fit", "Fit the whole picture into the window", window.fit, "fit", enabled=has_picture
        ),
        Command(
            "actual_size",
            "View",
            "Actual size",
            "Show each pixel of the file as one of the screen",
            window.show_actual_size,
            "one-to-one",
            enabled=has_picture,
        ),
        Command(
            "zoom_in",
            "View",
            "Zoom in",
            "Enlarge the picture",
            lambda: window.zoom_by(1.25),
            enabled=has_picture,
            repeats=True,
        ),
        Command(
            "zoom_out",
            "View",
            "Zoom out",
            "Shrink the picture",
            lambda: window.zoom_by(0.8),
            enabled=has_picture,
            repeats=True,
        ),
        Command("timeline_in", "View", "Timeline closer", "Show fewer frames", window.timeline_in, repeats=True),
        Command("timeline_out", "View", "Timeline wider", "Show more frames", window.timeline_out, repeats=True),
        Command(
            "timeline_fit", "View", "Whole timeline", "Show the whole video in the timeline", window.timeline_fit
        ),
        Command(
            "full_screen", "View", "Full screen", "Fill the screen, or leave it again", window.toggle_full_screen
        ),
    )


def make_actions(commands: tuple[Command, ...], keymap: Keymap, owner: QWidget) -> dict[str, QAction]:
    """A QAction per command, by id, with its keys, its tooltip and its picture, added to the owner."""
    actions = {}
    for command in commands:
        action = QAction(command.text, owner)
        if command.icon:
            action.setIcon(theme.icon(command.icon))
        action.setAutoRepeat(command.repeats)
        action.setCheckable(command.checked is not None)
        action.setIconVisibleInMenu(command.checked is None)  # a tick takes its place
        action.triggered.connect(lambda _checked=False, do=command.do: do())
        owner.addAction(action)
        actions[command.id] = action
    apply_keys(commands, keymap, actions)
    return actions


def apply_keys(commands: tuple[Command, ...], keymap: Keymap, actions: dict[str, QAction]) -> None:
    """Give the actions the keys of a table, and name them in their tooltips."""
    for command in commands:
        actions[command.id].setShortcuts([QKeySequence(text) for text in keymap.of(command.id)])
        actions[command.id].setToolTip(tooltip(command, keymap))


def refresh(commands: tuple[Command, ...], actions: dict[str, QAction]) -> None:
    """Grey out what makes no sense now, and tick what is on."""
    for command in commands:
        action = actions[command.id]
        action.setEnabled(command.enabled())
        if command.named is not None:
            action.setVisible(bool(command.named()))
            action.setText(command.named())
        if command.checked is not None:
            action.setChecked(command.checked())


def tooltip(command: Command, keymap: Keymap) -> str:
    """The tip with the keys, as they are called on this system."""
    keys = [QKeySequence(text).toString(QKeySequence.SequenceFormat.NativeText) for text in keymap.of(command.id)]
    return f"{command.tip} ({', '.join(keys)})" if keys else command.tip
