"""The commands of the tab Prototypes. GUI thread only."""

from __future__ import annotations

from typing import Protocol

from gui.command import Command
from gui.prototypes.choice import PrototypeChoice


class PrototypesWindow(Protocol):
    """What they ask of the window."""

    prototype_choice: PrototypeChoice

    def show_prototypes(self) -> None: ...
    def toggle_whole_prototypes(self) -> None: ...


def prototype_commands(window: PrototypesWindow) -> tuple[Command, ...]:
    """In the order of their menu."""

    def any_there() -> bool:
        return bool(window.prototype_choice.prototypes)

    return (
        Command(
            "prototypes",
            "Analyse",
            "Prototypes",
            "Show what speaks for fake and for real, how the prototypes move, and where they match",
            window.show_prototypes,
            enabled=any_there,
        ),
        Command(
            "prototypes_whole",
            "Analyse",
            "Prototypes of the whole video",
            "Tell what prototypes say of the whole video, or of this moment again",
            window.toggle_whole_prototypes,
            enabled=any_there,
        ),
    )
