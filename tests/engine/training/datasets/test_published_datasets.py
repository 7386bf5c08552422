"""Readers of the published data sets, on tiny trees in their layouts."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.errors import DataError, UsageError
from engine.training.datasets import read_dataset
from engine.training.datasets.base import Dataset, Item
from engine.training.datasets.schemes import RANDOM, SCHEMES


def touch(root: Path, names: Iterable[str]) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not decoded here")


def by_name(dataset: Dataset) -> dict[str, Item]:
    return {item.name: item for item in dataset.items}


def splits_of_persons(dataset: Dataset) -> dict[str, set[str]]:
    splits: dict[str, set[str]] = {}
    for item in dataset.items:
        for person in item.persons:
            splits.setdefault(person, set()).add(item.split)
    return splits


PAIRS = {"train": [["071", "054"], ["087", "081"]], "val": [["720", "672"]], "test": [["953", "974"]]}


def faceforensics(root: Path, methods: tuple[str, ...] = ("Deepfakes", "NeuralTextures")) -> Path:
    videos = [video for pairs in PAIRS.values() for pair in pairs for video in pair]
    forgeries = [f"{a}_{b}" for pairs in PAIRS.values() for one in pairs for a, b in (one, one[::-1])]
    for folder in ("raw", "c23"):
        touch(root, [f"original_sequences/youtube/{folder}/videos/{video}.mp4" for video in videos])
        for method in methods:
            touch(root, [f"manipulated_sequences/{method}/{folder}/videos/{pair}.mp4" for pair in forgeries])
    touch(root, [f"manipulated_sequences/Deepfakes/masks/videos/{pair}.mp4" for pair in forgeries])
    (root / "splits").mkdir()
    for name, pairs in PAIRS.items():
        (root / "splits" / f"{name}.json").write_text(json.dumps(pairs))
    return root


def test_faceforensics_with_its_official_splits(tmp_path: Path) -> None:
    dataset = read_dataset(faceforensics(tmp_path))
    assert (dataset.layout, dataset.missing, dataset.leaks_persons) == ("FaceForensics++", (), "")
    assert Counter((item.split, item.label, item.compression) for item in dataset.items) == {
        (split, label, compression): count * (2 if label else 1)
        for split, count in (("train", 4), ("validation", 2), ("test", 2))
        for label in (0, 1)
        for compression in ("c0", "c23")
    }
    item = by_name(dataset)["manipulated_sequences/Deepfakes/c23/videos/974_953.mp4"]
    assert (item.method, item.compression, item.split) == ("Deepfakes", "c23", "test")
    assert item.persons == ("ff_974", "ff_953")
    assert item.original == "original_sequences/youtube/c23/videos/974.mp4"  # the target comes first in the name
    assert item.mask == tmp_path / "manipulated_sequences/Deepfakes/masks/videos/974_953.mp4"
    assert by_name(dataset)["manipulated_sequences/NeuralTextures/raw/videos/974_953.mp4"].mask is None
    summary = dataset.summary()
    assert "train 8 real and 16 forged" in summary.splitlines()[0]
    assert "NeuralTextures c23: train 4, validation 2, test 2" in summary


def test_faceforensics_is_found_from_above_and_from_within(tmp_path: Path) -> None:
    root = faceforensics(tmp_path / "downloads" / "FF")
    names = set(by_name(read_dataset(root)))
    for place in (root.parent, root / "manipulated_sequences", root / "original_sequences/youtube/c23/videos"):
        assert set(by_name(read_dataset(place))) == names


def test_what_is_missing_or_strange_in_faceforensics_is_said(tmp_path: Path) -> None:
    root = faceforensics(tmp_path)
    (root / "original_sequences/youtube/c23/videos/953.mp4").unlink()
    (root / "manipulated_sequences/Deepfakes/raw/videos/071_054.mp4").unlink()
    touch(
        root, ["original_sequences/youtube/c23/videos/999.mp4", "manipulated_sequences/Deepfakes/c23/videos/x.mp4"]
    )
    dataset = read_dataset(root)
    assert sorted(dataset.missing) == [
        "manipulated_sequences/Deepfakes/raw/videos/071_054.mp4",
        "original_sequences/youtube/c23/videos/953.mp4",
    ]
    assert by_name(dataset)["manipulated_sequences/Deepfakes/c23/videos/953_974.mp4"].original == ""
    assert "Missing: 2 files" in dataset.summary()
    assert "2 files are left out" in dataset.summary()
    assert "953.mp4" in dataset.summary()


def test_lists_of_faceforensics_that_cannot_be_trusted_are_refused(tmp_path: Path) -> None:
    root = faceforensics(tmp_path)
    path = root / "splits" / "val.json"
    path.write_text(json.dumps([["071", "672"]]))
    with pytest.raises(DataError, match="071 is in two splits") as caught:
        read_dataset(root)
    assert caught.value.file == path
    for text, words in (
        ('[["720"', "cannot be read"),
        ('{"a": 1}', "should hold a list"),
        ("[[1, 2]]", "no pair"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=words) as caught:
            read_dataset(root)
        assert caught.value.file == path
    (root / "splits" / "train.json").unlink()
    with pytest.raises(DataError, match="official splits of FaceForensics\\+\\+ are missing"):
        read_dataset(root)
    assert len(read_dataset(root, "p001-random").items) == 48  # needs no lists


def deepfakedetection(root: Path) -> Path:
    actors = range(1, 29)
    touch(root, [f"original_sequences/actors/c23/videos/{a:02}__walking_outside.mp4" for a in actors])
    pairs = [(a, b) for a in actors for b in actors if a != b]
    touch(
        root,
        [
            f"manipulated_sequences/DeepFakeDetection/c23/videos/{a:02}_{b:02}__walking_outside__YVGY8LOK.mp4"
            for a, b in pairs
        ],
    )
    touch(root, ["manipulated_sequences/DeepFakeDetection/masks/videos/28_15__walking_outside__YVGY8LOK.mp4"])
    return root


def test_deepfakedetection_is_split_by_actors(tmp_path: Path) -> None:
    dataset = read_dataset(deepfakedetection(tmp_path))
    assert (dataset.layout, dataset.scheme, dataset.leaks_persons) == ("DeepFakeDetection", "persons", "")
    assert {item.split for item in dataset.items} == {"train", "validation", "test"}
    assert all(len(splits) == 1 for splits in splits_of_persons(dataset).values())
    reals = [item for item in dataset.items if not item.label]
    assert len(reals) == 28
    kept = 28 * 28 - len(dataset.items)
    assert f"{kept} files that show persons of two splits are left out" in dataset.summary()
    everything = by_name(read_dataset(tmp_path, "p001-random"))
    swap = everything["manipulated_sequences/DeepFakeDetection/c23/videos/28_15__walking_outside__YVGY8LOK.mp4"]
    assert swap.persons == ("dfd_28", "dfd_15")
    assert swap.original == "original_sequences/actors/c23/videos/28__walking_outside.mp4"
    assert swap.mask is not None
    assert swap.compression == "c23"


def test_the_two_data_sets_of_one_tree_are_kept_apart(tmp_path: Path) -> None:
    deepfakedetection(faceforensics(tmp_path))
    whole = read_dataset(tmp_path)
    assert whole.layout == "FaceForensics++"
    assert not any("actors" in item.name or "DeepFakeDetection" in item.name for item in whole.items)
    assert "DeepFakeDetection lies beside it" in whole.summary()
    other = read_dataset(tmp_path / "manipulated_sequences" / "DeepFakeDetection")
    assert other.layout == "DeepFakeDetection"
    assert all("actors" in item.name or "DeepFakeDetection" in item.name for item in other.items)


def celeb_df(root: Path) -> Path:
    ids = range(12)
    touch(root, [f"Celeb-real/id{a}_000{n}.mp4" for a in ids for n in range(3)])
    touch(root, [f"YouTube-real/0017{n}.mp4" for n in range(3)])
    touch(root, [f"Celeb-synthesis/id{a}_id{b}_000{n}.mp4" for a in ids for b in ids if a != b for n in range(2)])
    (root / "List_of_testing_videos.txt").write_text(
        "1 YouTube-real/00170.mp4\n1 Celeb-real/id0_0002.mp4\n0 Celeb-synthesis/id1_id0_0001.mp4\n"
        "0 Celeb-synthesis/id1_id0_0007.mp4\n"
    )
    return root


def test_celeb_df_turns_its_labels_around_and_says_that_it_leaks(tmp_path: Path) -> None:
    dataset = read_dataset(celeb_df(tmp_path / "Celeb-DF-v2"))
    assert dataset.layout == "Celeb-DF (v2)"
    assert {item.name: item.label for item in dataset.part("test")} == {
        "YouTube-real/00170.mp4": 0,
        "Celeb-real/id0_0002.mp4": 0,
        "Celeb-synthesis/id1_id0_0001.mp4": 1,
    }
    item = by_name(dataset)["Celeb-synthesis/id1_id0_0001.mp4"]
    assert item.persons == ("celeb_id1", "celeb_id0")
    assert item.original == "Celeb-real/id1_0001.mp4"  # the first id is the video's, the second the face's
    assert dataset.missing == ("Celeb-synthesis/id1_id0_0007.mp4",)
    assert "Leaks persons: the official test list" in dataset.summary()
    seen = splits_of_persons(dataset)
    assert any("test" in splits and "train" in splits for splits in seen.values())
    assert not any({"train", "validation"} <= splits for splits in seen.values())
    strict = read_dataset(tmp_path / "Celeb-DF-v2", "persons")
    assert strict.leaks_persons == ""
    assert all(len(splits) == 1 for splits in splits_of_persons(strict).values())


def test_a_celeb_df_list_with_labels_of_the_usual_sense_is_refused(tmp_path: Path) -> None:
    root = celeb_df(tmp_path)
    path = root / "List_of_testing_videos.txt"
    path.write_text("0 Celeb-real/id0_0002.mp4\n")
    with pytest.raises(DataError, match="1 means real") as caught:
        read_dataset(root)
    assert caught.value.file == path
    path.write_text("1 Celeb-real\n")
    with pytest.raises(DataError, match="line 1 is no label and video"):
        read_dataset(root)


def test_celeb_df_version_1_is_told_by_its_list(tmp_path: Path) -> None:
    root = celeb_df(tmp_path)
    lines = [f"0 Celeb-synthesis/id1_id0_1{n:03}.mp4" for n in range(100)]
    (root / "List_of_testing_videos.txt").write_text("\n".join(lines))
    assert read_dataset(root / "Celeb-real").layout == "Celeb-DF (v1)"


def dfdc(root: Path) -> Path:
    for part in range(2):
        rows: dict[str, object] = {}
        for n in range(20):
            rows[f"real{part}{n}.mp4"] = {"label": "REAL", "split": "train", "original": None}
            for copy in "ab":
                rows[f"fake{part}{n}{copy}.mp4"] = {
                    "label": "FAKE",
                    "split": "train",
                    "original": f"real{part}{n}.mp4",
                }
        folder = root / f"dfdc_train_part_{part}"
        touch(folder, rows)
        (folder / "metadata.json").write_text(json.dumps(rows))
    return root


def test_dfdc_keeps_an_original_and_its_forgeries_together(tmp_path: Path) -> None:
    dataset = read_dataset(dfdc(tmp_path))
    assert dataset.layout == "DFDC"
    assert "name no persons" in dataset.leaks_persons
    items = by_name(dataset)
    fake = items["dfdc_train_part_1/fake13a.mp4"]
    assert (fake.label, fake.original) == (1, "dfdc_train_part_1/real13.mp4")
    assert {item.split for item in dataset.items} == {"train", "validation"}
    assert len(dataset.items) == 120  # nothing is left out: everything hangs on one original only
    assert all(len(splits) == 1 for splits in splits_of_persons(dataset).values())
    assert len(read_dataset(tmp_path / "dfdc_train_part_0").items) == 60


def test_dfdc_lists_that_cannot_be_used_are_refused_and_missing_videos_named(tmp_path: Path) -> None:
    root = dfdc(tmp_path)
    path = root / "dfdc_train_part_0" / "metadata.json"
    (path.parent / "real03.mp4").unlink()
    dataset = read_dataset(root)
    assert dataset.missing == ("dfdc_train_part_0/real03.mp4",)
    assert by_name(dataset)["dfdc_train_part_0/fake03a.mp4"].original == ""
    for text, words in (
        ("{", "cannot be read"),
        ('{"real00.mp4": {"label": 1}}', "has no label"),
        ('{"../x.mp4": {"label": "REAL"}}', "no name of a file"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=words) as caught:
            read_dataset(root)
        assert caught.value.file == path


def test_the_test_part_of_dfdc_is_read_from_its_labels(tmp_path: Path) -> None:
    touch(tmp_path, ["videos/a.mp4", "videos/b.mp4"])
    (tmp_path / "labels.csv").write_text("filename,label\na.mp4,0\nb.mp4,1\nc.mp4,1\n")
    dataset = read_dataset(tmp_path)
    assert {(item.name, item.label, item.split) for item in dataset.items} == {
        ("videos/a.mp4", 0, "test"),
        ("videos/b.mp4", 1, "test"),
    }
    assert dataset.missing == ("videos/c.mp4",)


def dfdc_preview(root: Path) -> Path:
    rows: dict[str, object] = {}
    for person in range(100, 130):
        group = "test" if person >= 120 else "train"
        rows[f"original_videos/{person}/{person}_A.mp4"] = {
            "label": "real",
            "set": group,
            "target_id": person,
            "swapped_id": None,
            "augmentations": [],
        }
        rows[f"method_B/{person}/{person}_A/x.mp4"] = {
            "label": "fake",
            "set": group,
            "target_id": person,
            "swapped_id": person ^ 1,
            "augmentations": ["fps_15"],
        }
    touch(root, rows)
    (root / "dataset.json").write_text(json.dumps(rows))
    return root


def test_dfdc_preview_with_its_official_sets(tmp_path: Path) -> None:
    dataset = read_dataset(dfdc_preview(tmp_path))
    assert (dataset.layout, dataset.leaks_persons) == ("DFDC preview", "")
    fake = by_name(dataset)["method_B/121/121_A/x.mp4"]
    assert (fake.split, fake.method, fake.distortion) == ("test", "method_B", "fps_15")
    assert fake.persons == ("dfdcp_121", "dfdcp_120")
    assert len(dataset.part("test")) == 20
    assert len(read_dataset(tmp_path / "method_B").items) == len(dataset.items)
    path = tmp_path / "dataset.json"
    rows = json.loads(path.read_text())
    rows["method_B/121/121_A/x.mp4"]["swapped_id"] = 100
    path.write_text(json.dumps(rows))
    assert "1 persons are in both official sets (dfdcp_100)" in read_dataset(tmp_path).summary()
    rows["method_B/121/121_A/x.mp4"]["set"] = "neither"
    path.write_text(json.dumps(rows))
    with pytest.raises(DataError, match="lacks a known label, set"):
        read_dataset(tmp_path)


def deeperforensics(root: Path) -> Path:
    videos = {"train": ["000_M001", "001_W002"], "val": ["002_W103"], "test": ["003_M104"]}
    variants = ("end_to_end", "end_to_end_level_3", "end_to_end_mix_2_distortions", "reenact_postprocess")
    for variant in variants:
        touch(root / "manipulated_videos" / variant, [f"{name}.mp4" for part in videos.values() for name in part])
    for actor in ("M001", "W002", "W103", "M104", "W199"):
        touch(root / "source_videos" / actor / "BlendShape", [f"{actor}_BlendShape_camera_front.mp4"])
    lists = root / "lists" / "splits"
    lists.mkdir(parents=True)
    for name, part in videos.items():
        (lists / f"{name}.txt").write_text("".join(f"{each}.mp4\n" for each in part))
    meta = root / "lists" / "manipulated_videos_distortions_meta"
    meta.mkdir()
    (meta / "manipulated_videos_end_to_end_mix_2_distortions_meta.txt").write_text(
        "manipulated_videos/end_to_end_mix_2_distortions/003_M104.mp4 JPEG:3 GN:1\n"
    )
    return root


def test_deeperforensics_with_the_target_videos_beside_it(tmp_path: Path) -> None:
    root = deeperforensics(tmp_path / "DeeperForensics-1.0")
    touch(tmp_path / "FF" / "original_sequences/youtube/c23/videos", ["000.mp4", "003.mp4", "777.mp4"])
    dataset = read_dataset(root)
    items = by_name(dataset)
    mixed = items["manipulated_videos/end_to_end_mix_2_distortions/003_M104.mp4"]
    assert (mixed.split, mixed.compression, mixed.distortion) == ("test", "mix 2", "JPEG:3 GN:1")
    assert mixed.persons == ("ff_003", "df_M104")
    assert items[mixed.original].path == tmp_path / "FF/original_sequences/youtube/c23/videos/003.mp4"
    assert (items[mixed.original].label, items[mixed.original].split) == (0, "test")
    assert items["manipulated_videos/end_to_end_level_3/000_M001.mp4"].compression == "level 3"
    assert "reenactment" in items["manipulated_videos/reenact_postprocess/000_M001.mp4"].method
    assert sum(item.label == 0 for item in dataset.items) == 2
    assert "end_to_end" not in items["manipulated_videos/end_to_end/000_M001.mp4"].compression


def test_deeperforensics_alone_takes_its_actors_and_warns(tmp_path: Path) -> None:
    root = deeperforensics(tmp_path / "alone")
    dataset = read_dataset(root / "manipulated_videos" / "end_to_end")
    reals = {item.persons[0]: item.split for item in dataset.items if not item.label}
    assert reals == {"df_M001": "train", "df_W002": "train", "df_W103": "validation", "df_M104": "test"}
    assert "its makers advise against that" in dataset.summary()


def test_deeperforensics_refuses_an_actor_in_two_splits(tmp_path: Path) -> None:
    root = deeperforensics(tmp_path)
    for variant in (root / "manipulated_videos").iterdir():
        (variant / "003_M104.mp4").rename(variant / "003_M001.mp4")
    (root / "lists/splits/test.txt").write_text("003_M001.mp4\n")
    with pytest.raises(DataError, match="df_M001 is in two splits"):
        read_dataset(root)
    (root / "lists/splits/test.txt").unlink()
    with pytest.raises(DataError, match="list of the data set is missing"):
        read_dataset(root)


def wild_deepfake(root: Path) -> Path:
    for archive in range(12):
        for take in range(2):
            touch(root / "real_train" / str(archive) / "real" / str(take), ["2.png", "10.png"])
            touch(root / "fake_train" / str(archive) / "fake" / str(take), ["2.png", "10.png"])
    touch(root / "real_test" / "3" / "real" / "0", ["1.png"])
    touch(root / "fake_test" / "4" / "fake" / "0", ["1.png"])
    touch(root, ["fake_test/4.tar.gz", "fake_test/5.tar.gz"])
    return root


def test_wild_deepfake_gives_sequences(tmp_path: Path) -> None:
    root = wild_deepfake(tmp_path / "deepfake_in_the_wild")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "WildDeepfake"
    assert {item.kind for item in dataset.items} == {"sequence"}
    assert Counter((item.split == "test", item.label) for item in dataset.items) == {
        (False, 0): 24,
        (False, 1): 24,
        (True, 0): 1,
        (True, 1): 1,
    }
    assert dataset.missing == ("fake_test/5.tar.gz (not unpacked)",)
    assert "names no persons" in dataset.leaks_persons
    item = by_name(dataset)["fake_test/4/fake/0"]
    assert (item.path, item.label) == (root / "fake_test/4/fake/0", 1)
    first, second = (by_name(dataset)[f"real_train/7/real/{take}"] for take in range(2))
    assert first.persons == second.persons
    assert first.split == second.split


@pytest.mark.parametrize("scheme", RANDOM)
def test_random_splits_of_the_papers_say_that_they_leak(tmp_path: Path, scheme: str) -> None:
    touch(tmp_path, (f"original_sequences/youtube/c40/videos/{n:03}.mp4" for n in range(300)))
    touch(tmp_path, (f"manipulated_sequences/FaceSwap/c40/videos/{n:03}_{299 - n:03}.mp4" for n in range(300)))
    dataset = read_dataset(tmp_path, scheme)
    assert dataset.scheme == scheme
    assert "same persons are on both sides" in dataset.summary()
    counts = Counter(item.split for item in dataset.items)
    assert counts["train"] / 600 == pytest.approx(0.6, abs=0.05)
    assert counts["test"] / 600 == pytest.approx(RANDOM[scheme][1], abs=0.05)
    assert any(len(splits) > 1 for splits in splits_of_persons(dataset).values())
    assert [item.split for item in read_dataset(tmp_path, scheme).items] == [item.split for item in dataset.items]


def test_a_folder_that_may_not_be_read_is_the_users_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = celeb_df(tmp_path)

    def forbidden(folder: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("engine.training.datasets.celeb_df.clips_in", forbidden)
    with pytest.raises(DataError, match="cannot be read \\(Permission denied") as caught:
        read_dataset(root)
    assert caught.value.file == root / "Celeb-real"


def test_schemes_that_do_not_exist_and_folders_with_several_data_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no way to split"):
        read_dataset(tmp_path, "p003")
    assert SCHEMES[0] == "official"
    faceforensics(tmp_path / "ff")
    celeb_df(tmp_path / "celeb")
    with pytest.raises(DataError, match=r"Several data sets are here: Celeb-DF in celeb, FaceForensics\+\+ in ff"):
        read_dataset(tmp_path)
