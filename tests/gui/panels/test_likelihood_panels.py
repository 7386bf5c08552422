"""The likelihood ratio beside the video's figure, and the calibration in the weights panel."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyqtgraph as pg
import pytest
from calibration_card import SCORES, calibration_table
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from scenes import CARD, SHA, make_detector, make_scores, make_track

from engine.detectors.calibration import CALIBRATION_FILE, parse_calibration
from engine.evaluation.calibration.answer import Ratio
from engine.video.index import make_index
from gui.panels.calibration import CalibrationView, facts, range_words
from gui.panels.likelihood import LikelihoodPanel, factor, level_of
from gui.panels.weights import CardView

FRAMES = 500


def calibrated(**changes):
    card = CARD | {"trustworthy": True, "calibration": calibration_table(SHA)} | changes
    return replace(make_detector(), card=card)


@pytest.fixture
def scene(make_scene, qtbot):
    numbers = np.arange(FRAMES)
    index = make_index(
        numbers, Fraction(1, 25), stamp=numbers, key=numbers % 50 == 0, rank=numbers,
        place=np.column_stack([numbers * 3000, np.full(FRAMES, 3000)]),
    )  # fmt: skip
    scene = make_scene(FRAMES, index=index)
    scene.list_detectors(calibrated())
    scene.open(qtbot)
    return scene


@pytest.fixture
def panel(scene, qtbot):
    panel = LikelihoodPanel(scene.session)
    qtbot.addWidget(panel)
    panel.resize(250, 200)
    return panel


def analyse(scene, probability, frames=FRAMES):
    at = np.arange(frames)
    scene.finish(scene.analyse(), (make_track(0, at), make_scores(0, at, np.full(frames, probability))))


def test_nothing_is_said_before_the_end(scene, panel):
    assert panel.isHidden()
    job = scene.analyse()
    at = np.arange(100)
    scene.segment(job, 0, 99, (make_track(0, at), make_scores(0, at, np.full(100, 0.9))))
    assert panel.isHidden()


def test_the_ratio_stands_with_its_words_its_bounds_and_a_sign(scene, panel, qtbot):
    analyse(scene, 0.88)
    assert panel.words.text() == "▲ Moderate support for a forgery"
    assert "LR 12, log10 LR +1.10 (bounds -1.20 to +1.40)" in panel.reason.text()
    assert "No probability that the video is forged" in panel.reason.text()
    assert "ENFSI" in panel.reason.toolTip()
    assert "moderate support" in panel.scale.accessibleDescription()
    assert panel.scale.focusPolicy() == Qt.FocusPolicy.TabFocus
    panel.show()
    qtbot.waitExposed(panel)
    image = panel.scale.grab().toImage()
    pointer = [
        x for x in range(image.width()) if image.pixelColor(x, 6).red() - image.pixelColor(x, 6).blue() > 80
    ]
    expected = 8 + (1.0962 + 1.2) / 2.6 * (panel.scale.width() - 16)
    assert np.mean(pointer) == pytest.approx(expected, abs=2)


def test_a_low_score_at_the_bound_says_so(scene, panel):
    analyse(scene, 0.01)
    assert panel.words.text() == "▽ Moderate support for an authentic video"
    assert "LR 1/16" in panel.reason.text()
    assert "the pool supports no more" in panel.reason.text()


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ({"calibration": None}, "the detector was never calibrated"),
        ({"trustworthy": False}, "not trustworthy"),
        (
            {"calibration": calibration_table(SHA, conditions={"face_px": [150.0, 300.0]})},
            "the face has 130 px, calibrated is 150 to 300",
        ),
    ],
)
def test_why_there_is_none_stands_in_its_place(make_scene, qtbot, card, reason):
    scene = make_scene(FRAMES)
    scene.list_detectors(calibrated(**card))
    scene.open(qtbot)
    panel = LikelihoodPanel(scene.session)
    qtbot.addWidget(panel)
    analyse(scene, 0.9)
    assert not panel.isHidden()
    assert panel.words.isHidden()
    assert panel.scale.isHidden()
    assert panel.reason.text().startswith("○ None: ")
    assert reason in panel.reason.text()
    assert reason in panel.reason.accessibleName()


def test_a_part_of_a_video_has_none(scene, panel):
    scene.session.start_analysis(people=[0])
    at = np.arange(FRAMES)
    job = scene.session.current.analysis.job
    scene.finish(job, (make_track(0, at), make_scores(0, at, np.full(FRAMES, 0.9))))
    assert "only a part of the video was analysed" in panel.reason.text()


def test_factors_and_levels_are_as_one_reads_them():
    assert (factor(1.2), factor(-1.2), factor(0.0)) == ("16", "1/16", "1")
    assert [level_of(Ratio(x, -2, 2)) for x in (0.2, -0.2, 0.4, -0.4)] == ["none", "none", "high", "low"]


# The card


def test_the_card_shows_what_the_calibration_is_and_where_it_holds():
    shown = {(group, name): value for group, name, value in facts(parse_calibration(calibration_table(SHA), SHA))}
    assert shown["Cross-validated by person", "Cllr"] == "0.610 (0.480 to 0.790)"
    assert shown["Cross-validated by person", "Cllr min"] == "0.550 (0.410 to 0.680)"
    assert shown["Cross-validated by person", "log10 LR"] == "-1.20 to +1.40"
    assert shown["Pool", "Videos"] == "33 real, 25 forged (5 pseudo-fakes)"
    assert shown["Pool", "Methods"] == "FaceSwap: 20, pseudo-fake: 5"
    assert shown["Holds for", "Face"] == "60 to 260 px"
    assert shown["Holds for", "Scored span"] == "1 s or more"
    assert range_words(8, float("inf"), "") == "8 or more"


def test_the_plots_unfold_by_the_keyboard_and_show_the_scores_beside_the_card(qtbot, tmp_path):
    (tmp_path / CALIBRATION_FILE).write_bytes(SCORES)
    view = CalibrationView(parse_calibration(calibration_table(SHA), SHA), tmp_path)
    qtbot.addWidget(view)
    view.show()
    assert view.plots is None
    qtbot.keyClick(view.unfold, Qt.Key.Key_Space)
    plots = view.plots.findChildren(pg.PlotWidget)
    assert [plot.accessibleName() for plot in plots] == [
        "Reliability plot of the calibration",
        "Tippett plot of the calibration",
    ]
    _, points = plots[0].getPlotItem().listDataItems()
    assert points.getData()[0].tolist() == [0.1, 0.35, 0.6, 0.85]
    forged, _, real, _ = plots[1].getPlotItem().listDataItems()
    assert forged.yData.tolist() == [1.0, 0.95, 0.8, 0.6, 0.3, 0.0]
    assert forged.opts["pen"].style() != real.opts["pen"].style()  # colour is not the only sign
    qtbot.keyClick(view.unfold, Qt.Key.Key_Space)
    assert view.plots.isHidden()


def test_scores_that_are_not_those_of_the_card_are_not_drawn(qtbot, tmp_path):
    (tmp_path / CALIBRATION_FILE).write_bytes(b"{}")
    view = CalibrationView(parse_calibration(calibration_table(SHA), SHA), tmp_path)
    qtbot.addWidget(view)
    view.unfold.click()
    assert "not those of the card" in view.plots.text()


def test_a_card_without_calibration_says_so(qtbot):
    card = CardView(make_detector())
    qtbot.addWidget(card)
    assert any("Never calibrated" in label.text() for label in card.findChildren(QLabel))
    other = CardView(calibrated())
    qtbot.addWidget(other)
    assert other.findChild(CalibrationView) is not None
