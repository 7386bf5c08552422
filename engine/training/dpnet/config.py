"""The settings of a training of prototypes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from torch import nn

from engine.detectors.specs import DetectorSpec
from engine.faces.flow import FlowSpec
from engine.networks.dpnet.network import DpNetwork, build_dpnet
from engine.training.clips.form import ClipForm, Treatment
from engine.training.clips.mix import ClipMix
from engine.training.config import DetectorConfig
from engine.training.dpnet.losses import LossConfig


@dataclass(frozen=True)
class DpnetConfig(DetectorConfig):
    """A run that trains DPNet.

    Attributes:
        margin: share of the face's box that is added on each side of a crop; prepared faces have 0.15 around them,
            beyond which their edge is repeated.
        treatment: see ClipForm.
        side: of the crops on which flow is computed, pixels.
        flow_stride, bound: see FlowSpec.
        step: frames between two clips of a video that is analysed, for the card.
        clustering, separation, diversity, overlap: see LossConfig.
        warm_epochs: at the beginning, in which the trunk stays as it was.
        push_every: steps between two projections of the prototypes to patches, after the warm epochs.
        projection_pairs: pairs of clips in which prototypes look for their patches.
        per_clip: patches that one video may give to the prototypes of a class.
        trunk_rate: share of the learning rate that the trunk is trained with. P000 has 2e-4 for features, and 1e-3
            for the layers on top of them and the prototypes.
        per_class: prototypes of each class; 0: as many as the detector has (P000, table 5a).
        fields: of flow in a clip; none leave a picture, as ProtoPNet sees it (table 5b). Weights with other
            numbers than the detector's are for measuring alone: the application does not load them.
    """

    mix: ClipMix = field(default_factory=ClipMix)
    pairs: int = 4
    frozen_stages: int = 0
    smoothing: float = 0.0
    validation_pairs: int = 40
    bf16: bool = False
    learning_rate: float = 4e-4
    margin: float = 0.1
    treatment: Treatment = "full"
    side: int = 256
    flow_stride: int = 1
    bound: float = 20.0
    step: int = 5
    clustering: float = 0.2
    separation: float = 0.02
    diversity: float = 0.1
    overlap: float = 0.3
    warm_epochs: int = 1
    push_every: int = 200
    projection_pairs: int = 96
    per_clip: int = 5
    trunk_rate: float = 0.2
    per_class: int = 0
    fields: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("side", "flow_stride", "step", "push_every", "projection_pairs", "per_clip"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("margin", "clustering", "separation", "diversity", "warm_epochs", "per_class", "fields"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.bound <= 0 or not -1 <= self.overlap <= 1 or not 0 < self.trunk_rate <= 1:
            raise ValueError("bound must lie above 0, overlap in [-1, 1], trunk_rate in (0, 1]")
        if self.treatment not in get_args(Treatment):
            raise ValueError(f"treatment must be one of {', '.join(get_args(Treatment))}")
        if self.frozen_stages or self.smoothing or self.bf16:
            raise ValueError(
                "frozen_stages and smoothing must be 0 and bf16 false: the first stage has motion to learn, "
                "similarities bound the logits, and bfloat16 rounds distances away"
            )

    @property
    def crop_margin(self) -> float:
        return self.margin

    def rate_factor(self, name: str) -> float:
        return self.trunk_rate if name.startswith("network.trunk.") else 1.0

    @property
    def losses(self) -> LossConfig:
        return LossConfig(self.clustering, self.separation, self.diversity, self.overlap)

    def build(self, spec: DetectorSpec) -> nn.Module:
        network: DpNetwork = spec.build(self.size)
        per_class = self.per_class or len(network.prototypes.classes) // 2
        channels = 3 + 2 * self.fields
        if (channels, 2 * per_class) == (network.channels, len(network.prototypes.classes)):
            return network
        trunk, similarity = network.trunk, network.prototypes.similarity
        return build_dpnet(trunk.name, channels, per_class, cell=trunk.cell, similarity=similarity, size=self.size)

    def flow(self, network: DpNetwork) -> FlowSpec:
        """What a clip is made of: as many fields of two planes as the network takes."""
        fields = (network.channels - 3) // 2
        return FlowSpec(self.size, self.side, fields, self.flow_stride, bound=self.bound)

    def form(self, flow: FlowSpec, treatment: Treatment | None = None) -> ClipForm:
        """All frames that a clip spans, its own treatment unless another is given."""
        return ClipForm(flow.offsets[-1] + 1, self.side, self.margin, treatment=treatment or self.treatment)

    def described(self) -> Mapping[str, Any]:
        operators = ", ".join(self.mix.operators)
        losses = {name: getattr(self, name) for name in ("clustering", "separation", "diversity", "overlap")}
        return {
            **losses,
            "warm_epochs": self.warm_epochs,
            "push_every": self.push_every,
            "trunk_rate": self.trunk_rate,
            "treatment": self.treatment,
            "pseudo_fakes": f"clips of TPF: {operators}; share of other persons' faces {self.mix.swapped:g}",
            "held_out_operators": list(self.mix.held_out),
        }
