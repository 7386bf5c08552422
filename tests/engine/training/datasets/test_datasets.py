"""Readers of data sets: layouts, splits by person, and what is refused."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import DataError
from engine.training.datasets import read_dataset
from engine.training.datasets.base import in_validation


def row(path: str, label: str, persons: list[str], split: str = "train", **more: object) -> dict[str, object]:
    return {
        "path": path,
        "label": label,
        "split": split,
        "source": "s",
        "licence": "MIT",
        "persons": persons,
    } | more


def write_catalogue(root: Path, rows: list[dict[str, object]]) -> Path:
    for each in rows:
        path = root / str(each["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not decoded here")
    (root / "catalogue.jsonl").write_text("\n".join(json.dumps(each) for each in rows) + "\n")
    return root


def persons_by_side() -> tuple[str, str]:
    """A name that the hash holds out and one that it does not."""
    names = [f"person{k}" for k in range(40)]
    return (
        next(name for name in names if in_validation(name, 0.2)),
        next(name for name in names if not in_validation(name, 0.6)),
    )


def test_persons_tied_by_a_swap_are_held_out_together(tmp_path: Path) -> None:
    out, kept = persons_by_side()
    first, second = sorted([out, kept])
    rows = [
        row("train/real/a.mp4", "real", [out], pair="p1"),
        row("train/real/b.mp4", "real", [kept], pair="p1"),
        row("train/fake/ab.mp4", "fake", [out, kept], pair="p1", method="FaceSwap (3D model)"),
        row("train/fake/ba.mp4", "fake", [kept, out], pair="p1", method="FaceSwap (3D model)"),
    ]
    dataset = read_dataset(write_catalogue(tmp_path, rows))
    assert {item.split for item in dataset.items} == {"validation" if first == out else "train"}
    originals = {item.name: item.original for item in dataset.items if item.label}
    assert originals == {"train/fake/ab.mp4": "train/real/a.mp4", "train/fake/ba.mp4": "train/real/b.mp4"}
    assert {second} <= {person for item in dataset.items for person in item.persons}


def test_protocols_are_told_by_method(tmp_path: Path) -> None:
    methods = {"FaceSwap (3D model, x)": "seen", "FaceSwap (2D landmarks)": "unseen", "VASA-1 (y)": "generated"}
    rows = [row(f"dev/fake/{k}.mp4", "fake", [f"d{k}"], "dev", method=method) for k, method in enumerate(methods)]
    dataset = read_dataset(write_catalogue(tmp_path, [*rows, row("dev/real/r.mp4", "real", ["r"], "dev")]))
    assert {item.method: item.protocol for item in dataset.items} == methods | {"": ""}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("train/real/a.mp4", "real", ["x"]), row("dev/real/b.mp4", "real", ["x"], "dev")], "in two splits"),
    ],
)
def test_a_person_in_two_splits_is_refused(tmp_path: Path, rows: list[dict[str, object]], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_dataset(write_catalogue(tmp_path, rows))
    assert "x" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_clip_and_a_broken_line_are_named(tmp_path: Path) -> None:
    write_catalogue(tmp_path, [row("train/real/a.mp4", "real", ["x"])])
    (tmp_path / "train/real/a.mp4").unlink()
    with pytest.raises(DataError, match="missing") as caught:
        read_dataset(tmp_path)
    assert caught.value.file == tmp_path / "train/real/a.mp4"
    (tmp_path / "catalogue.jsonl").write_text('{"path": "a"}\n')
    with pytest.raises(DataError, match="ine 1 is no entry"):
        read_dataset(tmp_path)


def write_folder(root: Path, names: list[str], labels: tuple[str, ...] = ("real", "fake")) -> Path:
    for label in labels:
        (root / label).mkdir(parents=True, exist_ok=True)
        for name in names:
            cv2.imwrite(str(root / label / name), np.zeros((8, 8, 3), np.uint8))
    return root


def test_a_folder_keeps_persons_together_and_finds_originals(tmp_path: Path) -> None:
    names = [f"person{k}__{take}.png" for k in range(12) for take in "ab"]
    dataset = read_dataset(write_folder(tmp_path, names))
    assert dataset.layout == "folder"
    splits: dict[str, set[str]] = {}
    for item in dataset.items:
        splits.setdefault(item.persons[0], set()).add(item.split)
    assert all(len(each) == 1 for each in splits.values())
    assert set.union(*splits.values()) == {"train", "validation"}
    assert all(item.original == f"real/{item.path.name}" for item in dataset.items if item.label)
    assert "real" in dataset.summary()


def test_folders_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="o such folder"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no data set of a known layout"):
        read_dataset(tmp_path)
    write_folder(tmp_path / "a", [], ("real", "fake"))
    with pytest.raises(DataError, match="holds no picture"):
        read_dataset(tmp_path / "a")
    with pytest.raises(DataError, match="oo few persons"):
        read_dataset(write_folder(tmp_path / "b", ["one.png"]))


@pytest.mark.data
def test_the_catalogue_at_hand_is_read_whole(data_dir: Path) -> None:
    dataset = read_dataset(data_dir)  # persons of two splits would be refused
    assert Counter((item.split, item.label) for item in dataset.items if item.split == "dev") == {
        ("dev", 0): 35,
        ("dev", 1): 34,
    }
    protocols = Counter(item.protocol for item in dataset.part("dev") if item.label)
    assert protocols == {"unseen": 18, "seen": 12, "generated": 4}
    kinds = Counter((item.kind, item.label) for item in dataset.items if item.split != "dev")
    assert kinds[("face", 1)] == 4960
    assert kinds[("still", 0)] == 600
    assert kinds[("clip", 1)] == 56
    by_name = {item.name: item for item in dataset.items}
    paired = [item for item in dataset.items if item.kind == "clip" and item.original and item.split != "dev"]
    assert len(paired) == 36
    for item in paired:
        original = by_name[item.original]
        assert original.label == 0
        assert original.persons[0] == item.persons[0]
        assert original.split == item.split
        assert item.points is not None
        assert original.points is not None
        assert item.points.shape == original.points.shape
    held_out = [item for item in dataset.part("validation") if item.kind == "clip" and item.label]
    assert 4 <= len(held_out) <= 18
