"""What the user chose: detector, explainer, threshold, device and the look of the overlay. GUI thread only."""

import json
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.rendering.palette import PALETTES
from engine.rendering.style import OverlayStyle
from engine.results import DetectorInfo, ExplainerInfo, SettingInfo
from gui.explaining import ExplainerSettings
from gui.settings import Settings


class Choices(QObject):
    """The choices, kept in the settings, with the program's own choice where the user made none.

    Attributes:
        detectors: as the engine listed them; empty until it has.

    Signals:
        detectors_changed: the list of detectors.
        choice_changed: detector, explainer, its settings, threshold, device, engine or every.
        style_changed: overlay style or whether masks are shown.
    """

    detectors_changed = Signal()
    choice_changed = Signal()
    style_changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.detectors: tuple[DetectorInfo, ...] = ()
        self._explainers: dict[str, ExplainerInfo] = {}

    @property
    def detector(self) -> DetectorInfo | None:
        """The chosen one; if it is not there, the first trained one; None if there is no detector at all."""
        by_id = {d.id: d for d in self.detectors}
        chosen = by_id.get(self.settings.preferences.detector_id)
        return chosen or next((d for d in self.detectors if d.trained), next(iter(self.detectors), None))

    @property
    def detector_id(self) -> str:
        return self.detector.id if self.detector else ""

    @property
    def explainers(self) -> tuple[str, ...]:
        """Ids of those that work on the chosen detector, the slow ones last."""
        known = self.detector.explainers if self.detector else ()
        return tuple(sorted(known, key=self.is_slow))

    def is_slow(self, explainer_id: str) -> bool:
        """Whether its masks take so long that they are made only when asked for."""
        info = self._explainers.get(explainer_id)
        return info is not None and info.slow

    @property
    def slow(self) -> bool:
        """Whether the chosen explainer is."""
        return self.is_slow(self.explainer_id)

    @property
    def slow_explainer_id(self) -> str:
        """The chosen one if it is slow, else the first slow one of the chosen detector; empty if there is none."""
        slow = [explainer_id for explainer_id in self.explainers if self.is_slow(explainer_id)]
        return self.explainer_id if self.slow else next(iter(slow), "")

    @property
    def explainer_id(self) -> str:
        """The chosen one if it works on the detector, else the first that does; empty if there is none."""
        known = self.explainers
        chosen = self.settings.preferences.explainer_id
        return chosen if chosen in known else next(iter(known), "")

    @property
    def setting_infos(self) -> tuple[SettingInfo, ...]:
        """What can be set of the chosen explainer on the chosen detector."""
        info = self._explainers.get(self.explainer_id)
        return info.settings.get(self.detector_id, ()) if info is not None else ()

    @property
    def explainer_settings(self) -> ExplainerSettings:
        """What the user set of the chosen explainer and is not as by default; what makes no sense is left out."""
        kept = self._kept_settings().get(self.explainer_id, {})
        return tuple(
            (info.name, kept[info.name])
            for info in sorted(self.setting_infos, key=lambda info: info.name)
            if info.name in kept and info.allows(kept[info.name]) and kept[info.name] != info.default
        )

    @property
    def threshold(self) -> float:
        """From which fake probability, 0 to 1, a frame counts as suspicious."""
        return self.settings.preferences.threshold

    @property
    def device(self) -> str:
        return self.settings.preferences.device

    @property
    def engine(self) -> str:
        """torch or onnxruntime, which computes scores."""
        return self.settings.preferences.engine

    @property
    def every(self) -> int:
        """Each n-th frame is scored."""
        return self.settings.preferences.every

    @property
    def masks_visible(self) -> bool:
        return self.settings.preferences.masks

    @property
    def style(self) -> OverlayStyle:
        """The look of the overlay: the same rules on the screen and in an export."""
        chosen = self.settings.preferences
        known = chosen.colour_map in PALETTES
        return OverlayStyle(
            opacity=chosen.opacity,
            threshold=chosen.mask_threshold,
            colour_map=chosen.colour_map if known else OverlayStyle().colour_map,
            outline=chosen.outline,
            boxes=chosen.boxes,
            decision=chosen.threshold,
        )

    def set_detectors(
        self, detectors: tuple[DetectorInfo, ...], explainers: tuple[ExplainerInfo, ...] = ()
    ) -> None:
        """Take over a new list of detectors and of all explainers."""
        self.detectors = detectors
        self._explainers = {explainer.id: explainer for explainer in explainers}
        self.detectors_changed.emit()
        self.choice_changed.emit()

    def set_detector(self, detector_id: str) -> None:
        self._choose(detector_id=detector_id)

    def set_explainer(self, explainer_id: str) -> None:
        self._choose(explainer_id=explainer_id)

    def set_explainer_setting(self, name: str, value: object) -> None:
        """Set one thing of the chosen explainer; kept for it whatever is explained next."""
        kept = self._kept_settings()
        mine = {**kept.get(self.explainer_id, {}), name: value}
        info = next((info for info in self.setting_infos if info.name == name), None)
        if info is not None and value == info.default:
            del mine[name]
        self._keep_settings({**kept, self.explainer_id: mine})

    def reset_explainer_settings(self) -> None:
        """Let the chosen explainer be as by default again."""
        self._keep_settings({**self._kept_settings(), self.explainer_id: {}})

    def set_threshold(self, threshold: float) -> None:
        """From which fake probability a frame counts as suspicious; clipped to 0 to 1."""
        self._choose(threshold=min(1.0, max(0.0, threshold)))

    def set_device(self, device: str) -> None:
        """auto, cpu or cuda, for the next analysis."""
        self._choose(device=device)

    def set_engine(self, engine: str) -> None:
        """What computes scores in the next analysis."""
        self._choose(engine=engine)

    def set_every(self, every: int) -> None:
        """Score each n-th frame in the next analysis."""
        self._choose(every=max(1, every))

    def set_masks_visible(self, visible: bool) -> None:
        self.settings.change(masks=visible)
        self.style_changed.emit()

    def toggle_boxes(self) -> None:
        """Show or hide the boxes around faces."""
        self.settings.change(boxes=not self.settings.preferences.boxes)
        self.style_changed.emit()

    def set_style(self, style: OverlayStyle) -> None:
        """Opacity, threshold, colour map, outline and boxes; the rest of a style is not a choice on the screen."""
        self.settings.change(
            opacity=style.opacity,
            mask_threshold=style.threshold,
            colour_map=style.colour_map,
            outline=style.outline,
            boxes=style.boxes,
        )
        self.style_changed.emit()

    def _kept_settings(self) -> dict[str, dict[str, object]]:
        return dict(filter(None, map(_read_line, self.settings.preferences.explainer_settings)))

    def _keep_settings(self, kept: Mapping[str, Mapping[str, object]]) -> None:
        lines = (json.dumps([name, dict(mine)]) for name, mine in sorted(kept.items()) if mine)
        self._choose(explainer_settings=tuple(lines))

    def _choose(self, **changes: Any) -> None:
        self.settings.change(**changes)
        self.choice_changed.emit()


def _read_line(line: str) -> tuple[str, dict[str, object]] | None:
    """An explainer and what was set of it; None if a hand has broken the line."""
    try:
        explainer_id, kept = json.loads(line)
        return str(explainer_id), dict(kept)
    except (ValueError, TypeError):
        return None
