"""The gallery: filters, names, labels and exclusions by mouse and key, and that all of it says what it shows."""

from pathlib import Path

import dpnet_scene
import numpy as np
import pytest
from dpnet_scene import NAMES, PROTOTYPES, clip_scores, similarities
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QListView

from engine.case.reviewed import PrototypeReview
from engine.detectors.cards import CARD
from engine.progress import CancelToken
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.gallery import GalleryDialog
from gui.prototypes.gallery_cards import NO_OPERATOR, Card, Wanted
from gui.prototypes.motions import Motions, drawn

FRAMES = 200


@pytest.fixture
def scene(make_scene, qtbot):
    made = make_scene(FRAMES)
    dpnet_scene.list_dpnet(made, folder=str(Path(made.folder) / "nowhere"))
    made.open(qtbot)
    dpnet_scene.finish(made, clip_scores(similarities(40)))
    return made


@pytest.fixture
def actions():
    made = {name: QAction(name) for name in ("undo", "redo", "prototype_export")}
    yield made
    for action in made.values():
        action.deleteLater()


@pytest.fixture
def dialog(scene, actions, qtbot):
    choice = PrototypeChoice(scene.session, scene.session)
    made = GalleryDialog(scene.session, choice, actions)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.isVisible() and bool(made.motions.problem))
    return made


def choose(dialog, index):
    dialog._choice.choose(index)
    dialog.refresh()


def names(dialog):
    return [card.prototype.name for card in dialog.model.cards]


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        (Wanted(), NAMES),
        (Wanted("MOUTH flicker"), NAMES[2:3]),
        (Wanted("clip_3"), NAMES[3:]),
        (Wanted("own words"), NAMES[:1]),
        (Wanted(label="real"), NAMES[:2]),
        (Wanted(operator="jitter-of-the-eyes"), NAMES[3:]),
        (Wanted(operator=NO_OPERATOR), NAMES[:2]),
        (Wanted(artefact="head"), NAMES[2:3]),
        (Wanted(excluded=True), NAMES[1:2]),
        (Wanted("mouth", label="real"), ()),
    ],
)
def test_a_filter_lets_just_those_through_that_fit_all_of_it(wanted, fitting):
    said = {0: PrototypeReview("own words", ""), 2: PrototypeReview("", "head")}
    cards = [Card(k, each, said.get(k, PrototypeReview()), k == 1) for k, each in enumerate(PROTOTYPES)]
    assert tuple(card.prototype.name for card in cards if wanted.fits(card)) == tuple(fitting)


def test_all_cards_are_there_and_the_filters_leave_some(dialog):
    assert names(dialog) == list(NAMES)
    assert dialog.count.text() == "4 of 4 prototypes"
    dialog.label.setCurrentIndex(dialog.label.findData("fake"))
    assert names(dialog) == list(NAMES[2:])
    dialog.text.setText("eyes")
    assert names(dialog) == [NAMES[3]]
    dialog.text.setText("nothing like it")
    assert not dialog.cards.isVisible()
    assert "No prototype fits" in dialog.nothing.text()


def test_a_card_is_excluded_by_key_and_everything_says_so(dialog, scene, qtbot):
    reviewing = scene.session.reviewing
    before = scene.session.results.fake_probability
    choose(dialog, 2)
    qtbot.keyClick(dialog.cards, Qt.Key.Key_Space)
    assert reviewing.excluded == {NAMES[2]}
    qtbot.waitUntil(lambda: dialog.excluded.text() == "1 prototype excluded")
    after = scene.session.results.fake_probability
    assert dialog.score.text() == f"Video score {after:.3f} without them, {before:.3f} with all"
    assert dialog.details.exclude.text() == "Bring back"
    assert "excluded" in dialog.model.data(dialog.model.index(2), Qt.ItemDataRole.AccessibleTextRole)
    dialog.cards.selectAll()
    dialog.details.exclude.click()
    assert reviewing.excluded == frozenset()
    dialog.details.exclude.click()
    assert reviewing.excluded == set(NAMES)
    dialog.bring_back.click()
    assert reviewing.excluded == frozenset()
    scene.session.undo()
    assert reviewing.excluded == set(NAMES)


def test_a_name_of_ones_own_stands_beside_the_original(dialog, scene, qtbot):
    choose(dialog, 3)
    qtbot.keyClick(dialog, Qt.Key.Key_F2)
    dialog.details.name.setText("left eye")
    qtbot.keyClick(dialog.details.name, Qt.Key.Key_Return)
    assert scene.session.reviewing.name_of(NAMES[3]) == f"left eye ({NAMES[3]})"
    qtbot.waitUntil(lambda: dialog.model.cards[3].name == "left eye")
    assert ("", "Original name", NAMES[3]) in dialog.details.facts.rows
    assert f"originally {NAMES[3]}" in dialog.model.cards[3].words()
    dialog.details.name.clear()
    dialog.details.name.editingFinished.emit()
    qtbot.waitUntil(lambda: dialog.model.cards[3].name == NAMES[3])


def test_an_artefact_is_chosen_from_the_six(dialog, scene, qtbot):
    choose(dialog, 2)
    combo = dialog.details.artefact
    assert combo.count() == 7
    combo.setCurrentIndex(combo.findText("unnatural movement"))
    combo.activated.emit(combo.currentIndex())
    assert scene.session.reviewing.review(PROTOTYPES[2]).artefact == "unnatural movement"
    dialog.artefact.setCurrentIndex(dialog.artefact.findData("unnatural movement"))
    qtbot.waitUntil(lambda: names(dialog) == [NAMES[2]])


def test_it_goes_to_where_a_prototype_is_most_similar(dialog, scene):
    values = similarities(40)
    choose(dialog, 3)
    dialog.details.here.click()
    assert scene.session.frame == dpnet_scene.STEP * int(values[:, 3].argmax())


def test_a_detector_without_prototypes_is_told_plainly(dialog, scene, qtbot):
    scene.session.set_detector("frame-mobile")
    qtbot.waitUntil(lambda: dialog.nothing.isVisible())
    assert "has no prototypes" in dialog.nothing.text()
    assert scene.session.detector.name in dialog.nothing.text()


def test_motions_come_from_the_files_of_the_weights_or_it_says_why_not(scene, qtbot, tmp_path):
    missing = Motions(scene.session)
    missing.load()
    qtbot.waitUntil(lambda: bool(missing.problem))
    assert missing.frames == ()
    assert CARD in missing.problem
    missing.close()


def test_motions_are_drawn_each_on_its_own_scale(tmp_path, monkeypatch):
    flows = np.zeros((2, 3, 2, 8, 8), np.float32)
    flows[0, :, 0], flows[1, :, 0] = 4.0, 0.5
    monkeypatch.setattr("gui.prototypes.motions.load_card", lambda _: None)
    monkeypatch.setattr("gui.prototypes.motions.read_motions", lambda *_: flows)
    _, full, frames = drawn(dpnet_scene.dpnet(folder=str(tmp_path)), CancelToken(), 32)
    assert full == (4.0, 0.5)
    assert [len(each) for each in frames] == [3, 3]
    assert frames[0][0].pixelColor(3, 3) == frames[1][0].pixelColor(3, 3)


def test_every_control_has_a_name_a_tooltip_and_takes_the_focus(dialog):
    kinds = (QAbstractButton, QComboBox, QLineEdit, QListView)
    found = [widget for kind in kinds for widget in dialog.findChildren(kind)]
    ours = [w for w in found if not isinstance(w.parent(), QLineEdit | QComboBox) and w.window() is dialog]
    assert len(ours) >= 12
    for control in ours:
        spoken = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
        assert len(spoken) > 1, control
        assert control.toolTip(), spoken
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, spoken


def test_motions_that_were_cut_short_are_read_when_it_is_opened_again(scene, qtbot):
    motions = Motions(scene.session)
    motions.load()
    motions.close()
    motions.load()
    qtbot.waitUntil(lambda: bool(motions.problem))
    motions.close()


def test_what_another_case_says_comes_too_late(scene, qtbot, tmp_path):
    reviewing, old = scene.session.reviewing, scene.session._case
    scene.session.open_case(tmp_path / "other.tell")
    old.reviews_loaded.emit({(dpnet_scene.SHA, NAMES[0]): PrototypeReview("of another case", "")})
    assert reviewing.name_of(NAMES[0]) == NAMES[0]
