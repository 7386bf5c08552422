"""The words of the command line: what is understood, what is refused, and with which status."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine import cli, paths
from engine.cli import words
from engine.errors import UsageError


@pytest.mark.parametrize("wrong", ["", "5", "a:b", "5:5", "9:3", "-1:4", "1:2:3", "1.5:3", " 1:2"])
def test_a_range_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        words.frame_range(wrong)


def test_a_range_includes_its_start_and_excludes_its_end() -> None:
    assert list(words.frame_range("3:6")) == [3, 4, 5]


@pytest.mark.parametrize(("given", "frames"), [("3:6", [3, 4, 5]), ("7", [7]), ("9,1,4", [9, 1, 4])])
def test_a_list_is_a_range_or_numbers(given: str, frames: list[int]) -> None:
    assert list(words.frame_list(given)) == frames


@pytest.mark.parametrize("wrong", ["", ",", "1,", "a", "1,-2", "4:4"])
def test_a_list_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        words.frame_list(wrong)


def test_ids_are_split_and_each_kept_once() -> None:
    assert words.ids("frame-b4, frame-mobile,frame-b4,") == ["frame-b4", "frame-mobile"]
    with pytest.raises(UsageError):
        words.ids(" ,")


REFUSED = [
    (["analyze"], "The following arguments are required: VIDEO"),
    (["analyze", "x.mp4", "--every", "0"], "--every is 0"),
    (["analyze", "x.mp4", "--device", "tpu"], "Argument --device: invalid choice"),
    (["analyze", "x.mp4", "--engine", "tpu"], "Argument --engine: invalid choice"),
    (["analyze", "x.mp4", "--nonsense"], "Unrecognized arguments: --nonsense"),
    (["analyze", "x.mp4", "--json", "no/such/folder.json"], "There is no such folder"),
    (["explain", "x.mp4", "--frames", "5", "--out", "o"], "5 is no range of frames"),
    (["explain", "x.mp4", "--frames", "0:9"], "required: --out"),
    (["export", "x.mp4", "--frames", "0:9", "--out", "o.mp4", "--opacity", "7"], "The opacity is 7"),
    (["export", "x.mp4", "--frames", "0:9", "--out", "o.mp4", "--colour-map", "jet"], "no colour map jet"),
    (["stills", "x.mp4", "--frames", "1,x", "--out", "o"], "1,x names no frames"),
    (["analyze", "no such file.mp4"], "There is no such file"),
    (["no such file.mp4"], "neither a command nor a file"),
    (["verify", "x.mp4"], "neither a command nor a file"),
    (["check", "x.mp4"], "No specification was given"),
    (["check", "x.mp4", "--spec", "phi_9"], "There is no specification phi_9"),
    (["check", "--spec", "phi_1"], "Nothing was given to check"),
    (["check", "x.mp4", "--spec", "phi_2", "--set", "low=much"], "low is much"),
    (["check", "x.mp4", "--spec", "phi_2", "--set", "low=2"], "low is 2"),
    (["check", "x.mp4", "--spec", "phi_2", "--set", "margin=1"], "No specification has a parameter margin"),
    (["check", "x.mp4", "--spec", "phi_2", "--spec", "phi_2"], "phi_2 was given twice"),
    (["--nonsense"], "The following arguments are required"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[" ".join(given) for given, _ in REFUSED])
def test_words_at_fault_are_one_line_and_status_2(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(given, lambda files: 0) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert err.endswith(".\n")


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([command, "--help"]) == 0
    assert command in capsys.readouterr().out


def test_help_lists_the_commands_that_there_are_and_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in cli.COMMANDS)
    assert not [word for word in (" report ",) if word in shown]
    assert cli.run(["--version"]) == 0
    assert "Tellframe" in capsys.readouterr().out


@pytest.mark.parametrize("given", [[], ["{0}"], ["{0}", "{1}"]])
def test_without_a_command_the_window_opens_on_the_files(tmp_path: Path, given: list[str]) -> None:
    files = [tmp_path / "demo.mp4", tmp_path / "b.tell"]
    for file in files:
        file.write_text("x")
    seen: list[list[Path]] = []

    def window(paths: Sequence[Path]) -> int:
        seen.append(list(paths))
        return 0

    assert cli.run([word.format(*files) for word in given], window) == 0
    assert seen == [files[: len(given)]]


def test_a_failure_of_ours_is_one_line_status_1_and_a_crash_log(capsys: pytest.CaptureFixture[str]) -> None:
    def window(files: Sequence[Path]) -> int:
        raise ZeroDivisionError("the\nvery reason")

    assert cli.run([], window) == 1
    err = capsys.readouterr().err
    place = paths.data_dir() / "crash.log"
    assert err.count("\n") == 1
    assert str(place) in err
    log = place.read_text()
    assert "ZeroDivisionError" in log
    assert "very reason" in log
    assert "in window" in log


def test_an_interrupt_is_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    def window(files: Sequence[Path]) -> int:
        raise KeyboardInterrupt

    assert cli.run([], window) == 130
    assert capsys.readouterr().err.startswith("Cancelled")
