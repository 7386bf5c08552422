"""The legend over the picture: all of its words can be read on narrow pictures, too."""

from PySide6.QtWidgets import QWidget

from gui.player.legend import BETWEEN, MaskLegend

TITLE = BETWEEN.join(
    ("prototype-gradient, the strongest, by motion, dpnet", "frame 110, from 15%", "? Sanity: weak")
)


def test_a_title_that_is_too_wide_is_broken_between_its_parts(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    legend = MaskLegend(parent)
    legend.show_palette("blue-orange", TITLE)
    metrics = legend.fontMetrics()
    heights = []
    for width in (2000, metrics.horizontalAdvance(TITLE) - 20, 100):
        parent.resize(width, 300)
        lines = legend.lines()
        assert BETWEEN.join(lines) == TITLE
        assert legend.sizeHint().width() >= max(map(metrics.horizontalAdvance, lines))
        if len(lines) < 3:
            assert legend.sizeHint().width() <= width
        heights.append((len(lines), legend.sizeHint().height()))
    assert [count for count, _ in heights] == [1, 2, 3]
    assert heights[1][1] - heights[0][1] == heights[2][1] - heights[1][1] == metrics.height()
