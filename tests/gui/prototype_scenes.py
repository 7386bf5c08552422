"""A detector with prototypes, and similarities to them, for views that show them."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
from scenes import make_detector, make_scores

from engine.results import DetectorInfo, Prototype, PrototypeSource, Scores, frozen

COUNT = 20
SOURCE = PrototypeSource("person_07.mp4", 35, (80, 60, 240, 220), (3, 2), (110, 150, 170, 200), 0.07, "")


def make_prototypes(count: int = COUNT) -> tuple[Prototype, ...]:
    """The first half of real, the second of fake, with weights that are not all alike."""
    made = []
    for k in range(count):
        label = "real" if k < count // 2 else "fake"
        own, other = 1.0 + 0.01 * k, -0.5 - 0.003 * k
        weights = (own, other) if label == "real" else (other, own)
        operator = "" if label == "real" else "flicker of the mouth"
        name = f"{operator or 'real'} {k % (count // 2) + 1}"
        made.append(Prototype(name, label, weights, replace(SOURCE, operator=operator, frame=35 + k)))
    return tuple(made)


def make_prototype_detector(prototypes: tuple[Prototype, ...] | None = None) -> DetectorInfo:
    """In the place of the usual detector of a scene."""
    info = make_detector()
    card = {**info.card, "size": 64, "margin": 0.4, "flow": {"side": 64, "fields": 4, "stride": 1, "step": 5,
            "representation": "uv", "algorithm": "dis", "bound": 5.0}}  # fmt: skip
    explainers = (*info.explainers, "prototypes")
    return replace(info, prototypes=prototypes or make_prototypes(), card=card, explainers=explainers)


def make_similarities(track_id: int, spans: list[tuple[int, int]], count: int = COUNT, seed: int = 0) -> Scores:
    """A score per span with the similarities that make it, as `DpnetDetector` makes it."""
    similarity = np.random.default_rng(seed + track_id).uniform(0.02, 0.9, (len(spans), count)).astype(np.float32)
    logits = []
    for row in similarity.astype(np.float64):
        real = sum(p.weights[0] * s for p, s in zip(make_prototypes(count), row, strict=True))
        fake = sum(p.weights[1] * s for p, s in zip(make_prototypes(count), row, strict=True))
        logits.append(np.float32(fake - real))
    values = 1 / (1 + np.exp(-np.array(logits)))
    scores = make_scores(track_id, np.array([first for first, _ in spans]), values)
    series = MappingProxyType({"similarity": frozen(similarity)})
    return replace(
        scores, spans=frozen(np.array(spans, np.int64)), logits=frozen(np.array(logits)), activations=series
    )


def fives(first: int, last: int) -> list[tuple[int, int]]:
    """Spans of five frames from `first` on, the last one cut off at `last`."""
    return [(at, min(at + 4, last)) for at in range(first, last + 1, 5)]
