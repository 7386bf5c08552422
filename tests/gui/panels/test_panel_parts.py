import re

import pytest

from engine.progress import Progress
from gui.panels.parts import Elided, FactsGrid, breakable, progress_text, remaining, size_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""), (float("nan"), ""), (0.4, "almost done"), (12.3, "about 12 s left"), (89, "about 89 s left"),
        (150, "about 2 min left"), (7200, "about 2.0 h left"),
    ],
)  # fmt: skip
def test_estimates(seconds, text):
    assert remaining(seconds) == text


def test_progress_says_what_how_far_and_how_long():
    assert progress_text(Progress("Hashing", 43, 100, "bytes", 12.0)) == "Hashing 43 %, about 12 s left"
    assert progress_text(Progress("Opening", 3, 0, "packets")) == "Opening"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (12, "12 bytes"), (999, "999 bytes"), (1000, "1 kB (1 000 bytes)"),
        (6_123_456, "6.12 MB (6 123 456 bytes)"),
        (7_300_000_000, "7.3 GB (7 300 000 000 bytes)"), (2 * 10**15, "2e+03 TB (2 000 000 000 000 000 bytes)"),
    ],
)  # fmt: skip
def test_sizes_are_readable_and_exact(count, text):
    assert size_text(count).replace("\u202f", " ") == text


def test_long_words_may_break_and_lose_nothing():
    path = "/evidence/2024/03/interview_with_a_long_name.mp4"
    assert breakable(path).replace("\u200b", "") == path
    assert max(len(part) for part in breakable(path).split("\u200b")) < 15
    assert breakable("H.264 High") == "H.264 High"


def test_a_cut_text_is_whole_in_its_tooltip(qtbot):
    label = Elided("a_file_name_that_is_much_longer_than_there_is_room_for.mp4")
    qtbot.addWidget(label)
    label.resize(120, 20)
    label.show()
    assert label.text() != label.whole_text()
    assert label.toolTip() == label.whole_text()
    assert label.accessibleName() == label.whole_text()
    label.resize(800, 20)
    assert label.text() == label.whole_text()
    assert label.toolTip() == ""


def test_facts_are_copied_as_they_are_and_not_as_they_are_broken(qtbot):
    grid = FactsGrid()
    qtbot.addWidget(grid)
    grid.set_rows([("File", "Container", "QuickTime (mov,mp4,m4a,3gp,3g2,mj2)"), ("Stream", "Codec", "H.264")])
    assert grid.as_text() == "File\tContainer\tQuickTime (mov,mp4,m4a,3gp,3g2,mj2)\nStream\tCodec\tH.264"
    assert not re.search("\u200b", grid.as_text())
