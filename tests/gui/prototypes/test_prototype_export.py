"""The export from the window: what is asked of the engine, what stands in the way, cancel and the end."""

from pathlib import Path

import dpnet_scene
import numpy as np
import pytest
from dpnet_scene import NAMES, clip_scores, similarities

from engine.progress import Progress
from engine.results import Explanation, frozen
from engine.runtime.protocol import ExplainRequest, ExplanationMade, Finished
from gui.prototypes import exporting
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.export_dialog import PrototypeExportDialog
from gui.prototypes.exporting import questioned

FRAMES = 200


@pytest.fixture
def scene(make_scene, qtbot):
    made = make_scene(FRAMES)
    dpnet_scene.list_dpnet(made)
    made.open(qtbot)
    return made


@pytest.fixture
def choice(scene):
    made = PrototypeChoice(scene.session, scene.session)
    made.choose(3)
    return made


def test_what_stands_in_the_way_is_told(scene, choice):
    assert "Analyse the video first" in questioned(scene.session, choice)
    dpnet_scene.finish(scene, clip_scores(similarities(20)))
    scene.session.go_to(150)
    assert "not scored at frame 150" in questioned(scene.session, choice)
    choice.choose(None)
    assert "Choose a prototype" in questioned(scene.session, choice)


def test_it_is_the_clip_at_the_playhead_with_its_stored_similarity(scene, choice):
    values = similarities(40)
    dpnet_scene.finish(scene, clip_scores(values))
    scene.session.reviewing.exclude({NAMES[0]})
    scene.session.reviewing.rename(choice.prototype, "left eye")
    scene.session.go_to(38)
    wanted = questioned(scene.session, choice)
    assert (wanted.first, wanted.last) == (35, 39)
    assert wanted.similarity == values[7, 3]
    assert (wanted.own_name, wanted.scores.excluded) == ("left eye", (NAMES[0],))
    assert (wanted.start, len(wanted.boxes)) == (0, FRAMES)


@pytest.fixture
def dialog(scene, choice, qtbot, tmp_path):
    dpnet_scene.finish(scene, clip_scores(similarities(40)))
    made = PrototypeExportDialog(scene.session, questioned(scene.session, choice))
    qtbot.addWidget(made)
    made.show()
    made.name.setText(str(tmp_path / "a.gif"))
    return made


def told_map(scene, job):
    values, affine = np.zeros((1, 8, 8), np.float32), np.array([[[10, 0, 100], [0, 10, 50]]], np.float32)
    values[0, 2, 5] = 0.9
    frames = frozen(np.array([0], np.int64))
    made = Explanation(
        "prototypes", dpnet_scene.DETECTOR, 0, frames, frames, frozen(values), frozen(affine),
        frozen(np.zeros(1, np.float32)), True, clip_scores(similarities(1)).provenance,
    )  # fmt: skip
    scene.send(ExplanationMade(job, scene.identity, made))
    scene.send(Finished(job))


def test_the_engine_finds_the_patch_and_the_worker_writes(scene, dialog, qtbot, monkeypatch, tmp_path):
    seen = {}

    def write(media, wanted, box, out, cancel, progress):
        progress(Progress("Writing the animation", 1, 2, "pictures"))
        seen.update(box=box)
        out.write_bytes(b"GIF")
        return out

    monkeypatch.setattr(exporting, "_write", write)
    dialog.start()
    job = scene.engine.last(ExplainRequest)
    request = scene.engine.requests[job]
    assert (request.explainer_id, request.frames, request.track_id) == ("prototypes", (0,), 0)
    assert request.settings == {"prototype": NAMES[3]}
    assert dialog.leave.text() == "Cancel"
    told_map(scene, job)
    qtbot.waitUntil(lambda: dialog.job is None)
    assert "✓ Written to" in dialog.outcome.text()
    x0, y0, x1, y1 = seen["box"]
    assert x0 <= 155 <= x1  # the hot cell is 150 to 160, 70 to 80 of the frame
    assert y0 <= 75 <= y1
    assert (x1 - x0) < 40


def test_it_is_cancelled_while_the_engine_looks(scene, dialog):
    dialog.start()
    job = scene.engine.last(ExplainRequest)
    dialog.reject()
    assert scene.engine.cancelled == [job]
    assert dialog.leave.text() == "Cancelling…"


def test_the_suffix_follows_the_choice(dialog, tmp_path):
    dialog.mp4.setChecked(True)
    assert Path(dialog.name.text()) == tmp_path / "a.mp4"
    dialog.gif.setChecked(True)
    assert Path(dialog.name.text()) == tmp_path / "a.gif"
