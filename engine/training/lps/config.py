"""How LPS is trained (P001): what is set for each of its three stages, and the switches of P001's ablations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import nn

from engine.detectors.lps_windows import WINDOW
from engine.detectors.specs import DetectorSpec
from engine.networks.lps.config import EncoderKind, PredictionMode
from engine.networks.lps.network import Lps
from engine.training.clips.form import ClipForm, Treatment
from engine.training.clips.mix import ClipMix
from engine.training.config import DetectorConfig
from engine.training.lps.distillation import AggregatorPart, Direction

Stage = Literal["pretrain", "finetune", "distil"]
Footage = Literal["reals", "all"]

_STEM_AND_STAGES = 4


@dataclass(frozen=True)
class LpsTaskConfig(DetectorConfig):
    """A run that trains LPS on windows of 60 frames, twice `pairs` at a step.

    Attributes:
        stage: "pretrain": encoder, aggregators and predictor by the contrastive loss, without labels; "finetune":
            all but the predictor as a detector; "distil": selective self-distillation of what the run begins with.
        footage: of the pre-training: "reals" alone, or "all", every other window forged.
        margin: share of the face's square that is added on each side of a crop.
        aligned: whether faces are aligned by their landmarks; without it a window is cut with one square.
        treatment: see ClipForm.
        bf16: only on a GPU. On a CPU torch's gradients of 3D convolutions with two frames are wrong in bfloat16
            (seen with 2.14: other numbers each time, and some that are none).
        trunk_rate: share of the learning rate that encoder and aggregators are fine-tuned with; 1 for those that
            were never pre-trained.
        share: lambda of eq 6, the weight of the labels against the teacher.
        temperature: T of eq 6.
        direction: of the divergence in eq 6.
        distilled: the part of the aggregators that learns in the distillation, beside the classifier.
        encoder, aggregator, memory, prediction: see LpsConfig. Weights of a network that lacks a part, or has
            another encoder, are for measuring alone: the application loads whole ones.
    """

    mix: ClipMix = field(default_factory=ClipMix)
    pairs: int = 4
    smoothing: float = 0.0
    frozen_stages: int = 0
    validation_pairs: int = 16
    bf16: bool = False
    stage: Stage = "finetune"
    footage: Footage = "reals"
    margin: float = 0.1
    aligned: bool = True
    treatment: Treatment = "full"
    trunk_rate: float = 0.1
    share: float = 0.7
    temperature: float = 1.0
    direction: Direction = "teacher-student"
    distilled: AggregatorPart = "out-gates"
    encoder: EncoderKind = "resnet"
    aggregator: bool = True
    memory: bool = True
    prediction: PredictionMode = "one-step"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin < 0 or self.temperature <= 0 or not 0 <= self.share <= 1 or not 0 <= self.trunk_rate <= 1:
            raise ValueError("share and trunk_rate must lie in [0, 1], temperature above 0, margin not below 0")
        if self.frozen_stages > (_STEM_AND_STAGES if self.encoder == "resnet" else 0):
            raise ValueError("frozen_stages must be at most 4, and 0 without the ResNet")
        if self.prediction == "recursive" and not self.aggregator:
            raise ValueError("prediction cannot be recursive without an aggregator")

    @property
    def crop_margin(self) -> float:
        return self.margin

    @property
    def makes_detector(self) -> bool:
        return self.stage != "pretrain"

    @property
    def form(self) -> ClipForm:
        """Of the windows."""
        return ClipForm(WINDOW, self.size, self.margin, treatment=self.treatment, aligned=self.aligned)

    def build(self, spec: DetectorSpec) -> nn.Module:
        network: Lps = spec.build(self.size)
        return Lps(
            replace(
                network.config,
                encoder=self.encoder,
                aggregator=self.aggregator,
                memory=self.memory,
                prediction=self.prediction,
                gain=0.1 if self.stage == "pretrain" else 1.0,
            )
        )

    def rate_factor(self, name: str) -> float:
        head = name.startswith("network.classifier.")
        return 1.0 if self.stage != "finetune" or head else self.trunk_rate

    def described(self) -> Mapping[str, Any]:
        operators = ", ".join(self.mix.operators)
        told: dict[str, Any] = {
            "stage": self.stage,
            "treatment": self.treatment,
            "pseudo_fakes": f"clips of TPF: {operators}; share of other persons' faces {self.mix.swapped:g}",
            "held_out_operators": list(self.mix.held_out),
        }
        if self.stage == "distil":
            told |= {"share": self.share, "temperature": self.temperature, "distilled": self.distilled}
        if (self.encoder, self.aggregator, self.memory) != ("resnet", True, True):
            told["ablation"] = (
                f"encoder {self.encoder}, aggregator {self.aggregator}, memory {self.memory}".lower()
            )
        return told
