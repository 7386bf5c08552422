"""Random weights with a proper card, where the quality of a network is not the point."""

import copy
from functools import cache
from pathlib import Path

import numpy as np
import torch

from engine.detectors.specs import detector_spec
from engine.detectors.weights import save_weights
from engine.networks.dpnet.network import DpNetwork
from engine.networks.frame import FrameNetwork
from engine.networks.snippets.network import SnippetNetwork
from engine.results import Picture


def random_network(detector_id: str, size: int | None = None, seed: int = 0) -> FrameNetwork:
    """A fresh copy of `_random_network`, which is made once."""
    return copy.deepcopy(_random_network(detector_id, size or detector_spec(detector_id).size, seed))


@cache
def _random_network(detector_id: str, size: int, seed: int) -> FrameNetwork:
    """A network normalised to `noise_crops`, whose logits of them spread around 0 like N(0, 1).

    Freshly initialised deep networks all but ignore their input; normalising with real statistics cures that. The
    head looks along the direction in which the features vary most: others hold little but rounding errors.
    """
    torch.manual_seed(seed)
    network = detector_spec(detector_id).build(size)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (network.input_mean, network.input_std))
    inputs = torch.from_numpy(noise_crops(24, network.size, seed)).permute(0, 3, 1, 2).float() / 255
    inputs = (inputs - mean) / std
    with torch.no_grad():
        for norm in norms:
            norm.momentum = None  # take the statistics of this batch as they are
        network.train()
        network.features(inputs)
        network.eval()
        for name, query in network.named_parameters():
            if name.startswith("queries"):  # of attention: scores of about 1
                query.normal_(std=0.4 / query.numel() ** 0.5)
        pooled = torch.cat([network.features(part).descriptor for part in inputs.split(8)])
        direction = torch.linalg.svd(pooled - pooled.mean(0), full_matrices=False).Vh[0]
        logits = pooled @ direction
        network.head.weight.copy_((direction / logits.std())[None])
        network.head.bias.copy_(-(logits.mean() / logits.std())[None])
    return network


def random_snippets(detector_id: str, size: int, seed: int = 0) -> SnippetNetwork:
    """A snippet network normalised to `noise_crops`, whose frame logits of them spread around 0 like N(0, 1)."""
    torch.manual_seed(seed)
    network: SnippetNetwork = detector_spec(detector_id).build(size)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (network.input_mean, network.input_std))
    clips = torch.from_numpy(noise_crops(32, size, seed)).permute(0, 3, 1, 2).float() / 255
    clips = ((clips - mean) / std).view(2, 4, 4, 3, size, size)
    with torch.no_grad():
        for norm in norms:
            norm.momentum = None  # take the statistics of this batch as they are
        network.train()(clips)
        network.eval()
        for parameter in network.parameters():
            if not parameter.any():  # the modules begin as nothing at all
                parameter.normal_(std=0.1)
        network.head.weight.normal_(std=1.0)
        logits = network.forward_with_attention(clips).frame_logits
        network.head.weight /= logits.std()
        network.head.bias -= logits.mean() / logits.std()
    return network


def random_dpnet(detector_id: str, size: int, seed: int = 0) -> DpNetwork:
    """A network normalised to noise, with similarities that are neither 0 nor 1."""
    torch.manual_seed(seed)
    network: DpNetwork = detector_spec(detector_id).build(size)
    with torch.no_grad():
        for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.momentum = None
        network.train()(torch.randn(8, network.channels, size, size))
        network.add_on[3].weight.mul_(1.2)
        network.prototypes.vectors.mul_(0.3)
    return network.eval()


def noise_crops(count: int, size: int, seed: int = 0) -> Picture:
    """(count, size, size, 3) uint8: coloured clouds of several scales, no two alike."""
    rng = np.random.default_rng(seed)
    crops = np.zeros((count, size, size, 3), np.float32)
    for cells in (2, 5, 16, 48):
        grid = rng.normal(size=(count, cells, cells, 3)).astype(np.float32)
        rows = np.minimum(np.arange(size) * cells // size, cells - 1)
        crops += grid[:, rows][:, :, rows]
    crops += rng.normal(size=(count, 1, 1, 3)).astype(np.float32)
    return np.clip(128 + 40 * crops, 0, 255).astype(np.uint8)


def card_values(detector_id: str, network: FrameNetwork | SnippetNetwork) -> dict[str, object]:
    """All of a card but the hash."""
    return {
        "id": detector_id,
        "architecture": detector_spec(detector_id).architecture,
        "size": network.size,
        "margin": 0.0,
        "classes": ["real", "fake"],
        "mean": list(network.input_mean),
        "std": list(network.input_std),
        "date": "2025-01-31",
        "trustworthy": False,
        "trust_reason": "random weights",
        "training": {"data": "none", "seed": 0},
        "measures": [
            {
                "protocol": "none", "data": "noise", "metric": "auc", "value": 0.5, "low": 0.4, "high": 0.6,
                "n_real": 10, "n_fake": 12, "date": "2025-01-31",
            }
        ],
        "limits": {"text": "knows nothing"},
    }  # fmt: skip


def write_random_weights(folder: Path, detector_id: str, seed: int = 0, **card: object) -> Path:
    """`folder/ID` with model and card; returns it."""
    network = random_network(detector_id, seed=seed)
    target = folder / detector_id
    save_weights(target, network, card_values(detector_id, network) | card, torch.float16)
    return target
