"""A hunt for shortcuts: can something that is no forgery tell the real files of a data set from the forged ones?

Simple classifiers, cross-validated by persons, look at what a detector should not need: the facts of the files,
the border of the crops, crops blurred until no trace of a forgery is left. What they tell apart, a detector
trained on these data may have learned instead of forgeries. Crops are cut and treated as in training, a real and a
forged one by the same draw.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.evaluation.bootstrap import Interval, intervals, units
from engine.evaluation.detection import AUC, Array
from engine.evaluation.persons import tied_groups
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import Picture
from engine.training.augmentation.crops import apply_augmentation, draw_augmentation
from engine.training.datasets.base import Dataset, Item
from engine.training.faces.store import FaceStore, gather_faces
from engine.video.media import open_media

SIDE, CELLS = 64, 8
"""Side of the crops, and into how many cells along a side they are cut."""
NEAR_CHANCE = 0.6
"""No shortcut was found where the whole interval of the AUC lies under this and does not lie above one half."""
_FRAMES_PER_CLIP, _DRAWS_PER_FACE = 6, 2
_SCALES = (0.86, 1.1)
_FOLDS = 5
_FEWEST = 10
_TREES = 60

CLASSIFIERS = ("logistic regression", "random forest")
PROBES = {
    "file facts": "codec, container, size, rate, bits per pixel, key frames: nothing of the picture",
    "border": f"the outermost {SIDE // CELLS} of {SIDE} pixels of the crops",
    "blurred crops": f"the crops reduced to {CELLS} by {CELLS} pixels",
}


@dataclass(frozen=True)
class Finding:
    """What one classifier made of one probe.

    Attributes:
        probe: of PROBES, with the kind of files.
        classifier: of CLASSIFIERS.
        auc: over files whose persons the classifier had not seen, with its 95 % interval; None: not measured.
        over: what was resampled for the interval, and how many groups of it there are.
        n_real, n_fake: files.
        verdict: "leak", "none found", "undecided" or "not measured".
        reason: why it was not measured.
        scores: file -> (label, score), from which the AUC can be computed again.
    """

    probe: str
    classifier: str
    auc: Interval | None
    over: str
    n_real: int
    n_fake: int
    verdict: str
    reason: str
    scores: Mapping[str, tuple[int, float]]


@dataclass(frozen=True)
class _Table:
    """Features (N, K) of rows that belong to items."""

    features: Array
    items: Sequence[Item]


def hunt(
    dataset: Dataset,
    items: Sequence[Item],
    seed: int = 0,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> list[Finding]:
    """All probes on some items of a data set, each with both classifiers.

    Raises:
        VideoError, DataError: a file cannot be read.
        CancelledError: cancelled.
    """
    token = cancel or CancelToken()
    found = []
    for kind in sorted({item.kind for item in items}):
        of_kind = [item for item in items if item.kind == kind]
        if len({item.label for item in of_kind}) == 2:
            table = _facts_table(of_kind, token, progress)
            found += _probed(f"file facts ({kind}s)", table, seed, token)
    crops = _crops(gather_faces(dataset, items, _FRAMES_PER_CLIP, cancel=token, progress=progress), seed, token)
    owners = [item for item, _ in crops]
    pictures = [crop for _, crop in crops]
    for name, features in (("border", border_features), ("blurred crops", blurred_features)):
        found += _probed(name, _Table(np.array([features(p) for p in pictures]), owners), seed, token)
    return found


def border_features(crop: Picture) -> Array:
    """Of each cell along the border of a crop (SIDE, SIDE, 3): mean colour, contrast, roughness both ways."""
    grey = crop.mean(axis=2)
    step = SIDE // CELLS
    found = []
    for row in range(CELLS):
        for column in range(CELLS):
            if row in (0, CELLS - 1) or column in (0, CELLS - 1):
                at = (slice(row * step, (row + 1) * step), slice(column * step, (column + 1) * step))
                cell = grey[at]
                rough = [np.abs(np.diff(cell, axis=axis)).mean() for axis in (0, 1)]
                found.append([*crop[at].mean(axis=(0, 1)), cell.std(), *rough])
    return np.concatenate(found)


def blurred_features(crop: Picture) -> Array:
    """A crop (SIDE, SIDE, 3) as CELLS by CELLS mean colours."""
    return np.asarray(cv2.resize(crop, (CELLS, CELLS), interpolation=cv2.INTER_AREA), np.float64).ravel()


def file_facts(item: Item) -> dict[str, float | str]:
    """What can be known of a file without looking at its pictures."""
    if item.kind in ("still", "face"):
        with Image.open(item.path) as picture:
            size = item.path.stat().st_size
            tables = getattr(picture, "quantization", None) or {}
            return {
                "format": str(picture.format),
                "width": picture.width,
                "height": picture.height,
                "bits per pixel": 8 * size / (picture.width * picture.height),
                "quantisation": float(np.mean([np.mean(t) for t in tables.values()])) if tables else 0.0,
            }
    media = open_media(item.path)
    try:
        facts, index = media.facts, media.index
        pixels = max(1, media.width * media.height * len(index))
        stream = facts.stream
        return {
            "container": facts.container,
            "codec": stream.codec,
            "profile": stream.profile,
            "pixel format": stream.pixel_format,
            "encoder": facts.encoder.split()[0] if facts.encoder else "",
            "width": media.width,
            "height": media.height,
            "frames": len(index),
            "rate": float(stream.average_rate or 0),
            "bits per pixel": 8 * facts.size / pixels,
            "frames per key frame": len(index) / max(1, int(index.key.sum())),
            "sound": len(facts.audio),
        }
    finally:
        media.close()


def _facts_table(items: Sequence[Item], cancel: CancelToken, progress: ProgressCallback | None) -> _Table:
    meter = ProgressMeter("Reading facts", len(items), "files", progress)
    rows = []
    for done, item in enumerate(items, 1):
        cancel.check()
        rows.append(file_facts(item))
        meter.update(done)
    return _Table(DictVectorizer(sparse=False).fit_transform(rows), items)


def _crops(store: FaceStore, seed: int, cancel: CancelToken) -> list[tuple[Item, Picture]]:
    """Crops of forged faces, each beside one of its original, else of any real face of its source; a draw each."""
    rng = np.random.default_rng(seed)
    reals: dict[str, list[int]] = defaultdict(list)
    for index, face in enumerate(store.faces):
        if not face.item.label:
            reals[face.item.source].append(index)
    found: list[tuple[Item, Picture]] = []
    for index, face in enumerate(store.faces):
        others = reals[face.item.source]
        if not face.item.label or (face.original is None and not others):
            continue
        cancel.check()
        other = face.original if face.original is not None else others[rng.integers(len(others))]
        for _ in range(_DRAWS_PER_FACE):
            draw = draw_augmentation(rng, SIDE, _SCALES)
            for each in (other, index):
                square = store.faces[each].square
                crop = apply_augmentation([store.load(each)], None, square, draw, SIDE)[0][0]
                found.append((store.faces[each].item, crop))
    return found


def _probed(probe: str, table: _Table, seed: int, cancel: CancelToken) -> list[Finding]:
    """Both classifiers on one table."""
    forest = RandomForestClassifier(_TREES, min_samples_leaf=3, random_state=seed, n_jobs=1)
    models = (make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), forest)
    found = []
    for name, model in zip(CLASSIFIERS, models, strict=True):
        cancel.check()
        scores, reason = _scores(model, table, seed)
        found.append(_finding(probe, name, table.items, scores, reason, seed))
    return found


def _scores(model: object, table: _Table, seed: int) -> tuple[Array, str]:
    """(N,) probability of fake of each row by a model that saw none of its persons; nan where there was none."""
    scores = np.full(len(table.items), np.nan)
    labels = np.array([item.label for item in table.items], np.int64)
    per_class = [len({item.name for item in table.items if item.label == label}) for label in (0, 1)]
    if min(per_class) < _FEWEST:
        return scores, f"{per_class[0]} real and {per_class[1]} forged files; {_FEWEST} of each are needed"
    groups = tied_groups([item.persons or (item.name,) for item in table.items])
    folds = min(_FOLDS, len(np.unique(groups)))
    if folds < 2:
        return scores, "all files are tied by the persons in them"
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups):
        if 0 < labels[train].sum() < len(train):
            fitted = clone(model).fit(table.features[train], labels[train])
            scores[test] = fitted.predict_proba(table.features[test])[:, 1]
    return scores, ""


def _finding(probe: str, classifier: str, items: Sequence[Item], scores: Array, reason: str, seed: int) -> Finding:
    """The AUC over files: the mean of a file's rows."""
    rows: dict[str, list[float]] = defaultdict(list)
    for item, score in zip(items, scores, strict=True):
        if not np.isnan(score):
            rows[item.name].append(float(score))
    by_name = {item.name: item for item in items if item.name in rows}
    judged = {name: (item.label, float(np.mean(rows[name]))) for name, item in by_name.items()}
    labels = [label for label, _ in judged.values()]
    n_fake = sum(labels)
    n_real = len(labels) - n_fake
    if not n_real or not n_fake:
        why = reason or "no fold had both classes"
        return Finding(probe, classifier, None, "", n_real, n_fake, "not measured", why, judged)
    unit = units(labels, list(judged), [by_name[name].persons for name in judged])
    auc = intervals([score for _, score in judged.values()], labels, unit, 0.5, seed=seed)[AUC]
    over = f"{unit.over} ({unit.real_groups} groups with real, {unit.fake_groups} with forged files)"
    return Finding(probe, classifier, auc, over, n_real, n_fake, verdict(auc), "", judged)


def verdict(auc: Interval) -> str:
    """What an AUC with its interval says of a shortcut."""
    if auc.low > 0.5:
        return "leak"
    return "none found" if auc.high < NEAR_CHANCE else "undecided"
