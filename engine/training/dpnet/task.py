"""Training DPNet (P000, section 3.2): clips are drawn to prototypes of their class, and prototypes become patches.

What differs from P000: before the first step, and again at the end of the warm epochs, normalisations are settled
on clips of the training and the prototypes put onto patches, the first of which are spread over the footage. Begun
as U[0, 1) they lie so far from all cells that their similarities tell nothing for a thousand steps. And what is
kept is the running average of the weights, whose prototypes are put onto patches at every validation.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.detectors.flow_card import flow_table
from engine.detectors.prototypes import prototype_files
from engine.errors import DataError
from engine.networks.dpnet.network import DpNetwork
from engine.progress import CancelToken
from engine.results import FloatArray, Prototype
from engine.training.clips.batches import ClipBatches
from engine.training.clips.validation import ClipPart, Judge, make_clip_validation, validate_clips
from engine.training.dpnet.batches import FlowBatch, FlowBatches, Inputs, Sight
from engine.training.dpnet.config import DpnetConfig
from engine.training.dpnet.footage import gather_footage
from engine.training.dpnet.losses import mean_losses, prototype_losses
from engine.training.dpnet.names import named
from engine.training.dpnet.projection import Projection, project
from engine.training.faces.store import FaceStore
from engine.training.loop.distributed import ALONE, Processes
from engine.training.loop.task import LossPart

_MOTION = 16
"""Cells along each side of the motion that is kept of a prototype."""


class DpnetTask:
    """The task of DPNet (see TrainingTask, BetweenSteps, KeepsFiles). For one thread.

    Attributes:
        warm: steps in which the trunk stays as it was.
        projection: of the network that was validated last, None before.
        parts: the held-out clips, in process 0.
    """

    unit = "clips"
    frozen: tuple[nn.Module, ...] = ()

    def __init__(
        self,
        network: DpNetwork,
        train: FaceStore,
        held_out: FaceStore,
        config: DpnetConfig,
        processes: Processes = ALONE,
        cancel: CancelToken | None = None,
    ) -> None:
        """Draw the clips in which prototypes look for patches, and in process 0 the held-out ones.

        Raises:
            DataError: no pair can be made of the runs to train on, or of the held-out ones.
            CancelledError: cancelled while clips were made.
        """
        self.network = network.to(memory_format=torch.channels_last)
        self.module = nn.ModuleDict({"network": self.network})
        self.config, self._processes = config, processes
        self.flow = config.flow(network)
        self.sight = Sight(self.flow, network.input_mean, network.input_std)
        form, plain = config.form(self.flow), config.form(self.flow, "plain")
        share = processes.share(config.pairs)
        try:
            clips = ClipBatches(train, config.mix, form, pairs=config.pairs, seed=config.seed, share=share)
            pairs, seed = config.projection_pairs, config.seed + 2
            self.footage = gather_footage(
                train, config.mix, plain, self.sight, pairs=pairs, seed=seed, cancel=cancel
            )
        except ValueError as error:
            raise DataError(f"The data do not suffice: {error}", advice="Add longer real clips") from error
        self._batches = FlowBatches(clips, self.sight)
        self.parts: list[ClipPart] = []
        if processes.first:
            pairs, seed = config.validation_pairs, config.seed + 1
            parts = make_clip_validation(held_out, config.mix, form, pairs=pairs, seed=seed, cancel=cancel)
            self.parts = [replace(part, pictures=self.sight.of(part.pictures)) for part in parts]
            if not self.parts:
                raise DataError("No held-out clips to validate on", advice="Add files of more persons")
        self.samples = 2 * config.pairs
        videos = {face.item.name for face in train.faces}
        self.batches_per_epoch = max(1, -(-len(videos) // self.samples))
        self.warm = config.warm_epochs * self.batches_per_epoch
        self.projection: Projection | None = None

    def batches(self) -> FlowBatches:
        """Batch number k of the run, this process's share of it."""
        return self._batches

    def probe(self) -> Tensor:
        """(N, channels, S, S): the clips of the first batch as the network takes them."""
        return self.inputs(self._batches[0].inputs)

    def inputs(self, clips: Inputs) -> Tensor:
        """(B, channels, S, S) as the network takes them."""
        like = next(self.network.parameters())
        return torch.from_numpy(clips).to(like.device).to(like.dtype, memory_format=torch.channels_last)

    def before_step(self, step: int, cancel: CancelToken | None) -> Mapping[str, Mapping[str, Any]]:
        """Settle and project, where it is due. See BetweenSteps."""
        after = step - self.warm
        if step and (after < 0 or after % self.config.push_every):
            return {}
        with self._settled(settle=after <= 0):
            done = self._project(self.network, cancel)
        self._processes.same(self.network)
        return {"projection": {"before": done.before, "after": done.after, "change": done.change}}

    def loss(self, batch: FlowBatch) -> Mapping[str, LossPart]:
        """Cross-entropy, clustering, separation, diversity: see `losses`."""
        x = self.inputs(batch.inputs)
        if batch.number < self.warm:
            self.network.trunk.eval()
            with torch.no_grad():
                cells = self.network.trunk(x)
        else:
            cells = self.network.trunk(x)
        output = self.network.judge(self.network.add_on(cells))
        labels = torch.from_numpy(batch.labels).to(output.logits.device)
        return prototype_losses(self.network, output, labels, self.config.losses)

    def judge(self, network: nn.Module) -> Judge:
        """How a network, in evaluation mode from now on, judges clips of `parts`."""
        network = _dpnet(network).eval()

        def judge(clips: Inputs) -> tuple[FloatArray, None]:
            with torch.inference_mode():
                logits = network(self.inputs(clips)).logits.float().cpu().numpy()
            return np.asarray(logits[:, 1] - logits[:, 0], dtype=np.float32), None

        return judge

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Put the prototypes onto patches; then AUC on each held-out part, and their mean."""
        network = _dpnet(network)
        judge = self.judge(network)
        learnt = network.prototypes.vectors.detach().clone()
        try:
            self.projection = self._project(network, None)
            return validate_clips(self.parts, judge)
        except BaseException:  # cancelled: the validation is begun anew
            with torch.no_grad():
                network.prototypes.vectors.copy_(learnt)
            raise

    def belongings(self, network: nn.Module) -> tuple[Mapping[str, Any], Mapping[str, bytes]]:
        """Flow and prototypes, as they are after a validation. See KeepsFiles."""
        network = _dpnet(network)
        if self.projection is None:
            raise ValueError("prototypes that are no patches are not kept")
        weights = [(float(real), float(fake)) for real, fake in network.weights.T.tolist()]
        found = named(self.projection.sources, network.prototypes.classes.tolist(), weights)
        entries = {
            "flow": flow_table(self.flow, self.config.step),
            "prototypes": {
                "per_class": len(found) // 2,
                "clips": len(self.footage.labels),
                "videos": self.footage.videos,
                "operators": sorted({each.source.operator for each in found if each.source.operator}),
                "loss_before_projection": round(self.projection.before["total"], 4),
                "loss_after_projection": round(self.projection.after["total"], 4),
            },
        }
        return entries, prototype_files(found, np.stack([self._motion(each) for each in found]))

    def _project(self, network: DpNetwork, cancel: CancelToken | None) -> Projection:
        def judge(asked: DpNetwork) -> Mapping[str, float]:
            return mean_losses(asked, self.footage.labelled(), self.config.losses)

        return project(network, self.footage.batches(), judge, per_clip=self.config.per_clip, cancel=cancel)

    @contextmanager
    def _settled(self, *, settle: bool) -> Iterator[None]:
        """Normalisations with the statistics of the footage; as they were, if what is done then fails."""
        norms = [part for part in self.network.modules() if isinstance(part, _BatchNorm)] if settle else []
        before = [{name: value.clone() for name, value in norm.state_dict().items()} for norm in norms]
        momenta = [norm.momentum for norm in norms]
        try:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # the plain mean over batches
            if norms:
                self.network.train()
                with torch.no_grad():
                    for x, _ in self.footage.labelled():
                        self.network.features(x.to(self.network.weights.device))
            yield
        except BaseException:
            for norm, state in zip(norms, before, strict=True):
                norm.load_state_dict(state)
            raise
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum

    def _motion(self, prototype: Prototype) -> FloatArray:
        """(F, 2, n, n): the flow of the prototype's source inside its box, pixels of what the network sees."""
        source, size = prototype.source, self.flow.size
        clip = self.footage.inputs[self.footage.row(prototype.label, source.clip, source.frame)]
        planes = (clip[3:].astype(np.float32) * 2 - 1) * self.flow.bound
        scale = size / (source.crop[2] - source.crop[0])
        corners = (np.array(source.box).reshape(2, 2) - source.crop[:2]) * scale
        (x0, y0), (x1, y1) = corners.round().astype(int).tolist()
        inside = planes[:, y0:y1, x0:x1]
        small = [cv2.resize(plane, (_MOTION, _MOTION), interpolation=cv2.INTER_AREA) for plane in inside]
        return np.array(small, np.float32).reshape(self.flow.fields, 2, _MOTION, _MOTION)


def _dpnet(network: nn.Module) -> DpNetwork:
    if not isinstance(network, DpNetwork):
        raise TypeError("this task trains DPNet")
    return network
