"""Results through the codec and a real case file: equal in every field."""

from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from engine.case import codec
from engine.case.case_file import CaseFile
from engine.results import Cost, Explanation, FaceTrack, Provenance, Scores, VideoIdentity, Volumes

RNG = np.random.default_rng(5)


def provenance() -> Provenance:
    settings = MappingProxyType({"every": 1, "crop": MappingProxyType({"size": 224}), "sizes": (1, 2)})
    return Provenance("frame-mobile", "ab" * 32, settings, "cpu", "bf16", {"torch": "2.14.1"}, seed=7)


def track(number: int, length: int) -> FaceTrack:
    frames = np.sort(RNG.choice(1000, length, replace=False)).astype(np.int64)
    return FaceTrack(
        number,
        frames,
        RNG.random((length, 4), np.float32),
        RNG.random((length, 5, 2), np.float32),
        RNG.random(length, np.float32),
        RNG.random(length) > 0.5,
        RNG.random((length, 4), np.float32),
    )


def scores(number: int, length: int) -> Scores:
    return Scores(
        "frame-mobile",
        number,
        RNG.integers(0, 99, (length, 2)),
        RNG.random(length, np.float32),
        RNG.standard_normal(length, np.float32),
        provenance(),
        MappingProxyType(
            {"similarity.f0": RNG.random((length, 3), np.float32), "u-t": np.zeros((length, 0), np.float32)}
        ),
    )


def through_a_case(tmp_path: Path, encoded: codec.Encoded) -> tuple[dict, dict]:
    with CaseFile.create(tmp_path / "a.tell") as case:
        video = case.put_video(VideoIdentity("/a", "a", 1, 1, 1.0, False, 1, 1, Fraction(1, 25)))
        case.put_result(video, "x", "", "s", 0, 0, encoded.arrays, encoded.meta)
        found = case.get_result(video, "x", "", "s", 0, 0)
    assert found is not None
    return dict(found.arrays), dict(found.meta)


def assert_same(one: object, other: object) -> None:
    for field in fields(one):  # type: ignore[arg-type]
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b), field.name
        elif field.name == "activations":
            assert list(a) == list(b)
            assert all(np.array_equal(a[k], b[k]) for k in a)
        elif field.name == "provenance":
            assert a.settings_hash == b.settings_hash
            assert (a.component, a.weights_sha256, a.device, a.precision, a.seed) == (
                b.component, b.weights_sha256, b.device, b.precision, b.seed,
            )  # fmt: skip
            assert dict(a.versions) == dict(b.versions)
        else:
            assert a == b, field.name


@pytest.mark.parametrize("lengths", [(), (1,), (5, 30, 2)])
def test_tracks(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    tracks = [track(n * 3, length) for n, length in enumerate(lengths)]
    back = codec.decode_tracks(*through_a_case(tmp_path, codec.encode_tracks(tracks)))
    assert len(back) == len(tracks)
    for one, other in zip(tracks, back, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("lengths", [(), (0,), (4, 9)])
def test_scores(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    given = [scores(n, length) for n, length in enumerate(lengths)]
    back = codec.decode_scores(*through_a_case(tmp_path, codec.encode_scores(given)))
    assert len(back) == len(given)
    for one, other in zip(given, back, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("signed", [True, False])
def test_explanation(tmp_path: Path, signed: bool) -> None:
    given = Explanation(
        "gradcam",
        "frame-mobile",
        2,
        np.arange(3),
        np.arange(3) * 512,
        RNG.standard_normal((3, 7, 7), np.float32),
        RNG.random((3, 2, 3), np.float32),
        RNG.random(3, np.float32),
        signed,
        provenance(),
    )
    assert_same(given, codec.decode_explanation(*through_a_case(tmp_path, codec.encode_explanation(given))))


def test_explanation_with_its_cost_and_errors(tmp_path: Path) -> None:
    cost = Cost(np.array([1002, 340]), np.array([61.5, 20.25], np.float32))
    maps = RNG.random((2, 5, 4), np.float32), RNG.random((2, 2, 3), np.float32), RNG.random(2, np.float32)
    errors = np.full((2, 5, 4), np.inf, np.float32)
    given = Explanation("shap", "d", 0, np.arange(2), np.arange(2), *maps, True, provenance(), cost, errors)
    back = codec.decode_explanation(*through_a_case(tmp_path, codec.encode_explanation(given)))
    assert back.cost is not None
    assert_same(replace(given, cost=None), replace(back, cost=None))
    assert_same(cost, back.cost)
    volumes = Volumes(np.zeros((2, 5, 4), np.int32), np.array([2]), np.array([0.1]), np.array([0.2]))
    folder = tmp_path / "other"
    folder.mkdir()
    encoded = codec.encode_explanation(replace(given, volumes=volumes))
    back = codec.decode_explanation(*through_a_case(folder, encoded))
    assert back.volumes is not None
    assert_same(volumes, back.volumes)


def test_the_same_arrays_give_the_same_bytes() -> None:
    arrays = {"a": np.arange(5), "b": np.ones((2, 2))}
    assert codec.pack(arrays) == codec.pack({k: v.copy() for k, v in arrays.items()})
    assert len(codec.pack({"a": np.zeros(100_000)})) < 5_000, "arrays are compressed"


def test_an_npz_with_objects_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        codec.unpack(path.read_bytes())
