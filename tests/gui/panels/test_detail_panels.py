from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from scenes import SHA, make_detector, provenance

from engine.errors import EvidenceChangedError
from engine.results import Sanity, VideoIdentity
from engine.video.index import make_index
from gui.panels.explanation import ExplanationPanel
from gui.panels.integrity import IntegrityPanel, index_rows
from gui.panels.weights import CardView, WeightsPanel, measure_row, split_table, words


@pytest.fixture
def scene(make_scene, qtbot):
    scene = make_scene(500, warnings=("The frame rate varies: times do not follow from frame numbers",))
    scene.list_detectors()
    scene.open(qtbot)
    return scene


def shown(panel, qtbot):
    qtbot.addWidget(panel)
    panel.resize(330, 700)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


@pytest.fixture
def explanation(scene, qtbot):
    panel = shown(ExplanationPanel(scene.session), qtbot)
    scene.finish(scene.analyse(), *scene.two_people())
    scene.session.go_to(355)
    qtbot.waitUntil(lambda: scene.session.explaining)
    return panel


def test_the_mask_of_the_frame_is_shown_with_score_values_and_provenance(explanation, scene, qtbot):
    qtbot.waitUntil(lambda: explanation.state.text() == "Computing…")
    assert not explanation.view.isVisible()
    scene.explain(355)
    qtbot.waitUntil(explanation.view.isVisible)
    assert "Face 1, frame 355" in explanation.score.text()
    assert f"{1 / (1 + np.exp(-1.7)):.3f}, above" in explanation.score.text()
    largest = np.abs(scene.session.explanations[0].values).max()
    assert explanation.legend.labels() == (f"−{largest:.3g}\nsupports real", "0", f"+{largest:.3g}\nsupports fake")
    assert "7 × 7 cells and is not smoothed" in explanation.meaning.text()
    rows = {name: value for _, name, value in explanation.provenance.rows}
    assert rows["Weights"] == f"{SHA[:12]}…"
    assert rows["Layer"] == "last"
    assert rows["Cost"] == "1 forward pass, 21 ms"


def test_the_mask_is_drawn_on_the_right_picture_only(explanation, scene, qtbot):
    scene.explain(355)
    qtbot.waitUntil(explanation.view.isVisible)
    scene.session.set_masks_visible(True)
    view = explanation.view
    image = view.grab().toImage()
    side = (view.width() - 8) // 2
    raw = [image.pixelColor(QPoint(x, side // 2)) for x in range(5, side - 5, 7)]
    masked = [image.pixelColor(QPoint(x + side + 8, side // 2)) for x in range(5, side - 5, 7)]
    pairs = list(zip(raw, masked, strict=True))
    changed = [a != b for a, b in pairs]
    assert any(changed)
    assert not all(changed)  # what lies under the threshold stays as in the video
    assert any(b.red() - a.red() > 30 and b.blue() < a.blue() for a, b in pairs)  # orange where it supports fake


def test_attention_has_no_sides_and_smoothing_is_told(explanation, scene, qtbot):
    made_by = replace(provenance("ltpa"), settings={"smoothing": "bilinear"})
    scene.explain(355, signed=False, title="ltpa sum, where it looks", provenance=made_by)
    qtbot.waitUntil(explanation.view.isVisible)
    low, middle, high = explanation.legend.labels()
    assert (low, middle, high.splitlines()[1]) == ("0\nlooks away", "", "looks here")
    assert "not what is fake" in explanation.meaning.text()
    assert "smoothed (bilinear)" in explanation.meaning.text()
    assert "supports" not in explanation.meaning.text()
    rows = {name: value for _, name, value in explanation.provenance.rows}
    assert rows["Explainer"] == "ltpa sum, where it looks"


def test_the_face_keeps_its_squares_at_every_height_of_the_panel(explanation, scene, qtbot):
    """Where the scroll bar comes and goes, the panel once laid itself out for ever."""
    scene.explain(355)
    qtbot.waitUntil(explanation.view.isVisible)
    for height in range(420, 900, 5):
        explanation.resize(330, height)
        qtbot.wait(1)
        view = explanation.view
        assert view.height() == view.heightForWidth(view.width())


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        ("passes", "✓ Sanity: passes"),
        ("weak", "≈ Sanity: weak"),
        ("fails", "✗ Sanity: fails"),
        ("not measured", "? Sanity: not measured"),
    ],
)
def test_every_mask_carries_its_sanity_badge(explanation, scene, qtbot, verdict, text):
    assert not explanation.sanity.isVisible()
    scene.explain(355, sanity=Sanity(verdict, "Measured on 8 videos."))
    qtbot.waitUntil(explanation.view.isVisible)
    assert explanation.sanity.isVisible()
    assert explanation.sanity.text() == text
    assert "Measured on 8 videos." in explanation.sanity.toolTip()
    assert verdict in explanation.sanity.accessibleName()


def test_switching_masks_off_says_so(explanation, scene, qtbot):
    scene.explain(355)
    qtbot.waitUntil(explanation.view.isVisible)
    explanation.masks.click()
    qtbot.waitUntil(lambda: explanation.state.text() == "Masks are off")
    assert not explanation.view.isVisible()
    assert not scene.session.masks_visible


def test_another_face_can_be_chosen(explanation, scene, qtbot):
    scene.explain(355)
    qtbot.waitUntil(explanation.view.isVisible)
    explanation._buttons.button(1).click()
    assert not explanation.view.isVisible()
    assert explanation.state.text() == "No mask yet"
    explanation._buttons.button(0).click()
    assert explanation.view.isVisible()


def test_a_mask_that_is_held_while_playing_says_of_which_frame_it_is(explanation, scene, qtbot, monkeypatch):
    scene.explain(355)
    qtbot.waitUntil(explanation.view.isVisible)
    held = 355, scene.session.explanations
    monkeypatch.setattr(type(scene.session), "held_masks", property(lambda _: held))
    scene.session.go_to(357)
    qtbot.waitUntil(lambda: explanation.state.text() == "Mask of frame 355")


def test_sliders_change_the_style_of_the_session_and_follow_it(explanation, scene, qtbot):
    explanation.opacity.setValue(30)
    explanation.threshold.setValue(45)
    explanation.outline.click()
    style = scene.session.style
    assert (style.opacity, style.threshold, style.outline) == (0.3, 0.45, False)
    scene.session.set_style(type(style)(opacity=0.8))
    qtbot.waitUntil(lambda: explanation.opacity.value() == 80)
    assert explanation._opacity_value.text() == "80 %"


def test_a_frame_without_a_face_says_so(explanation, scene, qtbot):
    scene.session.go_to(170)
    qtbot.waitUntil(lambda: explanation.state.text() == "No face on this frame")


# Integrity


def test_hash_facts_and_warnings_of_the_file(scene, qtbot):
    panel = shown(IntegrityPanel(scene.session), qtbot)
    assert panel.sha.text().replace(" ", "") == SHA
    assert panel.warnings.texts == ("The frame rate varies: times do not follow from frame numbers",)
    panel.copy.click()
    assert QGuiApplication.clipboard().text() == SHA
    panel.copy_all.click()
    copied = QGuiApplication.clipboard().text()
    assert f"SHA-256\t{SHA}" in copied
    assert "Warning\t\tThe frame rate varies" in copied
    assert "Frames\tNumber\t500" in copied
    assert "Video stream 0\tCodec\tH.264" in copied


def test_verifying_again_tells_an_unchanged_file_from_a_changed_one(scene, qtbot, monkeypatch):
    panel = shown(IntegrityPanel(scene.session), qtbot)
    panel.again.click()
    assert not panel.again.isEnabled()
    qtbot.waitUntil(lambda: panel.result.text().startswith("✓ Unchanged"))
    assert panel.again.isEnabled()

    now = scene.identity
    other = VideoIdentity(now.path, "0" * 64, 1, 1, 1.0, False, 1, 1, Fraction(1, 25))
    monkeypatch.setattr("scenes.FakeMedia.identity", lambda *_: other)
    panel.again.click()
    qtbot.waitUntil(lambda: panel.result.text().startswith("✕ Changed"))
    assert "0" * 64 in panel.result.text()

    def vanish(*_):
        raise EvidenceChangedError("The file has vanished", advice="Bring it back", file="x.mp4")

    monkeypatch.setattr("scenes.FakeMedia.identity", vanish)
    panel.again.click()
    qtbot.waitUntil(lambda: "vanished. Bring it back." in panel.result.text())


def test_index_facts_of_a_variable_rate():
    pts = np.array([0, 40, 80, 160, 200, 240])
    index = make_index(
        pts=pts, stamp=pts, key=np.array([1, 0, 1, 0, 0, 1], bool), rank=np.arange(6), time_base=Fraction(1, 1000)
    )
    rows = {name: value for _, name, value in index_rows(index)}
    assert rows["Number"] == "6"
    assert rows["Spacing"] == "varies, 40.00 to 80.00 ms"
    assert rows["Key frames"] == "3, 2 to 3 frames apart"


# Weights


def test_cards_tell_trained_from_untrained_and_trusted_from_not(scene, qtbot):
    panel = WeightsPanel(scene.session)
    assert not panel.findChildren(CardView)  # long cards are made when somebody looks
    shown(panel, qtbot)
    qtbot.waitUntil(lambda: len(panel.findChildren(CardView)) == 2)
    trained, untrained = panel.findChildren(CardView)
    assert trained.accessibleName() == "Detector frame-mobile"
    said = [label.text() for label in trained.findChildren(QLabel)]
    assert "✓ trained" in said
    assert "! Not trusted for a verdict. Read its scores as hints." in said
    assert "Must not be used for: Proof by itself." in said
    assert "The lower end of the interval on unseen methods is under 0.7." in said
    said = [label.text() for label in untrained.findChildren(QLabel)]
    assert "✕ not trained" in said
    assert "It is never used to score: No weights were found in weights/frame-b4." in said


def test_a_measure_is_given_with_its_interval_and_on_what():
    measure = make_detector().card["measures"][0]
    assert measure_row(measure) == (
        "video AUC",
        "0.712  (0.623 to 0.794)",
        "dev, unseen methods: 40 real, 50 fake",
    )


def test_values_of_a_card_are_read_as_words():
    assert words([{"name": "LFW", "ok": True}, 0.5]) == "name: LFW, ok: yes; 0.5"


def test_lists_of_a_card_become_points_and_the_rest_facts():
    facts, points = split_table({"pairs_per_step": 16, "data": ["LFW", "DFDC"], "only": ["one"], "share": 0.25})
    assert facts == [("Pairs per step", "16"), ("Only", "one"), ("Share", "0.25")]
    assert points == [("Data", ["LFW", "DFDC"])]
    assert split_table(None) == ([], [])


def test_importing_sends_the_chosen_folder_to_the_engine(scene, qtbot, monkeypatch, tmp_path):
    panel = shown(WeightsPanel(scene.session), qtbot)
    monkeypatch.setattr("gui.panels.weights.QFileDialog.getExistingDirectory", lambda *_: str(tmp_path))
    panel.bring.click()
    assert scene.engine.requests[len(scene.engine.requests)].folder == tmp_path
    monkeypatch.setattr("gui.panels.weights.QFileDialog.getExistingDirectory", lambda *_: "")
    before = len(scene.engine.requests)
    panel.bring.click()
    assert len(scene.engine.requests) == before
