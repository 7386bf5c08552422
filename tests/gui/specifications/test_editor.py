"""The text of a specification: faults at their place, completions, and the keys that it keeps to itself."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCharFormat, QTextCursor

from gui.specifications.answers import Place
from gui.specifications.completion import completions, word_before
from gui.specifications.editor import FormulaEditor


@pytest.fixture
def editor(qtbot):
    made = FormulaEditor()
    qtbot.addWidget(made)
    made.resize(400, 200)
    made.set_completions(completions(["probability", "u_t"], ["level"]))
    made.show()
    qtbot.waitExposed(made)
    made.setFocus()
    yield made
    made.clearFocus()


def underlined(editor):
    return [
        (selection.cursor.selectedText(), selection.format.underlineStyle())
        for selection in editor.extraSelections()
    ]


def test_what_is_wrong_is_underlined_in_waves_and_what_may_be_meant_in_dots(editor):
    editor.load("□(logit\n  < wrong) ∧ x")
    editor.set_places((Place(2, 5, 5, "no value"), Place(2, 14, 1, "no series x", wrong=False)))
    styles = QTextCharFormat.UnderlineStyle
    assert underlined(editor) == [("wrong", styles.WaveUnderline), ("x", styles.DotLine)]
    cursor = editor.textCursor()
    cursor.setPosition(editor.document().findBlockByNumber(1).position() + 6)
    assert editor.reason_at(cursor) == "no value"
    assert editor.reason_at(QTextCursor(editor.document())) == ""


def test_a_place_that_is_no_longer_there_is_not_underlined(editor):
    editor.load("□ x")
    editor.set_places((Place(7, 1, 1, "gone"), Place(1, 40, 1, "gone")))
    assert underlined(editor) == []


def test_a_place_is_gone_to(editor):
    editor.load("a\nbcd")
    editor.go_to_place(Place(2, 2, 1, "here"))
    assert (editor.textCursor().blockNumber(), editor.textCursor().positionInBlock()) == (1, 1)


@pytest.mark.parametrize(
    ("typed", "text"),
    [("proba", "probability"), ("lev", "level"), ("P_ow", "P_own"), ("u_", "u_t"), ("alw", "always")],
)
def test_names_and_operators_are_completed(editor, qtbot, typed, text):
    editor.load("◇(")
    editor.moveCursor(QTextCursor.MoveOperation.End)
    qtbot.keyClicks(editor, typed)
    assert editor._popup.isVisible()
    qtbot.keyClick(editor._popup, Qt.Key.Key_Return)
    assert editor.toPlainText() == f"◇({text}"
    assert not editor._popup.isVisible()


def test_an_operator_can_be_completed_to_its_sign(editor, qtbot):
    qtbot.keyClicks(editor, "always")
    assert editor._popup.isVisible()
    qtbot.keyClick(editor._popup, Qt.Key.Key_Down)
    qtbot.keyClick(editor._popup, Qt.Key.Key_Return)
    assert editor.toPlainText() == "□"


def test_ctrl_space_offers_everything_and_a_whole_word_nothing(editor, qtbot):
    qtbot.keyClick(editor, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert editor._completer.completionCount() == len(editor._completions)
    qtbot.keyClick(editor._popup, Qt.Key.Key_Escape)
    assert not editor._popup.isVisible()
    qtbot.keyClicks(editor, "level")
    assert not editor._popup.isVisible()


def test_nothing_is_completed_in_texts_and_remarks():
    assert word_before("always prob") == "prob"
    assert word_before('title "always') == ""
    assert word_before("# always") == ""
    assert word_before('parameter a = 1 "text" alw') == "alw"


def test_tab_leaves_the_text(editor):
    assert editor.tabChangesFocus()
