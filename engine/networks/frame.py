"""A network that looks at one face crop: a convolutional trunk, a descriptor, one logit of fake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Features:
    """What a network sees before its linear head.

    Attributes:
        map: (B, C, h, w), the last map, from which masks are read; C is the network's `map_channels`.
        descriptor: (B, D), what the linear head judges.
        attention: by name a map (B, h', w') float32, not negative, at native resolution; empty without attention.
    """

    map: Tensor
    descriptor: Tensor
    attention: Mapping[str, Tensor] = field(default_factory=dict)


class FrameNetwork(nn.Module):
    """One timm EfficientNet-like trunk, average pooling, one linear logit. With attention: a subclass.

    Attributes:
        attention_names: of the maps in `Features.attention`, in their order.
        size: side of the input, pixels.
        input_mean, input_std: per RGB channel, for pictures scaled to [0, 1].
        gradcam_layer: dotted name of the module whose output Grad-CAM weighs.
        map_channels: of `Features.map`.
    """

    attention_names: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        trunk: nn.Module,
        channels: int,
        *,
        size: int,
        input_mean: tuple[float, float, float],
        input_std: tuple[float, float, float],
        gradcam_layer: str,
        dropout: float,
        map_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, 1)
        self.size = size
        self.input_mean = input_mean
        self.input_std = input_std
        self.gradcam_layer = gradcam_layer
        self.map_channels = map_channels or channels

    @property
    def map_layers(self) -> tuple[str, ...]:
        """Dotted names of modules whose outputs are maps (B, C, h, w): `gradcam_layer`, then as they are computed.

        The stem, each stage (its last block's output), each block of it, and the last convolution if there is one.
        """
        trunk: Any = self.trunk
        found = ["trunk.bn1"]
        for number, stage in enumerate(trunk.blocks):
            found += [f"trunk.blocks.{number}", *(f"trunk.blocks.{number}.{block}" for block in range(len(stage)))]
        if not isinstance(trunk.bn2, nn.Identity):
            found.append("trunk.bn2")
        return tuple(dict.fromkeys([self.gradcam_layer, *found]))

    def features(self, x: Tensor) -> Features:
        """(B, 3, size, size) normalised pictures -> what is seen in each."""
        last: Tensor = self.trunk.forward_features(x)  # type: ignore[operator]
        return Features(last, last.mean((2, 3)))

    def classify(self, features: Features) -> Tensor:
        """What `features` gave -> (B,) logit of fake."""
        logit: Tensor = self.head(self.dropout(features.descriptor))
        return logit.squeeze(1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, size, size) normalised pictures -> (B,) logit of fake."""
        return self.classify(self.features(x))

    def forward_with_attention(self, x: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """As `forward`, with the attention maps that made the logit: see `Features.attention`."""
        features = self.features(x)
        return self.classify(features), features.attention


def initialise_head(network: FrameNetwork) -> None:
    """A head that begins undecided: small weights, no bias."""
    nn.init.normal_(network.head.weight, std=0.01)
    nn.init.zeros_(network.head.bias)
