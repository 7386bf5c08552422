"""The pieces under an analysis: plan, picture thread, background calls, tally, stores, memory figures."""

import gc
import itertools
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from fake_worker import fake_track

from engine.case.case_file import CaseFile
from engine.errors import CancelledError, VideoError
from engine.faces.crops import crop_affines, cut_crop
from engine.faces.segments import EVERY, FaceSegment
from engine.progress import CancelToken, Progress, ProgressCallback
from engine.results import CropSpec, FaceTrack, Provenance, Scores, VideoIdentity
from engine.runtime.background import Background
from engine.runtime.devices import device_status, machine_memory, process_memory
from engine.runtime.jobs import JobContext
from engine.runtime.pictures import PictureThread
from engine.runtime.plan import nearest, segment_length, segments
from engine.runtime.protocol import Event, Priority, Progressed
from engine.runtime.shelf import FaceMap, Shelf
from engine.runtime.store import MemoryStore, ResultStore
from engine.runtime.tally import Tally, merged, only, scores_of
from engine.video.media import Media, open_media

MADE_BY = Provenance("frame-mobile", "ab" * 32, {"precision": "float32"}, "CPU", "float32", {})


@pytest.fixture
def job() -> JobContext:
    return JobContext(7, Priority.USER, CancelToken(), lambda event: None, lambda: 0)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Media]:
    media = open_media(toy.write_clip(tmp_path_factory.mktemp("toy") / "toy.mkv"))
    yield media
    media.close()


# Plan


@pytest.mark.parametrize("size", [(320, 160), (1280, 720), (1920, 1080), (3840, 2160), (7680, 4320)])
def test_segments_tile_the_video_on_the_detection_grid(size: tuple[int, int]) -> None:
    length = segment_length(*size)
    assert length % EVERY == 0
    assert 16 <= length <= 64
    for count in (1, length - 1, length, length + 1, 1000):
        grid = segments(count, length)
        assert [f for a, b in grid for f in range(a, b + 1)] == list(range(count))
        assert all(a % EVERY == 0 for a, _ in grid)


def test_the_stretch_at_the_playhead_goes_first_and_what_lies_ahead_before_what_lies_behind() -> None:
    spans = segments(100, 10)
    order = []
    while spans:
        spans.remove(best := nearest(spans, 55))
        order.append(best[0])
    assert order[0] == 50
    assert order.index(60) < order.index(40)
    assert order.index(70) < order.index(40)
    assert order.index(40) < order.index(90), "but what lies just behind before what lies far ahead"
    ahead, behind = [f for f in order if f >= 50], [f for f in order if f < 50]
    assert ahead == sorted(ahead)
    assert behind == sorted(behind, reverse=True)


# Background calls


def drain(steps: Iterator[Event | None]) -> tuple[list[Event], object]:
    events = []
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return events, end.value
        if event is not None:
            events.append(event)


def test_a_background_call_reports_and_returns(job: JobContext) -> None:
    gate = threading.Event()

    def call(cancel: CancelToken, progress: ProgressCallback) -> str:
        progress(Progress("Hashing", 1, 2, "bytes"))
        gate.wait(5)
        return threading.current_thread().name

    work = Background("hash", call)
    steps = work.steps(job)
    told = next(event for event in steps if event is not None)
    assert told == Progressed(7, Progress("Hashing", 1, 2, "bytes"))
    gate.set()
    assert drain(steps) == ([], "hash")
    assert drain(work.steps(job))[1] == "hash", "it can be asked again"


def test_a_background_call_hands_on_its_error_and_stops_when_told(job: JobContext) -> None:
    def broken(cancel: CancelToken, progress: ProgressCallback) -> None:
        raise VideoError("no", advice="Do")

    with pytest.raises(VideoError):
        drain(Background("open", broken).steps(job))

    def endless(cancel: CancelToken, progress: ProgressCallback) -> None:
        while True:
            cancel.check()
            time.sleep(0.005)

    work = Background("open", endless)
    steps = work.steps(job)
    assert next(steps) is None
    job.token.cancel()
    with pytest.raises(CancelledError):
        drain(steps)
    assert not work.over
    work.stop()
    assert work.over


# Pictures


def test_windows_hold_exactly_their_frames_and_crops_are_those_of_the_frame(media: Media) -> None:
    pictures = PictureThread(media, WIDTH := 160)
    try:
        window = pictures.window(10, 40, (41, 60))
        window.ready.result(10)
        assert sorted(window.frames) == list(range(10, 41))
        assert sorted(window.looks) == [16, 24, 32, 40]
        assert all(look.shape == (80, WIDTH, 3) for look in window.looks.values())
        assert sorted(window.thumbnails) == list(range(10, 41))
        affines = crop_affines([[20, 20, 84, 84], [30, 10, 70, 90]], np.zeros((2, 5, 2)), CropSpec(32))
        crops = pictures.crops(window, [12, 33], affines, 32).result(10)
        for crop, frame, affine in zip(crops, (12, 33), affines, strict=True):
            np.testing.assert_array_equal(crop, cut_crop(toy.picture(frame), affine, 32))
        looks = pictures.looks(window, [11, 40, 99]).result(10)
        assert sorted(looks) == [11, 40], "frames outside are left out"
    finally:
        pictures.close()


def test_the_next_window_is_decoded_ahead_and_shares_what_overlaps(media: Media) -> None:
    pictures = PictureThread(media, 160)
    try:
        first = pictures.window(0, 20, (10, 30))
        first.ready.result(10)
        ahead = pictures.window(10, 30)
        ahead.ready.result(10)
        assert ahead.frames[15] is first.frames[15]
        assert ahead.thumbnails[15] is first.thumbnails[15]
        assert ahead.looks[16] is first.looks[16]
        jump = pictures.window(150, 160)
        jump.ready.result(10)
        assert sorted(jump.frames) == list(range(150, 161))
    finally:
        pictures.close()


def test_the_frames_of_a_window_go_with_it_and_wait_for_no_collection(media: Media) -> None:
    pictures = PictureThread(media, 160)
    gc.disable()
    try:
        window = pictures.window(0, 20)
        window.ready.result(10)
        gone = weakref.ref(window)
        del window
        pictures.window(150, 160).ready.result(10)  # the thread keeps the last one
        assert gone() is None
    finally:
        gc.enable()
        pictures.close()


def test_windows_nobody_wants_any_more_are_given_up(media: Media) -> None:
    pictures = PictureThread(media, 160)
    try:
        dropped = pictures.window(0, 199)
        wanted = pictures.window(100, 101)
        wanted.ready.result(10)
        assert not dropped.ready.done()
    finally:
        pictures.close()


def test_crops_go_before_decoding_ahead_and_faults_come_back(media: Media) -> None:
    pictures = PictureThread(media, 160)
    try:
        window = pictures.window(0, 10, (11, 199))
        window.ready.result(10)
        with pytest.raises(KeyError):
            pictures.crops(window, [55], np.zeros((1, 2, 3), np.float32), 32).result(10)
        assert pictures.looks(window, [3]).result(10)[3].shape == (80, 160, 3)
    finally:
        pictures.close()


# Tally


def scores(track: int, frames: list[int], logits: list[float]) -> Scores:
    return scores_of("frame-mobile", track, np.array(frames, np.int64), np.array(logits, np.float32), MADE_BY)


def test_scores_are_merged_by_frame() -> None:
    both = merged(scores(0, [1, 5, 9], [1, 5, 9]), scores(0, [0, 5], [0, -5]))
    assert both.spans[:, 0].tolist() == [0, 1, 5, 9]
    assert both.logits.tolist() == [0, 1, -5, 9]
    np.testing.assert_allclose(both.fake_probability, 1 / (1 + np.exp(-both.logits)), atol=1e-6)
    part = only(both, np.isin(both.spans[:, 0], [1, 2, 9]))
    assert part.spans.tolist() == [[1, 1], [9, 9]]
    assert part.logits.tolist() == [1, 9]


def test_the_tally_is_the_same_for_every_order_of_segments(media: Media) -> None:
    """Three segments with one face through all: provisional ids differ, the end does not."""
    parts = [FaceSegment(a, b, (still_face(a, b),), ()) for a, b in ((0, 15), (16, 31), (32, 47))]
    results = []
    for order in itertools.permutations(range(3)):
        tally = Tally()
        for at in order:
            part = parts[at]
            linked = tally.link(part)
            frames = list(range(part.first, part.last + 1))
            told = tally.score((part.first, part.last), [scores(0, frames, [f / 10 for f in frames])])
            assert told[0].track_id == linked.tracks[0].id
        assert {tally.current_id(((p.first, p.last), 0)) for p in parts} == {0}, "they turned out to be one"
        (track,) = tally.tracks(0, 47)
        (final,) = tally.scores()
        assert (track.id, final.track_id) == (0, 0)
        assert final.spans[:, 0].tolist() == list(range(48))
        np.testing.assert_allclose(final.logits, np.arange(48) / 10, atol=1e-6)
        results.append((track.frames.tolist(), track.boxes.tolist()))
    assert all(r == results[0] for r in results)
    (inside,) = tally.tracks(10, 20)
    assert inside.frames.tolist() == list(range(10, 21))
    assert tally.tracks(60, 70) == ()
    assert tally.current_id(((99, 100), 0)) is None


def still_face(first: int, last: int) -> FaceTrack:
    """A face that does not move, with its detections one step around the segment, as segments carry them."""
    whole = fake_track(max(0, first - EVERY), last + EVERY)
    detected = whole.frames % EVERY == 0
    keep = (whole.frames >= first) & (whole.frames <= last) | detected
    names = ("frames", "boxes", "landmarks", "scores", "raw_boxes")
    return replace(whole, detected=detected[keep], **{name: getattr(whole, name)[keep] for name in names})


# Stores


@pytest.fixture(params=["memory", "case"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ResultStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with CaseFile.create(tmp_path / "case.tell") as case:
        yield case


def identity(sha256: str = "a" * 64) -> VideoIdentity:
    return VideoIdentity(f"/{sha256[0]}.mp4", sha256, 10, 100, 4.0, False, 64, 48, Fraction(1, 25))


def test_both_stores_give_back_what_was_put_in(store: ResultStore) -> None:
    video = store.put_video(identity())
    other = store.put_video(identity("b" * 64))
    assert store.put_video(identity()) == video != other
    assert [v.identity.sha256[0] for v in store.videos()] == ["a", "b"]
    shelf = Shelf(store, video, 16)
    segment = FaceSegment(16, 31, (still_face(16, 31),), (20,))
    assert shelf.faces((16, 31)) is None
    shelf.keep_faces(segment)
    again = Shelf(store, video, 16)
    assert again.spans_with_faces() == {(16, 31)}
    found = again.faces((16, 31))
    assert found is not None
    assert (found.first, found.last, found.cuts) == (16, 31, (20,))
    np.testing.assert_array_equal(found.tracklets[0].boxes, segment.tracklets[0].boxes)
    assert Shelf(store, other, 16).faces((16, 31)) is None, "of other evidence"
    assert Shelf(store, video, 32).spans_with_faces() == set(), "of another grid"

    assert shelf.scores(MADE_BY, (16, 31)) is None
    shelf.keep_scores(MADE_BY, (16, 31), [scores(0, [16, 17], [0.5, -0.5])])
    (kept,) = shelf.scores(MADE_BY, (16, 31)) or ()
    assert kept.logits.tolist() == [0.5, -0.5]
    assert kept.provenance.settings_hash == MADE_BY.settings_hash
    bf16 = Provenance("frame-mobile", "ab" * 32, {"precision": "bf16"}, "CPU", "bf16", {})
    assert shelf.scores(bf16, (16, 31)) is None, "of another precision"


def test_maps_are_kept_with_their_crop_cost_and_errors(store: ResultStore) -> None:
    shelf = Shelf(store, store.put_video(identity()), 16)
    assert shelf.maps(MADE_BY, 3) == ()
    one, two = np.eye(3, dtype=np.float32)[:2], 2 * np.eye(3, dtype=np.float32)[:2]
    values = np.full((7, 7), 1.5, np.float32)
    shelf.keep_maps(MADE_BY, 3, (FaceMap(one, values, 0.25, 1, 0.5), FaceMap(two, 0 * values, 1.0, 2, 1.5)))
    first, second = shelf.maps(MADE_BY, 3)
    np.testing.assert_array_equal(first.affine, one)
    np.testing.assert_array_equal(second.affine, two)
    np.testing.assert_array_equal(first.values, values)
    assert (first.logit, first.passes, first.seconds, first.errors) == (0.25, 1, 0.5, None)
    assert (second.logit, second.passes, second.seconds) == (1, 2, 1.5)
    assert not first.values.flags.writeable
    assert shelf.maps(MADE_BY, 4) == ()
    shelf.keep_maps(MADE_BY, 4, (FaceMap(one, values, 0.25, 9, 0.5, values / 3),))
    np.testing.assert_array_equal(shelf.maps(MADE_BY, 4)[0].errors, values / 3)


# Memory figures


def test_memory_figures_are_plausible() -> None:
    before = process_memory()
    ballast = np.ones(80 << 20, np.uint8)
    after = process_memory()
    assert 60e6 < after - before < 200e6
    assert 1e9 < machine_memory() < 1e14
    assert after < machine_memory()
    del ballast
    status = device_status(3, torch.device("cpu"), "float32")
    assert status.job == 3
    assert status.device == f"CPU, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}, float32"
