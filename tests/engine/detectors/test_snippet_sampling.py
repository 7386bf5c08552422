"""Plans of snippets by brute force: what they promise holds on every small track with gaps."""

import itertools

import numpy as np
import pytest

from engine.detectors.snippet_sampling import SnippetClip, dense_clips, uniform_clip

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


STRETCHES = [(first, last) for first in range(0, 37, 5) for last in range(first, first + 75)]


@pytest.mark.parametrize("snippets", [1, 2, 8])
def test_dense_plans_give_every_frame_exactly_one_span(snippets: int) -> None:
    for first, last in STRETCHES:
        clips = dense_clips(first, last, snippets, T)
        spans = [span for clip in clips for span in clip.spans.tolist()]
        assert [f for low, high in spans for f in range(low, high + 1)] == list(range(first, last + 1))
        for clip in clips:
            rows = clip.frames.reshape(-1, T)
            if clip.repeats:
                assert last - first + 1 < T
                assert set(rows.ravel().tolist()) == set(range(first, last + 1))
                continue
            assert (np.diff(rows) == 1).all()
            assert first <= rows.min() <= rows.max() <= last
            ends = rows[:, -1].tolist()
            for low, high in clip.spans.tolist():  # each span is the end of one snippet, or the beginning
                (row,) = [r for r in rows.tolist() if r[0] <= low and high <= r[-1] and high in (r[-1], last)] or [
                    rows[np.searchsorted(ends, high)].tolist()
                ]
                assert row[0] <= low <= high <= row[-1]


def test_clips_of_the_grid_do_not_hang_on_where_the_stretch_begins_and_ends() -> None:
    """The promise on which the analysis of one segment rests; see ClipDetector.plan."""
    whole = 2 * T

    def inner(first: int, last: int) -> list[list[int]]:
        clips = dense_clips(first, last, 2, T)
        return [c.frames.tolist() for c in clips if c.first >= 40 and c.frames.max() <= 79]

    expected = inner(0, 200)
    for first in range(41 - 2 * whole, 41 - whole):
        for last in range(80 + whole, 80 + 2 * whole):
            assert inner(first, last) == expected


def test_dense_plans_by_hand() -> None:
    before, one, after = dense_clips(5, 20, 2, T)  # a grid of eight frames: 8 to 15
    assert before.frames.tolist() == [5, 6, 7, 8, 9, 10, 11, 12]
    assert before.spans.tolist() == [[5, 7]]
    assert one.frames.tolist() == list(range(8, 16))
    assert one.spans.tolist() == [[8, 11], [12, 15]]
    assert after.frames.tolist() == list(range(13, 21))
    assert after.spans.tolist() == [[16, 16], [17, 20]]
    (short,) = dense_clips(30, 35, 8, T)
    assert short.frames.tolist() == [30, 31, 32, 33, 32, 33, 34, 35]
    assert short.spans.tolist() == [[30, 33], [34, 35]]
    (shorter,) = dense_clips(30, 31, 8, T)
    assert (shorter.frames.tolist(), shorter.spans.tolist(), shorter.repeats) == (
        [30, 31, 30, 31],
        [[30, 31]],
        True,
    )


def test_a_plan_may_leave_out_clips_of_the_grid() -> None:
    clips = dense_clips(3, 300, 8, T, every=40)
    assert [c.first for c in clips] == [64, 128, 192, 256]
    assert [c.first for c in dense_clips(3, 60, 8, T, every=40)] == [3, 29]


@pytest.mark.parametrize("snippets", [1, 2, 3])
def test_uniform_clips_hold_successive_frames_wherever_there_are_any(snippets: int) -> None:
    for frames in TRACKS:
        for rng in (None, np.random.default_rng(1)):
            clip = uniform_clip(frames, snippets, T, rng)
            assert clip.frames.shape == (snippets, T)
            check_snippets(clip, frames, T)
            assert clip.reflected.all() == clip.reflected.any() == (longest_run(frames) < T)


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
    with pytest.raises(ValueError, match="without frames"):
        uniform_clip(np.empty(0, np.int64), 4, T)
    with pytest.raises(ValueError, match="increase"):
        uniform_clip(np.array([3, 3, 4]), 4, T)
    with pytest.raises(ValueError, match="needs snippets"):
        uniform_clip(np.arange(9), 0, T)
