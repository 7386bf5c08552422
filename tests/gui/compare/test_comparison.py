"""What the comparison asks for, when, and what it says of it; the engine thread is real, its worker is not."""

from collections.abc import Callable

import fakes
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.errors import DeviceError
from engine.evaluation.explanations.maps import enlarged, grey
from engine.evaluation.explanations.measures import map_measures
from engine.runtime.protocol import ExplainRequest
from gui.compare.choice import PaneChoice, from_text, parse_settings, settings_text, to_text
from gui.compare.comparison import Comparison
from gui.compare.pane import Pane, Stand
from gui.session import Session

Settle = Callable[[Comparison], None]


def asked(explainer_id: str) -> list[ExplainRequest]:
    requests = [r for r in fakes.SWITCHES.asked if isinstance(r, ExplainRequest)]
    return [r for r in requests if r.explainer_id == explainer_id]


def stand(comparison: Comparison, pane: Pane) -> Stand:
    return pane.state(comparison.face).stand


@pytest.fixture
def slow(comparison: Comparison, settle: Settle) -> Pane:
    """The second pane, with Kernel SHAP."""
    pane = comparison.panes[1]
    comparison.choose(pane, PaneChoice("frame-mobile", "kernel-shap"))
    settle(comparison)
    return pane


def test_it_opens_with_what_can_be_compared_and_asks_at_once(comparison: Comparison) -> None:
    assert [pane.choice.explainer_id for pane in comparison.panes] == ["gradcam", "attention"]
    assert [stand(comparison, pane) for pane in comparison.panes] == [Stand.READY, Stand.READY]
    assert [r.frames for r in asked("attention")] == [(0,)]


def test_a_closed_comparison_asks_for_nothing(comparison: Comparison, analysed: Session, qtbot: QtBot) -> None:
    comparison.close()
    before = len(asked("attention"))
    analysed.go_to(20)
    qtbot.wait(150)
    assert len(asked("attention")) == before


def test_the_panes_follow_the_playhead(comparison: Comparison, analysed: Session, settle: Settle) -> None:
    analysed.go_to(7)
    settle(comparison)
    assert [pane.mask(7, 0) is not None for pane in comparison.panes] == [True, True]
    assert stand(comparison, comparison.panes[1]) is Stand.READY


def test_what_is_slow_is_made_only_when_asked_for(
    comparison: Comparison, slow: Pane, analysed: Session, settle: Settle, qtbot: QtBot
) -> None:
    analysed.go_to(5)
    settle(comparison)
    assert stand(comparison, slow) is Stand.ON_DEMAND
    assert asked("kernel-shap") == []
    slow.make()
    assert stand(comparison, slow) is Stand.WORKING
    settle(comparison)
    assert stand(comparison, slow) is Stand.READY
    assert [r.frames for r in asked("kernel-shap")] == [(5,)]


def test_what_is_slow_goes_on_though_the_playhead_moves_and_can_be_cancelled(
    comparison: Comparison, slow: Pane, analysed: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.3
    slow.make()
    qtbot.waitUntil(lambda: slow.state(0).progress is not None)
    assert slow.state(0).progress.fraction == 0.25
    analysed.go_to(9)
    qtbot.waitUntil(lambda: analysed.shown is not None and analysed.shown.index == 9)
    state = slow.state(0)
    assert (state.stand, state.text) == (Stand.WORKING, "Making the mask of frame 0")
    slow.cancel()
    assert not slow.busy
    assert stand(comparison, slow) is Stand.ON_DEMAND
    switches.delay = 0
    qtbot.wait(100)
    assert slow.mask(0, 0) is None, "nothing of a cancelled mask is kept"


def test_while_playing_all_panes_get_the_same_frames(
    comparison: Comparison, analysed: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.03
    made: dict[int, set[int]] = {0: set(), 1: set()}
    for number, pane in enumerate(comparison.panes):
        pane.made.connect(made[number].add)
    analysed.play()
    qtbot.waitUntil(lambda: min(map(len, made.values())) >= 3, timeout=4000)
    held = [pane.state(0) for pane in comparison.panes]
    analysed.pause()
    assert {state.stand for state in held} <= {Stand.READY, Stand.HELD}
    assert len(made[0] ^ made[1]) <= 1, "all but the frame under way"


def test_measures_are_those_of_the_maps_made_so_far_in_the_range(
    comparison: Comparison, analysed: Session, settle: Settle
) -> None:
    for frame in (1, 2, 4):
        analysed.go_to(frame)
        settle(comparison)
    pane = comparison.panes[0]
    maps = np.stack([pane.mask(frame, 0).values for frame in (0, 1, 2, 4)])  # type: ignore[union-attr]
    expected = map_measures(grey(maps, signed=True), np.array([0, 1, 2, 4]), 1, 224)
    found = comparison.measures(pane)
    assert found is not None
    assert found.values == pytest.approx(expected.values)
    assert found.counts == expected.counts == (4, 2, 4, 4)
    analysed.set_in(1)
    analysed.set_out(2)
    assert comparison.measures(pane).counts == (2, 1, 2, 2)  # type: ignore[union-attr]


def test_agreement_is_of_the_frames_that_both_have(
    comparison: Comparison, slow: Pane, analysed: Session, settle: Settle
) -> None:
    assert [found.frames for _, found in comparison.agreements()] == [0]
    slow.make()
    settle(comparison)
    ((name, found),) = comparison.agreements()
    assert (name, found.frames) == ("A–B", 1)
    assert found.mean == pytest.approx(-1), "the fake map of the one is that of the other turned around"
    one = enlarged(fakes.fake_map("gradcam"), 14).ravel()
    assert np.corrcoef(one, enlarged(fakes.fake_map("kernel-shap"), 14).ravel())[0, 1] == pytest.approx(-1)


def test_an_error_is_told_in_the_pane_and_can_be_tried_again(
    comparison: Comparison, analysed: Session, switches: fakes.Switches, settle: Settle
) -> None:
    switches.fail_explaining = DeviceError("The memory is full", advice="Close other programs")
    analysed.go_to(3)
    settle(comparison)
    pane = comparison.panes[1]
    state = pane.state(comparison.face)
    assert state.stand is Stand.ERROR
    assert "The memory is full" in state.text
    switches.fail_explaining = None
    pane.retry()
    settle(comparison)
    assert stand(comparison, pane) is Stand.READY


def test_a_face_that_is_gone_and_one_that_is_chosen(
    comparison: Comparison, analysed: Session, settle: Settle
) -> None:
    assert comparison.face == 0, "the one with the highest mean"
    comparison.set_face(1)
    assert comparison.face == 1
    analysed.go_to(80)
    settle(comparison)
    state = comparison.panes[0].state(comparison.face)
    assert (state.stand, state.text) == (Stand.NO_FACE, "Face 2 is not on this frame")


def test_a_detector_that_is_not_trained_says_so(comparison: Comparison) -> None:
    pane = comparison.panes[0]
    comparison.choose(pane, PaneChoice("frame-b4", "gradcam"))
    state = pane.state(0)
    assert (state.stand, state.text) == (Stand.UNUSABLE, "Not trained: no weights were found")


def test_before_an_analysis_the_panes_say_so(opened: Session) -> None:
    made = Comparison(opened, opened)
    made.open()
    assert {pane.state(made.face).stand for pane in made.panes} == {Stand.NOT_ANALYSED}


def test_a_frame_that_the_analysis_has_not_reached_is_not_said_to_have_no_face(
    comparison: Comparison, analysed: Session
) -> None:
    assert analysed.results is not None
    analysed.results.analysed[:] = False
    analysed.results.tracks.clear()
    state = comparison.panes[0].state(comparison.face)
    assert (state.stand, state.text) == (Stand.NOT_ANALYSED, "The analysis has not come to this frame yet")


def test_panes_come_and_go_and_the_last_one_stays(comparison: Comparison) -> None:
    for _ in range(4):
        comparison.add()
    assert len(comparison.panes) == 4
    assert comparison.panes[2].choice.explainer_id == "kernel-shap"
    for _ in range(5):
        comparison.remove(comparison.panes[-1])
    assert len(comparison.panes) == 1
    assert not comparison.difference


def test_it_comes_back_as_it_was_left(comparison: Comparison, analysed: Session) -> None:
    choice = PaneChoice("frame-mobile", "gradcam", (("layer", "features.7"),))
    comparison.choose(comparison.panes[0], choice)
    comparison.set_red(True)
    comparison.move_wipe(1.7)
    again = Comparison(analysed, analysed)
    again.open()
    assert [pane.choice for pane in again.panes] == [choice, PaneChoice("frame-mobile", "attention")]
    assert (again.red, again.wipe_at) == (True, 1.0)


def test_settings_reach_the_engine_and_make_other_maps(
    comparison: Comparison, analysed: Session, settle: Settle
) -> None:
    comparison.choose(comparison.panes[1], PaneChoice("frame-mobile", "gradcam", (("layer", "features.7"),)))
    settle(comparison)
    assert dict(asked("gradcam")[-1].settings) == {"layer": "features.7"}
    assert comparison.agreements()[0][1].mean == pytest.approx(1)


def test_new_ids_drop_figures_that_do_not_hold_any_more(
    comparison: Comparison, analysed: Session, settle: Settle, qtbot: QtBot
) -> None:
    pane = comparison.panes[0]
    assert comparison.measures(pane).counts[0] == 1  # type: ignore[union-attr]
    with qtbot.waitSignal(pane.forgotten):
        analysed.start_analysis()
    assert comparison.measures(pane).counts[0] == 0  # type: ignore[union-attr]


def test_settings_are_typed_as_name_and_value() -> None:
    assert parse_settings(" samples=500, layer=features.7 ") == (("layer", "features.7"), ("samples", "500"))
    assert parse_settings("") == ()
    assert settings_text(parse_settings("b=2 a=1")) == "a=1, b=2"
    for wrong in ("layer", "=3", "a=", "a=1 a=2"):
        with pytest.raises(ValueError, match="“"):
            parse_settings(wrong)


def test_a_choice_survives_the_settings_file_and_a_broken_one_is_left_out() -> None:
    choice = PaneChoice("frame-mobile", "gradcam", (("layer", "features.7"), ("samples", 500)))
    assert from_text(to_text(choice)) == choice
    for broken in ("", "[]", '["a", "b"]', '["a", 3, {}]', '["a", "b", {"c": [1]}]', "{"):
        assert from_text(broken) is None
