"""Batches of clips: a number and a seed determine one; labels are the operators'; pairs are treated alike."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.results import FloatArray, Picture
from engine.training.clips.batches import ClipBatches
from engine.training.clips.form import ClipForm
from engine.training.clips.mix import TRAINED, ClipMix, default_clip_mix
from engine.training.clips.validation import FRAMES, make_clip_validation, validate_clips
from engine.training.datasets.base import Dataset
from engine.training.faces.store import FaceStore
from engine.training.pseudo_fakes.operators.timing import Partial

MIX = ClipMix(genuine={"drawn": 0.3}, pseudo={"drawn": 0.7}, swapped=0.3)
PSEUDO = ClipMix(pseudo={"drawn": 1.0}, hard_reals=0.0, swapped=0.0)
FORM = ClipForm(8, 48, snippets=2, spread=0.5)
FLIP = ClipForm(16, 64, treatment="flip")
Stores = tuple[FaceStore, FaceStore]


def make(stores: Stores, mix: ClipMix = MIX, form: ClipForm = FORM, seed: int = 1, **more: object) -> ClipBatches:
    return ClipBatches(stores[0], mix, form, pairs=4, seed=seed, **more)  # type: ignore[arg-type]


def test_a_batch_depends_on_its_number_and_seed_alone(clip_stores: Stores) -> None:
    batches = make(clip_stores)
    third = batches[3]
    _ = batches[0]
    other = pickle.loads(pickle.dumps(make(clip_stores)))[3]  # noqa: S301 - as a worker process gets it
    np.testing.assert_array_equal(third.pictures, other.pictures)
    np.testing.assert_array_equal(third.frame_labels, other.frame_labels)
    assert third.operators == other.operators
    assert not np.array_equal(third.pictures, batches[4].pictures)
    assert not np.array_equal(third.pictures, make(clip_stores, seed=2)[3].pictures)


def test_a_share_holds_the_same_pairs_as_the_whole(clip_stores: Stores) -> None:
    whole = make(clip_stores)[2]
    for share in (range(1), range(1, 4)):
        part = make(clip_stores, share=share)[2]
        chosen = [*share, *(k + 4 for k in share)]
        np.testing.assert_array_equal(part.pictures, whole.pictures[chosen])
        np.testing.assert_array_equal(part.frame_labels, whole.frame_labels[chosen])
        assert part.operators == tuple(whole.operators[k] for k in chosen)
        assert part.groups == tuple(whole.groups[k] for k in chosen)


def test_reals_stand_first_and_what_nobody_knows_is_nan(clip_stores: Stores) -> None:
    kinds = set()
    for number in range(4):
        batch = make(clip_stores)[number]
        kinds |= set(batch.kinds)
        assert batch.pictures.shape == (8, 8, 48, 48, 3)
        np.testing.assert_array_equal(batch.labels, [0] * 4 + [1] * 4)
        assert (batch.frame_labels[:4] == 0).all()
        assert batch.operators[:4] == ((),) * 4
        for kind, labels, operators in zip(
            batch.kinds[4:], batch.frame_labels[4:], batch.operators[4:], strict=True
        ):
            if kind.startswith("genuine"):
                assert np.isnan(labels).all()
                assert operators == ()
            else:
                assert set(labels) <= {0, 1}
                assert labels.any()
    assert kinds == {"genuine drawn", "pseudo drawn"}


def test_frame_labels_are_those_of_the_stored_parameters(clip_stores: Stores) -> None:
    """Of successive frames, so that the run of forged ones follows from its two numbers by hand."""
    batches = make(clip_stores, replace(PSEUDO, operators=("partial",), without=0.0), FLIP)
    for place in range(4):
        pair = batches.pair(5, place)
        assert pair.forgery is not None
        (law,) = pair.forgery.operators
        assert isinstance(law, Partial)
        length = max(1, round(law.share * 16))
        first = round(law.place * (16 - length))
        expected = [float(first <= row < first + length) for row in range(16)]
        np.testing.assert_array_equal(pair.frame_labels, expected)
        changed = [not np.array_equal(a, b) for a, b in zip(pair.real, pair.forged, strict=True)]
        np.testing.assert_array_equal(changed, pair.frame_labels.astype(bool))


def test_spread_snippets_of_a_partial_forgery_hold_a_forged_frame(clip_stores: Stores) -> None:
    mix = replace(PSEUDO, operators=("partial",), without=0.0)
    batches = make(clip_stores, mix, ClipForm(4, 32, snippets=2, spread=1.0, treatment="flip"))
    labels = np.concatenate([batches[number].frame_labels[4:] for number in range(8)])
    assert labels.any(axis=1).all()
    assert not labels.all()


def test_operators_that_were_not_asked_for_do_not_occur(clip_stores: Stores) -> None:
    mix = replace(PSEUDO, operators=("jitter", "flicker"), without=0.0, swapped=0.5)
    batches = make(clip_stores, mix, ClipForm(2, 24, treatment="flip"))
    seen = {name for number in range(10) for ids in batches[number].operators for name in ids}
    assert seen == {"jitter", "flicker", "swap"}
    assert set(mix.held_out) == {"drift", "feature-drift", "desynchronisation", "temporal-resolution", "partial"}


def test_both_clips_of_a_pair_are_treated_alike(clip_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an encoder spreads what it must: frames that are not forged are equal, and so are far corners."""
    monkeypatch.setattr("engine.training.augmentation.clips.recode", lambda clip, *_: clip)
    batches = make(clip_stores, replace(PSEUDO, operators=("partial",), without=0.0), ClipForm(8, 64))
    plain = make(
        clip_stores, replace(PSEUDO, operators=("partial",), without=0.0), ClipForm(8, 64, treatment="flip")
    )
    for place in range(4):
        pair = batches.pair(1, place)
        untouched, changed = pair.frame_labels == 0, pair.frame_labels == 1
        np.testing.assert_array_equal(pair.real[untouched], pair.forged[untouched])
        assert (pair.real[changed] != pair.forged[changed]).any()
        assert (pair.real[:, :3, :3] == pair.forged[:, :3, :3]).all()
        assert not np.array_equal(pair.real, plain.pair(1, place).real)  # it was treated


def test_hard_reals_change_the_real_clip_and_half_of_their_forgeries(clip_stores: Stores) -> None:
    mix = replace(PSEUDO, operators=("partial",), without=0.0)
    soft = make(clip_stores, mix, FLIP)
    hard = make(clip_stores, replace(mix, hard_reals=1.0), FLIP)
    alike = 0
    for number in range(3):
        for place in range(4):
            real, changed = soft.pair(number, place), hard.pair(number, place)
            assert real.real.shape == changed.real.shape == (16, 64, 64, 3)
            untouched = changed.frame_labels == 0
            alike += np.array_equal(changed.real[untouched], changed.forged[untouched])
    assert 0 < alike < 12


def test_shares_of_sources_go_by_persons_and_forgeries_with_an_original_are_preferred(
    drawn_clips: Dataset,
) -> None:
    lone = replace(drawn_clips.items[0], name="lone", label=1, source="elsewhere")
    other = [replace(drawn_clips.items[0], name=f"o{k}", source="other", persons=(f"o{k}",)) for k in range(15)]
    mix = default_clip_mix(replace(drawn_clips, items=(*drawn_clips.items, lone, *other)))
    assert dict(mix.genuine) == {"drawn": pytest.approx(0.25)}
    assert dict(mix.pseudo) == {"drawn": pytest.approx(0.75 * 5 / 20), "other": pytest.approx(0.75 * 15 / 20)}
    assert mix.operators == TRAINED


def test_settings_without_sense_and_too_little_data_are_refused(clip_stores: Stores) -> None:
    with pytest.raises(ValueError, match="operators must be some of"):
        ClipMix(operators=("jiter",))
    with pytest.raises(ValueError, match="swapped must be"):
        ClipMix(swapped=1.5)
    with pytest.raises(ValueError, match="are not 3 snippets"):
        ClipForm(8, 32, snippets=3)
    with pytest.raises(ValueError, match="no pair"):
        make(clip_stores, form=ClipForm(65, 32))


def test_validation_judges_clips_by_part_and_frames_of_partial_forgeries(clip_stores: Stores) -> None:
    parts = make_clip_validation(clip_stores[1], MIX, ClipForm(8, 24), pairs=8, seed=3)
    assert [part.name for part in parts] == ["genuine pairs", "trained operators", "held-out operators", FRAMES]
    rng = np.random.default_rng(0)
    told: dict[bytes, tuple[float, FloatArray]] = {}

    def judge(pictures: Picture) -> tuple[FloatArray, FloatArray]:
        for clip in pictures:
            frames = rng.normal(size=8).astype(np.float32)
            told.setdefault(clip.tobytes(), (float(rng.normal()), frames))
        answers = [told[clip.tobytes()] for clip in pictures]
        return np.array([a for a, _ in answers], np.float32), np.stack([b for _, b in answers])

    aucs = validate_clips(parts, judge, at_once=3)
    for part in parts[:3]:
        assert len(part.labels) == 16
        expected = roc_auc_score(part.labels, [told[clip.tobytes()][0] for clip in part.pictures])
        assert aucs[part.name] == pytest.approx(expected)
    frames = [
        (label, value)
        for clip, labels in zip(parts[3].pictures, parts[3].frame_labels, strict=True)
        if 0 < labels.sum() < 8
        for label, value in zip(labels, told[clip.tobytes()][1], strict=True)
    ]
    assert aucs[FRAMES] == pytest.approx(roc_auc_score(*zip(*frames, strict=True)))
    assert aucs["mean"] == pytest.approx(np.mean([aucs[part.name] for part in parts[:3]]))
    assert FRAMES not in validate_clips(parts, lambda pictures: (judge(pictures)[0], None))
