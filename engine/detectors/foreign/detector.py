"""Foreign frame models in ONNX as detectors: brought by the user, run by ONNX Runtime, measured by nobody."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from engine.detectors.base import Computed, Detector, Item, Notify
from engine.detectors.foreign.client import ModelProcess, onnx_provider
from engine.detectors.foreign.description import Description
from engine.detectors.foreign.measured import foreign_card, measured_path, new_measured, read_measured
from engine.detectors.foreign.settings import ModelSettings, read_settings, settings_path
from engine.detectors.own import device_name, versions
from engine.errors import UsageError
from engine.progress import CancelToken
from engine.results import CropSpec, DetectorInfo, FloatArray, Picture, Provenance, frozen, settings_hash

PREFIX = "onnx-"
"""The id of a foreign model is onnx-NAME-DIGEST: no detector of Tellframe begins like this."""
EXPLAINERS = ("kernel-shap",)
"""Those that ask for scores alone."""
_BATCH_PIXELS = {"cpu": 4 * 224**2, "cuda": 64 * 224**2}

Stamp = tuple[tuple[str, int, int], ...]


class ForeignDetector(Detector):
    """One crop, one logit, by a model of which nothing is known but what its user says. See Detector.

    Attributes:
        card: what was measured of it here.

    What it raises beside the errors of a Detector: WeightsError where the model fails.
    """

    def __init__(
        self,
        description: Description,
        settings: ModelSettings,
        process: ModelProcess,
        device: str,
        provider: str,
        stamp: Stamp,
    ) -> None:
        self.id = detector_id(description.path, description.sha256, settings)
        self.crop_spec = CropSpec(settings.size, settings.margin)
        self.weights_sha256 = description.sha256
        self.card = foreign_card(description.path, description.sha256, settings)
        self.trustworthy, self.trust_reason = self.card["trustworthy"], self.card["trust_reason"]
        self.device, self.precision = device, "float32"
        self.batch = max(1, _BATCH_PIXELS[device] // settings.size**2)
        self.description, self.settings = description, settings
        self._process, self._stamp = process, stamp
        self._made_on = f"{device_name(torch.device(device))}, ONNX Runtime, {provider}"

    @property
    def current(self) -> bool:
        """Whether its files are still those that were read."""
        return self._stamp == _stamp(self.description.path, self.description.beside)

    def score_crops(
        self, crops: Picture, *, cancel: CancelToken | None = None, notify: Notify | None = None
    ) -> FloatArray:
        parts = self.in_batches(crops, self.exact_logits, cancel=cancel, notify=notify)
        return frozen(np.concatenate([np.empty(0, np.float32), *parts]))

    def exact_logits(self, crops: Picture) -> FloatArray:
        size = self.crop_spec.size
        if crops.shape[1:] != (size, size, 3) or crops.dtype != np.uint8:
            raise ValueError(f"crops must be (N, {size}, {size}, 3) uint8, not {crops.shape} {crops.dtype}")
        return self._process.logits(crops)

    def in_batches(
        self,
        items: npt.NDArray[Item],
        compute: Callable[[npt.NDArray[Item]], Computed],
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,  # noqa: ARG002 - there is no lesser way
    ) -> Iterator[Computed]:
        for done in range(0, len(items), self.batch):
            if cancel is not None:
                cancel.check()
            yield compute(items[done : done + self.batch])

    def provenance(self, **settings: object) -> Provenance:
        how = {**asdict(self.settings), "mean": list(self.settings.mean), "std": list(self.settings.std)}
        return Provenance(
            component=self.id,
            weights_sha256=self.weights_sha256,
            settings={"precision": self.precision, "model": how, **settings},
            device=self._made_on,
            precision=self.precision,
            versions={**versions(), "onnxruntime": metadata.version("onnxruntime")},
        )

    def info(self) -> DetectorInfo:
        """What the window and `detectors` say of it."""
        return foreign_info(self.id, self.description.path, self.card)

    @property
    def measured(self) -> dict[str, Any]:
        """What FILE.measured.toml says now, or the beginning of one. Raises WeightsError as `read_measured`."""
        sha256, settings = self.weights_sha256, self.settings
        return new_measured(sha256, settings, read_measured(self.description.path, sha256, settings))

    def close(self) -> None:
        """End its process."""
        self._process.close()


def load_foreign(path: Path, device: str = "auto", precision: str = "auto") -> ForeignDetector:
    """The detector of FILE.onnx as FILE.toml beside it says.

    Raises:
        DescriptionMissingError: there is no FILE.toml.
        WeightsError: the model cannot be used, or its description makes no sense.
        DeviceError: the device is absent.
        UsageError: another precision than float32.
    """
    if precision not in ("auto", "float32"):
        raise UsageError(f"A foreign model is never run in {precision}", advice="Leave the precision out")
    where, provider = onnx_provider(device)
    process = ModelProcess(path)
    description = process.describe()
    stamp = _stamp(path, description.beside)
    settings = read_settings(description)
    started = process.start(settings, torch.get_num_threads(), provider)
    if started != provider:  # ONNX Runtime falls back in silence
        where = "cpu"
    return ForeignDetector(description, settings, process, where, started, stamp)


def detector_id(path: Path, sha256: str, settings: ModelSettings) -> str:
    """onnx-NAME-DIGEST: another file or another way of feeding it is another detector."""
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", path.stem).strip("-.")[:40] or "model"
    return f"{PREFIX}{name}-{settings_hash({'sha256': sha256, **settings.tables()})[:8]}"


def foreign_info(foreign_id: str, path: Path, card: Mapping[str, Any], problem: str = "") -> DetectorInfo:
    """Of a model that is usable, by its `foreign_card`, or of one that is not, with the reason."""
    return DetectorInfo(
        id=foreign_id,
        name=f"{path.name}, a foreign model",
        paper="brought along by its user",
        trained=not problem,
        weights_sha256="" if problem else card["sha256"],
        card={} if problem else card,
        problem=problem,
        explainers=EXPLAINERS,
        folder=str(path.parent),
    )


def _stamp(path: Path, beside: tuple[str, ...]) -> Stamp:
    """What changes when a file does."""
    files = [path, settings_path(path), measured_path(path), *(path.parent / name for name in beside)]
    facts = [(each, each.stat()) for each in files if each.exists()]
    return tuple((each.name, found.st_mtime_ns, found.st_size) for each, found in facts)
