"""The commands of the prototype gallery. GUI thread only."""

from __future__ import annotations

from typing import Protocol

from gui.command import Command
from gui.prototypes.choice import PrototypeChoice
from gui.session import Session


class GalleryWindow(Protocol):
    """What these commands ask of the window."""

    prototype_choice: PrototypeChoice

    def show_gallery(self) -> None: ...
    def export_prototype(self) -> None: ...


def gallery_commands(session: Session, window: GalleryWindow) -> tuple[Command, ...]:
    """All of them, in the order in which the menu lists them."""

    def chosen() -> bool:
        return window.prototype_choice.prototype is not None

    def toggle() -> None:
        prototype = window.prototype_choice.prototype
        if prototype is not None:
            session.reviewing.toggle(prototype.name)

    return (
        Command(
            "prototype_gallery",
            "Analyse",
            "Prototype gallery",
            "Look through the prototypes of the detector; name, label and exclude them",
            window.show_gallery,
        ),
        Command(
            "prototype_exclude",
            "Analyse",
            "Exclude prototype",
            "Let the chosen prototype have no say in the scores of this video, or a say again",
            toggle,
            enabled=lambda: chosen() and session.current is not None,
        ),
        Command(
            "prototype_export",
            "Analyse",
            "Export prototype beside the face…",
            "Write the motion of the chosen prototype beside the questioned patch, in step, as GIF or MP4",
            window.export_prototype,
            enabled=lambda: chosen() and window.prototype_choice.face is not None,
        ),
    )
