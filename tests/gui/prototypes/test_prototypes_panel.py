"""The tab Prototypes: evidence of a moment and of a video, the patch, both motions in step, and keys."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from prototype_scenes import COUNT, fives, make_prototype_detector, make_prototypes, make_similarities
from PySide6.QtCore import Qt
from scenes import make_track

from engine.detectors.cards import card_text
from engine.detectors.clip_motion import clip_affine
from engine.detectors.prototype_evidence import patch_box
from engine.detectors.prototypes import prototype_files
from engine.faces.flow import FlowSpec
from engine.results import SIMILARITY
from engine.runtime.protocol import ExplainRequest
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.evidence import MOST
from gui.prototypes.motion_view import BEAT_MS
from gui.prototypes.panel import PrototypesPanel
from gui.prototypes.rows import number

FRAMES = 100
SPANS = [*fives(0, 44), *fives(60, 99)]
KEYS = Qt.Key
FIELDS = 4
"""Of the detector of these tests."""


def write_weights(folder):
    """A folder with a card and the files of prototypes, as far as the window reads it; its own detector."""
    rng = np.random.default_rng(0)
    info = make_prototype_detector()
    motions = rng.normal(0, 1, (COUNT, FIELDS, 2, 16, 16)).astype(np.float32)
    files = prototype_files(make_prototypes(), motions)
    raw = {**info.card, "id": "dpnet-compact", "sha256": "0" * 64}
    raw["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    folder.mkdir()
    (folder / "card.toml").write_text(card_text(raw), encoding="utf-8")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return replace(info, folder=str(folder)), motions


@pytest.fixture
def panel(scene, qtbot, tmp_path):
    detector, _ = write_weights(tmp_path / "weights")
    scene.list_detectors(detector)
    choice = PrototypeChoice(scene.session, scene.session)
    panel = PrototypesPanel(scene.session, choice)
    qtbot.addWidget(panel)
    panel.resize(415, 900)
    panel.show()
    qtbot.waitExposed(panel)
    yield panel
    panel.close_down()


def analyse(scene, *faces):
    people = []
    for face in faces or (0,):
        seen = np.concatenate((np.arange(45), np.arange(60, 100)))
        people.append((make_track(face, seen), make_similarities(face, SPANS)))
    scene.finish(scene.analyse(), *people)
    return people[0][1]


def shown(panel):
    """The rows of the list as they are listed."""
    return [panel.list.share(row) for row in range(panel.list.count())]


def in_view(panel, qtbot):
    qtbot.waitUntil(lambda: panel.list.count() == MOST)


def test_the_numbers_of_a_moment_add_up_to_its_stored_logit(panel, scene, qtbot):
    scores = analyse(scene)
    in_view(panel, qtbot)
    for frame in (2, 27, 60, 99):
        scene.session.go_to(frame)
        row = next(at for at, (first, last) in enumerate(SPANS) if first <= frame <= last)
        first, last = SPANS[row]
        qtbot.waitUntil(lambda text=f"Face 1, frames {first}–{last}": panel.what.whole_text() == text)
        similarities = scores.activations[SIMILARITY][row].tolist()
        fake = sum(p.weights[1] * s for p, s in zip(make_prototypes(), similarities, strict=True))
        real = sum(p.weights[0] * s for p, s in zip(make_prototypes(), similarities, strict=True))
        others, sums = panel.sums.lines()
        assert sums == f"Sums: {number(fake)} for fake, {number(real)} for real"
        parts = [panel.list.item(at).text() for at in range(MOST)]
        assert all(
            f"Similarity {share.similarity:.3f}" in part for share, part in zip(shown(panel), parts, strict=True)
        )
        rest = others.removeprefix(f"{COUNT - MOST} others: ").removesuffix(" for real").replace("−", "-")
        rest_fake, rest_real = (round(1000 * float(text)) for text in rest.split(" for fake, "))
        assert rest_fake + sum(round(1000 * share.fake) for share in shown(panel)) == round(1000 * fake)
        assert rest_real + sum(round(1000 * share.real) for share in shown(panel)) == round(1000 * real)
        logit = float(scores.logits[row])
        assert f"probability {1 / (1 + np.exp(-logit)):.3f}" in panel.result.whole_text()
    scene.session.go_to(50)
    qtbot.waitUntil(lambda: panel.what.whole_text() == "Face 1 is not scored at frame 50")
    assert panel.list.count() == 0
    assert panel.sums.lines() == ()


def test_the_whole_video_is_a_mean_and_says_which_mean_the_score_is(panel, scene, qtbot):
    scores = analyse(scene)
    in_view(panel, qtbot)
    panel.whole.click()
    similarities = scores.activations[SIMILARITY].astype(float)
    fake = np.mean([[p.weights[1] for p in make_prototypes()] @ row for row in similarities])
    real = np.mean([[p.weights[0] for p in make_prototypes()] @ row for row in similarities])
    assert panel.sums.lines()[1] == f"Sums: {number(fake)} for fake, {number(real)} for real"
    assert panel.what.whole_text() == f"Face 1, mean of {len(SPANS)} clips"
    mean = float(scores.fake_probability.mean(dtype=float))
    of_mean = 1 / (1 + np.exp(real - fake))
    assert abs(mean - of_mean) > 1e-3
    assert f"probability {of_mean:.3f}" in panel.result.whole_text()
    assert f"The score of Face 1, {mean:.3f}, is another mean" in panel.which.text()
    panel.toggle_whole()
    assert panel.moment.isChecked()
    assert not panel.which.isVisible()


def test_what_is_excluded_adds_nothing_and_is_told(panel, scene, qtbot):
    scores = analyse(scene)
    in_view(panel, qtbot)
    out = shown(panel)[0]
    scene.session.reviewing.exclude({out.prototype.name})
    qtbot.waitUntil(lambda: shown(panel)[0].excluded)
    assert shown(panel)[0].index == out.index
    assert "It is excluded: it adds nothing" in panel.list.item(0).text()
    assert "1 prototype excluded" in panel.what.whole_text()
    similarities = scores.activations[SIMILARITY][0].tolist()
    left = [(p, s) for j, (p, s) in enumerate(zip(make_prototypes(), similarities, strict=True)) if j != out.index]
    fake, real = sum(p.weights[1] * s for p, s in left), sum(p.weights[0] * s for p, s in left)
    assert panel.sums.lines()[1] == f"Sums: {number(fake)} for fake, {number(real)} for real"


def test_the_patch_is_outlined_once_its_map_is_there(panel, scene, qtbot):
    analyse(scene)
    in_view(panel, qtbot)
    told = []
    panel.patch_changed.connect(told.append)
    scene.session.go_to(27)
    panel.list.setCurrentRow(3)
    prototype = shown(panel)[3].prototype

    def asked():
        jobs = [job for job, r in scene.engine.requests.items() if isinstance(r, ExplainRequest)]
        jobs = [job for job in jobs if scene.engine.requests[job].explainer_id == "prototypes"]
        return jobs[-1:] if jobs and scene.engine.requests[jobs[-1]].frames == (25,) else []

    qtbot.waitUntil(lambda: bool(asked()))
    (job,) = asked()
    assert scene.engine.requests[job].settings == {"prototype": prototype.name}
    explanation = scene.explanation((25,))
    scene.explain_job(job, (25,), explainer_id="prototypes")
    qtbot.waitUntil(lambda: bool(told))
    assert told[-1] == patch_box(explanation.values[0], explanation.affine[0])
    scene.session.go_to(28)  # another frame of the same clip
    assert told[-1] is not None
    scene.session.go_to(30)  # the next clip, of which nothing is known
    qtbot.waitUntil(lambda: told[-1] is None)


def motion_there(panel, qtbot):
    qtbot.waitUntil(lambda: panel.motion.panes.count == FIELDS, timeout=20000)


def test_both_motions_play_in_step_and_by_keys(panel, scene, qtbot):
    analyse(scene)
    in_view(panel, qtbot)
    scene.session.go_to(11)
    panel.list.setCurrentRow(0)
    motion_there(panel, qtbot)
    view = panel.motion
    answer = view.panes.answer
    assert answer.frames == (10, 11, 12, 13)
    assert answer.question.box is None
    assert "whole face" in view.where.whole_text()
    assert view._timer.isActive()
    assert view._timer.interval() == BEAT_MS
    before = view.at
    view._timer.timeout.emit()
    assert view.at == (before + 1) % FIELDS
    view.panes.setFocus()
    qtbot.keyClick(view.panes, KEYS.Key_Space)
    assert not view._timer.isActive()
    for key, way in ((KEYS.Key_Right, 1), (KEYS.Key_Right, 1), (KEYS.Key_Left, -1)):
        at = view.at
        qtbot.keyClick(view.panes, key)
        assert view.at == (at + way) % FIELDS
        assert view.panes.panes() == (answer.prototype[view.at], answer.motion[view.at], answer.pictures[view.at])
        assert f"{view.at + 1}/{FIELDS} · frame {10 + view.at}" in view.where.whole_text()
    qtbot.keyClick(view.panes, KEYS.Key_Space)
    assert view._timer.isActive()
    assert scene.session.frame == 11, "the keys are not the player's while the motion has the focus"
    panel.hide()
    assert not view._timer.isActive()


def test_the_picture_is_what_is_seen_in_the_square_of_the_clip(panel, scene, qtbot):
    analyse(scene)
    in_view(panel, qtbot)
    scene.session.go_to(10)
    panel.list.setCurrentRow(0)
    motion_there(panel, qtbot)
    answer, spec = panel.motion.panes.answer, FlowSpec(size=64, side=64, fields=FIELDS, bound=5.0)
    boxes = np.stack([panel._choice.face.box_at(frame) for frame in range(10, 15)])
    affine = clip_affine(boxes, spec, 0.4)
    x, y = affine[:, :2] @ (32, 32) + affine[:, 2]
    true = scene.session.media.reader().read(12).pixels[int(y), int(x)].astype(int)
    pixel = answer.pictures[2].pixelColor(96, 96)
    assert np.abs(np.array([pixel.red(), pixel.green(), pixel.blue()]) - true).max() <= 4
    assert answer.clip.crop == pytest.approx((*affine[:, 2], *(affine[:, 2] + 64 * affine[0, 0])), rel=1e-5)


def test_the_strongest_moment_can_be_gone_to_and_marked(panel, scene, qtbot):
    scores = analyse(scene)
    in_view(panel, qtbot)
    panel.list.setCurrentRow(2)
    share = shown(panel)[2]
    row = int(scores.activations[SIMILARITY][:, share.index].argmax())
    qtbot.waitUntil(panel.go.isVisible)
    panel.go.click()
    assert scene.session.frame == SPANS[row][0]
    panel.mark.click()
    (mark,) = scene.session.marks
    assert (mark.first, mark.last) == SPANS[row]
    similarity = float(scores.activations[SIMILARITY][row, share.index])
    real, fake = (weight * similarity for weight in share.prototype.weights)
    assert share.prototype.name in mark.note
    assert f"similarity {similarity:.3f}, evidence {fake:+.3f} for fake, {real:+.3f} for real" in mark.note


def test_another_face_is_chosen_and_detectors_without_prototypes_say_so(panel, scene, qtbot):
    assert panel.empty.isVisible()
    analyse(scene, 0, 1)
    in_view(panel, qtbot)
    panel.faces.setCurrentIndex(1)
    panel.faces.activated.emit(1)
    qtbot.waitUntil(lambda: panel.what.whole_text().startswith("Face 2"))
    scene.list_detectors()
    qtbot.waitUntil(panel.empty.isVisible)
    assert "compares nothing" in panel.empty.text()
