"""The hunt finds shortcuts that were put in, and none where there is nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from cartoons import POINTS, draw_face
from PIL import Image
from sklearn.metrics import roc_auc_score

from engine.errors import CancelledError
from engine.evaluation.bootstrap import Interval
from engine.progress import CancelToken
from engine.training.datasets.base import Dataset, Item
from engine.training.shortcuts.hunt import (
    SIDE,
    Finding,
    blurred_features,
    border_features,
    file_facts,
    hunt,
    verdict,
)
from engine.training.shortcuts.report import as_data, report_files


def items_of(root: Path, count: int, forge, save) -> Dataset:  # type: ignore[no-untyped-def]
    """Stills of so many cartoon persons, each with its forgery; `forge(picture)`, `save(path, picture, label)`."""
    rng = np.random.default_rng(1)
    items = []
    for k in range(count):
        real = draw_face(rng)
        for label, picture in enumerate((real, forge(real.copy()))):
            path = root / f"{k}_{label}.jpg"
            save(path, picture, label)
            items.append(
                Item(
                    f"{k}_{label}", path, "still", label, (f"p{k}",), "validation", "drawn",
                    original=f"{k}_0" if label else "", points=None if label else POINTS[None],
                )
            )  # fmt: skip
    return Dataset("drawn", root, tuple(items))


def plain(path: Path, picture: np.ndarray, _: int) -> None:
    Image.fromarray(picture).save(path, quality=90)


def mouth(picture: np.ndarray) -> np.ndarray:
    """A forgery that leaves border and colours alone: noise of mean 0 in the middle."""
    noise = np.random.default_rng(0).normal(scale=12, size=(40, 40, 3))
    picture[70:110, 60:100] = np.clip(picture[70:110, 60:100] + noise, 0, 255)
    return picture


def verdicts(data: Dataset) -> dict[tuple[str, str], str]:
    return {(f.probe, f.classifier): f.verdict for f in hunt(data, data.items)}


def test_files_saved_otherwise_are_a_leak(tmp_path: Path) -> None:
    def save(path: Path, picture: np.ndarray, label: int) -> None:
        Image.fromarray(picture).save(path, quality=60 if label else 90)

    found = hunt(*(lambda d: (d, d.items))(items_of(tmp_path, 16, mouth, save)))
    facts = [f for f in found if f.probe == "file facts (stills)"]
    assert [f.verdict for f in facts] == ["leak", "leak"]
    for finding in facts:
        labels, scores = zip(*finding.scores.values(), strict=True)
        assert finding.auc is not None
        assert finding.auc.value == pytest.approx(roc_auc_score(labels, scores))
        assert finding.auc.value > 0.95
        assert (finding.n_real, finding.n_fake) == (16, 16)
        assert finding.over == "persons (16 groups with real, 16 with forged files)"


def test_a_changed_border_and_another_colour_are_leaks(tmp_path: Path) -> None:
    def edge_and_red(picture: np.ndarray) -> np.ndarray:
        changed = cv2.GaussianBlur(picture, (0, 0), 4)
        changed[45:125, 35:125] = picture[45:125, 35:125]
        changed[..., 0] = np.clip(changed[..., 0].astype(int) + 70, 0, 255)
        return changed

    found = verdicts(items_of(tmp_path, 16, edge_and_red, plain))
    for probe in ("border", "blurred crops"):
        assert "leak" in {found[probe, "logistic regression"], found[probe, "random forest"]}


def test_forgeries_that_nothing_else_gives_away_are_no_leak(tmp_path: Path) -> None:
    found = verdicts(items_of(tmp_path, 16, lambda picture: picture, plain))
    assert "leak" not in found.values()
    assert len(found) == 6


def test_nobody_is_in_training_and_test(tmp_path: Path) -> None:
    """Each person has one colour and is of one class: whoever has seen the person knows it all."""
    rng = np.random.default_rng(0)
    items = []
    for k in range(12):
        face = draw_face(rng)
        for n in range(4):
            path = tmp_path / f"{k}_{n}.png"
            Image.fromarray(face).save(path)
            at = Item(f"{k}_{n}", path, "still", k % 2, (f"p{k}",), "validation", "drawn", points=POINTS[None])
            items.append(at)
    data = Dataset("drawn", tmp_path, tuple(items))
    blurred = [f for f in hunt(data, data.items) if f.probe == "blurred crops"]
    assert all(f.auc is not None and f.auc.value < 0.9 for f in blurred)
    assert "leak" not in {f.verdict for f in blurred}


def test_too_few_files_are_not_measured(drawn: Dataset) -> None:
    found = hunt(drawn, drawn.part("validation"))
    assert {f.verdict for f in found} == {"not measured"}
    assert "3 real and 3 forged files; 10 of each are needed" in {f.reason for f in found}


def test_features_see_what_they_should() -> None:
    crop = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    inside = crop.copy()
    inside[8:56, 8:56] = 7
    np.testing.assert_array_equal(border_features(crop), border_features(inside))
    assert len(border_features(crop)) == 28 * 6
    means = crop.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(blurred_features(crop), means, atol=0.51)


def test_facts_of_a_clip_are_of_the_file_alone(tmp_path: Path, drawn: Dataset) -> None:
    import av

    path = tmp_path / "clip.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    facts = file_facts(replace(drawn.items[0], path=path, kind="clip"))
    assert (facts["width"], facts["height"], facts["frames"], facts["rate"]) == (64, 48, 10, 25.0)
    assert facts["bits per pixel"] == pytest.approx(8 * path.stat().st_size / (64 * 48 * 10))
    assert facts["frames per key frame"] == 10
    moved = tmp_path / "elsewhere.mp4"
    shutil.copy(path, moved)
    assert file_facts(replace(drawn.items[0], path=moved, kind="clip")) == facts


def test_verdicts() -> None:
    assert verdict(Interval(0.8, 0.7, 0.9)) == "leak"
    assert verdict(Interval(0.5, 0.45, 0.55)) == "none found"
    assert verdict(Interval(0.55, 0.4, 0.7)) == "undecided"


def test_the_report_names_every_leak_and_the_json_every_score() -> None:
    scores = {"a.jpg": (0, 0.2), "b.jpg": (1, 0.9)}
    found = [
        Finding(
            "file facts (stills)", "random forest", Interval(0.9, 0.8, 1.0), "videos", 1, 1, "leak", "", scores
        ),
        Finding("border", "random forest", None, "", 0, 0, "not measured", "no file", {}),
    ]
    files = report_files([("drawn", found)], 0, "python main.py evaluate")
    assert 'class="warning">drawn: file facts (stills), random forest: AUC 0.900' in files["report.html"]
    assert files["report.html"].count('class="warning"') == 1
    assert "| border | random forest | 0 | 0 |  | no file | not measured |" in files["report.md"]
    facts, border = as_data([("drawn", found)], 0, "python main.py evaluate")["runs"][0]["probes"]
    assert facts["files"] == [
        {"name": "a.jpg", "label": 0, "score": 0.2},
        {"name": "b.jpg", "label": 1, "score": 0.9},
    ]
    assert (facts["AUC"], facts["low"], facts["high"], border["AUC"]) == (0.9, 0.8, 1.0, None)


def test_it_can_be_cancelled(drawn: Dataset) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        hunt(drawn, drawn.items, cancel=token)
