"""Writing files: all or none, and JSON that people can read."""

import json
from pathlib import Path

import pytest

from engine.exports.files import Staging, json_text

DATA = {
    "path": 'odd [ 1,   2 ] "name" \\ [\n 3 ]',
    "spans": [[0, 0], [8, 15]],
    "numbers": [0.5, -1e-9, None, True],
    "empty": [],
    "nested": [[[0.1, 0.2], [0.3]], [[1]]],
    "words": ["a", "b  c"],
    "objects": [{"x": [1, 2]}, {}],
}


def test_json_text_is_the_same_data_with_rows_on_one_line() -> None:
    text = json_text(DATA)
    assert json.loads(text) == DATA
    assert "[[0, 0], [8, 15]]" in text
    assert "[0.5, -1e-09, null, true]" in text
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text([float("nan")])


def test_nothing_appears_before_everything_is_written(tmp_path: Path) -> None:
    with Staging() as staging:
        staging.folder(tmp_path / "a" / "b")
        staging.write(tmp_path / "a" / "b" / "one", b"1")
        staging.write_json(tmp_path / "two.json", {"x": 1})
        assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["one.part", "two.json.part"]
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["one", "two.json"]


def test_an_error_takes_back_everything_but_what_others_put_there(tmp_path: Path) -> None:
    (tmp_path / "two.json").write_text("before")
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["c", "foreign", "two.json"]
    assert (tmp_path / "two.json").read_text() == "before"


def _write_and_fail(folder: Path) -> None:
    with Staging() as staging:
        staging.folder(folder / "a" / "b")
        staging.folder(folder / "c")
        staging.write(folder / "a" / "b" / "one", b"1")
        staging.write_json(folder / "two.json", {"x": 1})
        (folder / "c" / "foreign").write_text("x")
        raise ZeroDivisionError
