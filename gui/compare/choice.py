"""What one pane of the comparison shows: a detector, an explainer and its settings. No widget here."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gui.explaining import ExplainerSettings

LETTERS = "ABCD"
"""The names of the panes; as many as there may be."""


@dataclass(frozen=True, slots=True)
class PaneChoice:
    """One explainer of one detector; `settings` are those that differ from the explainer's own, sorted by name."""

    detector_id: str
    explainer_id: str
    settings: ExplainerSettings = ()

    @property
    def text(self) -> str:
        """As the user reads it."""
        words = f"{self.detector_id} · {self.explainer_id}"
        return f"{words} · {settings_text(self.settings)}" if self.settings else words


def to_text(choice: PaneChoice) -> str:
    """For the settings file, one line."""
    return json.dumps([choice.detector_id, choice.explainer_id, dict(choice.settings)])


def from_text(text: str) -> PaneChoice | None:
    """What `to_text` wrote; None if a hand has broken it."""
    try:
        detector_id, explainer_id, settings = json.loads(text)
        given = {str(name): value for name, value in settings.items()}
    except (ValueError, TypeError, AttributeError):
        return None
    plain = all(isinstance(value, str | int | float) for value in given.values())
    if not plain or not isinstance(detector_id, str) or not isinstance(explainer_id, str):
        return None
    return PaneChoice(detector_id, explainer_id, tuple(sorted(given.items())))


def settings_text(settings: ExplainerSettings) -> str:
    """ "layer=features.14, samples=500"."""
    return ", ".join(f"{name}={value}" for name, value in settings)


def parse_settings(text: str) -> ExplainerSettings:
    """What a user typed: NAME=VALUE, with commas or spaces between; the values stay text, the engine reads them.

    Raises:
        ValueError: a part is not NAME=VALUE, or a name comes twice.
    """
    found: dict[str, object] = {}
    for part in text.replace(",", " ").split():
        name, equals, value = part.partition("=")
        if not name or not equals or not value:
            raise ValueError(f"“{part}” is not NAME=VALUE")
        if name in found:
            raise ValueError(f"“{name}” is given twice")
        found[name] = value
    return tuple(sorted(found.items()))
