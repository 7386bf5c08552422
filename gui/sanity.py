"""The sanity badge of a map as text with a sign: never by colour alone. GUI thread only."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget

from engine.results import NOT_MEASURED, Sanity

SIGNS = {"passes": "✓", "weak": "≈", "fails": "✗", "not measured": "?"}
LEVELS = {"passes": "good", "weak": "warning", "fails": "error", "not measured": ""}


def sanity_text(sanity: Sanity, *, own_settings: bool = False) -> str:
    """Sign and verdict; `own_settings` if the user has set the explainer otherwise than it is by default."""
    why = " for these settings" if own_settings and sanity.verdict == NOT_MEASURED.verdict else ""
    return f"{SIGNS[sanity.verdict]} Sanity: {sanity.verdict}{why}"


class SanityBadge(QLabel):
    """The verdict, and in its tooltip what was measured."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "badge")
        self.show_sanity(NOT_MEASURED)

    def show_sanity(self, sanity: Sanity, *, own_settings: bool = False) -> None:
        self.setText(sanity_text(sanity, own_settings=own_settings))
        self.setProperty("level", LEVELS[sanity.verdict])
        self.setToolTip(f"<p>Does the map hang on what the network has learnt?</p><p>{sanity.reason}</p>")
        self.setAccessibleName(f"Sanity of the mask: {sanity.verdict}")
        self.setAccessibleDescription(sanity.reason)
        self.style().unpolish(self)
        self.style().polish(self)
