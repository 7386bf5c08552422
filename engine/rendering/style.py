"""What the user may choose about the look of an overlay."""

from dataclasses import dataclass

from engine.errors import UsageError
from engine.rendering.palette import PALETTES


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """How masks, boxes and text are drawn. Masks are never smoothed.

    Attributes:
        opacity: of the mask, 0 to 1.
        threshold: values below this share of the frame's largest |value| are not shown, 0 to 1.
        colour_map: id of a palette.
        mask, outline: the filled mask; the lines around what supports fake (solid) and real (dashed).
        boxes: face boxes with name and probability.
        labels: frame number, time, detector, weights, the statement on the video, opacity and threshold.
        curve: strip with the curve of probabilities along the bottom.
        decision: probability at which the curve's threshold line is drawn, 0 to 1.

    Raises:
        UsageError: a number is out of its range or the palette does not exist.
    """

    opacity: float = 0.6
    threshold: float = 0.15
    colour_map: str = "blue-orange"
    mask: bool = True
    outline: bool = True
    boxes: bool = True
    labels: bool = True
    curve: bool = True
    decision: float = 0.5

    def __post_init__(self) -> None:
        for name in ("opacity", "threshold", "decision"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"The {name} is {getattr(self, name)}", advice="Choose a number from 0 to 1")
        if self.colour_map not in PALETTES:
            raise UsageError(
                f"There is no colour map {self.colour_map}", advice=f"Choose one of {', '.join(PALETTES)}"
            )
