"""A scene whose detector has prototypes: two of real and two of fake, clips of five frames, logits by a loop."""

from types import MappingProxyType

import numpy as np
from scenes import SHA, Scene, make_detector, make_track

from engine.results import DetectorInfo, Prototype, PrototypeSource, Provenance, Scores, frozen
from engine.runtime.protocol import AnalysisDone, Finished, SegmentAnalyzed

DETECTOR = "dpnet-compact"
STEP = 5
NAMES = ("real 1", "real 2", "flicker of the mouth 1", "jitter of the eyes 1")


def prototype(number: int, name: str, label: str) -> Prototype:
    operator = "" if label == "real" else name.rpartition(" ")[0].replace(" ", "-")
    source = PrototypeSource(
        f"faces/clip_{number}.mp4", 10 * number, (10, 20, 110, 120), (1, 2), (40, 50, 60, 70), 0.25, operator
    )
    return Prototype(name, label, (1.0, -0.5) if label == "real" else (-0.5, 1.0), source)


PROTOTYPES = tuple(prototype(k, name, "real" if k < 2 else "fake") for k, name in enumerate(NAMES))


def dpnet(prototypes: tuple[Prototype, ...] = PROTOTYPES, folder: str = "") -> DetectorInfo:
    card = {"id": DETECTOR, "size": 64, "trustworthy": False, "trust_reason": "made by hand"}
    return DetectorInfo(
        DETECTOR, "DPNet, compact", "P000", True, SHA, card, "", ("prototypes",), folder, prototypes
    )


def naive_logit(row: np.ndarray, heard: tuple[bool, ...] = (True,) * 4) -> float:
    """Of fake less that of real, one product after the other."""
    real = fake = 0.0
    for similarity, each, counts in zip(row, PROTOTYPES, heard, strict=True):
        if counts:
            real += float(similarity) * each.weights[0]
            fake += float(similarity) * each.weights[1]
    return fake - real


def clip_scores(similarity: np.ndarray, track: int = 0, first: int = 0) -> Scores:
    """Scores of successive clips from their (N, 4) similarities."""
    similarity = similarity.astype(np.float32)
    logits = np.array([naive_logit(row) for row in similarity], np.float32)
    probability = (0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))).astype(np.float32)
    starts = first + STEP * np.arange(len(similarity))
    return Scores(
        DETECTOR,
        track,
        frozen(np.column_stack((starts, starts + STEP - 1))),
        frozen(probability),
        frozen(logits),
        Provenance(DETECTOR, SHA, {"flow": "dis"}, "cpu", "float32", {}),
        MappingProxyType({"similarity": frozen(similarity)}),
    )


def similarities(steps: int, seed: int = 0) -> np.ndarray:
    """(steps, 4) in [0.05, 0.95], those of fake prototypes higher in the last third."""
    values = np.random.default_rng(seed).uniform(0.05, 0.35, (steps, 4))
    values[2 * steps // 3 :, 2:] += 0.6
    return values.astype(np.float32)


def list_dpnet(scene: Scene, folder: str = "") -> None:
    """Tell the session of this detector and of one without prototypes, and choose it."""
    scene.list_detectors(dpnet(folder=folder), make_detector())
    scene.session.set_detector(DETECTOR)


def segment(scene: Scene, job: int, *scores: Scores, first: int = 0, last: int = -1) -> None:
    tracks = tuple(make_track(s.track_id, np.arange(s.spans[0, 0], s.spans[-1, 1] + 1)) for s in scores)
    last = scene.frames - 1 if last < 0 else last
    scene.send(SegmentAnalyzed(job, scene.identity, DETECTOR, first, last, tracks, scores))


def finish(scene: Scene, *scores: Scores, job: int | None = None) -> None:
    """The whole analysis at once."""
    job = scene.analyse() if job is None else job
    segment(scene, job, *scores)
    tracks = tuple(make_track(s.track_id, np.arange(s.spans[0, 0], s.spans[-1, 1] + 1)) for s in scores)
    top = max((s.track_probability for s in scores), default=None)
    scene.send(AnalysisDone(job, scene.identity, DETECTOR, tracks, scores, top, ()))
    scene.send(Finished(job))
