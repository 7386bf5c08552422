import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence

from engine.errors import CancelledError, ExportError
from engine.progress import Progress
from engine.runtime.protocol import ExplainRequest, Failed
from gui import keymap
from gui.commands import Command
from gui.dialogs.export import ExportDialog, default_name
from gui.dialogs.keys import KeysDialog
from gui.dialogs.settings import SettingsDialog
from gui.exporting import Written


@pytest.fixture
def scene(make_scene, qtbot):
    scene = make_scene(500)
    scene.list_detectors()
    scene.open(qtbot)
    return scene


# Export


@pytest.fixture
def dialog(scene, qtbot, tmp_path):
    scene.settings.change(export_folder=str(tmp_path))
    scene.finish(scene.analyse(), *scene.two_people())
    scene.session.set_in(250)
    scene.session.set_out(259)
    dialog = ExportDialog(scene.session)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


class Exporter:
    """Stands where engine.exports writes the file; `release` lets it end."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.release = threading.Event()
        self.error: Exception | None = None

    def __call__(self, media, plan, scene, cancel, progress):
        self.calls.append((plan, scene))
        progress(Progress("Writing the clip", 5, 10, "frames", 2.0))
        while not self.release.wait(0.01):
            cancel.check()
        if self.error is not None:
            raise self.error
        return Written(plan.out, ())


@pytest.fixture
def exporter(monkeypatch):
    exporter = Exporter()
    monkeypatch.setattr("gui.exporting._write", exporter)
    yield exporter
    exporter.release.set()


def answer_masks(scene):
    """Answer the request for the masks of the stretch, as the engine would."""
    job = scene.engine.last(ExplainRequest)
    scene.explain_job(job, scene.engine.requests[job].frames)
    return scene.engine.requests[job]


def test_the_form_begins_with_the_range_and_a_telling_name(dialog, tmp_path):
    plan = dialog.plan()
    assert (plan.first, plan.last) == (250, 259)
    assert "10 frames (0:00:00.400)" in dialog.range.text()
    assert plan.out == tmp_path / "interview_2024-03-01_250-259.mp4"
    dialog.whole.click()
    assert dialog.plan().out.name == "interview_2024-03-01_0-499.mp4"
    dialog.stills.click()
    assert dialog.plan().out.name == default_name(Path("interview_2024-03-01.mp4"), 0, 499, stills=True)
    assert not dialog.audio.isEnabled()


def test_a_name_of_the_user_is_kept(dialog):
    dialog.name.setText("/somewhere/mine.mp4")
    dialog.name.textEdited.emit("/somewhere/mine.mp4")
    dialog.whole.click()
    assert dialog.plan().out == Path("/somewhere/mine.mp4")


def test_before_the_analysis_is_finished_only_labels_can_be_burnt_in(scene, qtbot):
    dialog = ExportDialog(scene.session)
    qtbot.addWidget(dialog)
    assert [box.isEnabled() for box in (dialog.masks, dialog.boxes, dialog.curve, dialog.labels)] == [
        False, False, False, True,
    ]  # fmt: skip
    style = dialog.plan().style
    assert (style.mask, style.outline, style.boxes, style.curve, style.labels) == (
        False,
        False,
        False,
        False,
        True,
    )


def test_masks_are_computed_for_the_stretch_and_handed_to_the_writer(dialog, scene, exporter, qtbot, tmp_path):
    dialog.go.click()
    assert dialog.leave.text() == "Cancel"
    request = answer_masks(scene)
    assert request.frames == tuple(range(250, 260))
    qtbot.waitUntil(lambda: bool(exporter.calls))
    plan, drawn = exporter.calls[0]
    assert (drawn.first, drawn.last) == (250, 259)
    assert [track.id for track in drawn.tracks] == [0, 1]
    assert [made.track_id for made in drawn.explanations] == [0]
    assert (drawn.detector_id, drawn.explainer_id) == ("frame-mobile", "gradcam")
    qtbot.waitUntil(lambda: dialog.bar.format() == "Writing the clip 50 %, about 2 s left")
    exporter.release.set()
    qtbot.waitUntil(dialog.show_folder.isVisible)
    assert dialog.outcome.text() == f"✓ Written to {plan.out}."
    assert scene.settings.preferences.export_folder == str(tmp_path)


def test_an_export_says_of_the_video_what_the_panel_says(dialog, scene, exporter, qtbot):
    dialog.masks.setChecked(False)
    dialog.go.click()
    qtbot.waitUntil(lambda: bool(exporter.calls))
    said = exporter.calls[0][1].statement
    found = scene.session.current.likelihood(scene.session.detector)
    assert said.entry["text"] == found.sentence() == "No likelihood ratio: the detector was never calibrated"
    assert said.line == "no LR (never calibrated)"


def test_hidden_faces_are_not_exported(dialog, scene, exporter, qtbot):
    scene.session.set_face_visible(0, False)
    dialog.masks.setChecked(False)
    dialog.go.click()
    qtbot.waitUntil(lambda: bool(exporter.calls))
    assert [track.id for track in exporter.calls[0][1].tracks] == [1]
    exporter.release.set()
    qtbot.waitUntil(lambda: dialog.job is None)


def test_cancelling_while_writing_leaves_the_form_ready_again(dialog, exporter, qtbot):
    dialog.masks.setChecked(False)
    dialog.go.click()
    qtbot.waitUntil(lambda: bool(exporter.calls))
    dialog.leave.click()
    assert dialog.leave.text() == "Cancelling…"
    qtbot.waitUntil(lambda: dialog.job is None)
    assert dialog.outcome.text() == "Cancelled. Nothing was written."
    assert dialog.go.isEnabled()
    assert dialog.isVisible()


def test_cancelling_while_masks_are_computed_stops_the_engine(dialog, scene, exporter, qtbot):
    dialog.go.click()
    job = scene.engine.last(ExplainRequest)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert scene.engine.cancelled == [job]
    scene.send(Failed(job, CancelledError()))
    assert dialog.job is None
    assert dialog.isVisible()
    assert not exporter.calls


def test_a_full_disk_is_one_line_with_advice(dialog, exporter, qtbot):
    exporter.error = ExportError("The disk is full", advice="Make room and export again", file="x.mp4")
    exporter.release.set()
    dialog.masks.setChecked(False)
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.job is None)
    assert dialog.outcome.text() == "x.mp4: The disk is full. Make room and export again."
    assert not dialog.show_folder.isVisible()


# Keys


def command(name: str, text: str) -> Command:
    return Command(name, "Play", text, f"{text} now", lambda: None)


COMMANDS = (command("play", "Play"), command("mark", "Mark frame…"), command("masks", "Masks"))


@pytest.fixture
def keys(qtbot):
    dialog = KeysDialog(COMMANDS, keymap.load(c.id for c in COMMANDS))
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def rows(dialog):
    return {item.text(0): item.text(1) for item in dialog._items() if not item.isHidden()}


def test_all_commands_are_listed_and_found_by_name_or_key(keys):
    assert rows(keys) == {"Play": "Space", "Mark frame": "M", "Masks": "V"}
    keys.search.setText("mar")
    assert list(rows(keys)) == ["Mark frame"]
    keys.search.setText("space")
    assert list(rows(keys)) == ["Play"]


def test_a_key_that_is_taken_is_refused_and_its_owner_named(keys):
    keys.table.setCurrentItem(keys._items()[0])
    keys.edit.setKeySequence(QKeySequence("M"))
    assert "the key of “Mark frame”" in keys.conflict.text()
    assert not keys.replace.isEnabled()


def test_a_new_key_is_kept_and_read_again(keys, qtbot):
    keys.table.setCurrentItem(keys._items()[2])
    assert not keys.save.isEnabled()
    keys.edit.setKeySequence(QKeySequence("Ctrl+Alt+V"))
    keys.replace.click()
    assert rows(keys)["Masks"] == "Ctrl+Alt+V"
    keys.save.click()
    assert keys.keymap.of("masks") == ("Ctrl+Alt+V",)
    again = keymap.load(["play", "mark", "masks"])
    assert again.of("masks") == ("Ctrl+Alt+V",)
    assert again.of("mark") == ("M",)


def test_usual_keys_come_back_and_leave_no_table_behind(keys):
    keys.table.setCurrentItem(keys._items()[1])
    keys.remove.click()
    assert rows(keys)["Mark frame"] == ""
    keymap.save({"mark": ()})
    assert keymap.user_file().is_file()
    keys.default.click()
    assert rows(keys)["Mark frame"] == "M"
    keymap.save({name: keymap.usual().of(name) for name in ("play", "mark")})
    assert not keymap.user_file().exists()


# Settings


def test_settings_show_what_is_chosen_and_change_it_at_once(scene, qtbot):
    scene.session.set_threshold(0.7)
    dialog = SettingsDialog(scene.session)
    qtbot.addWidget(dialog)
    assert dialog.threshold.value() == 0.7
    assert dialog.cache.value() == 1024
    dialog.cache.setValue(2048)
    dialog.every.setValue(5)
    dialog.device.setCurrentIndex(1)
    dialog.device.activated.emit(1)
    assert dialog.engine.currentData() == "torch"
    dialog.engine.setCurrentIndex(1)
    dialog.engine.activated.emit(1)
    dialog.analyse.click()
    chosen = scene.settings.preferences
    assert (chosen.cache_bytes, chosen.every, chosen.device, chosen.analyse_on_open) == (2 << 30, 5, "cpu", True)
    assert chosen.engine == "onnxruntime"
    assert scene.engine.requests[scene.analyse()].engine == "onnxruntime"
    assert scene.session.wanted(0).engine == "onnxruntime"
