"""What a run is steered by: pairs and clips of persons it never trains on. The dev split plays no part in it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.evaluation.detection import auc
from engine.networks.frame import FrameNetwork
from engine.progress import CancelToken
from engine.results import FloatArray, Picture
from engine.training.augmentation.crops import PLAIN, apply_augmentation
from engine.training.faces.store import FaceStore
from engine.training.frames.batches import Batches, MixConfig
from engine.training.inputs import to_input
from engine.training.pseudo_fakes.blending import Blend

HELD_OUT_BLEND: Blend = "pyramid"
"""The way of blending that is never trained on and only validated with."""


@dataclass(frozen=True)
class ValidationPart:
    """Crops of one kind.

    Attributes:
        name: as reported.
        pictures: (N, size, size, 3) uint8.
        labels: (N,) float32.
        groups: per crop; crops of one group are averaged before the AUC. Empty: each crop counts alone.
    """

    name: str
    pictures: Picture
    labels: FloatArray
    groups: tuple[str, ...] = ()


def make_validation(
    store: FaceStore,
    mix: MixConfig,
    *,
    size: int,
    pairs: int,
    seed: int,
    cancel: CancelToken | None = None,
) -> list[ValidationPart]:
    """Genuine pairs, pseudo-fakes (by held-out blending too), and whole clips, as far as the data have them.

    Raises:
        CancelledError: cancelled.
    """
    token = cancel or CancelToken()
    parts = []
    forgeries = replace(mix.forgeries, blends=(*mix.forgeries.blends, (HELD_OUT_BLEND, 0.5)))
    for name, kinds in (
        ("genuine pairs", MixConfig(genuine=mix.genuine)),
        ("pseudo-fakes", MixConfig(pseudo=mix.pseudo, forgeries=forgeries)),
    ):
        try:
            batches = Batches(store, kinds, size=size, pairs=min(pairs, 20), seed=seed)
        except ValueError:  # no such pairs in this data set
            continue
        drawn = []
        for number in range(-(-pairs // 20)):
            token.check()
            drawn.append(batches[number])
        parts.append(
            ValidationPart(
                name, np.concatenate([b.pictures for b in drawn]), np.concatenate([b.labels for b in drawn])
            )
        )
    clips = _clips(store, size)
    if len(set(clips.labels.tolist())) == 2:
        parts.append(clips)
    return parts


def _clips(store: FaceStore, size: int) -> ValidationPart:
    chosen = [(index, face) for index, face in enumerate(store.faces) if face.slot is not None]
    pictures = [apply_augmentation([store.load(i)], None, face.square, PLAIN, size)[0][0] for i, face in chosen]
    return ValidationPart(
        "clips",
        np.stack(pictures) if pictures else np.empty((0, size, size, 3), dtype=np.uint8),
        np.array([face.item.label for _, face in chosen], dtype=np.float32),
        tuple(face.item.name for _, face in chosen),
    )


def validate(network: FrameNetwork, parts: list[ValidationPart], *, bf16: bool) -> dict[str, float]:
    """AUC of each part, and their mean as "mean". Leaves the network in evaluation mode."""
    network.eval()
    aucs = {}
    for part in parts:
        logits = np.concatenate(list(_logits(network, part.pictures, bf16)))
        labels = part.labels
        if part.groups:
            names = sorted(set(part.groups))
            at = np.array([names.index(group) for group in part.groups])
            count = np.bincount(at)
            logits = np.bincount(at, weights=1 / (1 + np.exp(-logits))) / count
            labels = (np.bincount(at, weights=labels) / count).astype(np.float32)
        aucs[part.name] = auc(logits, labels)
    aucs["mean"] = float(np.mean(list(aucs.values())))
    return aucs


def _logits(network: FrameNetwork, pictures: Picture, bf16: bool) -> Iterator[FloatArray]:
    for start in range(0, len(pictures), 32):
        x = to_input(pictures[start : start + 32], network)
        with torch.inference_mode(), torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=bf16):
            yield network(x).float().cpu().numpy()
