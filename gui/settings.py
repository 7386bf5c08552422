"""What the user chose, kept between runs in an INI file under the configuration folder. GUI thread only."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from engine import paths

RECENT = 10


@dataclass(frozen=True)
class Preferences:
    """All choices with their defaults.

    Attributes:
        cache_bytes: frames kept in memory, bytes.
        device: auto, cpu or cuda.
        engine: torch or onnxruntime, which computes scores; the latter on a CPU only.
        detector_id, explainer_id: the last ones chosen; empty for the program's own choice.
        explainer_settings: what was set of explainers, a line of JSON each.
        threshold: fake probability from which a frame counts as suspicious, 0 to 1.
        every: score each n-th frame.
        analyse_on_open, play_on_open: what happens by itself when a video is dropped.
        masks: whether explanation masks are shown.
        opacity, mask_threshold: of the mask, 0 to 1.
        colour_map: name of the signed palette.
        outline, boxes: whether masks are outlined, whether faces are boxed.
        scope_seen: whether the notice about the tool's limits was dismissed.
        export_folder: where the last export went.
        compare_panes: what the panes of the comparison show, a line of JSON each.
        compare_red, compare_wipe, compare_difference, compare_follow: which of its switches are on.
        compare_wipe_at: share of the picture's width left of the wipe.
        compare_layout: auto, row or grid.
        specification: id of the chosen one, empty for none.
        specification_class: for which class it is checked: predicted, fake or real.
        specification_parameters, specification_drafts: what was set and not yet saved, a line of JSON per id.
        recent: files opened lately, newest first.
    """

    cache_bytes: int = 1 << 30
    device: str = "auto"
    engine: str = "torch"
    detector_id: str = ""
    explainer_id: str = "gradcam"
    explainer_settings: tuple[str, ...] = ()
    threshold: float = 0.5
    every: int = 1
    analyse_on_open: bool = True
    play_on_open: bool = True
    masks: bool = True
    opacity: float = 0.6
    mask_threshold: float = 0.15
    colour_map: str = ""
    outline: bool = True
    boxes: bool = True
    scope_seen: bool = False
    export_folder: str = ""
    compare_panes: tuple[str, ...] = ()
    compare_red: bool = False
    compare_wipe: bool = False
    compare_wipe_at: float = 0.5
    compare_difference: bool = False
    compare_follow: bool = True
    compare_layout: str = "auto"
    specification: str = ""
    specification_class: str = "predicted"
    specification_parameters: tuple[str, ...] = ()
    specification_drafts: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()


class Settings(QObject):
    """Reads and writes the preferences and the layout of the window.

    Signals:
        changed: after any preference changed.
    """

    changed = Signal()

    def __init__(self, file: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = QSettings(str(file or paths.config_dir() / "tellframe.ini"), QSettings.Format.IniFormat)
        self.preferences = self._read()

    def change(self, **changes: Any) -> None:
        """Set some preferences by name and keep them."""
        new = dataclasses.replace(self.preferences, **changes)
        if new == self.preferences:
            return
        self.preferences = new
        for name in changes:
            value = getattr(new, name)
            self._store.setValue(f"preferences/{name}", "\n".join(value) if isinstance(value, tuple) else value)
        self.changed.emit()

    def add_recent(self, path: Path) -> None:
        """Put a file at the head of the recent ones."""
        others = [p for p in self.preferences.recent if p != str(path)]
        self.change(recent=(str(path), *others[: RECENT - 1]))

    def layout(self, name: str) -> QByteArray:
        """A stored window geometry or state, empty at the first start."""
        value = self._store.value(f"window/{name}")
        return value if isinstance(value, QByteArray) else QByteArray()

    def keep_layout(self, name: str, value: QByteArray) -> None:
        self._store.setValue(f"window/{name}", value)

    def sync(self) -> None:
        """Write everything to disk now."""
        self._store.sync()

    def _read(self) -> Preferences:
        values: dict[str, Any] = {}
        for field in dataclasses.fields(Preferences):
            text = self._store.value(f"preferences/{field.name}")
            if text is None:
                continue
            parsed = _parse(str(text), field.default)
            if parsed is not None:
                values[field.name] = parsed
        return Preferences(**values)


def _parse(text: str, default: Any) -> Any:
    """The text of an INI value as the type of its default, within its range; None if a hand has broken it."""
    try:
        return _typed(text, default)
    except (KeyError, ValueError):
        return None


def _typed(text: str, default: Any) -> Any:
    if isinstance(default, bool):
        return {"true": True, "false": False}[text.lower()]
    if isinstance(default, tuple):
        return tuple(line for line in text.split("\n") if line)
    if isinstance(default, float):  # all of them are shares
        return min(1.0, max(0.0, float(text)))
    if isinstance(default, int):
        return max(1, int(text))
    return text
