import numpy as np
import pytest
from PySide6.QtCore import Qt
from scenes import make_scores, make_track

from engine.errors import VideoError
from engine.progress import Progress
from gui.panels.case import CasePanel
from gui.panels.faces import best_frame, describe
from gui.panels.marks import mark_text
from gui.pictures import FACE_MARGIN, face_square
from gui.results_model import TrackSeries


@pytest.fixture
def scene(make_scene, qtbot):
    scene = make_scene(500)
    scene.list_detectors()
    scene.open(qtbot)
    return scene


@pytest.fixture
def panel(scene, qtbot):
    panel = CasePanel(scene.session)
    qtbot.addWidget(panel)
    panel.resize(260, 700)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def spoken(panel, row):
    return panel.videos.model().index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_the_chip_goes_from_not_analysed_over_percent_to_the_verdict(panel, scene):
    assert spoken(panel, 0) == "interview_2024-03-01.mp4, Not analysed"
    job = scene.analyse()
    assert "Waiting" in spoken(panel, 0)
    scene.progress(job, Progress("Scoring", 215, 500, "frames"))
    assert spoken(panel, 0).endswith("· 43 %")
    people = scene.two_people()
    scene.finish(job, *people)
    assert f"{people[0][1].track_probability:.2f}" in spoken(panel, 0)
    assert "%" not in spoken(panel, 0)


def test_a_video_without_a_face_says_so(panel, scene):
    scene.finish(scene.analyse(), warnings=("No face was found",))
    assert spoken(panel, 0).endswith("No face")
    assert panel.faces._empty.text().startswith("No face was found")


def test_a_file_that_cannot_be_opened_says_why_in_its_tooltip(panel, scene, qtbot, monkeypatch):
    def refuse(path, cancel, progress):
        raise VideoError("The file is empty", advice="Copy it again", file=path)

    monkeypatch.setattr(scene.session, "_open_media", refuse)
    scene.session.open([scene.folder / "empty.mp4"])
    index = panel.videos.model().index(1, 0)
    qtbot.waitUntil(lambda: "Cannot be opened" in spoken(panel, 1))
    assert "The file is empty. Copy it again." in index.data(Qt.ItemDataRole.ToolTipRole)


def test_a_click_shows_a_video_and_delete_takes_it_out(panel, scene, qtbot):
    scene.open(qtbot, "second.mp4")
    assert panel.videos.currentIndex().row() == 1
    panel.videos.clicked.emit(panel.videos.model().index(0, 0))
    assert scene.session.current.name == "interview_2024-03-01.mp4"
    qtbot.keyClick(panel.videos, Qt.Key.Key_Delete)
    assert [video.name for video in scene.session.videos] == ["second.mp4"]
    assert panel.videos.currentIndex().row() == 0


def test_each_face_has_a_row_with_figures_and_a_picture(panel, scene, qtbot):
    people = scene.two_people()
    scene.finish(scene.analyse(), *people)
    assert list(panel.faces.rows) == [0, 1]
    figures = panel.faces.rows[0].figures.whole_text()
    assert figures == f"mean {people[0][1].track_probability:.2f} · {len(people[0][0])} frames"
    qtbot.waitUntil(lambda: not panel.faces.rows[1].picture.pixmap().isNull())


def test_a_crowd_comes_in_parts_and_known_faces_keep_their_rows(panel, scene, qtbot):
    job = scene.analyse()
    stretches = [np.arange(10 * n, 10 * n + 5) for n in range(40)]
    crowd = [(make_track(n, at), make_scores(n, at, np.full(5, 0.4))) for n, at in enumerate(stretches)]
    scene.segment(job, 0, 99, *crowd[:10])
    assert 0 < len(panel.faces.rows) < 10, "the rest comes when the event loop has had its turn"
    qtbot.waitUntil(lambda: len(panel.faces.rows) == 10)
    before = dict(panel.faces.rows)
    scene.segment(job, 100, 399, *crowd[10:])
    qtbot.waitUntil(lambda: list(panel.faces.rows) == list(range(40)))
    assert all(panel.faces.rows[n] is row for n, row in before.items())
    tops = [panel.faces.layout().indexOf(row) for row in panel.faces.rows.values()]
    assert tops == sorted(set(tops))
    scene.finish(job, *crowd[:2])
    assert list(panel.faces.rows) == [0, 1]


def test_a_hidden_face_vanishes_from_the_picture_and_comes_back(panel, scene, qtbot):
    scene.finish(scene.analyse(), *scene.two_people())
    scene.session.go_to(300)
    qtbot.waitUntil(lambda: scene.session.shown_exact)
    assert [face.track_id for face in scene.session.faces] == [0, 1]
    panel.faces.rows[0].shown.click()
    assert [face.track_id for face in scene.session.faces] == [1]
    panel.faces.rows[0].shown.click()
    assert [face.track_id for face in scene.session.faces] == [0, 1]


def test_one_face_can_be_analysed_alone(panel, scene):
    scene.finish(scene.analyse(), *scene.two_people())
    panel.faces.rows[1].analyse_requested.emit()
    assert scene.engine.requests[len(scene.engine.requests)].people == (1,)


def test_marks_are_listed_and_deleted_with_undo(panel, scene, qtbot):
    scene.mark(120, 120, "lips")
    scene.mark(30, 60, "")
    marks = panel.marks.list
    assert [marks.item(row).text() for row in range(marks.count())] == [mark_text(m) for m in scene.session.marks]
    marks.itemClicked.emit(marks.item(1))
    assert scene.session.frame == 120
    marks.setCurrentRow(1)
    qtbot.keyClick(marks, Qt.Key.Key_Delete)
    assert [m.first for m in scene.session.marks] == [30]
    scene.session.undo()
    assert marks.count() == 2


def test_a_mark_is_edited_by_enter(panel, scene, monkeypatch):
    scene.mark(120, 120, "lips")
    monkeypatch.setattr(
        "gui.dialogs.mark.QInputDialog.getText", lambda *_args, text, **_more: (f" {text}? ", True)
    )
    panel.marks.list.itemActivated.emit(panel.marks.list.item(0))
    assert scene.session.marks[0].note == "lips?"
    monkeypatch.setattr("gui.dialogs.mark.QInputDialog.getText", lambda *_args, **_more: ("gone", False))
    panel.marks.list.itemActivated.emit(panel.marks.list.item(0))
    assert scene.session.marks[0].note == "lips?"


def test_the_picture_of_a_face_is_where_it_is_largest():
    track = TrackSeries(0, 5, 5)
    part = make_track(0, np.array([5, 6, 9]))
    boxes = part.boxes.copy()
    boxes[1, 2] += 40
    boxes.flags.writeable = False
    track.add_track(type(part)(0, part.frames, boxes, part.landmarks, part.scores, part.detected, boxes))
    assert best_frame(track) == 6
    assert describe(track) == "not scored · 3 frames"
    track.add_scores(make_scores(0, np.array([5, 6]), np.array([0.25, 0.75])))
    assert describe(track) == "mean 0.50 · 3 frames"


def test_a_face_at_the_border_is_cut_off_there_and_never_empty():
    pixels = np.arange(100 * 200 * 3, dtype=np.uint32).reshape(100, 200, 3).astype(np.uint8)
    side = round(20 * (1 + 2 * FACE_MARGIN))
    inside = face_square(pixels, np.array([90, 40, 110, 60], np.float32))
    assert inside.shape[:2] == (side, side)
    corner = face_square(pixels, np.array([-10, -10, 10, 10], np.float32))
    assert corner.shape[:2] == (side // 2, side // 2)
    assert np.array_equal(corner, pixels[: side // 2, : side // 2])
    outside = face_square(pixels, np.array([500, 500, 520, 520], np.float32))
    assert outside.size > 0
