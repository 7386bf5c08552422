"""The form for a foreign model: nothing is guessed, and what was chosen is what is asked for."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialogButtonBox

from engine.detectors.foreign.description import Description, Port
from engine.detectors.foreign.settings import ModelSettings
from engine.errors import WeightsError
from engine.runtime.protocol import DescribeModelRequest, Failed, ImportModelRequest, ModelDescribed
from gui.dialogs.foreign_model import ForeignModelDialog
from gui.panels.weights import WeightsPanel

KNOWN = ModelSettings(
    "NHWC", 96, "BGR", 1.0, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), 0.25, "two-logits", ("fake", "real"), "b"
)


def described(shape=(None, 3, 64, 64), outputs=("y",)):
    ports = tuple(Port(name, None) for name in outputs)
    return Description(Path("/models/x.onnx"), "0" * 64, (), 17, "", Port("x", shape), ports, {})


def ok(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def pick(box, value):
    box.setCurrentIndex(box.findData(value))


def test_it_is_not_accepted_before_all_is_chosen(qtbot):
    dialog = ForeignModelDialog(described())
    qtbot.addWidget(dialog)
    assert (dialog.layout_.currentData(), dialog.size_.value(), dialog.output.currentData()) == ("NCHW", 64, "y")
    for box, value in (
        (dialog.colour, "RGB"),
        (dialog.meaning, "probability"),
        (dialog.classes, "fake, real"),
    ):
        assert not ok(dialog).isEnabled()
        assert box.accessibleName() in dialog.problem.text()
        pick(box, value)
    assert dialog.margin.accessibleName() in dialog.problem.text()
    dialog.margin.setValue(0)
    assert not ok(dialog).isEnabled()
    dialog.mean.setText("0.1, 0.2, 0.3")
    dialog.std.setText("1, 0, 1")
    assert not ok(dialog).isEnabled()
    dialog.std.setText("1, 2, 3")
    with qtbot.waitSignal(dialog.chosen) as told:
        ok(dialog).click()
    assert told.args == [
        ModelSettings(
            "NCHW", 64, "RGB", 255.0, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), 0.0, "probability", ("fake", "real"), "y"
        )
    ]


def test_what_is_known_is_filled_in(qtbot):
    dialog = ForeignModelDialog(described((None, None, None, None), ("a", "b")), KNOWN)
    qtbot.addWidget(dialog)
    assert ok(dialog).isEnabled()
    assert dialog.settings() == KNOWN


@pytest.fixture
def panel(make_scene, qtbot):
    scene = make_scene(10)
    scene.list_detectors()
    panel = WeightsPanel(scene.session)
    qtbot.addWidget(panel)
    return scene, panel


def test_importing_looks_at_the_model_asks_and_then_sends_it(panel, qtbot, monkeypatch):
    scene, weights = panel
    monkeypatch.setattr("gui.panels.weights.QFileDialog.getOpenFileName", lambda *_, **__: ("/models/x.onnx", ""))
    weights.foreign.click()
    asked = scene.engine.requests[len(scene.engine.requests)]
    assert asked == DescribeModelRequest(Path("/models/x.onnx"))
    weights._on_described(ModelDescribed(1, described((None, None, None, None), ("a", "b")), KNOWN))
    ok(weights.findChild(ForeignModelDialog)).click()
    sent = scene.engine.requests[len(scene.engine.requests)]
    assert sent == ImportModelRequest(Path("/models/x.onnx"), KNOWN)


def test_a_model_that_cannot_be_used_is_told(panel):
    scene, weights = panel
    weights._on_described(Failed(1, WeightsError("This is no ONNX model", advice="Export it again"), ""))
    assert "This is no ONNX model" in scene.session.messages[-1].text
