import subprocess
import sys

from PySide6.QtGui import QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from gui import clipboard

PROGRAM = """
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from gui import clipboard
app = QApplication(["test"])
clipboard.copy("words", QImage(4, 4, QImage.Format.Format_RGB888))
"""


def test_both_are_there_and_nothing_else(qtbot: QtBot) -> None:
    clipboard.copy("words", QImage(6, 4, QImage.Format.Format_RGB888))
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "words"
    assert QGuiApplication.clipboard().image().width() == 6
    assert sorted(data.formats()) == ["application/x-qt-image", "text/plain"]


def test_a_program_that_has_copied_ends_well() -> None:
    """Data that Python has made is destroyed after Python is gone: that was a segmentation fault."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
