"""Training a network that judges clips of snippets (P003): a logit per frame, their mean for the clip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from engine.detectors.specs import DetectorSpec
from engine.errors import DataError
from engine.networks.snippets.config import STAGES, SnippetConfig
from engine.networks.snippets.network import PlacedSim, SnippetNetwork, build_snippet_network
from engine.progress import CancelToken
from engine.results import FloatArray, Picture
from engine.training.clips.batches import ClipBatch, ClipBatches
from engine.training.clips.form import ClipForm, Treatment
from engine.training.clips.mix import ClipMix
from engine.training.clips.validation import ClipPart, Judge, make_clip_validation, validate_clips
from engine.training.config import DetectorConfig
from engine.training.faces.store import FaceStore
from engine.training.inputs import to_input
from engine.training.loop.distributed import ALONE, Processes
from engine.training.loop.task import LossPart, wide

_SWITCHES = ("intra", "inter", "bidirectional", "coordinate", "learned_kernel")


@dataclass(frozen=True)
class SnippetTaskConfig(DetectorConfig):
    """A run that trains on snippets.

    Attributes:
        snippets: U, per clip; how many frames each has is the network's.
        spread: share of the clips whose snippets stand at places spread over a run; of the others all frames are
            successive.
        margin: share of the face's box that is added on each side of a crop.
        treatment: "full": cut, colour, sharpness and coding vary; "flip": the paper's, left and right alone.
        frame_weight: of the loss on each frame of partial forgeries; 0: there is no such loss.
        first_stage, last_stage: between which stages modules stand, both with them (P003, table 6).
        intra, inter, bidirectional, coordinate, learned_kernel: see SnippetConfig (tables 4 and 5). Weights of a
            network that lacks something are for measuring alone: the application loads whole ones.
    """

    mix: ClipMix = field(default_factory=ClipMix)
    pairs: int = 4
    frozen_stages: int = 0
    validation_pairs: int = 40
    snippets: int = 4
    spread: float = 0.5
    margin: float = 0.1
    treatment: Treatment = "full"
    frame_weight: float = 0.5
    first_stage: int = STAGES[0]
    last_stage: int = STAGES[-1]
    intra: bool = True
    inter: bool = True
    bidirectional: bool = True
    coordinate: bool = True
    learned_kernel: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.snippets < 1 or self.margin < 0 or self.frame_weight < 0 or not 0 <= self.spread <= 1:
            raise ValueError("snippets must be at least 1, margin and frame_weight not negative, spread in [0, 1]")
        if self.treatment not in get_args(Treatment):
            raise ValueError(f"treatment must be one of {', '.join(get_args(Treatment))}")
        if not STAGES[0] <= self.first_stage <= self.last_stage <= STAGES[-1]:
            raise ValueError("first_stage must be at least 1 and not behind last_stage, which is at most 4")

    @property
    def crop_margin(self) -> float:
        return self.margin

    def build(self, spec: DetectorSpec) -> nn.Module:
        network: SnippetNetwork = spec.build(self.size)
        wanted = self._lacking(network.config)
        return network if wanted == network.config else build_snippet_network(wanted)

    def _lacking(self, whole: SnippetConfig) -> SnippetConfig:
        stages = tuple(range(self.first_stage, self.last_stage + 1))
        return replace(whole, stages=stages, **{name: getattr(self, name) for name in _SWITCHES})

    def described(self) -> Mapping[str, Any]:
        operators = ", ".join(self.mix.operators)
        told = {
            "snippets": self.snippets,
            "frame_weight": self.frame_weight,
            "treatment": self.treatment,
            "pseudo_fakes": f"clips of TPF: {operators}; share of other persons' faces {self.mix.swapped:g}",
            "held_out_operators": list(self.mix.held_out),
        }
        missing = [name for name in _SWITCHES if not getattr(self, name)]
        if missing or (self.first_stage, self.last_stage) != (STAGES[0], STAGES[-1]):
            what = f", without {', '.join(missing)}" if missing else ""
            told["ablation"] = f"modules in stages {self.first_stage} to {self.last_stage}{what}"
        return told


class SnippetTask:
    """The task of the snippet detectors (see TrainingTask). For one thread.

    Attributes:
        parts: the held-out clips, in process 0.
    """

    unit = "clips"

    def __init__(
        self,
        network: SnippetNetwork,
        train: FaceStore,
        held_out: FaceStore,
        config: SnippetTaskConfig,
        processes: Processes = ALONE,
        cancel: CancelToken | None = None,
    ) -> None:
        """Freeze what is to stay, and draw the held-out clips in process 0.

        Raises:
            DataError: no pair can be made of the runs to train on, or of the held-out ones.
            CancelledError: cancelled while the held-out clips were made.
        """
        self.network = network.to(memory_format=torch.channels_last)
        self.module = nn.ModuleDict({"network": self.network})
        self.config = config
        self.frozen = tuple(_leading_layers(network.trunk, config.frozen_stages))
        for layer in self.frozen:
            layer.requires_grad_(requires_grad=False)
        frames = config.snippets * network.config.frames
        form = ClipForm(frames, config.size, config.margin, config.snippets, config.spread, config.treatment)
        share = processes.share(config.pairs)
        try:
            self._batches = ClipBatches(train, config.mix, form, pairs=config.pairs, seed=config.seed, share=share)
        except ValueError as error:
            raise DataError(f"The data do not suffice: {error}", advice="Add longer real clips") from error
        self.parts: list[ClipPart] = []
        if processes.first:
            pairs, seed = config.validation_pairs, config.seed + 1
            self.parts = make_clip_validation(held_out, config.mix, form, pairs=pairs, seed=seed, cancel=cancel)
            if not self.parts:
                raise DataError("No held-out clips to validate on", advice="Add files of more persons")
        self.samples = 2 * config.pairs
        videos = {face.item.name for face in train.faces}
        self.batches_per_epoch = max(1, -(-len(videos) // self.samples))

    def batches(self) -> ClipBatches:
        """Batch number k of the run, this process's share of it."""
        return self._batches

    def probe(self) -> Tensor:
        """(N, U, T, 3, S, S): the clips of the first batches as the network takes them."""
        return torch.cat([self.inputs(self._batches[number].pictures) for number in range(2)])

    def inputs(self, pictures: Picture) -> Tensor:
        """(B, U T, S, S, 3) uint8 -> (B, U, T, 3, S, S) as the network takes them."""
        x = to_input(pictures.reshape(-1, *pictures.shape[2:]), self.network)
        return x.view(-1, self.config.snippets, self.network.config.frames, *x.shape[1:])

    def loss(self, batch: ClipBatch) -> Mapping[str, LossPart]:
        """ "label": cross-entropy of each clip's smoothed label and mean logit; "frames": of partial forgeries."""
        c = self.config
        logits = wide(self.network.forward_with_attention(self.inputs(batch.pictures)).frame_logits).flatten(1)
        labels = _smoothed(torch.from_numpy(batch.labels).to(logits), c.smoothing)
        total = binary_cross_entropy_with_logits(logits.mean(1), labels, reduction="sum")
        parts = {"label": LossPart(total, len(labels))}
        if c.frame_weight > 0:
            frames = torch.from_numpy(batch.frame_labels).to(logits)
            partial = (frames == 0).any(1) & (frames == 1).any(1)
            wanted = _smoothed(frames[partial], c.smoothing)
            total = binary_cross_entropy_with_logits(logits[partial], wanted, reduction="sum")
            parts["frames"] = LossPart(total, wanted.numel(), c.frame_weight)
        return parts

    def judge(self, network: nn.Module) -> Judge:
        """How a network, in evaluation mode from now on, judges clips of `parts`."""
        if not isinstance(network, SnippetNetwork):
            raise TypeError("this task validates snippet networks")
        network.eval()

        def judge(pictures: Picture) -> tuple[FloatArray, FloatArray]:
            x = self.inputs(pictures)
            with torch.inference_mode(), torch.autocast(x.device.type, torch.bfloat16, enabled=self.config.bf16):
                logits = network.forward_with_attention(x).frame_logits.flatten(1).float().cpu().numpy()
            return np.asarray(logits.mean(axis=1), dtype=np.float32), logits

        return judge

    def validate(self, network: nn.Module) -> dict[str, float]:
        """AUC on each held-out part, that of frames for partial forgeries, and the mean of those on clips."""
        return validate_clips(self.parts, self.judge(network))


def _smoothed(labels: Tensor, smoothing: float) -> Tensor:
    return labels * (1 - smoothing) + (1 - labels) * smoothing


def _leading_layers(trunk: nn.Module, stages: int) -> Iterator[nn.Module]:
    """The trunk's own layers in its stem and first stages; the modules placed in them are to be trained."""
    if stages == 0:
        return
    mobile = hasattr(trunk, "conv_stem")
    stem: Sequence[str] = ("conv_stem", "bn1") if mobile else ("conv1", "bn1")
    names = [f"blocks.{k}" if mobile else f"layer{k + 1}" for k in range(stages)]
    for name in (*stem, *names):
        yield from _own_layers(trunk.get_submodule(name))


def _own_layers(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, PlacedSim):
        return
    children = list(module.children())
    if not children or any(True for _ in module.parameters(recurse=False)):
        yield module
    else:
        for child in children:
            yield from _own_layers(child)
