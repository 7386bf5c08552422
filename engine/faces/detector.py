"""Faces in single pictures: MTCNN (Zhang et al. 2016) with the weights of facenet-pytorch."""

from collections.abc import Sequence

from engine.faces.detection import Detection
from engine.results import Picture


def working_size(width: int, height: int) -> tuple[int, int]:
    """Width and height to which a frame should be reduced before `FaceDetector.detect`."""
    raise NotImplementedError


class FaceDetector:
    """Finds faces and five landmarks. For the engine thread."""

    def __init__(self, device: str = "cpu", min_face: int = 40) -> None:
        raise NotImplementedError

    def detect(self, pictures: Sequence[Picture], scale: float | tuple[float, float]) -> list[list[Detection]]:
        """Faces of equally large pictures; `scale` (x, y) brings their pixels to those of the original frame."""
        raise NotImplementedError
