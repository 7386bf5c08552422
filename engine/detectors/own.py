"""What the detectors of Tellframe have in common: a network in this process, its card, device and precision."""

import copy
import importlib.metadata
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from engine.detectors.base import AnyDetector, Computed, Item, Notify
from engine.detectors.cards import Card
from engine.detectors.devices import has_fast_bf16, is_out_of_memory
from engine.errors import DeviceError, UsageError
from engine.progress import CancelToken
from engine.results import CropSpec, Picture, Provenance

PRECISIONS = ("auto", "float32", "bf16")
BF16_TOLERANCE = 0.01
"""How far bf16 may move a probability around one half before `auto` refuses it."""


class OwnDetector(AnyDetector):
    """See AnyDetector.

    Args:
        detector_id: as in the registry.
        card: of the weights.
        device: where it computes.
        precision: auto, float32 or bf16; auto takes bf16 only on a device that is faster with it and for weights
            whose card says that no probability around one half moves by more than 0.01.

    Attributes:
        unit: what a batch counts, plural ("faces").
        card: of the weights.
    """

    unit: str

    def __init__(self, detector_id: str, card: Card, device: torch.device, precision: str = "auto") -> None:
        self.id = detector_id
        self.card = card
        self.crop_spec = CropSpec(card.size, card.margin, aligned=card.aligned)
        self.weights_sha256 = card.sha256
        self.device = device.type
        self.precision = choose_precision(card, device, precision)
        self.trustworthy, self.trust_reason = card.trustworthy, card.trust_reason
        self._input = {**asdict(self.crop_spec), "mean": list(card.mean), "std": list(card.std)}
        self._torch_device = device
        scale = 1.0 / (255.0 * np.array(card.std))
        self._scale = torch.tensor(scale, dtype=torch.float32, device=device).view(1, 3, 1, 1)
        shift = -np.array(card.mean) / np.array(card.std)
        self._shift = torch.tensor(shift, dtype=torch.float32, device=device).view(1, 3, 1, 1)

    def prepare(self, crops: Picture) -> torch.Tensor:
        """(N, S, S, 3) uint8 -> (N, 3, S, S) float32 on the device, normalised as the card says."""
        size = self.crop_spec.size
        if crops.shape[1:] != (size, size, 3) or crops.dtype != np.uint8:
            raise ValueError(f"crops must be (N, {size}, {size}, 3) uint8, not {crops.shape} {crops.dtype}")
        pixels = torch.from_numpy(np.require(crops, requirements=["C", "W"])).to(self._torch_device)
        return pixels.permute(0, 3, 1, 2).float() * self._scale + self._shift

    def in_batches(
        self,
        items: npt.NDArray[Item],
        compute: Callable[[npt.NDArray[Item]], Computed],
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
    ) -> Iterator[Computed]:
        done = 0
        while done < len(items):
            if cancel is not None:
                cancel.check()
            part = items[done : done + self.batch]
            try:
                computed = compute(part)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink(len(part), notify)
            else:
                done += len(part)
                yield computed

    def provenance(self, **settings: object) -> Provenance:
        return Provenance(
            component=self.id,
            weights_sha256=self.weights_sha256,
            settings={"precision": self.precision, "input": self._input, **settings},
            device=device_name(self._torch_device),
            precision=self.precision,
            versions=versions(),
        )

    def in_float32(self) -> Self:
        """The same detector, whose scores are computed in float32 whatever it was asked for."""
        other = copy.copy(self)
        other.precision = "float32"
        return other

    def _in_precision(self) -> torch.autocast:
        """The context in which its network computes."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")

    def _shrink(self, tried: int, notify: Notify | None) -> None:
        """Half the batch from now on, and say so."""
        if self.device == "cuda":
            torch.cuda.empty_cache()
        if tried == 1:
            raise DeviceError(
                f"The {'GPU' if self.device == 'cuda' else 'computer'} has not enough memory for {self.id}",
                advice="Close other programs, or choose another device or a smaller detector",
            ) from None
        self.batch = tried // 2
        if notify is not None:
            notify(f"Memory is short: {self.id} now takes {self.batch} {self.unit} at a time instead of {tried}")


def choose_precision(card: Card, device: torch.device, wanted: str) -> str:
    """float32 or bf16 for weights on a device.

    Raises:
        UsageError: `wanted` is none of PRECISIONS.
    """
    if wanted not in PRECISIONS:
        raise UsageError(f"There is no precision {wanted}", advice=f"Choose one of {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted
    holds = card.bf16_deviation is not None and card.bf16_deviation <= BF16_TOLERANCE
    return "bf16" if holds and has_fast_bf16(device) else "float32"


def device_name(device: torch.device) -> str:
    """What made the numbers, for people and for making them again: the GPU's name, or CPU with its threads.

    The last bit of a CPU's sums hangs on how many threads they are shared out to.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads > 1)}"


@cache
def versions() -> Mapping[str, str]:
    """Versions of what makes the numbers."""
    names = ("tellframe", "torch", "timm", "facenet-pytorch", "av", "opencv-python-headless", "numpy")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}
