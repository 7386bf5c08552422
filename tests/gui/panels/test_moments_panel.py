"""The tab Moments: the list of intervals and its rule, and the grid of snippets with faces and attention."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from scenes import make_scores, make_track
from snippet_scenes import fours, make_snippets

from gui.intervals import Intervals
from gui.panels.moments import MomentsPanel
from gui.panels.snippet_grid import ROWS

LEFT = Qt.MouseButton.LeftButton
KEYS = Qt.Key


@pytest.fixture
def panel(scene, qtbot):
    intervals = Intervals(scene.session, scene.session)
    panel = MomentsPanel(scene.session, intervals)
    qtbot.addWidget(panel)
    panel.resize(339, 900)
    panel.show()
    qtbot.waitExposed(panel)
    yield panel
    intervals.close()


def analyse(scene, *faces):
    """Frames 2 to 161: the first span is cut off; high from frame 60 to 99."""
    spans = [(2, 3), *fours(4, 161)]
    people = []
    for face in faces or (0,):
        values = [0.8 if 60 <= first < 100 else 0.2 for first, _ in spans]
        people.append((make_track(face, np.arange(2, 162)), make_snippets(face, spans, values, face)))
    scene.finish(scene.analyse(), *people)
    return people[0][1]


def loaded(panel, qtbot):
    """Wait for the faces of all that is shown."""
    grid = panel.grid

    def there():
        cells = [grid.frame_of(row, column) for row in grid.rows for column in range(grid.columns)]
        return cells and all((grid.track.id, frame) in grid._images for frame in cells if frame is not None)

    qtbot.waitUntil(there)


def centre(grid, row, column):
    return grid.cell_rect(row, column).center().toPoint()


def test_the_list_has_frames_times_and_figures_and_leads_there(panel, scene, qtbot):
    frames = np.arange(200)
    values = np.where((frames >= 50) & (frames < 80), 0.75, 0.1)
    values[60] = 0.875
    values[150:170] = 0.9
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, values)))
    box = panel.intervals.list
    qtbot.waitUntil(lambda: box.count() == 2)
    mean = (29 * 0.75 + 0.875) / 30
    assert box.item(0).text() == (f"Face 1, frames 50–79, 0:02.00–0:03.16\nmean {mean:.2f}, peak 0.88 at frame 60")
    assert not panel.intervals.mark.isEnabled()
    qtbot.mouseClick(box.viewport(), LEFT, pos=box.visualItemRect(box.item(0)).center())
    assert scene.session.frame == 50
    assert panel.intervals.mark.isEnabled()
    box.setFocus()
    qtbot.keyClick(box, KEYS.Key_Down)
    assert scene.session.frame == 50
    qtbot.keyClick(box, KEYS.Key_Return)
    assert scene.session.frame == 150
    panel.intervals.mark.click()
    assert [(mark.first, mark.last) for mark in scene.session.marks] == [(150, 169)]
    assert not panel.grid.isVisible()  # a frame detector has no U-T map


def test_the_rule_is_told_can_be_changed_and_taken_back(panel, scene, qtbot):
    frames = np.arange(200)
    values = np.where((frames >= 50) & (frames < 80), 0.7, 0.1)
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, values)))
    view = panel.intervals
    qtbot.waitUntil(lambda: view.list.count() == 1)
    assert "begins at 0.50, goes on down to 0.40" in view.rule.text()
    assert not view.high.isVisible()
    view.change.click()
    assert view.high.isVisible()
    assert not view.defaults.isEnabled()
    view.shortest.setValue(31)
    assert view.list.count() == 0
    assert view.empty.text() == "None by this rule."
    view.shortest.setValue(30)
    assert view.list.count() == 1
    view.high.setValue(0.3)
    assert "begins at 0.30, goes on down to 0.30" in view.rule.text()  # never below what it goes on at
    view.high.setValue(0.71)
    assert view.list.count() == 0
    view.defaults.click()
    assert (view.list.count(), view.high.value(), view.low.value(), view.shortest.value()) == (1, 0.5, 0.4, 10)


def test_a_row_per_snippet_around_the_playhead_and_a_cell_per_frame(panel, scene, qtbot):
    scores = analyse(scene)
    grid = panel.grid
    qtbot.waitUntil(grid.isVisible)
    assert list(grid.rows) == list(range(ROWS))
    scene.session.go_to(85)
    row = grid.nearest_row(85)
    assert row in grid.rows
    assert len(grid.rows) == ROWS
    assert [grid.frame_of(row, column) for column in range(4)] == [84, 85, 86, 87]
    attention = scores.activations["u-t"][row, 1]
    assert grid.describe(row, 1) == (
        f"Frame 85: attention {attention:.2f}. Frames 84 to 87: fake probability 0.80"
    )
    assert grid.accessibleDescription() == grid.describe(row, 1)
    rows = grid.rows
    scene.session.go_to(86)
    assert grid.rows == rows, "what is shown stays while the playhead is in it"
    scene.session.go_to(0)
    assert [grid.frame_of(0, column) for column in range(4)] == [2, 3, None, None]
    assert grid.cell_at(grid.cell_rect(0, 2).center()) is None


def test_the_cells_show_the_faces_of_their_frames(panel, scene, qtbot):
    analyse(scene)
    qtbot.waitUntil(panel.grid.isVisible)
    loaded(panel, qtbot)
    grid, reader = panel.grid, scene.session.media.reader()
    image = grid.grab().toImage()
    for row, column in ((1, 0), (1, 3), (3, 2)):
        frame, cell = grid.frame_of(row, column), grid.cell_rect(row, column)
        x0, y0, x1, y1 = grid.track.box_at(frame)
        true = reader.read(frame).pixels[round(float(y0 + y1) / 2), round(float(x0 + x1) / 2)]
        middle = QPoint(round(cell.center().x()), round(cell.top() + cell.width() / 2))
        pixel = image.pixelColor(middle)
        assert np.abs(np.array([pixel.red(), pixel.green(), pixel.blue()]) - true.astype(int)).max() <= 3


def test_the_bar_below_a_face_has_the_length_of_its_attention(panel, scene, qtbot):
    scores = analyse(scene)
    grid = panel.grid
    qtbot.waitUntil(grid.isVisible)
    scene.session.go_to(40)
    qtbot.waitUntil(lambda: grid.height() == grid.heightForWidth(grid.width()) and len(grid.rows) == ROWS)
    image = grid.grab().toImage()
    for row in grid.rows:
        for column in range(4):
            cell = grid.cell_rect(row, column)
            y = round(cell.top() + cell.width() + 4)
            xs = range(round(cell.left()), round(cell.right()))
            shades = [image.pixelColor(x, y).lightness() for x in xs]
            lit = sum(shade > 100 for shade in shades)
            value = float(scores.activations["u-t"][row, column])
            assert lit == pytest.approx(value * cell.width(), abs=2.5), "the tick at 0.25 counts, too"


def test_a_click_and_the_arrow_keys_move_the_playhead(panel, scene, qtbot):
    analyse(scene)
    grid = panel.grid
    qtbot.waitUntil(grid.isVisible)
    scene.session.go_to(50)
    row = grid.nearest_row(50)
    qtbot.mouseClick(grid, LEFT, pos=centre(grid, row, 3))
    assert scene.session.frame == 51
    grid.setFocus()
    for key, frame in (
        (KEYS.Key_Right, 52), (KEYS.Key_Left, 51), (KEYS.Key_Down, 55), (KEYS.Key_Up, 51), (KEYS.Key_Up, 47),
    ):  # fmt: skip
        qtbot.keyClick(grid, key)
        assert scene.session.frame == frame
    scene.session.go_to(5)
    qtbot.keyClick(grid, KEYS.Key_Up)
    assert scene.session.frame == 3
    scene.session.go_to(2)
    qtbot.keyClick(grid, KEYS.Key_Left)
    assert scene.session.frame == 2
    scene.session.go_to(161)
    qtbot.keyClick(grid, KEYS.Key_Right)
    assert scene.session.frame == 161


def test_another_face_is_chosen_where_there_are_several(panel, scene, qtbot):
    analyse(scene, 0, 1)
    qtbot.waitUntil(lambda: panel.faces.count() == 2)
    assert panel.grid.track.name == "Face 1"
    panel.faces.setCurrentIndex(1)
    panel.faces.activated.emit(1)
    assert panel.grid.track.name == "Face 2"
    scene.session.set_face_visible(1, False)
    qtbot.waitUntil(lambda: panel.faces.count() == 1)
    assert panel.grid.track.name == "Face 1"
    assert not panel.faces.isVisible()
