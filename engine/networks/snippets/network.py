"""A network that judges clips of snippets: a 2D trunk with Intra- and Inter-SIM in its blocks, one logit (P003).

    network = build_snippet_network(SnippetConfig("resnet50"), trunk_state)
    network(clips)  # (N, U, T, 3, S, S) normalised crops -> (N,) logit of fake; U may differ from that of training

A clip is U snippets of T successive frames each. P003 does not say how frames become one logit: here, as in STIL,
each frame has a logit of its own and the clip's is their mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from engine.networks.snippets import trunks
from engine.networks.snippets.config import STAGES, Kind, SnippetConfig
from engine.networks.snippets.inter_sim import InterSim
from engine.networks.snippets.intra_sim import IntraSim


@dataclass(frozen=True, slots=True)
class SnippetOutput:
    """What a network says of N clips. Attention is no probability: where nothing was learned it is about 0.25.

    Attributes:
        frame_logits: (N, U, T) of fake. Inter-SIM lets each know of the whole clip.
        u_t: (N, U, T) float32 in (0, 1), the mean over channels of F1 F2 in the last Inter-SIM, the U-T map of
            P003's figure 5; None in a network without Inter-SIM.
        intra: "stage1" to "stage4", those that there are: (N, U, T, h, w) float32 in (0, 1), the mean over
            channels of A_H A_W in the stage's last Intra-SIM, at that block's own resolution.
    """

    frame_logits: Tensor
    u_t: Tensor | None
    intra: Mapping[str, Tensor]

    @property
    def snippet_logits(self) -> Tensor:
        """(N, U)"""
        return self.frame_logits.mean(2)

    @property
    def logit(self) -> Tensor:
        """(N,), of whole clips."""
        return self.frame_logits.mean((1, 2))


@dataclass(eq=False, slots=True)
class _Pass:
    """What the modules inside a trunk, which knows pictures only, must know of the pass under way.

    Attributes:
        snippets: U.
        maps: what the modules leave behind, None when nobody asks.
    """

    snippets: int = 1
    maps: dict[str, Tensor] | None = field(default=None)


class PlacedSim(nn.Module):
    """A module in its block: (N U T, C, H, W) -> the same shape.

    Args:
        keep: name of its attention among the maps, None for none.
    """

    def __init__(self, sim: IntraSim | InterSim, frames: int, keep: str | None, under_way: _Pass) -> None:
        super().__init__()
        self.sim = sim
        self.frames = frames
        self.keep = keep
        self._pass = under_way

    def forward(self, x: Tensor) -> Tensor:
        clips = x.view(-1, self._pass.snippets, self.frames, *x.shape[1:])
        if isinstance(self.sim, IntraSim):
            out, attention = self.sim.forward_with_attention(clips.flatten(0, 1).transpose(1, 2))
            out = out.transpose(1, 2).flatten(0, 1)
            self._leave(attention.view(*clips.shape[:2], *attention.shape[1:]).transpose(1, 2))
        else:
            out, attention = self.sim.forward_with_attention(clips.permute(0, 2, 3, 1, 4, 5))
            out = out.permute(0, 3, 1, 2, 4, 5).flatten(0, 2)
            self._leave(attention)
        return out

    def _leave(self, attention: Tensor) -> None:
        """Keep the mean over channels, axis 1, if somebody asks for it."""
        if self.keep is not None and self._pass.maps is not None:
            self._pass.maps[self.keep] = attention.mean(1).float()


class SnippetNetwork(nn.Module):
    """See the module. For one thread at a time.

    Attributes:
        config: as it was built.
        input_mean, input_std: per RGB channel, for pictures scaled to [0, 1].
        intra_stages: names of the maps in `SnippetOutput.intra`, from the first stage on.
        map_layers: dotted names of modules whose outputs are maps (N U T, C, h, w): the last one, then by stage.
    """

    intra_stages: tuple[str, ...]
    map_layers: tuple[str, ...]

    def __init__(self, config: SnippetConfig, trunk: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.input_mean, self.input_std = trunks.normalisation(config.backbone)
        self.trunk = trunk
        self.head = nn.Linear(trunks.descriptor_width(config.backbone, trunk), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        self._pass = _Pass()
        self.intra_stages = self._place_modules()
        self.map_layers = tuple(f"trunk.{name}" for name in trunks.map_layers(config.backbone))

    @property
    def size(self) -> int:
        """Side of the crops, pixels."""
        return self.config.size

    def forward(self, clips: Tensor) -> Tensor:
        """(N, U, T, 3, S, S) normalised crops -> (N,) logit of fake."""
        return self._frame_logits(clips, None).mean((1, 2))

    def forward_with_attention(self, clips: Tensor) -> SnippetOutput:
        """As `forward`, with the logit of each frame and the attention that made it."""
        maps: dict[str, Tensor] = {}
        logits = self._frame_logits(clips, maps)
        return SnippetOutput(logits, maps.pop("u-t", None), maps)

    def _frame_logits(self, clips: Tensor, maps: dict[str, Tensor] | None) -> Tensor:
        if clips.ndim != 6 or clips.shape[2:4] != (self.config.frames, 3):
            expected = f"(N, U, {self.config.frames}, 3, S, S)"
            raise ValueError(f"clips must be {expected}, not {tuple(clips.shape)}")
        self._pass.snippets, self._pass.maps = clips.shape[1], maps
        try:
            trunk: Any = self.trunk
            last: Tensor = trunk.forward_features(clips.flatten(0, 2))
        finally:
            self._pass.maps = None
        logits: Tensor = self.head(last.mean((2, 3)))
        return logits.view(clips.shape[:3])

    def _place_modules(self) -> tuple[str, ...]:
        """Returns the names of the Intra-SIM maps that are kept."""
        stages = trunks.stages_of(self.config.backbone, self.trunk)
        kinds = self.config.kinds([len(blocks) for blocks in stages])
        kept = _kept(kinds)
        for at, blocks in enumerate(stages):
            for number, (block, kind) in enumerate(zip(blocks, kinds[at], strict=True)):
                if kind is not None:
                    sim = self._sim(kind, trunks.width_of(self.config.backbone, block))
                    module = PlacedSim(sim, self.config.frames, kept.get((at, number)), self._pass)
                    trunks.plug(self.config.backbone, block, module)
        return tuple(sorted(name for name in kept.values() if name != "u-t"))

    def _sim(self, kind: Kind, channels: int) -> IntraSim | InterSim:
        if kind == "inter":
            return InterSim(channels)
        return IntraSim(
            channels,
            self.config.frames,
            bidirectional=self.config.bidirectional,
            coordinate=self.config.coordinate,
            learned_kernel=self.config.learned_kernel,
        )


def _kept(kinds: list[list[Kind | None]]) -> dict[tuple[int, int], str]:
    """The maps to keep by stage and block, from 0: of the last Intra of each stage and the last Inter of all."""
    places = [(kind, at, number) for at, stage in enumerate(kinds) for number, kind in enumerate(stage)]
    last_intra = {at: (at, number) for kind, at, number in places if kind == "intra"}
    kept = {place: f"stage{STAGES[at]}" for at, place in last_intra.items()}
    inter = [(at, number) for kind, at, number in places if kind == "inter"]
    return kept | dict.fromkeys(inter[-1:], "u-t")


def build_snippet_network(
    config: SnippetConfig, trunk_state: Mapping[str, Tensor] | None = None
) -> SnippetNetwork:
    """A network with new modules on a trunk that knows nothing, or what `trunk_state` says.

    Args:
        trunk_state: weights of the bare trunk, all of them, by timm's names.
    """
    trunk: nn.Module = trunks.build_trunk(config.backbone)
    if trunk_state is not None:
        trunk.load_state_dict(trunk_state)
    return SnippetNetwork(config, trunk)
