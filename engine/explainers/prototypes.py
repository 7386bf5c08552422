"""Where a clip is like one of DPNet's prototypes, and for which side that speaks (P000, figures 2b and 3).

(W_fake,j - W_real,j) S_j(cell): the similarity of prototype j to every cell of the clip, times what a similarity
of 1 adds to the logit of fake against real. Its extreme is the prototype's share of that logit, since the network
hears the most similar cell alone; what the other cells show is where it would look next. A clip is one picture and
the motion that follows it, with one map: all frames of its span have the same. Always in float32.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from engine.detectors.base import Clip, ClipDetector
from engine.detectors.cards import load_card
from engine.detectors.dpnet import DpnetDetector
from engine.detectors.prototype_evidence import logits
from engine.detectors.prototypes import prototype_names
from engine.detectors.registry import weights_folder
from engine.explainers.base import ClipMaps
from engine.explainers.one_pass import OnePass, inside_of
from engine.explainers.settings import ExplainerSettings, named
from engine.faces.flow import make_clip, network_input
from engine.networks.dpnet.network import DpnetOutput
from engine.results import FloatArray, Picture, frozen

STRONGEST = "the strongest"
"""Instead of a name: whichever says most of a clip, for fake or for real."""
Made = TypeVar("Made")


@dataclass(frozen=True)
class PrototypeSettings(ExplainerSettings):
    """What of it can be set."""

    prototype: str = named("the prototype, or of each clip that which says most of it, for fake or for real")


class OfPrototype(OnePass):
    """Says something of one prototype and a clip."""

    precision = "float32"
    settings_type: type[PrototypeSettings] = PrototypeSettings

    def __init__(self, chosen: PrototypeSettings | None = None) -> None:
        self._prototype = (chosen or PrototypeSettings()).prototype or STRONGEST
        super().__init__(chosen)

    @classmethod
    def names(cls, detector_id: str) -> Mapping[str, Sequence[str]]:
        folder = weights_folder(detector_id)
        known = () if folder is None else prototype_names(folder, load_card(folder))
        return {"prototype": (STRONGEST, *known)}

    def _place(self, inside: DpnetDetector, similarities: Tensor) -> int:
        """Of the chosen prototype among (m,)."""
        if self._prototype == STRONGEST:
            return int((_sides(inside) * similarities).abs().argmax())
        return self.names(inside.id)["prototype"].index(self._prototype) - 1


class Prototypes(OfPrototype):
    """See the module. Costs one forward pass of the clip."""

    id = "prototypes"
    signed = True

    @property
    def title(self) -> str:
        return f"{self.id}, {self._prototype}"

    def maps(self, detector: ClipDetector, clip: Clip, crops: Picture) -> ClipMaps:  # noqa: ARG002 - all alike
        inside = inside_of(detector, DpnetDetector, "networks of prototypes")

        def judged(x: Tensor) -> DpnetOutput:
            with torch.inference_mode(), torch.autocast(inside.device, enabled=False):
                return inside.network(x)  # type: ignore[no-any-return]

        output = of_clip(inside, crops, judged)
        at = self._place(inside, output.similarities[0])
        values = _sides(inside)[at] * output.maps[0, at]
        return one_for_all(values, len(crops), clip_logit(inside, output.similarities))


def of_clip(inside: DpnetDetector, crops: Picture, compute: Callable[[Tensor], Made]) -> Made:
    """What `compute` makes of a clip as the network sees it, (1, channels, size, size) float32 on its device.

    Raises:
        DeviceError: it does not fit into memory.
    """
    x = network_input(make_clip(crops, inside.flow), inside.flow, inside.card.mean, inside.card.std)
    (made,) = inside.in_batches(x[None], lambda clips: compute(torch.from_numpy(clips).to(inside.device)))
    return made


def clip_logit(inside: DpnetDetector, similarities: Tensor) -> FloatArray:
    """(1, m) similarities -> (1,), the logit as the detector tells it."""
    real, fake = logits(similarities.cpu().numpy(), inside.network.weights.cpu().numpy())[0]
    return frozen(np.array([fake - real], np.float32))


def one_for_all(values: Tensor, count: int, logit: FloatArray) -> ClipMaps:
    """A map (h, w) for each of the frames of a clip."""
    return ClipMaps(frozen(np.repeat(values.cpu().numpy()[None], count, axis=0)), logit)


def _sides(inside: DpnetDetector) -> Tensor:
    """(m,), what a similarity of 1 adds to the logit of fake against real."""
    real, fake = inside.network.weights.unbind()
    return fake - real
