"""The window stays alive: its event loop in a real analysis, and the first frame of a video that opens slowly."""

import ctypes
import gc
import os
import threading
import time
from contextlib import nullcontext
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from never_away import LONGEST, TRIES, assert_never_away
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from pytestqt.qtbot import QtBot

from benchmarks.event_loop import Gap, LoopWatch
from benchmarks.window import make_clip
from engine import paths
from engine.progress import CancelToken, ProgressCallback
from engine.video.frame import Frame
from engine.video.media import FirstLook, Media
from gui import app
from gui.main_window import MainWindow
from gui.session import Session
from gui.settings import Settings
from gui.videos import AnalysisState, VideoStatus


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of frame-mobile that score something."""
    from random_weights import write_random_weights

    folder = tmp_path / "weights"
    write_random_weights(folder, "frame-mobile")
    monkeypatch.setattr(paths, "weights_dirs", lambda: (folder,))
    return folder


def end(window: MainWindow, session: Session) -> None:
    """As the program ends: the window first. One that outlives its session closes over freed memory, which killed
    the interpreter in about one run of six while pytest-qt did the closing.
    """
    window.close()
    session.close()
    window.deleteLater()
    session.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.mark.timeout(400)  # three analyses, if others are busy in each
def test_the_event_loop_is_never_away_while_a_video_is_analysed(
    weights: Path, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening, playing and scoring 10 s of 720p. benchmarks/window.py measures what other programs take, too, on a
    quiet machine.
    """
    clip = tmp_path / "clip.mp4"
    make_clip(clip, 1280, 720, 10)
    numbers = count()

    def analysed(watch: LoopWatch) -> None:
        folder = tmp_path / str(next(numbers))
        monkeypatch.setenv("XDG_DATA_HOME", str(folder))  # nothing is in the case yet
        session = app.make_session(Settings(folder / "tellframe.ini"))  # it plays and analyses by itself
        window = MainWindow(session)
        try:
            window.show()
            session.start()
            qtbot.waitUntil(lambda: bool(session.detectors), timeout=60_000)
            gc.collect()
            gc.freeze()  # as the program does when it has loaded torch; here the test has loaded it
            watch.start()
            window.open([clip])
            qtbot.waitUntil(lambda: session.analysis.state is AnalysisState.DONE, timeout=100_000)
            watch.stop()
            scored = [track for track in session.results or () if len(track.spans) > 200]
            assert len(scored) == 1, "the analysis was a real one"
            assert len(watch.gaps) > 100
        finally:
            gc.unfreeze()
            end(window, session)

    assert_never_away(analysed)


def test_the_first_frame_is_on_the_screen_before_the_index_is_known(
    qapp: object, qtbot: QtBot, tmp_path: Path
) -> None:
    pixels = np.empty((90, 160, 3), np.uint8)
    pixels[:] = (200, 100, 50)
    look = FirstLook(Frame(0, 0, 0.0, pixels), Fraction(1))
    clip = tmp_path / "clip.mp4"
    make_clip(clip, 320, 180, 1)
    indexed = threading.Event()

    def open_slowly(path: Path, cancel: CancelToken, progress: ProgressCallback) -> Media:
        indexed.wait(30)
        return app.open_media(path, cancel, progress)

    settings = Settings(tmp_path / "tellframe.ini")
    settings.change(play_on_open=False, analyse_on_open=False)
    session = Session(
        settings,
        make_engine=app.make_engine,
        open_media=open_slowly,
        make_server=app.make_server,
        look_first=lambda path: look,
    )
    window = MainWindow(session)
    try:
        window.resize(1000, 700)
        window.show()

        def colour() -> tuple[int, ...]:
            picture = window.player.picture
            return picture.grab().toImage().pixelColor(picture.rect().center()).getRgb()[:3]

        window.open([clip])
        qtbot.waitUntil(lambda: window.player.picture.isVisible() and colour() == (200, 100, 50), timeout=5000)
        assert session.current is not None
        assert session.current.status is VideoStatus.OPENING
        assert session.shown is None, "only an opened video gives frames"
        indexed.set()
        qtbot.waitUntil(lambda: session.shown_exact, timeout=10_000)
        assert session.current.look is None
        qtbot.waitUntil(lambda: colour() != (200, 100, 50), timeout=5000)
    finally:
        indexed.set()
        end(window, session)


@pytest.mark.skipif(os.name != "posix", reason="usleep is a function of the C library there")
@pytest.mark.parametrize("guilty", ["the loop's own thread", "another thread that keeps the interpreter's lock"])
def test_the_watch_sees_who_holds_up_the_loop(qapp: object, qtbot: QtBot, guilty: str) -> None:
    """On a busy machine it may take a part of the hold for a wait, or a wait for a hold: but not every time."""
    hold = ctypes.PyDLL(None).usleep  # called through PyDLL, it sleeps with the lock held

    def held_once() -> bool:
        watch = LoopWatch()
        watch.start()
        qtbot.wait(60)
        if guilty.startswith("another"):
            thread = threading.Thread(target=hold, args=(300_000,))
            thread.start()
            qtbot.wait(330)
            thread.join()
        else:
            hold(300_000)
            qtbot.wait(60)
        watch.stop()
        assert watch.longest().wall > 0.29
        return [gap.held > 2 * LONGEST for gap in watch.gaps if gap.held > LONGEST] == [True]

    assert any(held_once() for _ in range(TRIES))


def test_a_scene_that_blocks_the_loop_every_time_fails_however_often_it_is_played(
    qapp: object, qtbot: QtBot
) -> None:
    played = []

    def blocking(watch: LoopWatch) -> None:
        watch.start()
        qtbot.wait(30)
        QTimer.singleShot(0, lambda: time.sleep(0.08))
        qtbot.wait(30)
        watch.stop()
        played.append(watch)

    with pytest.raises(AssertionError, match=f"away in each of {TRIES} scenes: "):
        assert_never_away(blocking)
    assert len(played) == TRIES


CLEAN, HELD, WORKED = (Gap(0.0, wall, cpu, 0.0, 0.0) for wall, cpu in ((0.01, 0.001), (0.08, 0.001), (0.08, 0.08)))


@pytest.mark.parametrize(
    ("scenes", "good", "played"),
    [
        ([CLEAN, HELD, HELD], True, 1),
        ([HELD, HELD, CLEAN], True, 3),
        ([HELD, HELD, HELD], False, 3),
        ([WORKED, CLEAN, CLEAN], True, 2),
        ([HELD, WORKED, WORKED], False, 3),
        ([WORKED, WORKED, WORKED], False, 3),
    ],
)
def test_what_happens_in_every_scene_is_the_programs_own(
    qapp: object, scenes: list[Gap], good: bool, played: int
) -> None:
    left = list(scenes)

    def scene(watch: LoopWatch) -> None:
        watch.gaps = [CLEAN, left.pop(0)]

    with nullcontext() if good else pytest.raises(AssertionError, match="80 ms"):
        assert_never_away(scene)
    assert len(scenes) - len(left) == played
