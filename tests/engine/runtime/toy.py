"""A clip of coloured squares with a detector and a face finder that read them exactly: no network, known answers.

The worker is `Engine(deliver, worker="toy")`. Person A is red, person B is green; the blue of A is the number of
the frame, the blue of B is 250 minus it. A is away in GAP, B comes at B_FROM. The logit is blue / 100 - 1.
"""

import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

import av
import numpy as np

from engine.detectors.base import AnyDetector, Clip, ClipDetector, ClipScores, Detector
from engine.detectors.snippet_sampling import dense_clips
from engine.explainers.base import UNWATCHED, ClipExplainer, ClipMaps, Watch
from engine.faces.detection import Detection
from engine.progress import CancelToken
from engine.results import CropSpec, Picture, Provenance
from engine.runtime.worker import TorchWorker

FRAMES, WIDTH, HEIGHT, SIDE = 200, 320, 160, 64
GAP = range(90, 130)
B_FROM = 40


@dataclass
class Settings:
    seconds_per_crop: float = 0.0
    fail_at_crop: int | None = None
    scored: list[int] = field(default_factory=list)
    """Blue of every crop that was scored."""
    explained: list[int] = field(default_factory=list)
    """First frames of the clips that were explained."""
    looked: int = 0
    """Pictures in which faces were looked for."""
    started: threading.Event = field(default_factory=threading.Event)


SETTINGS = Settings()


def reset() -> Settings:
    global SETTINGS
    SETTINGS = Settings()
    return SETTINGS


def picture(frame: int) -> Picture:
    # A background that stays: else the squares that come and go would be scene cuts.
    blocks = np.random.default_rng(0).integers(0, 120, (HEIGHT // 10, WIDTH // 10), np.uint8)
    pixels = np.repeat(np.repeat(np.repeat(blocks[..., None], 3, 2), 10, 0), 10, 1)
    if frame not in GAP:
        x = 10 + frame // 4
        pixels[20 : 20 + SIDE, x : x + SIDE] = (250, 0, frame)
    if frame >= B_FROM:
        x = 230 - frame // 8
        pixels[70 : 70 + SIDE, x : x + SIDE] = (0, 250, 250 - frame)
    return pixels


def logit(person: str, frame: int) -> float:
    return (frame if person == "A" else 250 - frame) / 100 - 1


def write_clip(path: Path) -> Path:
    """Lossless, 25 frames a second."""
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "bgr0"
        for frame in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(frame), format="rgb24")))
        container.mux(stream.encode())
    return path


class ToyFaces:
    """Finds the squares."""

    def detect(
        self, pictures: Sequence[Picture], frame: tuple[int, int], *, cancel: CancelToken | None = None
    ) -> list[list[Detection]]:
        found = []
        for pixels in pictures:
            SETTINGS.looked += 1
            scale = np.array(frame, np.float32) / pixels.shape[1::-1]
            here = []
            for channel in (0, 1):
                rows, columns = np.nonzero(pixels[..., channel] > 130)
                if len(rows):
                    corners = np.array(
                        [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32
                    ) * np.tile(scale.astype(np.float32), 2)
                    middle = (corners[:2] + corners[2:]) / 2
                    here.append(Detection(corners, np.tile(middle, (5, 1)).astype(np.float32), 0.99))
            found.append(here)
        return found


class ToyDetector(Detector):
    """Reads the blue of the middle of the crop."""

    id, device, batch, precision = "frame-mobile", "cpu", 16, "float32"
    weights_sha256 = "0" * 64
    crop_spec = CropSpec(32)
    trustworthy, trust_reason = True, ""

    def score_crops(
        self, crops: Picture, *, cancel: CancelToken | None = None, notify: object = None
    ) -> np.ndarray:
        SETTINGS.started.set()
        for crop in crops:
            if cancel is not None:
                cancel.check()
            time.sleep(SETTINGS.seconds_per_crop)
            SETTINGS.scored.append(round(float(crop[12:20, 12:20, 2].mean())))
            if SETTINGS.fail_at_crop is not None and len(SETTINGS.scored) > SETTINGS.fail_at_crop:
                raise ZeroDivisionError("toy")
        return (crops[:, 12:20, 12:20, 2].mean((1, 2)) / 100 - 1).astype(np.float32)

    def exact_logits(self, crops: Picture) -> np.ndarray:
        return self.score_crops(crops)

    def in_batches(self, *_: object, **__: object) -> Never:
        raise NotImplementedError

    def provenance(self, **settings: object) -> Provenance:
        return Provenance(self.id, self.weights_sha256, settings, "CPU", "float32", {})


class OtherToyDetector(ToyDetector):
    id = "frame-b4"
    weights_sha256 = "1" * 64


class ToyClipDetector(ClipDetector):
    """Reads the blue of five snippets of eight frames: its logits are those of their means."""

    id, device, batch, precision = "snippet-compact", "cpu", 1, "float32"
    weights_sha256 = "2" * 64
    crop_spec = CropSpec(32)
    trustworthy, trust_reason = True, ""
    length = 40

    def plan(self, first: int, last: int, every: int = 1) -> Sequence[Clip]:
        return dense_clips(first, last, 5, 8, every)

    def score_clip(self, clip: Clip, crops: Picture) -> ClipScores:
        SETTINGS.started.set()
        SETTINGS.scored.append(clip.first)
        blue = crops[:, 12:20, 12:20, 2].mean((1, 2)).reshape(-1, 8)
        rows = [int(np.searchsorted(clip.frames.reshape(-1, 8).max(1), end)) for end in clip.spans[:, 1]]
        return ClipScores(
            (blue.mean(1)[rows] / 100 - 1).astype(np.float32), {"blue": blue[rows].astype(np.float32)}
        )

    def in_batches(self, *_: object, **__: object) -> Never:
        raise NotImplementedError

    def provenance(self, **settings: object) -> Provenance:
        return Provenance(self.id, self.weights_sha256, settings, "CPU", "float32", {})


DETECTORS: dict[str, type[AnyDetector]] = {
    each.id: each for each in (ToyDetector, OtherToyDetector, ToyClipDetector)
}


class ToyClipExplainer(ClipExplainer):
    """A map is the blue of its frame; the logits are those of ToyClipDetector."""

    id, signed, precision = "snippet-attention", False, "float32"

    def steps(
        self, detector: ClipDetector, clip: Clip, crops: Picture, watch: Watch = UNWATCHED
    ) -> Generator[None, None, ClipMaps]:
        yield None
        watch.check()
        SETTINGS.explained.append(clip.first)
        blue = crops[:, 12:20, 12:20, 2].mean((1, 2), dtype=np.float32)
        return ClipMaps(np.tile(blue[:, None, None], (1, 2, 2)), detector.score_clip(clip, crops).logits)


class ToyWorker(TorchWorker):
    def _detector(self, detector_id: str, *_: object, **__: object) -> AnyDetector:
        return DETECTORS[detector_id]()

    def _face_detector(self, detector: AnyDetector) -> ToyFaces:  # type: ignore[override]
        return ToyFaces()


def create_worker(device: str) -> ToyWorker:
    return ToyWorker(device)
