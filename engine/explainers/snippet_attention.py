"""The attention that Intra-SIM pays to the cells of each frame of a snippet (Intra-SMA, P003's figure 4).

A_H A_W of eqs 2 to 4, the mean over channels, in the last Intra-SIM of a stage, at that block's own resolution. It
says where the network looks for movement, not what is fake: in (0, 1), and 0.25 where nothing was learnt. It is
that of the pass that gives the score, in which the other snippets take part. Always in float32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from engine.detectors.base import Clip, ClipDetector
from engine.detectors.snippets import SnippetDetector
from engine.detectors.specs import detector_spec
from engine.explainers.base import ClipMaps
from engine.explainers.one_pass import OnePass, inside_of
from engine.explainers.settings import ExplainerSettings, named
from engine.networks.blank import Blank
from engine.networks.snippets.network import SnippetOutput
from engine.results import Picture, frozen


@dataclass(frozen=True)
class SnippetAttentionSettings(ExplainerSettings):
    """What of it can be set."""

    stage: str = named("stage of the trunk whose last Intra-SIM is shown")


class SnippetAttention(OnePass):
    """See the module. Costs one forward pass of the clip."""

    id = "snippet-attention"
    signed = False
    precision = "float32"
    settings_type = SnippetAttentionSettings

    def __init__(self, chosen: SnippetAttentionSettings | None = None) -> None:
        self._chosen = chosen or SnippetAttentionSettings()
        super().__init__(self._chosen)

    @classmethod
    def names(cls, detector_id: str) -> Mapping[str, Sequence[str]]:
        return {"stage": _stages(detector_id)}

    @property
    def title(self) -> str:
        return f"{self.id}, where it looks"

    def maps(self, detector: ClipDetector, clip: Clip, crops: Picture) -> ClipMaps:
        inside = inside_of(detector, SnippetDetector, "networks of snippets")

        def judged(clips: torch.Tensor) -> SnippetOutput:
            with torch.inference_mode(), torch.autocast(inside.device, enabled=False):
                return inside.network.forward_with_attention(clips)

        output = inside.at_once(crops, judged)
        values = output.intra[self._chosen.stage or inside.network.intra_stages[-1]]
        logits = output.snippet_logits[0].cpu().numpy()[inside.snippets_of(clip)]
        return ClipMaps(frozen(values[0].flatten(0, 1).cpu().numpy()), frozen(logits))


@cache
def _stages(detector_id: str) -> Sequence[str]:
    """The last one first."""
    spec = detector_spec(detector_id)
    with torch.device("meta"), Blank():
        stages: Sequence[str] = spec.build(spec.size).intra_stages
    return stages[::-1]
