"""Which pixels of a clip, of its picture or its motion, its similarity to a prototype hangs on (P000, figure 4).

P000 takes "the gradient attribution with respect to each prototype similarity score" and says no more: no product
with the input, whose zero is grey for colours and standstill plus half a range for motion. So it is the gradient

G(x, y) = sum over planes of |dS_j / dx_plane(x, y)|

without a sign, because the sign of a gradient says what brighter would do and takes no side. It is large where a
small change would move the similarity: neither evidence nor what is fake. The planes of colour are normalised and
those of motion lie in [0, 1], as the network has them. One map for all frames of a clip. Always in float32.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.detectors.base import Clip, ClipDetector
from engine.detectors.dpnet import DpnetDetector
from engine.explainers.base import ClipMaps
from engine.explainers.one_pass import inside_of
from engine.explainers.prototypes import (
    OfPrototype,
    PrototypeSettings,
    clip_logit,
    of_clip,
    one_for_all,
)
from engine.explainers.settings import choice
from engine.results import Picture

_PLANES = {"all": slice(None), "colour": slice(3), "motion": slice(3, None)}


@dataclass(frozen=True)
class PrototypeGradientSettings(PrototypeSettings):
    """What of it can be set."""

    planes: str = choice("all", tuple(_PLANES), "of what the clip is shown: its picture, its flow, or both")


class PrototypeGradient(OfPrototype):
    """See the module. Costs a forward and a backward pass of the clip."""

    id = "prototype-gradient"
    signed = False
    settings_type = PrototypeGradientSettings

    def __init__(self, chosen: PrototypeGradientSettings | None = None) -> None:
        self._planes = (chosen or PrototypeGradientSettings()).planes
        super().__init__(chosen)

    @property
    def title(self) -> str:
        by = "" if self._planes == "all" else f", by {self._planes}"
        return f"{self.id}, {self._prototype}{by}"

    def maps(self, detector: ClipDetector, clip: Clip, crops: Picture) -> ClipMaps:  # noqa: ARG002 - all alike
        inside = inside_of(detector, DpnetDetector, "networks of prototypes")

        def pulled(x: Tensor) -> tuple[Tensor, Tensor]:
            with torch.enable_grad(), torch.autocast(inside.device, enabled=False):
                similarities = inside.network(x.requires_grad_()).similarities
                (gradient,) = torch.autograd.grad(
                    similarities[0, self._place(inside, similarities[0].detach())], x
                )
            return gradient[0, _PLANES[self._planes]].abs().sum(0), similarities.detach()

        values, similarities = of_clip(inside, crops, pulled)
        return one_for_all(values, len(crops), clip_logit(inside, similarities))
