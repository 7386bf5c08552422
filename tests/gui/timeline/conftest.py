"""A timeline over a scene."""

import pytest

from gui.timeline.timeline import TimelinePanel


@pytest.fixture
def panel(request, scene, qtbot):
    """As high as the module's HEIGHT says, else 420 pixels."""
    panel = TimelinePanel(scene.session)
    qtbot.addWidget(panel)
    panel.resize(1200, getattr(request.module, "HEIGHT", 420))
    panel.show()
    qtbot.waitExposed(panel)
    return panel
