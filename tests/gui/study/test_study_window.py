"""The window of a study: all of it by the keyboard, and every answer on the disk as it was given."""

import subprocess
import sys
from pathlib import Path

import pytest
import study_scene
from never_away import assert_never_away
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from benchmarks.event_loop import LoopWatch
from engine import paths
from engine.errors import StudyError
from engine.evaluation.study.study_file import Participant, StudyFile
from gui.study.app import load_study
from gui.study.clip_view import ClipView
from gui.study.run import Stage
from gui.study.window import StudyWindow

RETURN, ESCAPE = Qt.Key.Key_Return, Qt.Key.Key_Escape


class Person:
    """Sits before a window and has only a keyboard."""

    def __init__(self, window: StudyWindow, qtbot: QtBot) -> None:
        self.window, self._bot = window, qtbot

    def press(self, key: Qt.Key) -> None:
        self._bot.keyClick(QApplication.focusWidget() or self.window, key)

    def type(self, text: str) -> None:
        for letter in text:
            self._bot.keyClicks(QApplication.focusWidget() or self.window, letter)

    def see(self, stage: Stage, number: int = 0) -> None:
        def there() -> bool:
            place = self.window.run.place
            return self.window.run.stage is stage and (
                not number or (place is not None and place.number == number)
            )

        self._bot.waitUntil(there, timeout=10_000)
        if stage in (Stage.PAIR, Stage.CHOICE):
            views = self.window.pair.views if stage is Stage.PAIR else self.window.choice.views
            self._bot.waitUntil(lambda: all(view.has_picture for view in views), timeout=10_000)

    def begin(self) -> Participant:
        self.press(RETURN)
        self.see(Stage.ABOUT)
        self.type("2c")
        self.press(RETURN)
        self.see(Stage.PAIR, 1)
        assert self.window.run.person is not None
        return self.window.run.person


def shown(window: StudyWindow, qtbot: QtBot) -> Person:
    """Somebody before a window of the test's own."""
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.setFocus()
    return Person(window, qtbot)


@pytest.fixture
def person(window: StudyWindow, qtbot: QtBot) -> Person:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.setFocus()
    return Person(window, qtbot)


def text_of(widget: QWidget) -> str:
    """All words of a page."""
    return " ".join(
        str(child.property("text") or "") for child in widget.findChildren(QWidget) if child.isVisibleTo(widget)
    )


def test_a_whole_study_by_keys(person: Person, study: StudyFile) -> None:
    window = person.window
    who = person.begin()
    assert (who.screen, who.familiarity) == ("small", "no")
    for number, step in enumerate(who.plan, 1):
        person.see(Stage.PAIR, number)
        assert window.progress_text.text() == f"{number} of 3"
        fake = 1 if step.fake_first else 2
        person.type(str(fake if number != 2 else 3 - fake))  # the second time they are wrong
        person.press(RETURN)
        person.see(Stage.CHOICE, number)
        assert window.choice.verdict.text().startswith("Not this time" if number == 2 else "Right")
        assert f"video {fake} was the fake one" in window.choice.verdict.text()
        if number == 1:
            person.type("bd")
        elif number == 3:
            person.type("eA shadow, at 1 o'clock")
        person.press(RETURN)
    person.see(Stage.THANKS)
    assert who.code in text_of(window.thanks)
    first, second, third = who.plan
    given = {g.section: g for g in study.answers(who.code)}
    assert [given[s.section].right for s in who.plan] == [True, False, True]
    assert set(given[first.section].chosen or ()) == {first.explanations[1], first.explanations[3]}
    assert given[second.section].chosen == ()
    assert (given[third.section].chosen, given[third.section].other) == ((), "A shadow, at 1 o'clock")
    person.press(RETURN)  # the next participant
    person.see(Stage.WELCOME)
    assert person.begin().code != who.code
    assert len(study.participants()) == 2


def test_each_view_plays_the_clip_of_its_place(person: Person, study: StudyFile, qtbot: QtBot) -> None:
    """The grey in the corner of every clip tells which one it is, even when encoding moves it by a few values."""
    window = person.window
    step = person.begin().plan[0]
    number = int(step.section[1:])

    def corners(views: list[ClipView]) -> list[int]:
        return [round(view._shown.image.pixelColor(4, 4).red()) for view in views]

    def wanted(*names: str) -> list[int]:
        return [study_scene.corner_of(number, name) for name in names]

    near = study_scene.APART // 3
    sides = ("fake", "real") if step.fake_first else ("real", "fake")
    assert corners(window.pair.views) == pytest.approx(wanted(*sides), abs=near)
    person.type("1")
    person.press(RETURN)
    person.see(Stage.CHOICE)
    assert corners(window.choice.views) == pytest.approx(wanted("fake", *step.explanations), abs=near)


def test_nothing_goes_on_without_an_answer(person: Person, study: StudyFile, qtbot: QtBot) -> None:
    window = person.window
    person.press(RETURN)
    person.see(Stage.ABOUT)
    person.type("1")
    person.press(RETURN)
    qtbot.wait(50)
    assert window.run.stage is Stage.ABOUT
    assert not window.about.button.isEnabled()
    person.type("a")
    person.press(RETURN)
    person.see(Stage.PAIR)
    person.press(RETURN)
    qtbot.wait(50)
    assert window.run.stage is Stage.PAIR
    assert study.answers() == ()
    person.type("x9")
    assert not any(view.isChecked() for view in window.pair.views)
    person.type("12")
    assert [view.isChecked() for view in window.pair.views] == [False, True]
    person.press(RETURN)
    person.see(Stage.CHOICE)
    person.type("e")
    person.press(RETURN)  # Other without a word
    qtbot.wait(50)
    assert window.run.stage is Stage.CHOICE
    assert isinstance(QApplication.focusWidget(), QLineEdit)
    person.press(ESCAPE)  # out of the field, not out of the study
    person.type("e")
    assert not window.choice.other.isChecked()
    person.type("aab")
    assert [view.isChecked() for view in window.choice.views[1:]] == [False, True, False, False]


def test_a_pause_keeps_all_and_the_code_goes_on(person: Person, study: StudyFile, qtbot: QtBot) -> None:
    window = person.window
    who = person.begin()
    person.type("1")
    person.press(RETURN)
    person.see(Stage.CHOICE, 1)
    person.type("a")
    person.press(ESCAPE)
    person.see(Stage.WELCOME)
    assert who.code in window.welcome.note.text()
    person.press(RETURN)  # the code stands there still
    person.see(Stage.CHOICE, 1)
    assert not any(view.isChecked() for view in window.choice.views), "what was not confirmed was not kept"
    person.press(RETURN)
    person.see(Stage.PAIR, 2)
    window.close()  # as a crash, for what is on the disk
    again = StudyWindow(StudyFile.open(study.path))
    later = shown(again, qtbot)
    later.type(who.code.lower())
    later.press(RETURN)
    later.see(Stage.PAIR, 2)
    assert again.run.person == who
    again.close()


def test_a_code_that_nobody_has(person: Person, qtbot: QtBot) -> None:
    person.type("zzz")
    person.press(RETURN)
    qtbot.waitUntil(lambda: "Nobody has the code ZZZ" in person.window.welcome.note.text())
    assert person.window.run.stage is Stage.WELCOME


def test_who_has_answered_all_is_thanked_again(person: Person, study: StudyFile) -> None:
    who = study.enrol("done-1", "large", "yes")
    for step in who.plan:
        study.tell(who.code, step.section, right=True)
        study.choose(who.code, step.section, ())
    person.type("DONE-1")
    person.press(RETURN)
    person.see(Stage.THANKS)


def test_an_answer_that_cannot_be_kept_is_not_passed_over(
    person: Person, study: StudyFile, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = person.window
    person.begin()

    def full(*_: object, **__: object) -> None:
        raise StudyError("The disk is full", advice="Free some space", file=study.path)

    with monkeypatch.context() as patched:
        patched.setattr(window.file, "tell", full, raising=False)
        person.type("1")
        person.press(RETURN)
        qtbot.waitUntil(lambda: bool(window.notices.texts))
    assert "The disk is full" in window.notices.texts[0]
    assert window.run.stage is Stage.PAIR
    person.press(RETURN)  # there is room again
    person.see(Stage.CHOICE, 1)


def test_a_clip_that_vanishes_is_told(person: Person, study: StudyFile, qtbot: QtBot) -> None:
    for clip in study.clips.iterdir():
        clip.unlink()
    person.press(RETURN)
    qtbot.waitUntil(lambda: person.window.run.stage is Stage.ABOUT)
    person.type("1a")
    person.press(RETURN)
    qtbot.waitUntil(lambda: bool(person.window.notices.texts), timeout=10_000)
    assert ".mp4" in person.window.notices.texts[0]


def inside(window: StudyWindow, widget: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (1024, 700)])
def test_everything_has_its_place(person: Person, qtbot: QtBot, size: tuple[int, int]) -> None:
    window = person.window
    window.resize(*size)

    def check(widgets: list[QWidget], least: int) -> None:
        qtbot.wait(30)
        places = [inside(window, widget) for widget in widgets]
        assert (window.width(), window.height()) == size, "nothing asks for more room"
        assert all(window.rect().contains(place) for place in places)
        assert not any(a.intersects(b) for n, a in enumerate(places) for b in places[:n])
        assert all(min(place.width(), place.height()) >= least for place in places if place.height() > 60)

    person.begin()
    check([*window.pair.views, window.pair.button, window.pair.keys, window.pause], 400)
    person.type("1")
    person.press(RETURN)
    person.see(Stage.CHOICE)
    choice = window.choice
    check([*choice.views, choice.words, choice.other, choice.button, choice.keys, choice.verdict], 190)


def test_every_control_has_a_name(person: Person) -> None:
    window = person.window
    person.begin()
    person.type("1")
    person.press(RETURN)
    person.see(Stage.CHOICE)
    for child in window.findChildren(QAbstractButton) + window.findChildren(QLineEdit):
        if not child.objectName().startswith("qt_"):
            assert child.accessibleName() or child.property("text"), child


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_any_number_of_explanations(qtbot: QtBot, tmp_path: Path, count: int) -> None:
    names = tuple(f"e{n}" for n in range(count))
    window = StudyWindow(study_scene.make(tmp_path, 1, names))
    person = shown(window, qtbot)
    person.begin()
    person.type("1")
    person.press(RETURN)
    person.see(Stage.CHOICE)
    assert window.choice.other_key == "BCDEFGHI"[count - 1]
    places = [inside(window, view) for view in window.choice.views]
    assert not any(a.intersects(b) for n, a in enumerate(places) for b in places[:n])
    person.type("abcdefghi"[count - 1])
    person.press(RETURN)
    person.see(Stage.THANKS)
    assert len(window.file.answers()[0].chosen or ()) == 1
    window.close()


def test_the_event_loop_is_never_away_while_clips_play(qtbot: QtBot, tmp_path: Path) -> None:
    """Two clips of 1280x720 at 25 frames a second, a page that changes, an answer that is stored."""
    from engine.evaluation.study.pairs import Pair
    from engine.runtime.study_making import Choice, make_study

    for at, name in enumerate(("real", "fake", "gradcam")):
        study_scene.write_clip(tmp_path / f"{name}.mp4", 25, 8, (1280, 720), corner=9 * at)
    pair = Pair("s", tmp_path / "real.mp4", tmp_path / "fake.mp4", ("p",), {"gradcam": tmp_path / "gradcam.mp4"})
    study = make_study([pair], tmp_path / "a.tellstudy", Choice("t"))

    def played(watch: LoopWatch) -> None:
        window = StudyWindow(study)
        window.resize(1920, 1080)
        person = shown(window, qtbot)
        person.begin()
        watch.start()
        qtbot.wait(1200)
        person.type("1")
        person.press(RETURN)
        person.see(Stage.CHOICE)
        qtbot.wait(500)
        watch.stop()
        window.close()
        assert len(watch.gaps) > 40

    assert_never_away(played)


def test_a_study_with_a_changed_clip_does_not_open(study: StudyFile) -> None:
    assert load_study(study.path).definition == study.definition
    clip = study.clips / study.definition.sections[0].fake.file
    clip.write_bytes(clip.read_bytes() + b"x")
    with pytest.raises(StudyError, match="not the one"):
        load_study(study.path)


def test_the_window_of_a_study_needs_no_torch() -> None:
    code = "import sys, gui.study.app; sys.exit(any(m.split('.')[0] == 'torch' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=paths.PROJECT, check=False).returncode == 0
