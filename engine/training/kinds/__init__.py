"""How detectors are trained, by what loads them; the only place that knows which kinds there are."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from engine.detectors.dpnet import DpnetDetector
from engine.detectors.frame import FrameDetector
from engine.detectors.lps import LpsDetector
from engine.detectors.snippets import SnippetDetector
from engine.detectors.specs import DetectorSpec, Load
from engine.errors import UsageError
from engine.networks.dpnet.network import DpNetwork
from engine.networks.dpnet.trunks import load_picture_weights
from engine.training.kinds.base import Kind
from engine.training.kinds.dpnet import DPNET
from engine.training.kinds.frame import FRAME
from engine.training.kinds.lps import LPS
from engine.training.kinds.snippet import SNIPPET

KINDS: dict[Load, Kind[Any]] = {
    FrameDetector: FRAME,
    SnippetDetector: SNIPPET,
    DpnetDetector: DPNET,
    LpsDetector: LPS,
}
_TRUNK = "trunk."


def kind_of(spec: DetectorSpec) -> Kind[Any]:
    """Raises UsageError for a detector that `train` does not know how to train."""
    if spec.load not in KINDS:
        raise UsageError(f"{spec.id} cannot be trained with this command", advice="Choose another detector")
    return KINDS[spec.load]


def trunk_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a network begins with that takes over the trunk of another detector's: of the trunk alone.

    Args:
        network: one like it; its trunk is changed.
        weights: of a network with the same trunk.
    """
    if isinstance(network, DpNetwork):  # its first layer sees motion, too
        pictures = {key.removeprefix(_TRUNK): value for key, value in weights.items() if key.startswith(_TRUNK)}
        load_picture_weights(network.trunk, pictures)
        weights = network.state_dict()
    mine = network.state_dict()
    return {key: value for key, value in weights.items() if key in mine and key.startswith(_TRUNK)}
