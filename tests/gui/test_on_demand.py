"""Slow explainers in the player: made when asked for, wherever the playhead goes, and found again."""

from pathlib import Path

import fakes
import pytest
from pytestqt.qtbot import QtBot

from engine.errors import DeviceError
from engine.runtime.protocol import ExplainRequest
from gui.exporting import ExportJob, ExportPlan
from gui.session import Session
from gui.videos import AnalysisState


@pytest.fixture
def slow(opened: Session, qtbot: QtBot) -> Session:
    """Analysed, with Kernel SHAP chosen, at frame 20."""
    opened.start_analysis()
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.DONE)
    opened.set_explainer("kernel-shap")
    go(opened, 20, qtbot)
    return opened


def go(session: Session, frame: int, qtbot: QtBot) -> None:
    session.go_to(frame)
    qtbot.waitUntil(lambda: session.shown_exact and session.shown is not None and session.shown.index == frame)


def asked(*, stored: bool) -> list[tuple[int, ...]]:
    requests = [r for r in fakes.SWITCHES.asked if isinstance(r, ExplainRequest)]
    return [r.frames for r in requests if r.explainer_id == "kernel-shap" and r.stored == stored]


def idle(session: Session) -> bool:
    return session.on_demand.asked is None


def test_the_playhead_asks_only_for_what_is_stored(slow: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: (20,) in asked(stored=True))
    go(slow, 30, qtbot)
    qtbot.waitUntil(lambda: (30,) in asked(stored=True))
    assert asked(stored=False) == []
    assert not slow.explanations


def test_a_mask_is_made_of_the_frame_at_which_it_was_asked_for(
    slow: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.2
    slow.on_demand.explain((20,))
    qtbot.waitUntil(lambda: slow.on_demand.progress is not None)
    progress = slow.on_demand.progress
    assert progress is not None
    assert (progress.fraction, progress.seconds_left) == (0.25, 12.0)
    go(slow, 30, qtbot)
    switches.delay = 0.0
    qtbot.waitUntil(lambda: idle(slow))
    assert not slow.explanations
    go(slow, 20, qtbot)
    assert slow.explanations[0].passes == 2002
    assert asked(stored=False) == [(20,)]


def test_a_stored_mask_of_another_day_is_shown_when_the_playhead_comes(
    slow: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.kept.add(("kernel-shap", "{}", 33))
    go(slow, 33, qtbot)
    qtbot.waitUntil(lambda: bool(slow.explanations))
    assert asked(stored=False) == []


def test_a_range_is_told_frame_by_frame_and_what_is_finished_stays_when_it_is_cancelled(
    slow: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    slow.set_in(20)
    slow.set_out(23)
    assert slow.on_demand.range == (20, 21, 22, 23)
    switches.delay = 0.15
    slow.on_demand.explain(slow.on_demand.range)
    qtbot.waitUntil(lambda: bool(slow.explanations))
    assert not idle(slow)
    slow.on_demand.cancel()
    assert idle(slow)
    switches.delay = 0.0
    assert slow.explanations
    qtbot.wait(300)
    assert ("kernel-shap", "{}", 23) not in switches.kept
    slow.on_demand.explain(slow.on_demand.range)
    qtbot.waitUntil(lambda: idle(slow))
    assert {mask.frame for mask in slow.made_masks(0, 99)} == {20, 21, 22, 23}


def test_another_explainer_may_be_looked_at_meanwhile_but_other_settings_end_it(
    slow: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.2
    slow.on_demand.explain((20,))
    slow.set_explainer("gradcam")
    assert not idle(slow)
    slow.set_explainer("kernel-shap")
    assert not idle(slow)
    slow.set_explainer_setting("samples", 50)
    assert idle(slow)
    switches.delay = 0.0
    slow.on_demand.explain((20,))
    qtbot.waitUntil(lambda: idle(slow) and bool(slow.explanations))
    last = next(r for r in reversed(switches.asked) if isinstance(r, ExplainRequest) and not r.stored)
    assert last.settings == {"samples": 50}
    slow.reset_explainer_settings()
    assert not slow.explanations


def test_asking_from_another_explainer_chooses_the_slow_one_and_shows_its_masks(
    slow: Session, qtbot: QtBot
) -> None:
    slow.set_explainer("gradcam")
    slow.set_masks_visible(False)
    slow.on_demand.explain((20,))
    qtbot.waitUntil(lambda: bool(slow.explanations))
    assert slow.explanations[0].explainer_id == "kernel-shap"


def test_what_goes_wrong_is_told_and_can_be_tried_again(
    slow: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: (20,) in asked(stored=True))
    switches.fail_explaining = DeviceError("The memory is full", advice="Close other programs")
    slow.on_demand.explain((20,))
    qtbot.waitUntil(lambda: slow.on_demand.error((20,)) is not None)
    assert any("The memory is full" in message.text for message in slow.messages)
    switches.fail_explaining = None
    slow.on_demand.explain((20,))
    qtbot.waitUntil(lambda: bool(slow.explanations))
    assert slow.on_demand.error((20,)) is None


def test_an_export_draws_the_masks_that_were_made_and_makes_no_others(
    slow: Session, switches: fakes.Switches, qtbot: QtBot, tmp_path: Path
) -> None:
    slow.on_demand.explain((20, 21))
    qtbot.waitUntil(lambda: idle(slow))
    switches.kept.discard(("kernel-shap", "{}", 21))  # as if it hung on both frames together
    switches.kept.add(("kernel-shap", "{}", 22))
    assert slow.media is not None
    plan = ExportPlan(tmp_path / "out", 10, 30, stills=True, audio=False, style=slow.style)
    job = ExportJob(slow, slow.media, plan)
    scenes = []
    job._write = lambda: scenes.append(job.scene())  # type: ignore[method-assign]
    job.start()
    qtbot.waitUntil(lambda: bool(scenes))
    drawn = {(made.track_id, frame) for made in scenes[0].explanations for frame in made.frames.tolist()}
    assert drawn == {(track, frame) for track in (0, 1) for frame in (20, 21, 22)}
    assert asked(stored=False) == [(20, 21)]
