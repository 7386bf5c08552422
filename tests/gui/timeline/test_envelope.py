import itertools
import time

import numpy as np
import pytest
from scenes import make_scores, make_track

from gui.results_model import TrackSeries
from gui.timeline.envelope import envelope
from gui.timeline.peaks import Peak, all_peaks, find_peaks, most_suspicious, next_peak, previous_peak


def series(values: dict[int, float], seen: range | list[int], track_id: int = 0) -> TrackSeries:
    """A person seen on some frames and scored on some of them."""
    seen = np.array(list(seen))
    track = TrackSeries(track_id, int(seen[0]), int(seen[-1]))
    track.add_track(make_track(track_id, seen))
    if values:
        track.add_scores(make_scores(track_id, np.array(list(values)), np.array(list(values.values()))))
    return track


def joined_pairs(shape) -> list[tuple[float, float]]:
    return [(float(shape.x[k]), float(shape.x[k + 1])) for k in np.flatnonzero(shape.joined)]


def test_a_gap_in_the_face_interrupts_the_line_and_unscored_frames_between_do_not():
    track = series({10: 0.1, 14: 0.2, 18: 0.3, 30: 0.4, 34: 0.5}, [*range(10, 20), *range(30, 36)])
    shape = envelope(track, 0, 50, 100)
    assert shape.x.tolist() == [10, 14, 18, 30, 34]
    np.testing.assert_allclose(shape.mean, [0.1, 0.2, 0.3, 0.4, 0.5], rtol=1e-6)
    assert joined_pairs(shape) == [(10, 14), (14, 18), (30, 34)]


def test_the_scores_just_outside_the_view_carry_the_lines_to_its_edges():
    track = series(dict.fromkeys(range(0, 100, 10), 0.5), range(100))
    assert envelope(track, 25, 44, 100).x.tolist() == [20, 30, 40, 50]
    assert envelope(track, 31, 38, 100).x.tolist() == [30, 40]


def test_without_scores_there_is_nothing_to_draw():
    assert len(envelope(series({}, range(5, 9)), 0, 20, 50)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_columns_hold_the_mean_and_the_extremes_of_exactly_their_scores(seed):
    rng = np.random.default_rng(seed)
    frames = np.flatnonzero(rng.random(5000) < 0.6)
    values = rng.random(len(frames))
    track = series(dict(zip(frames.tolist(), values.tolist(), strict=True)), frames)
    start, end, columns = 200.5, 4300.5, 37
    shape = envelope(track, start, end, columns)
    assert len(shape) <= columns + 3
    by_column: dict[int, list[int]] = {}
    inside = np.flatnonzero((frames >= start) & (frames <= end))
    for k in range(inside[0] - 1, inside[-1] + 2):
        by_column.setdefault(int(np.floor((frames[k] - start) * columns / (end - start))), []).append(k)
    expected = [by_column[c] for c in sorted(by_column)]
    np.testing.assert_allclose(shape.mean, [values[k].mean() for k in expected], rtol=1e-5)
    np.testing.assert_allclose(shape.low, [values[k].min() for k in expected], rtol=1e-6)
    np.testing.assert_allclose(shape.high, [values[k].max() for k in expected], rtol=1e-6)
    unseen = set(range(5000)) - set(frames.tolist())
    for k, (a, b) in enumerate(itertools.pairwise(expected)):
        assert shape.joined[k] == (not unseen & set(range(frames[a[-1]], frames[b[0]])))


def test_no_single_high_score_is_lost_in_a_two_hour_video():
    values = np.full(180_000, 0.1, np.float32)
    values[123_456] = 0.97
    track = TrackSeries(0, 0, 179_999)
    track.add_track(make_track(0, np.arange(180_000)))
    track.add_scores(make_scores(0, np.arange(180_000), values))
    shape = envelope(track, -0.5, 179_999.5, 1200)
    at = int(shape.high.argmax())
    assert shape.high[at] == pytest.approx(0.97)
    assert abs(shape.x[at] - 123_456) <= 180_000 / 1200
    began = time.thread_time()
    for _ in range(10):
        envelope(track, -0.5, 179_999.5, 1200)
    assert (time.thread_time() - began) / 10 < 0.01


def brute_peaks(values: dict[int, float], seen: set[int], threshold: float) -> list[int]:
    stretches: list[list[int]] = []
    previous = None
    for frame in sorted(values):
        if values[frame] >= threshold:
            continues = (
                previous is not None
                and values[previous] >= threshold
                and all(between in seen for between in range(previous, frame))
            )
            if continues:
                stretches[-1].append(frame)
            else:
                stretches.append([frame])
        previous = frame
    return [max(stretch, key=lambda f: (values[f], -f)) for stretch in stretches]


@pytest.mark.parametrize("seed", range(30))
def test_peaks_agree_with_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    seen = np.flatnonzero(rng.random(120) < 0.9)
    scored = seen[rng.random(len(seen)) < 0.5]
    values = {int(f): float(np.float32(round(rng.random(), 1))) for f in scored}
    found = find_peaks(series(values, seen), 0.5)
    assert found.tolist() == brute_peaks(values, set(seen.tolist()), 0.5)


def test_one_peak_per_stretch_and_the_first_of_equals():
    track = series({0: 0.6, 1: 0.9, 2: 0.7, 3: 0.9, 4: 0.2, 5: 0.5}, range(6))
    assert find_peaks(track, 0.5).tolist() == [1, 5]
    assert find_peaks(track, 0.95).tolist() == []


def test_stepping_from_peak_to_peak_over_all_people():
    a = series({10: 0.8, 20: 0.1, 30: 0.7}, range(10, 31), track_id=0)
    b = series({12: 0.9, 22: 0.3}, range(12, 23), track_id=1)
    peaks = all_peaks([a, b], 0.5)
    assert [(p.frame, p.track_id) for p in peaks] == [(10, 0), (12, 1), (30, 0)]
    assert next_peak(peaks, 10) == peaks[1]
    assert next_peak(peaks, 30) is None
    assert previous_peak(peaks, 12) == peaks[0]
    assert previous_peak(peaks, 10) is None


def test_the_most_suspicious_moment_needs_no_threshold():
    a, b = series({5: 0.2, 6: 0.4}, range(5, 8)), series({3: 0.4}, range(3, 4), track_id=1)
    assert most_suspicious([a, b]) == Peak(3, 1, pytest.approx(0.4))
    assert most_suspicious([series({}, range(3))]) is None
    assert most_suspicious([]) is None
