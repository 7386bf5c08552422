"""The commands of the comparison. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gui.command import Command
from gui.compare.choice import LETTERS
from gui.compare.comparison import WIPE_STEP, Comparison
from gui.session import Session


class CompareWindow(Protocol):
    """What these commands ask of the window."""

    comparison: Comparison

    def toggle_comparison(self) -> None: ...
    def focus_pane(self, number: int) -> None: ...
    def export_comparison(self) -> None: ...


def compare_commands(session: Session, window: CompareWindow) -> tuple[Command, ...]:
    """All of them, in the order in which the menu lists them."""

    def is_open() -> bool:
        return window.comparison.is_open

    def several() -> bool:
        return is_open() and len(window.comparison.panes) > 1

    def on_demand() -> bool:
        pane = window.comparison.active_pane if is_open() else None
        return pane is not None and pane.slow

    def command(
        name: str,
        text: str,
        tip: str,
        do: Callable[[], None],
        enabled: Callable[[], bool] = is_open,
        checked: Callable[[], bool] | None = None,
        *,
        repeats: bool = False,
    ) -> Command:
        return Command(
            f"compare_{name}", "Compare", text, tip, do, checked=checked, enabled=enabled, repeats=repeats
        )

    def switch(name: str, text: str, tip: str, of: str) -> Command:
        def do() -> None:
            getattr(window.comparison, f"set_{of}")(not getattr(window.comparison, of))

        return command(name, text, tip, do, checked=lambda: getattr(window.comparison, of))

    def wipe(by: float) -> None:
        window.comparison.move_wipe(window.comparison.wipe_at + by)

    def pane(number: int) -> Command:
        return command(
            f"pane_{number + 1}",
            f"Pane {LETTERS[number]}",
            f"Bring the keys to the choosers of pane {LETTERS[number]}",
            lambda: window.focus_pane(number),
            lambda: is_open() and number < len(window.comparison.panes),
        )

    return (
        Command(
            "compare",
            "Compare",
            "Compare explainers",
            "Show several explainers on this frame side by side, or return to the player",
            window.toggle_comparison,
            "compare",
            checked=is_open,
            enabled=lambda: session.media is not None and bool(session.detectors),
        ),
        command("close", "Back to player", "Return to the player", window.toggle_comparison),
        command(
            "add",
            "Add pane",
            "Show one explainer more",
            lambda: window.comparison.add(),
            lambda: is_open() and len(window.comparison.panes) < len(LETTERS),
        ),
        command(
            "remove",
            "Close pane",
            "Close the pane in use",
            lambda: window.comparison.remove_active(),
            several,
        ),
        *(pane(number) for number in range(len(LETTERS))),
        command(
            "make",
            "Make this mask",
            "Let a slow explainer of the pane in use make the mask of this frame",
            lambda: window.comparison.make_active(),
            on_demand,
        ),
        command(
            "cancel",
            "Stop making this mask",
            "Stop what the pane in use is making",
            lambda: window.comparison.cancel_active(),
            on_demand,
        ),
        switch("red", "Red", "Red and transparent as in P002, or in the colours of real and fake", "red"),
        switch("wipe", "Wipe", "Show the picture without masks left of a line that can be dragged", "wipe"),
        command(
            "wipe_left",
            "Wipe to the left",
            "Move the line of the wipe to the left",
            lambda: wipe(-WIPE_STEP),
            lambda: is_open() and window.comparison.wipe,
            repeats=True,
        ),
        command(
            "wipe_right",
            "Wipe to the right",
            "Move the line of the wipe to the right",
            lambda: wipe(WIPE_STEP),
            lambda: is_open() and window.comparison.wipe,
            repeats=True,
        ),
        switch("follow", "Face", "Keep the view on the face, or show the whole frame", "follows_face"),
        Command(
            "compare_difference",
            "Compare",
            "Difference",
            "Show two panes and the difference of their masks",
            lambda: window.comparison.set_difference(not window.comparison.difference),
            checked=lambda: window.comparison.difference,
            enabled=several,
        ),
        Command(
            "compare_export",
            "Compare",
            "Export this comparison…",
            "Write what is compared as a picture with its figures",
            window.export_comparison,
            "export",
            enabled=is_open,
        ),
    )
