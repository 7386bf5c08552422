"""Batches: a number and a seed determine one, and both classes come in pairs."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from engine.training.faces.store import FaceStore
from engine.training.frames.batches import Batches, MixConfig

MIX = MixConfig(genuine={"drawn": 0.5}, pseudo={"drawn": 0.5})
Stores = tuple[FaceStore, FaceStore]


def make(stores: Stores, mix: MixConfig = MIX, seed: int = 1) -> Batches:
    return Batches(stores[0], mix, size=64, pairs=6, seed=seed)


def test_a_batch_depends_on_its_number_and_seed_alone(stores: Stores) -> None:
    batches = make(stores)
    third = batches[3]
    _ = batches[0], batches[7]
    other = pickle.loads(pickle.dumps(make(stores)))  # noqa: S301 - as a worker process gets it
    np.testing.assert_array_equal(third.pictures, other[3].pictures)
    np.testing.assert_array_equal(third.masks, other[3].masks)
    assert not np.array_equal(third.pictures, batches[4].pictures)
    assert not np.array_equal(third.pictures, make(stores, seed=2)[3].pictures)


def test_reals_stand_first_and_their_forgeries_differ_where_the_mask_says(stores: Stores) -> None:
    batches = make(stores)
    kinds = set()
    for number in range(6):
        batch = batches[number]
        kinds |= set(batch.kinds)
        assert batch.pictures.shape == (12, 64, 64, 3)
        np.testing.assert_array_equal(batch.labels, [0] * 6 + [1] * 6)
        assert (batch.masks[:6] == 0).all()
        assert (batch.masks[6:].max(axis=(1, 2)) > 0.03).all()
        for real, forged, mask in zip(batch.pictures[:6], batch.pictures[6:], batch.masks[6:], strict=True):
            assert not np.array_equal(real, forged)
            assert mask.min() < 0.5  # the corners stay
    assert kinds == {"genuine drawn", "pseudo drawn"}


def test_shares_are_kept(stores: Stores) -> None:
    batches = make(stores, MixConfig(genuine={"drawn": 0.25}, pseudo={"drawn": 0.75}))
    kinds = [kind for number in range(60) for kind in batches[number].kinds[:6]]
    assert kinds.count("genuine drawn") / len(kinds) == pytest.approx(0.25, abs=0.07)


def test_a_share_holds_the_same_pairs_as_the_whole(stores: Stores) -> None:
    whole = make(stores)[5]
    for share in (range(2), range(2, 6)):
        part = Batches(stores[0], MIX, size=64, pairs=6, seed=1, share=share)[5]
        chosen = [*share, *(k + 6 for k in share)]
        np.testing.assert_array_equal(part.pictures, whole.pictures[chosen])
        np.testing.assert_array_equal(part.masks, whole.masks[chosen])
        assert part.groups == tuple(whole.groups[k] for k in chosen)


def test_a_person_with_many_files_counts_no_more_than_one_with_few(stores: Stores) -> None:
    """One person has ten files here, eight have one each; by files the first would be in 56 % of the pairs."""
    store = stores[0]
    first = next(face for face in store.faces if face.item.name == "1_0")
    more = [replace(first, item=replace(first.item, name=f"more {k}")) for k in range(9)]
    batches = Batches(
        FaceStore([*store.faces, *more]), MixConfig(pseudo={"drawn": 1.0}), size=16, pairs=20, seed=1
    )
    owner = {face.item.name: face.item.persons[0] for face in [*store.faces, *more]}
    drawn = [owner[name] for number in range(10) for name in batches[number].groups[:20]]
    expected = 1 / len({owner[f.item.name] for f in store.faces if f.item.source == "drawn"})
    assert drawn.count("p1") / len(drawn) == pytest.approx(expected, abs=0.08)
    assert len(set(drawn)) >= 8


def test_a_forgery_of_unknown_origin_stands_beside_another_face_and_has_no_mask(stores: Stores) -> None:
    batch = make(stores, MixConfig(genuine={"alone": 1.0}))[0]
    assert np.isnan(batch.masks[6:]).all()
    assert not np.isnan(batch.masks[:6]).any()


def test_no_faces_of_the_wanted_sources_are_refused(stores: Stores) -> None:
    with pytest.raises(ValueError, match="no pair"):
        make(stores, MixConfig(pseudo={"elsewhere": 1.0}))
