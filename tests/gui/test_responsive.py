"""The window stays alive: its event loop in a real analysis, and the first frame of a video that opens slowly."""

import ctypes
import gc
import os
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
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

LONGEST = 0.05
"""Seconds that the event loop may be away."""


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of frame-mobile that score something."""
    from random_weights import write_random_weights

    folder = tmp_path / "weights"
    write_random_weights(folder, "frame-mobile")
    monkeypatch.setattr(paths, "weights_dirs", lambda: (folder,))
    return folder


@pytest.fixture
def real_session(qapp: object, tmp_path: Path) -> Iterator[Session]:
    """A session over the real engine and real files; an analysis begins and playing starts by itself."""
    session = app.make_session(Settings(tmp_path / "tellframe.ini"))
    yield session
    session.close()
    session.deleteLater()


def shares(gaps: list[Gap]) -> str:
    """The longest absences of the loop in words, for the report of a failure."""
    worst = sorted(gaps, key=lambda gap: -gap.wall)[:5]
    return "; ".join(
        f"{g.wall * 1e3:.0f} ms (own work {g.cpu * 1e3:.0f}, queued {g.queued * 1e3:.0f}, "
        f"another thread queued {g.other_queued * 1e3:.0f})"
        for g in worst
    )


def test_the_event_loop_is_never_away_while_a_video_is_analysed(
    real_session: Session, weights: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    """Opening, playing and scoring 10 s of 720p. The times in which the kernel gave the processors to others are
    taken off, for they say nothing of the program; benchmarks/window.py measures them, too, on a quiet machine.
    """
    clip = tmp_path / "clip.mp4"
    make_clip(clip, 1280, 720, 10)
    window = MainWindow(real_session)
    qtbot.addWidget(window)
    window.show()
    real_session.start()
    qtbot.waitUntil(lambda: bool(real_session.detectors), timeout=60_000)
    gc.collect()
    gc.freeze()  # as the program does when it has loaded torch; here the test has loaded it
    watch = LoopWatch()
    watch.start()
    window.open([clip])
    qtbot.waitUntil(lambda: real_session.analysis.state is AnalysisState.DONE, timeout=100_000)
    watch.stop()
    gc.unfreeze()
    scored = [track for track in real_session.results or () if len(track.spans) > 200]
    assert len(scored) == 1, "the analysis was a real one"
    assert len(watch.gaps) > 100
    assert watch.longest_held().held <= LONGEST, shares(watch.gaps)
    assert max(gap.cpu for gap in watch.gaps) <= LONGEST, shares(watch.gaps)


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
    try:
        window = MainWindow(session)
        qtbot.addWidget(window)
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
        session.close()
        session.deleteLater()


@pytest.mark.skipif(os.name != "posix", reason="usleep is a function of the C library there")
@pytest.mark.parametrize("guilty", ["the loop's own thread", "another thread that keeps the interpreter's lock"])
def test_the_watch_sees_who_holds_up_the_loop(qapp: object, qtbot: QtBot, guilty: str) -> None:
    hold = ctypes.PyDLL(None).usleep  # called through PyDLL, it sleeps with the lock held
    watch = LoopWatch()
    watch.start()
    qtbot.wait(60)
    if guilty.startswith("another"):
        thread = threading.Thread(target=hold, args=(120_000,))
        thread.start()
        qtbot.wait(150)
        thread.join()
    else:
        hold(120_000)
        qtbot.wait(60)
    watch.stop()
    assert 0.1 < watch.longest_held().held <= watch.longest().wall
    assert sum(gap.held > LONGEST for gap in watch.gaps) == 1
