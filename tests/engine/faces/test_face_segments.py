"""Segments in any order against one pass over the whole made-up video."""

import itertools
import time

import numpy as np
import pytest
from scripted_faces import Actor, World

from engine.faces.linking import TrackLinker
from engine.faces.segments import FaceSegment, context, find_segment_faces
from engine.results import FaceTrack

SIZE = 64


def busy_world() -> World:
    """Two who cross, one who comes and goes, one in two of three scenes, a jittering detector."""
    return World(
        [
            Actor(lambda f: (100 + 3.0 * f, 200), present=lambda f: f < 300),
            Actor(lambda f: (1100 - 3.0 * f, 260), present=lambda f: f < 300 and not 158 <= f <= 172),
            Actor(lambda f: (500.0, 700.0), present=lambda f: 61 <= f <= 129 or 140 <= f <= 200 or 250 <= f < 300),
            Actor(lambda f: (800.0, 500 + 20 * np.sin(f / 9)), present=lambda f: f >= 301),
        ],
        jitter=1.0,
    )


CUTS, COUNT = (301, 333), 400


def spans(count: int = COUNT, size: int = SIZE) -> list[tuple[int, int]]:
    return [(first, min(first + size, count) - 1) for first in range(0, count, size)]


def segment(world: World, first: int, last: int, count: int = COUNT, cuts: tuple[int, ...] = CUTS) -> FaceSegment:
    low, high = context(first, last, count)
    known = [cut for cut in cuts if low < cut <= high]

    def detect(frames):
        assert all(low <= frame <= high for frame in frames)
        return world.detect(frames)

    return find_segment_faces(detect, known, first, last, count)


def linked(order: list[tuple[int, int]], world: World) -> TrackLinker:
    linker = TrackLinker()
    for first, last in order:
        linker.add(segment(world, first, last))
    return linker


def same(left: tuple[FaceTrack, ...], right: tuple[FaceTrack, ...]) -> bool:
    return len(left) == len(right) and all(
        a.id == b.id
        and np.array_equal(a.frames, b.frames)
        and np.array_equal(a.detected, b.detected)
        and np.allclose(a.boxes, b.boxes, atol=1e-3)
        and np.allclose(a.landmarks, b.landmarks, atol=1e-3)
        and np.allclose(a.raw_boxes, b.raw_boxes, atol=1e-3)
        for a, b in zip(left, right, strict=True)
    )


def test_every_face_begins_and_ends_in_its_very_frame() -> None:
    tracks = linked(spans(), busy_world()).tracks()
    ranges = [(int(t.frames[0]), int(t.frames[-1]), len(t)) for t in tracks]
    assert ranges == [
        (0, 299, 300),  # from the left
        (0, 299, 300 - 15),  # from the right, hidden for 15 frames
        (61, 200, 69 + 61),  # away for 10 frames
        (250, 299, 50),  # away for too long to be known again
        (301, 332, 32),  # a scene
        (333, 399, 67),  # the next scene, to the last frame
    ]
    assert [t.id for t in tracks] == list(range(6))
    assert tracks[0].boxes[0, 0] < tracks[1].boxes[0, 0]


def test_the_boxes_are_where_the_faces_are() -> None:
    world = busy_world()
    world.jitter = 0.0
    tracks = linked(spans(), world).tracks()
    actors = [world.actors[n] for n in (0, 1, 2, 2, 3, 3)]
    for track, actor in zip(tracks, actors, strict=True):
        truth = np.stack([actor.box(int(frame)) for frame in track.frames])
        assert np.abs(track.boxes - truth).max() < (6 if actor is world.actors[3] else 0.01)


def test_segments_give_what_one_pass_gives() -> None:
    whole = TrackLinker()
    whole.add(segment(busy_world(), 0, COUNT - 1))
    assert same(linked(spans(), busy_world()).tracks(), whole.tracks())


def test_the_order_does_not_matter() -> None:
    world = busy_world()
    found = [segment(world, *span) for span in spans()]
    orders = list(itertools.islice(itertools.permutations(range(len(found))), 0, None, 97))
    results = []
    for order in orders:
        linker = TrackLinker()
        for number in order:
            linker.add(found[number])
        results.append(linker.tracks())
    assert len(results) > 40
    assert all(same(results[0], other) for other in results[1:])


def test_provisional_ids_lead_to_the_final_ones() -> None:
    world = busy_world()
    linker = TrackLinker()
    shown: dict[int, list[FaceTrack]] = {}
    for first, last in [spans()[n] for n in (3, 0, 5, 2, 6, 1, 4)]:
        answer = linker.add(segment(world, first, last))
        for old, stays in answer.joined.items():
            shown.setdefault(stays, []).extend(shown.pop(old))
        for part in answer.tracks:
            assert first <= part.frames[0] <= part.frames[-1] <= last
            shown.setdefault(part.id, []).append(part)
    final = linker.final_ids()
    tracks = {track.id: track for track in linker.tracks()}
    assert len(shown) == len(tracks)
    for provisional, parts in shown.items():
        frames = sorted(frame for part in parts for frame in part.frames.tolist())
        assert frames == tracks[final[provisional]].frames.tolist()


@pytest.mark.parametrize("away", [(120, 135), (126, 130), (128, 140), (110, 128)])
def test_a_gap_over_a_border_is_one_face(away: tuple[int, int]) -> None:
    actor = Actor(lambda f: (400.0, 300.0), present=lambda f: not away[0] <= f < away[1])
    linker = TrackLinker()
    for first, last in spans(200):
        linker.add(segment(World([actor]), first, last, 200, ()))
    [track] = linker.tracks()
    assert track.frames.tolist() == [f for f in range(200) if not away[0] <= f < away[1]]


def test_a_cut_at_a_border_parts_faces_in_the_same_place() -> None:
    for cut in (126, 127, 128, 129):
        world = World([Actor(lambda f: (400.0, 300.0))])
        linker = TrackLinker()
        for first, last in spans(200):
            linker.add(segment(world, first, last, 200, (cut,)))
        assert [(t.frames[0], t.frames[-1]) for t in linker.tracks()] == [(0, cut - 1), (cut, 199)]


def test_unreadable_frames_are_bridged() -> None:
    world = World([Actor(lambda f: (400.0 + f, 300.0))], unreadable=frozenset({0, 40, 64, 65, 128, 199}))
    linker = TrackLinker()
    for first, last in spans(200):
        linker.add(segment(world, first, last, 200, ()))
    [track] = linker.tracks()
    assert track.frames.tolist() == list(range(8, 193))
    assert not track.detected[track.row(64)]


def test_no_frame_is_asked_for_twice_and_flicker_costs_no_more_than_stated() -> None:
    for present in (lambda f: True, lambda f: f % 7 < 4, lambda f: (f // 8) % 2 == 0):
        world = World([Actor(lambda f: (400.0, 300.0), present=present)])
        segment(world, 64, 127, 400, ())
        assert len(world.asked) == len(set(world.asked))
        assert len(world.asked) <= 3 * 11


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 64, 65, 71, 73])
def test_videos_of_any_length(count: int) -> None:
    world = World([Actor(lambda f: (400.0, 300.0))])
    linker = TrackLinker()
    for first, last in spans(count):
        linker.add(segment(world, first, last, count, ()))
    [track] = linker.tracks()
    assert track.frames.tolist() == list(range(count))
    assert track.detected[-1]


def test_a_scene_of_one_frame_has_its_own_face() -> None:
    tracks_world = World([Actor(lambda f: (400.0 if f != 20 else 420.0, 300.0))])
    found = segment(tracks_world, 0, 63, 64, (20, 21))
    assert [(p.frames[0], p.frames[-1]) for p in found.parts()] == [(0, 19), (20, 20), (21, 63)]
    assert found.cuts == (20, 21)


def test_five_thousand_segments_are_joined_quickly() -> None:
    still = World([Actor(lambda f: (400.0, 300.0)), Actor(lambda f: (900.0, 300.0))])
    template = segment(still, SIZE, 2 * SIZE - 1, 10**7, ())
    segments = []
    for number in range(5000):
        shift = number * SIZE
        tracklets = tuple(
            FaceTrack(t.id, t.frames + shift, t.boxes, t.landmarks, t.scores, t.detected, t.raw_boxes)
            for t in template.tracklets
        )
        segments.append(FaceSegment(template.first + shift, template.last + shift, tracklets, ()))
    order = np.random.default_rng(0).permutation(5000)
    linker = TrackLinker()
    started = time.process_time()
    for number in order:
        linker.add(segments[number])
    tracks = linker.tracks()
    assert time.process_time() - started < 10
    assert [len(track) for track in tracks] == [5000 * SIZE] * 2
