"""What a face detector finds in one picture."""

from dataclasses import dataclass

from engine.results import FloatArray


@dataclass(frozen=True, slots=True)
class Detection:
    """One face in one frame, in continuous pixels of the frame as displayed.

    Attributes:
        box: (4,) float32 x0, y0, x1, y1; may reach over the frame's edge.
        landmarks: (5, 2) float32: left eye, right eye, nose, left and right corner of the mouth, as seen.
        score: in [0, 1].
    """

    box: FloatArray
    landmarks: FloatArray
    score: float
