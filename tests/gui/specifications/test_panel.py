"""The tab: what it shows in each state, and that all of it works."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMessageBox
from scenes import make_scores, make_track

from gui.specifications import shelf
from gui.specifications.panel import INTRODUCTION, SpecificationsPanel


def face(track, first, last, value):
    frames = np.arange(first, last + 1)
    return make_track(track, frames), make_scores(track, frames, np.full(len(frames), value))


@pytest.fixture
def panel(scene, checking, qtbot):
    made = SpecificationsPanel(scene.session, checking)
    qtbot.addWidget(made)
    made.resize(340, 900)
    made.show()
    qtbot.waitExposed(made)
    qtbot.wait(1)
    return made


def pick(panel, entry_id):
    at = panel.chooser.findData(entry_id)
    panel.chooser.setCurrentIndex(at)
    panel.chooser.activated.emit(at)


def answered(panel, qtbot):
    qtbot.waitUntil(lambda: panel.answers.list.isVisible())


def test_without_a_choice_it_says_what_it_is_for(panel):
    assert panel.about.text() == INTRODUCTION
    for widget in (panel.editor, panel.save, panel.answers.list, panel.standing):
        assert not widget.isVisible()


def test_a_choice_brings_its_parameters_and_its_text(panel, qtbot):
    pick(panel, "shipped/sustained")
    qtbot.waitUntil(lambda: set(panel.parameters.fields) == {"threshold", "scores"})
    assert panel.about.text().startswith("Somewhere the fake probability stays above")
    assert "parameter threshold" in panel.editor.toPlainText()
    assert panel.standing.text() == "Analyse the video: a specification is checked on its scores."
    assert panel.reason.text() == "✓ Nothing is wrong with the text"
    assert not panel.save.isEnabled()
    assert panel.text_state.text() == "comes with Tellframe"
    assert panel.parameters.fields["scores"].text() == "10"


def test_each_face_has_its_verdict_in_words_and_a_button_to_the_witness(panel, scene, qtbot):
    pick(panel, "shipped/sustained")
    scene.finish(scene.analyse(), face(0, 20, 199, 0.9), face(1, 0, 99, 0.2))
    answered(panel, qtbot)
    rows = [panel.answers.list.item(n).text() for n in range(2)]
    assert rows == ["✓ Face 1: satisfied, robustness +0.400", "✗ Face 2: violated, robustness −0.300"]
    assert panel.standing.text() == "On all scores of the video."
    meaning = "The formula holds for the scores of this face. 180 scores; predicted to be fake."
    assert panel.answers.meaning.text() == meaning
    button = panel.answers.buttons[0]
    assert button.text() == "Decided at frame 20 (t)"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert scene.session.frame == 20


def test_the_face_is_chosen_by_key(panel, checking, scene, qtbot):
    pick(panel, "shipped/sustained")
    scene.finish(scene.analyse(), face(0, 0, 199, 0.9), face(1, 0, 99, 0.2))
    answered(panel, qtbot)
    panel.answers.list.setFocus()
    qtbot.keyClick(panel.answers.list, Qt.Key.Key_Down)
    assert checking.answer.track_id == 1
    qtbot.waitUntil(lambda: "does not hold" in panel.answers.meaning.text())


def test_provisional_answers_are_told(panel, scene, qtbot):
    pick(panel, "shipped/steady")
    job = scene.analyse()
    scene.segment(job, 0, 49, face(0, 0, 49, 0.9))
    answered(panel, qtbot)
    assert panel.standing.text() == "Provisional: the analysis goes on."
    assert panel.standing.property("level") == "warning"


def test_a_fault_is_underlined_told_and_gone_to(panel, scene, qtbot):
    qtbot.mouseClick(panel.new, Qt.MouseButton.LeftButton)
    panel.editor.setPlainText("□(probability <\n  0.5) oops")
    qtbot.waitUntil(lambda: panel.fault.isVisible())
    assert panel.fault.text() == "✗ Line 2, column 8"
    assert panel.reason.text().startswith("Expected ")
    assert [selection.cursor.selectedText() for selection in panel.editor.extraSelections()] == ["oops"]
    qtbot.mouseClick(panel.fault, Qt.MouseButton.LeftButton)
    assert panel.editor.textCursor().blockNumber() == 1
    assert panel.standing.text() == "Nothing is checked until the text is right."
    panel.editor.setPlainText("□(probability < 0.5)")
    qtbot.waitUntil(lambda: not panel.fault.isVisible() and panel.reason.text().startswith("✓"))


def test_a_fault_leaves_the_editor_where_it_is(panel, scene, qtbot):
    pick(panel, "shipped/sustained")
    scene.finish(scene.analyse(), face(0, 0, 199, 0.9))
    answered(panel, qtbot)
    qtbot.wait(100)  # until everything has its place
    place = panel.editor.y()
    text = panel.editor.toPlainText()
    panel.editor.setPlainText(text + " oops")
    qtbot.waitUntil(lambda: panel.fault.isVisible())
    qtbot.wait(100)
    assert panel.editor.y() == place
    assert not panel.answers.list.isVisible()
    assert not panel.parameters.isEnabled()


def test_a_misspelt_series_is_pointed_to(panel, scene, qtbot):
    scene.finish(scene.analyse(), face(0, 0, 199, 0.9))
    qtbot.mouseClick(panel.new, Qt.MouseButton.LeftButton)
    panel.editor.setPlainText("□(probabilty < 0.5)")
    qtbot.waitUntil(lambda: "no face has a series probabilty" in panel.reason.text())
    assert [selection.cursor.selectedText() for selection in panel.editor.extraSelections()] == ["probabilty"]
    assert panel.answers.list.item(0).text() == "! Face 1: not checked"


def test_parameters_are_set_and_set_back(panel, scene, checking, qtbot):
    pick(panel, "shipped/sustained")
    scene.finish(scene.analyse(), face(0, 0, 199, 0.9))
    answered(panel, qtbot)
    field = panel.parameters.fields["threshold"]
    field.setValue(0.95)
    qtbot.waitUntil(lambda: "violated" in panel.answers.list.item(0).text())
    reset = panel.parameters.resets["threshold"]
    assert reset.isEnabled()
    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)
    assert field.value() == 0.5
    qtbot.waitUntil(lambda: "satisfied" in panel.answers.list.item(0).text())
    assert not reset.isEnabled()


def test_saving_asks_for_a_name_until_it_can_be_one(panel, checking, qtbot, monkeypatch):
    names = iter([("a/b", True), ("steady", True), ("mine", True)])
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_kw: next(names))
    pick(panel, "shipped/steady")
    qtbot.waitUntil(lambda: panel.save_as.isEnabled() and checking.parsed is not None)
    qtbot.mouseClick(panel.save_as, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.chooser.currentData() == "own/mine")
    assert (shelf.own_folder() / "mine.tqtl").is_file()
    panel.editor.setPlainText("□(probability < 0.7)")
    qtbot.waitUntil(lambda: panel.save.isEnabled())
    qtbot.mouseClick(panel.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.save.isEnabled())
    assert (shelf.own_folder() / "mine.tqtl").read_text(encoding="utf-8") == "□(probability < 0.7)"


def test_a_file_of_ones_own_is_not_replaced_unasked(panel, checking, qtbot, monkeypatch):
    shelf.save("mine", "□(probability < 0.1)")
    checking.list_entries()
    qtbot.waitUntil(lambda: panel.chooser.findData("own/mine") >= 0)
    names = iter([("mine", True), ("", False)])
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_kw: next(names))
    asked = []
    monkeypatch.setattr(
        QMessageBox, "question", lambda *args: asked.append(args[2]) or QMessageBox.StandardButton.No
    )
    pick(panel, "shipped/steady")
    panel.save_text_as()
    assert asked == ["There is a specification mine. Replace it?"]
    assert (shelf.own_folder() / "mine.tqtl").read_text(encoding="utf-8") == "□(probability < 0.1)"


def test_a_new_one_is_dropped(panel, checking, qtbot):
    qtbot.mouseClick(panel.new, Qt.MouseButton.LeftButton)
    assert panel.chooser.currentText() == "New, not saved"
    assert panel.revert.text() == "Drop"
    qtbot.mouseClick(panel.revert, Qt.MouseButton.LeftButton)
    assert checking.chosen == ""
    assert panel.chooser.findData(shelf.NEW) == -1


def test_the_panel_fits_its_dock(panel, scene, qtbot):
    pick(panel, "shipped/phi_2")
    scene.finish(scene.analyse(), face(0, 0, 199, 0.9))
    qtbot.waitUntil(lambda: "has no prototypes" in panel.standing.text())
    assert panel.minimumSizeHint().width() <= 314
