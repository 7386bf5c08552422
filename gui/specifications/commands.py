"""The commands of the Specifications tab. GUI thread only."""

from __future__ import annotations

from typing import Protocol

from gui.command import Command
from gui.specifications.checking import Checking


class SpecificationsWindow(Protocol):
    """What these commands ask of the window."""

    checking: Checking

    def show_specifications(self) -> None: ...
    def save_specification(self) -> None: ...


def specification_commands(window: SpecificationsWindow) -> tuple[Command, ...]:
    """All of them, in the order in which the menu lists them."""

    def answered() -> bool:
        return window.checking.answer is not None

    return (
        Command(
            "specifications",
            "Analyse",
            "Specifications",
            "Choose or write a specification in temporal logic",
            window.show_specifications,
        ),
        Command(
            "specification_witness",
            "Analyse",
            "Frame that decides the verdict",
            "Go to the frame that decides the verdict on the shown face",
            lambda: window.checking.go_to_witness(),
            enabled=answered,
        ),
        Command(
            "specification_face",
            "Analyse",
            "Verdict on the next face",
            "Show the verdict on the next face",
            lambda: window.checking.show_next_face(),
            enabled=lambda: answered() and len(window.checking.answers.faces) > 1,  # type: ignore[union-attr]
        ),
        Command(
            "specification_save",
            "Analyse",
            "Save specification",
            "Save the text of the specification",
            window.save_specification,
            enabled=lambda: window.checking.edited,
        ),
    )
