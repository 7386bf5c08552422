"""A comparison over the fake engine, on an analysed video."""

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from gui.compare.comparison import Comparison
from gui.session import Session
from gui.videos import AnalysisState

Settle = Callable[[Comparison], None]


@pytest.fixture
def analysed(opened: Session, qtbot: QtBot) -> Session:
    """A session whose video is analysed."""
    opened.start_analysis()
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.DONE)
    return opened


@pytest.fixture
def settle(qtbot: QtBot) -> Settle:
    """Waits until nothing is being made or measured any more."""

    def wait(comparison: Comparison) -> None:
        def over() -> bool:
            idle = not any(pane.busy or pane._store._timer.isActive() for pane in comparison.panes)
            shown = comparison._session.shown is None or comparison._session.shown_exact
            return idle and shown and not comparison.measuring._running

        qtbot.waitUntil(over)
        qtbot.wait(30)  # what is collected for a moment is shown
        qtbot.waitUntil(over)

    return wait


@pytest.fixture
def comparison(analysed: Session, settle: Settle) -> Comparison:
    """An open one with two panes, Grad-CAM and attention."""
    made = Comparison(analysed, analysed)
    made.open()
    settle(made)
    return made
