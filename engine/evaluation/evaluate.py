"""A detector on the videos of a data set: scores of each, and figures with intervals over the videos."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engine.detectors.base import Detector
from engine.errors import DataError
from engine.evaluation.detection import Measure, auc, balanced_accuracy, bootstrap_interval, equal_error_rate
from engine.evaluation.video_scores import VideoScores, score_video
from engine.faces.detector import FaceDetector
from engine.progress import CancelToken, ProgressCallback, ProgressMeter

METRICS: dict[str, Measure] = {
    "AUC": auc,
    "balanced accuracy": balanced_accuracy,
    "equal error rate": equal_error_rate,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One video or still to be judged.

    Attributes:
        name: as reported.
        path: the file.
        label: 1 = fake.
        split: of the data set.
        protocol: part of the evaluation a forged one counts for; empty for real ones, which count for all.
        method: of the forgery.
        is_face: whether the picture is a face's box already, so that no face is looked for.
    """

    name: str
    path: Path
    label: int
    split: str = ""
    protocol: str = ""
    method: str = ""
    is_face: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its 95 % bootstrap interval over videos."""

    protocol: str
    metric: str
    value: float
    low: float
    high: float
    n_real: int
    n_fake: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A sample and what the detector says of it."""

    sample: Sample
    scores: VideoScores


def judge(
    samples: Sequence[Sample],
    detector: Detector,
    every: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> list[Judged]:
    """Score all samples: the mean over the frames of a track, the maximum over tracks.

    Raises:
        VideoError, DataError: a file cannot be read.
        DeviceError, CancelledError: as the detector raises them.
    """
    faces = FaceDetector(detector.device)
    meter = ProgressMeter("Judging", len(samples), "videos", progress)
    judged = []
    for done, sample in enumerate(samples, 1):
        if cancel is not None:
            cancel.check()
        if sample.is_face:
            scores = _score_face(sample, detector)
        else:
            scores = score_video(sample.path, detector, faces, every, cancel=cancel)
        judged.append(Judged(sample, scores))
        meter.update(done)
    return judged


def figures(judged: Sequence[Judged], groups: Sequence[tuple[str, Callable[[Sample], bool]]]) -> list[Figure]:
    """Each metric on all scored real samples and the forged ones that a group takes; none for an empty group."""
    scored = [(j.sample, p) for j in judged if (p := j.scores.fake_probability) is not None]
    found = []
    for name, takes in groups:
        chosen = [(sample, p) for sample, p in scored if sample.label == 0 or takes(sample)]
        labels = np.array([sample.label for sample, _ in chosen])
        values = np.array([p for _, p in chosen])
        n_fake = int(labels.sum())
        if n_fake == 0 or n_fake == len(labels):
            continue
        for metric, measure in METRICS.items():
            low, high = bootstrap_interval(measure, values, labels)
            found.append(Figure(name, metric, measure(values, labels), low, high, len(labels) - n_fake, n_fake))
    return found


def report(
    judged: Sequence[Judged], found: Sequence[Figure], detector: Detector, data: str, every: int
) -> dict[str, Any]:
    """All of it as plain data for JSON."""
    return {
        "detector": {
            "id": detector.id,
            "weights_sha256": detector.weights_sha256,
            "device": detector.device,
            "precision": detector.precision,
        },
        "data": data,
        "every": every,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "measures": [
            {
                "protocol": f.protocol,
                "metric": f.metric,
                "value": f.value,
                "low": f.low,
                "high": f.high,
                "n_real": f.n_real,
                "n_fake": f.n_fake,
            }
            for f in found
        ],
        "without_a_face": [j.sample.name for j in judged if j.scores.fake_probability is None],
        "videos": [
            {
                "name": j.sample.name,
                "label": j.sample.label,
                "protocol": j.sample.protocol,
                "method": j.sample.method,
                "fake_probability": j.scores.fake_probability,
                "tracks": list(j.scores.tracks),
                "frames": list(j.scores.frames),
            }
            for j in judged
        ],
    }


def _score_face(sample: Sample, detector: Detector) -> VideoScores:
    picture = cv2.imread(str(sample.path), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError("The picture cannot be read", advice="Restore or remove it", file=sample.path)
    side = detector.crop_spec.size
    if picture.shape[:2] != (side, side):
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    logit = float(detector.score_crops(np.ascontiguousarray(picture[None, ..., ::-1]))[0])
    return VideoScores((1.0 / (1.0 + float(np.exp(-logit))),), (1,))
