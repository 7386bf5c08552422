"""The table of keys: complete, without conflicts, and robust against a broken table of the user."""

from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence

from gui import keymap
from gui.commands import command_table
from gui.session import Session


class Anything:
    """A window that can do whatever it is asked for."""

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


@pytest.fixture
def ids(session: Session) -> list[str]:
    return [command.id for command in command_table(session, Anything())]  # type: ignore[arg-type]


def test_no_key_does_two_things(ids: list[str]) -> None:
    assert keymap.conflicts(keymap.load(ids).keys) == {}


def test_equal_keys_written_differently_are_a_conflict() -> None:
    found = keymap.conflicts({"a": ("Ctrl+Shift+Z",), "b": ("Shift+Ctrl+Z", "X"), "c": ("Z",)})
    assert found == {"Ctrl+Shift+Z": ("a", "b")}


def test_the_table_names_every_command_and_only_commands(ids: list[str]) -> None:
    table = keymap.load(ids).keys
    assert set(table) - set(ids) == set()
    assert set(ids) - set(table) == {"scope"}  # the one command that needs no key
    assert len(ids) == len(set(ids))


def test_every_key_is_one_that_qt_knows(ids: list[str]) -> None:
    for name, keys in keymap.load(ids).keys.items():
        for key in keys:
            assert QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText) == key, name


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("play", "Space"), ("play_back", "J"), ("pause", "K"), ("play_forward", "L"), ("step_back", ","),
        ("step_forward", "."), ("step_back", "Left"), ("ten_forward", "Shift+Right"),
        ("peak_forward", "Ctrl+Right"),
        ("first", "Home"), ("last", "End"), ("in_point", "I"), ("out_point", "O"), ("mark", "M"),
        ("masks", "V"),
        ("explainer_1", "1"), ("explainer_9", "9"), ("export", "E"), ("open", "Ctrl+O"), ("undo", "Ctrl+Z"),
        ("redo", "Ctrl+Shift+Z"), ("go_to", "Ctrl+G"), ("copy_frame", "Ctrl+C"), ("full_screen", "F11"),
        ("keys", "F1"),
    ],
)  # fmt: skip
def test_the_promised_keys_are_there(ids: list[str], command: str, key: str) -> None:
    assert key in keymap.load(ids).of(command)


def test_the_users_table_wins(ids: list[str], tmp_path: Path) -> None:
    own = tmp_path / "keymap.toml"
    own.write_text('[keys]\nplay = ["P"]\npeak_highest = []\n')
    loaded = keymap.load(ids, own)
    assert (loaded.of("play"), loaded.of("peak_highest"), loaded.of("pause")) == (("P",), (), ("K",))
    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[keys]\nplay = ["K"]\n', "K is used by"),
        ('[keys]\ndance = ["D"]\n', "there is no command “dance”"),
        ('[keys]\nplay = ["Nonsense"]\n', "“Nonsense” is no key"),
        ("[keys\n", "cannot be read"),
        ('[keys]\nplay = "Space"\n', "cannot be read"),
    ],
)
def test_a_broken_table_is_told_and_left_aside(ids: list[str], tmp_path: Path, text: str, problem: str) -> None:
    own = tmp_path / "keymap.toml"
    own.write_text(text)
    loaded = keymap.load(ids, own)
    assert problem in loaded.problems[0]
    assert loaded.of("play") == ("Space",)
