"""A network that looks at one face crop: a convolutional trunk, average pooling, one logit of fake."""

from torch import Tensor, nn


class FrameNetwork(nn.Module):
    """One timm EfficientNet-like trunk with one linear logit.

    Attributes:
        size: side of the input, pixels.
        input_mean, input_std: per RGB channel, for pictures scaled to [0, 1].
        gradcam_layer: dotted name of the module whose output Grad-CAM weighs.
    """

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
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, 1)
        self.size = size
        self.input_mean = input_mean
        self.input_std = input_std
        self.gradcam_layer = gradcam_layer

    def features(self, x: Tensor) -> Tensor:
        """(B, 3, size, size) normalised pictures -> (B, C, h, w), the map whose mean feeds the linear head."""
        features: Tensor = self.trunk.forward_features(x)  # type: ignore[operator]
        return features

    def classify(self, features: Tensor) -> Tensor:
        """(B, C, h, w) from `features` -> (B,) logit of fake."""
        logit: Tensor = self.head(self.dropout(features.mean((2, 3))))
        return logit.squeeze(1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, size, size) normalised pictures -> (B,) logit of fake."""
        return self.classify(self.features(x))


def initialise_head(network: FrameNetwork) -> None:
    """A head that begins undecided: small weights, no bias."""
    nn.init.normal_(network.head.weight, std=0.01)
    nn.init.zeros_(network.head.bias)
