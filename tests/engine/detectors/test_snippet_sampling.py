"""Plans of snippets by brute force: what they promise holds on every small track with gaps."""

import itertools

import numpy as np
import pytest

from engine.detectors.snippet_sampling import SnippetClip, dense_clips, remark, uniform_clip

T = 4
TRACKS = [np.flatnonzero(mask) + 7 for mask in itertools.product((0, 1), repeat=11) if any(mask)]
"""Every set of frames among eleven."""


def longest_run(frames: np.ndarray) -> int:
    best = run = 1
    for previous, current in itertools.pairwise(frames):
        run = run + 1 if current == previous + 1 else 1
        best = max(best, run)
    return best


def check_snippets(clip: SnippetClip, frames: np.ndarray, length: int) -> None:
    """Nothing but frames of the track; successive ones, or to and fro in a stretch that is too short."""
    seen = set(frames.tolist())
    for row, short in zip(clip.frames.tolist(), clip.reflected, strict=True):
        assert set(row) <= seen
        if short:
            low, high = min(row), max(row)
            assert high - low + 1 < length
            assert low - 1 not in seen
            assert high + 1 not in seen
            assert row[: high - low + 1] == list(range(low, high + 1))
            assert all(abs(b - a) == (high > low) for a, b in itertools.pairwise(row))
        else:
            assert row == list(range(row[0], row[0] + length))


@pytest.mark.parametrize("snippets", [1, 2, 3])
def test_dense_plans_give_every_frame_exactly_one_place(snippets: int) -> None:
    for frames in TRACKS:
        clips = list(dense_clips(frames, snippets, T))
        placed = [f for clip in clips for f in clip.frames[clip.first].tolist()]
        assert placed == frames.tolist()
        starts = [row[0] for clip in clips for row in clip.frames.tolist()]
        for clip in clips:
            check_snippets(clip, frames, T)
        assert {len(clip.frames) for clip in clips} == {min(snippets, len(set(starts)))}
        for one, other in itertools.pairwise(clips):
            assert other.frames.max() > one.frames.max()
            assert other.frames.min() > one.frames.min()


def test_dense_plans_keep_order_and_reach_back_no_further_than_one_clip() -> None:
    for frames in TRACKS:
        clips = list(dense_clips(frames, 2, T))
        for clip in clips:
            starts = clip.frames[:, 0]
            assert (np.diff(starts) > 0).all()
        for one, other in zip(clips, clips[2:], strict=False):
            assert not set(one.frames.ravel()) & set(other.frames[other.first])


def test_a_track_without_gaps_is_covered_end_to_end() -> None:
    clips = list(dense_clips(np.arange(100, 164), 8, T))
    assert [c.frames.tolist() for c in clips] == [
        np.arange(100, 132).reshape(8, 4).tolist(),
        np.arange(132, 164).reshape(8, 4).tolist(),
    ]
    assert all(c.first.all() and not c.reflected.any() for c in clips)


def test_what_comes_later_changes_no_clip_that_was_full() -> None:
    whole = list(dense_clips(np.arange(203), 4, T))
    early = list(dense_clips(np.arange(96), 4, T))
    for one, other in zip(early, whole, strict=False):
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.first, other.first)


def test_rests_by_hand() -> None:
    frames = np.array([0, 1, 2, 3, 4, 5, 9, 10, 20])
    (clip,) = dense_clips(frames, 8, T)
    assert clip.frames.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [9, 10, 9, 10], [20, 20, 20, 20]]
    assert clip.first.astype(int).tolist() == [[1, 1, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]]
    assert clip.reflected.tolist() == [False, False, True, True]
    first, last = dense_clips(frames, 3, T)
    assert first.frames.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [9, 10, 9, 10]]
    assert last.frames.tolist() == [[2, 3, 4, 5], [9, 10, 9, 10], [20, 20, 20, 20]]
    assert last.first.astype(int).tolist() == [[0] * 4, [0] * 4, [1, 0, 0, 0]]
    said = remark([clip])
    assert said is not None
    assert said.startswith("2 of 4 snippets repeat frames")
    assert remark(list(dense_clips(np.arange(40), 8, T))) is None


@pytest.mark.parametrize("snippets", [1, 2, 3])
def test_uniform_clips_hold_successive_frames_wherever_there_are_any(snippets: int) -> None:
    for frames in TRACKS:
        for rng in (None, np.random.default_rng(1)):
            clip = uniform_clip(frames, snippets, T, rng)
            assert clip.frames.shape == (snippets, T)
            check_snippets(clip, frames, T)
            assert clip.reflected.all() == clip.reflected.any() == (longest_run(frames) < T)
            firsts = clip.frames[clip.first]
            assert sorted(firsts.tolist()) == sorted(set(clip.frames.ravel().tolist()))


def test_the_middle_clip_of_a_whole_track_by_hand() -> None:
    assert uniform_clip(np.arange(40), 4, T).frames[:, 0].tolist() == [3, 13, 23, 33]
    assert uniform_clip(np.arange(32), 8, T).frames.tolist() == np.arange(32).reshape(8, 4).tolist()
    # Two parts of five rows each; the gap leaves the second part one start, and the first two.
    frames = np.array([0, 1, 2, 3, 4, 10, 20, 21, 22, 23])
    assert uniform_clip(frames, 2, T).frames.tolist() == [[0, 1, 2, 3], [20, 21, 22, 23]]
    # Parts with no room of their own take the nearest: rows 2 to 4 those of 1 to 4, rows 5 and 6 those of 6 to 9.
    assert uniform_clip(frames, 4, T).frames[:, 0].tolist() == [0, 1, 20, 20]


def test_random_places_stay_in_their_part_and_are_all_taken_equally() -> None:
    rng = np.random.default_rng(0)
    counts = np.zeros((2, 20), int)
    for _ in range(1700):
        clip = uniform_clip(np.arange(20), 2, T, rng)
        counts[[0, 1], clip.frames[:, 0]] += 1
    assert (counts[0, :7] > 0).all()
    assert counts[0, :7].sum() == counts[1, 10:17].sum() == 1700
    expected = 1700 / 7
    chi2 = ((counts[0, :7] - expected) ** 2 / expected).sum()
    assert chi2 < 22.5  # the 0.1 % bound with 6 degrees of freedom


def test_the_same_seed_gives_the_same_clip() -> None:
    frames = np.delete(np.arange(90), [20, 21, 50])
    one, other = (uniform_clip(frames, 4, T, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.frames, other.frames)


def test_what_makes_no_sense_is_refused() -> None:
    assert list(dense_clips(np.empty(0, np.int64), 4, T)) == []
    with pytest.raises(ValueError, match="without frames"):
        uniform_clip(np.empty(0, np.int64), 4, T)
    with pytest.raises(ValueError, match="increase"):
        uniform_clip(np.array([3, 3, 4]), 4, T)
    with pytest.raises(ValueError, match="needs snippets"):
        list(dense_clips(np.arange(9), 0, T))
