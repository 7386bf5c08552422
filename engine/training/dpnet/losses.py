"""The loss of DPNet (P000, eqs 3 to 7): cross-entropy, clustering, separation and diversity.

    L = CE + 0.2 Rclus - 0.2 Rsep + 0.1 Rdiv

with Rsep a positive mean of distances. P000 puts a minus into eq 6 and another into its coefficient, which would
draw clips to the prototypes of the other class. ProtoPNet's masked minimum, max((C - d) mask), is not used either:
it holds for d <= C only, which its sigmoid grants and DPNet, without one, does not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from engine.networks.dpnet.network import DpnetOutput, DpNetwork
from engine.training.loop.task import LossPart

_SHORT = 1e-8


@dataclass(frozen=True, slots=True)
class LossConfig:
    """How the parts are weighed.

    Attributes:
        clustering, separation, diversity: lambda_c, lambda_s (its sign stands in the formula), lambda_d.
        overlap: s_max of eq 7, the cosine up to which two prototypes of a class may be alike.
        class_weights: of real and fake clips in the cross-entropy; the inverse of their share, say.
        divide_by_channels: distances are divided by the channels of a prototype, as P000's authors do.
        reduction: of eq 7 over the ordered pairs of a class; sum is as printed, and drowns the rest with 50 each.
    """

    clustering: float = 0.2
    separation: float = 0.2
    diversity: float = 0.1
    overlap: float = 0.3
    class_weights: tuple[float, float] = (1.0, 1.0)
    divide_by_channels: bool = False
    reduction: Literal["mean", "sum"] = "mean"


def prototype_losses(
    network: DpNetwork, output: DpnetOutput, labels: Tensor, config: LossConfig
) -> Mapping[str, LossPart]:
    """The parts of the loss of one batch.

    Args:
        output: of the network, for B clips.
        labels: (B,) int64, 0 real, 1 fake.
    """
    channels = network.prototypes.vectors.shape[1]
    scale = 1 / channels if config.divide_by_channels else 1.0
    own = network.prototypes.classes == labels[:, None]
    # A clip that is as far away as this learns nothing from going further: -Rsep has no lower bound.
    far = _nearest(output.distances, ~own).clamp(max=channels)
    weights = output.logits.new_tensor(config.class_weights)
    overlap, pairs = overlaps(network.prototypes.vectors, network.prototypes.classes, config.overlap)
    return {
        "label": LossPart(
            functional.cross_entropy(output.logits, labels, weights, reduction="sum"),
            float(weights[labels].sum()),
        ),
        "clustering": LossPart(_nearest(output.distances, own).sum() * scale, len(labels), config.clustering),
        "separation": LossPart(far.sum() * scale, len(labels), -config.separation),
        "diversity": LossPart(overlap, min(pairs, 1) if config.reduction == "sum" else pairs, config.diversity),
    }


def overlaps(vectors: Tensor, classes: Tensor, allowed: float) -> tuple[Tensor, int]:
    """Eq 7 as a sum over ordered pairs of different prototypes of a class, and how many pairs there are.

    Args:
        vectors: (m, C, 1, 1). A vector of length 0 is like no other.
        classes: (m,).
        allowed: s_max.
    """
    directions = functional.normalize(vectors.flatten(1), dim=1, eps=_SHORT)
    pairs = classes[:, None] == classes
    pairs = pairs & ~torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    excess = (directions @ directions.T - allowed).relu()
    return excess.masked_fill(~pairs, 0).sum(), int(pairs.sum())


def total_loss(parts: Mapping[str, LossPart]) -> Tensor:
    """The weighed sum of the parts' means; a part of nothing is 0."""
    return torch.stack([part.total * (part.weight / max(part.count, _SHORT)) for part in parts.values()]).sum()


@torch.no_grad()
def mean_losses(
    network: DpNetwork, batches: Iterable[tuple[Tensor, Tensor]], config: LossConfig
) -> dict[str, float]:
    """The mean of each part over many batches of inputs and labels, unweighed, and "total" as it is trained.

    The network is asked in the mode in which it is.
    """
    sums: dict[str, LossPart] = {}
    device = network.weights.device
    for x, labels in batches:
        for name, part in prototype_losses(network, network(x.to(device)), labels.to(device), config).items():
            known = sums.get(name, LossPart(torch.zeros_like(part.total), 0, part.weight))
            sums[name] = LossPart(known.total + part.total, known.count + part.count, part.weight)
    means = {name: float(part.total) / max(part.count, _SHORT) for name, part in sums.items()}
    return means | {"total": float(total_loss(sums))}


def _nearest(distances: Tensor, allowed: Tensor) -> Tensor:
    """(B, m) distances -> (B,) the least of those allowed; its gradient goes to that one alone."""
    return distances.masked_fill(~allowed, torch.inf).min(1).values
