"""The tasks of the three stages of LPS (P001, sections 3.3 and 3.4); see LpsTaskConfig for what each learns."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.errors import DataError, UsageError
from engine.networks.lps.network import Lps
from engine.progress import CancelToken
from engine.results import FloatArray, Picture
from engine.training.clips.batches import ClipBatch, ClipBatches
from engine.training.clips.validation import FRAMES, ClipPart, Judge, make_clip_validation, validate_clips
from engine.training.faces.store import FaceStore
from engine.training.inputs import to_input
from engine.training.loop.distributed import ALONE, Processes
from engine.training.loop.task import LossPart, wide
from engine.training.lps.config import LpsTaskConfig
from engine.training.lps.contrastive import contrastive_hits, contrastive_loss
from engine.training.lps.distillation import distilled_parameters, selected_divergences
from engine.training.lps.windows import WindowBatch, WindowBatches

ACCURACY = "contrastive accuracy"
_AT_ONCE = 8
"""Windows that are judged together: of the others' cells a predicted one must be told from, so it is fixed."""
_STAGES = ("stem", "res1", "res2", "res3", "res4")


class _LpsTask:
    """What the stages have in common. For one thread."""

    unit = "windows"
    silent: ClassVar[tuple[str, ...]]
    """Parts of the network that take no part."""

    def __init__(self, network: Lps, train: FaceStore, config: LpsTaskConfig) -> None:
        if config.bf16 and next(network.parameters()).device.type == "cpu":
            raise UsageError("LPS cannot be trained in bf16 on a processor", advice="Set bf16 = false")
        self.network, self.config = network, config
        self.module: nn.Module = nn.ModuleDict({"network": network})
        stages = _STAGES[: config.frozen_stages + 1] if config.frozen_stages else ()
        self.frozen: Sequence[nn.Module] = tuple(network.encoder.get_submodule(name) for name in stages)
        for part in (*self.frozen, *(network.get_submodule(name) for name in self.silent)):
            part.requires_grad_(requires_grad=False)
        self.samples = 2 * config.pairs
        videos = {face.item.name for face in train.faces}
        self.batches_per_epoch = max(1, -(-len(videos) // self.samples))

    def inputs(self, pictures: Picture) -> Tensor:
        """(B, 60, S, S, 3) uint8 -> (B, 12, 3, 5, S, S) as the network takes them."""
        x = to_input(pictures.reshape(-1, *pictures.shape[2:]), self.network)
        c = self.network.config
        return x.view(-1, c.examples, c.frames, *x.shape[1:]).transpose(2, 3)

    def belongings(self, network: nn.Module) -> tuple[Mapping[str, Any], Mapping[str, bytes]]:  # noqa: ARG002
        """For the card: whether crops are aligned."""
        return {"aligned": self.config.aligned}, {}


class LpsPretraining(_LpsTask):
    """Stage 1: to foretell examples (see TrainingTask)."""

    silent = ("classifier",)

    def __init__(
        self,
        network: Lps,
        train: FaceStore,
        held_out: FaceStore,
        config: LpsTaskConfig,
        processes: Processes = ALONE,
        cancel: CancelToken | None = None,
    ) -> None:
        """Draw the held-out windows in process 0.

        Raises:
            UsageError: bf16 on a processor.
            DataError: there are none, or none to train on.
            CancelledError: cancelled while they were made.
        """
        super().__init__(network, train, config)
        share = processes.share(self.samples)
        try:
            self._batches = self._windows(train, self.samples, config.seed, share)
            held = self._windows(held_out, _AT_ONCE, config.seed + 1)
        except ValueError as error:
            raise DataError(f"The data do not suffice: {error}", advice="Add longer real clips") from error
        self._held_out: list[Picture] = []
        for number in range(-(-2 * config.validation_pairs // _AT_ONCE) if processes.first else 0):
            if cancel is not None:
                cancel.check()
            self._held_out.append(held[number].pictures)

    def _windows(
        self, store: FaceStore, windows: int, seed: int, share: Sequence[int] | None = None
    ) -> WindowBatches:
        c = self.config
        return WindowBatches(store, c.mix, c.form, c.footage, windows=windows, seed=seed, share=share)

    def batches(self) -> WindowBatches:
        """Batch number k of the run, this process's share of it."""
        return self._batches

    def probe(self) -> Tensor:
        """(N, 12, 3, 5, S, S): the first batch as the network takes it."""
        return self.inputs(self._batches[0].pictures)

    def loss(self, batch: WindowBatch) -> Mapping[str, LossPart]:
        """ "forward" and "backward": the contrastive loss (eq 4) of all predicted cells, in each direction.

        Negatives are the windows of this process alone.
        """
        parts = {}
        z = self.network.encode(self.inputs(batch.pictures))
        for name, made in zip(("forward", "backward"), self.network.predict(z), strict=True):
            cells = made.true.numel() // made.true.shape[2]
            parts[name] = LossPart(contrastive_loss(made.predicted, made.true) * cells, cells)
        return parts

    def validate(self, network: nn.Module) -> dict[str, float]:
        """The share of predicted cells of held-out persons that are more like the true one than like any other of
        eight windows; chance is one in some thousand."""
        if not isinstance(network, Lps):
            raise TypeError("this task validates LPS networks")
        network.eval()
        hits = []
        for windows in self._held_out:
            x = self.inputs(windows)
            with torch.inference_mode(), torch.autocast(x.device.type, torch.bfloat16, enabled=self.config.bf16):
                z = torch.cat([network.encode(window) for window in torch.split(x, 1)])
                hits += [contrastive_hits(made.predicted, made.true) for made in network.predict(z)]
        accuracy = float(torch.cat(hits).double().mean())
        return {ACCURACY: accuracy, "mean": accuracy}


class LpsTask(_LpsTask):
    """Stages 2 and 3: to judge windows (see TrainingTask).

    Attributes:
        parts: the held-out windows, in process 0.
    """

    silent = ("predictor",)

    def __init__(
        self,
        network: Lps,
        train: FaceStore,
        held_out: FaceStore,
        config: LpsTaskConfig,
        processes: Processes = ALONE,
        cancel: CancelToken | None = None,
    ) -> None:
        """Keep the teacher if there is to be one, freeze what is to stay, and draw held-out clips in process 0.

        Raises:
            UsageError: distillation of a network that was never trained to judge, or bf16 on a processor.
            DataError: no pair can be made of the clips to train on, or of the held-out ones.
            CancelledError: cancelled while the held-out clips were made.
        """
        self._teacher: Lps | None = None
        if config.stage == "distil":
            if not cast("nn.Linear", network.classifier[-1]).bias.any():
                raise UsageError(
                    "There is nothing to distil: the network never learnt to judge",
                    advice='Give trained weights with --from, or a phase with stage = "finetune" before this one',
                )
            self._teacher = copy.deepcopy(network).eval()
        super().__init__(network, train, config)
        if config.stage == "distil":
            network.requires_grad_(requires_grad=False)
            for parameter in distilled_parameters(network, config.distilled):
                parameter.requires_grad = True
            self.frozen = (network.encoder, network.predictor)
        share = processes.share(config.pairs)
        try:
            self._batches = ClipBatches(
                train, config.mix, config.form, pairs=config.pairs, seed=config.seed, share=share
            )
        except ValueError as error:
            raise DataError(f"The data do not suffice: {error}", advice="Add longer real clips") from error
        self.parts: list[ClipPart] = []
        if processes.first:
            pairs, seed = config.validation_pairs, config.seed + 1
            made = make_clip_validation(held_out, config.mix, config.form, pairs=pairs, seed=seed, cancel=cancel)
            self.parts = [part for part in made if part.name != FRAMES]  # a window is judged as a whole
            if not self.parts:
                raise DataError("No held-out clips to validate on", advice="Add files of more persons")

    def batches(self) -> ClipBatches:
        """Batch number k of the run, this process's share of it."""
        return self._batches

    def probe(self) -> Tensor:
        """(N, 12, 3, 5, S, S): the first batch as the network takes it."""
        return self.inputs(self._batches[0].pictures)

    def loss(self, batch: ClipBatch) -> Mapping[str, LossPart]:
        """ "label": cross-entropy; "teacher": divergence from the teacher where it is right (eq 6)."""
        c = self.config
        x = self.inputs(batch.pictures)
        logits = wide(self.network(x))
        labels = torch.from_numpy(batch.labels).to(logits.device, torch.int64)
        total = cross_entropy(logits, labels, reduction="sum", label_smoothing=2 * c.smoothing)
        if self._teacher is None:
            return {"label": LossPart(total, len(labels))}
        with torch.no_grad():
            taught = wide(self._teacher(x))
        divergences = selected_divergences(logits, taught, labels, c.temperature, c.direction)
        return {
            "label": LossPart(total, len(labels), c.share),
            "teacher": LossPart(divergences.sum(), len(divergences), 1 - c.share),
        }

    def judge(self, network: nn.Module) -> Judge:
        """How a network, in evaluation mode from now on, judges windows of `parts`."""
        if not isinstance(network, Lps):
            raise TypeError("this task validates LPS networks")
        network.eval()

        def judge(pictures: Picture) -> tuple[FloatArray, None]:
            x = self.inputs(pictures)
            with torch.inference_mode(), torch.autocast(x.device.type, torch.bfloat16, enabled=self.config.bf16):
                real, fake = network(x).float().cpu().numpy().T
            return np.asarray(fake - real, np.float32), None

        return judge

    def validate(self, network: nn.Module) -> dict[str, float]:
        """AUC on each held-out part, and their mean."""
        return validate_clips(self.parts, self.judge(network), at_once=2)
