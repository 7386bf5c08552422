import itertools

import pytest

from gui.timeline.scale import NARROWEST, FrameScale
from gui.timeline.ticks import clock, tick_step, ticks


def test_each_pixel_names_the_frame_whose_interval_covers_it():
    scale = FrameScale.whole(10, left=100, width=200)  # 20 pixels per frame
    for x in range(100, 300):
        assert scale.frame(x + 0.25) == (x - 100) // 20
    assert scale.frame(0) == 0
    assert scale.frame(5000) == 9


def test_frame_to_pixel_and_back_is_exact_at_every_zoom():
    for frames, width in itertools.product((1, 2, 7, 500, 180_000), (300, 1173, 3840)):
        scale = FrameScale.whole(frames, 84, width)
        for _ in range(20):
            visible = range(max(0, int(scale.start) + 1), min(frames, int(scale.end)))
            for frame in {*visible[:5], *visible[-5:]}:
                if scale.pixels_per_frame >= 1:
                    assert scale.frame(round(scale.x(frame))) == frame
                assert scale.position(scale.x(frame)) == pytest.approx(frame, abs=1e-6)
            scale = scale.zoomed(1.7, frames / 3)


def test_zooming_keeps_the_frame_under_the_mouse_where_it_is():
    scale = FrameScale.whole(10_000, 84, 1000)
    anchor = scale.position(400)
    for _ in range(5):
        scale = scale.zoomed(1.25, anchor)
        assert scale.x(anchor) == pytest.approx(400)
    for _ in range(5):
        scale = scale.zoomed(1 / 1.25, anchor)
    assert (scale.start, scale.end) == pytest.approx((-0.5, 9999.5))


def test_the_view_never_leaves_the_video_and_never_gets_too_narrow():
    scale = FrameScale.whole(1000, 0, 500).zoomed(1e9, 999)
    assert scale.span == NARROWEST
    scale = scale.panned(50)
    assert scale.end == 999.5
    assert scale.panned(50) == scale
    assert scale.panned(-1e9).start == -0.5
    assert scale.zoomed(1e-9, 3).fitted
    short = FrameScale.whole(3, 0, 500)
    assert short.zoomed(4, 1) == short


def test_following_pages_only_when_the_playhead_leaves_the_view():
    scale = FrameScale.whole(1000, 0, 500).showing(100, 199)
    assert scale.following(150) == scale
    assert scale.following(199) == scale
    paged = scale.following(200)
    assert paged.span == scale.span
    assert paged.start < 200 < paged.end
    assert paged.start == pytest.approx(190)


def test_a_range_fills_the_view_from_edge_to_edge():
    scale = FrameScale.whole(1000, 10, 500).showing(40, 59)
    assert (scale.start, scale.end) == (39.5, 59.5)


@pytest.mark.parametrize(
    ("span", "width", "step"),
    [(10, 1000, 1), (100, 1000, 10), (101, 1000, 20), (500, 1000, 50), (180_000, 1200, 20_000)],
)
def test_tick_steps_are_round_and_leave_room(span, width, step):
    assert tick_step(span, width, 100) == step
    assert step * width / span >= 100 or step == 1


def test_ticks_lie_inside_the_view():
    assert list(ticks(-0.5, 21.2, 5)) == [0, 5, 10, 15, 20]
    assert list(ticks(7.3, 9.9, 5)) == []


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [
        (0, 0, "0:00"), (7.48, 3, "0:07.480"), (59.9996, 3, "1:00.000"), (3727.5, 1, "1:02:07.5"),
        (-0.04, 2, "−0:00.04"), (-0.0001, 2, "0:00.00"),
    ],
)  # fmt: skip
def test_clock(seconds, decimals, text):
    assert clock(seconds, decimals) == text
