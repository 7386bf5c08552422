"""The case file: what goes in comes out, whoever writes, and nothing foreign is touched."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.case.case_file import CaseFile, ResultKey
from engine.errors import CaseError, EvidenceChangedError
from engine.results import Mark, VideoIdentity, settings_hash

VIDEO = VideoIdentity("/e/a.mp4", "a" * 64, 1234, 250, 10.0, True, 640, 480, Fraction(1001, 30000))
KEY = ("faces", "", "h" * 64)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[CaseFile]:
    with CaseFile.create(tmp_path / "a.tell") as opened:
        yield opened


def test_a_video_comes_back_as_it_went_in(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    assert case.put_video(VIDEO) == number
    (stored,) = case.videos()
    assert (stored.id, stored.identity) == (number, VIDEO)


def test_a_changed_video_is_refused_and_changes_nothing(case: CaseFile) -> None:
    case.put_video(VIDEO)
    with pytest.raises(EvidenceChangedError, match="changed since it was entered"):
        case.put_video(replace(VIDEO, sha256="b" * 64))
    assert [v.identity for v in case.videos()] == [VIDEO]


def test_a_moved_video_keeps_its_results(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    case.put_result(number, *KEY, 0, 9, {"x": np.arange(3)}, {})
    assert case.put_video(replace(VIDEO, path="/f/b.mp4")) == number
    assert case.videos()[0].identity.path == "/f/b.mp4"
    assert case.get_result(number, *KEY, 0, 9) is not None
    assert [entry.action for entry in case.log_entries()][-1] == "video moved"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.int64).reshape(3, 4),
        np.linspace(-1, 1, 7, dtype=np.float32),
        np.array([[True, False]]),
        np.zeros((0, 5, 2), np.float32),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(["é", "face 1"]),
    ],
    ids=["int", "float", "bool", "empty", "fortran", "text"],
)
def test_arrays_come_back_bit_for_bit(case: CaseFile, array: np.ndarray) -> None:
    number = case.put_video(VIDEO)
    case.put_result(number, *KEY, 3, 5, {"file": array, "0.boxes": array}, {"tracks": [1, 2], "é": None})
    found = case.get_result(number, *KEY, 3, 5)
    assert found is not None
    for name in ("file", "0.boxes"):
        assert found.arrays[name].dtype == array.dtype
        assert np.array_equal(found.arrays[name], array)
        assert not found.arrays[name].flags.writeable
    assert found.meta == {"tracks": [1, 2], "é": None}


def test_every_part_of_the_key_tells_results_apart(case: CaseFile) -> None:
    one, two = case.put_video(VIDEO), case.put_video(replace(VIDEO, path="/e/b.mp4", sha256="b" * 64))
    keys = [
        (one, "faces", "", "s", 0, 9),
        (two, "faces", "", "s", 0, 9),
        (one, "frame-b4", "", "s", 0, 9),
        (one, "faces", "w", "s", 0, 9),
        (one, "faces", "", "t", 0, 9),
        (one, "faces", "", "s", 10, 19),
        (one, "faces", "", "s", 0, 19),
    ]
    for value, key in enumerate(keys):
        case.put_result(*key, {"x": np.array(value)}, {})
    for value, key in enumerate(keys):
        found = case.get_result(*key)
        assert found is not None
        assert int(found.arrays["x"]) == value
    assert case.get_result(one, "faces", "", "s", 0, 8) is None
    assert [(s.first, s.last) for s in case.list_results(one, "faces", "", "s")] == [(0, 9), (0, 19), (10, 19)]
    assert ResultKey("faces", "w", "s") in case.keys(one)
    assert case.keys(two) == (ResultKey("faces", "", "s"),)


def test_a_result_is_replaced_not_doubled(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    for value in (1, 2):
        case.put_result(number, *KEY, 0, 9, {"x": np.array(value)}, {})
    assert len(case.list_results(number, *KEY)) == 1
    found = case.get_result(number, *KEY, 0, 9)
    assert found is not None
    assert int(found.arrays["x"]) == 2


def test_objects_are_neither_stored_nor_loaded(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    with pytest.raises(ValueError, match="Python objects"):
        case.put_result(number, *KEY, 0, 9, {"x": np.array([{}], object)}, {})
    assert case.list_results(number, *KEY) == ()


def test_a_damaged_result_is_told_not_guessed(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    case.put_result(number, *KEY, 0, 9, {"x": np.arange(1000)}, {})
    with sqlite3.connect(case.path) as raw:
        raw.execute("UPDATE results SET arrays = substr(arrays, 1, 60)")
    raw.close()
    with pytest.raises(CaseError, match="frames 0 to 9 is damaged"):
        case.get_result(number, *KEY, 0, 9)


def test_settings_are_kept_under_their_hash(case: CaseFile) -> None:
    settings = {"every": 2, "spec": {"size": 224, "margin": 0.0}}
    name = case.note_settings(settings)
    assert name == settings_hash(settings)
    assert case.settings(name) == settings
    assert case.settings("0" * 64) is None


def test_marks_can_be_made_changed_and_undone(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    late = case.add_mark(number, Mark(50, 60, "mouth", "2026-01-01T00:00:00+00:00"))
    early = case.add_mark(number, Mark(5, 5, "", "2026-01-01T00:00:01+00:00"))
    assert case.marks(number) == (early, late)
    case.update_mark(replace(late, first=1, note="eyes"))
    assert [m.note for m in case.marks(number)] == ["eyes", ""]
    case.remove_mark(early.id or 0)
    assert len(case.marks(number)) == 1
    assert case.add_mark(number, early) == early, "undoing a removal gives the same row back"
    with pytest.raises(CaseError, match="no mark number 99"):
        case.remove_mark(99)
    with pytest.raises(CaseError, match="no mark number 99"):
        case.update_mark(replace(early, id=99))


def test_eight_threads_write_and_read_at_once(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    faults: list[BaseException] = []

    def work(who: int) -> None:
        try:
            for first in range(20):
                case.put_result(
                    number, f"c{who}", "", "s", first, first, {"x": np.full(100, who * 100 + first)}, {}
                )
                found = case.get_result(number, f"c{who}", "", "s", first, first)
                assert found is not None
                assert int(found.arrays["x"][0]) == who * 100 + first
                case.note("step", {"who": who, "first": first})
        except Exception as error:  # noqa: BLE001 - to be looked at in the main thread
            faults.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert all(len(case.list_results(number, f"c{who}", "", "s")) == 20 for who in range(8))
    case.verify_log()
    assert sum(entry.action == "step" for entry in case.log_entries()) == 160


def test_two_openings_see_each_other(case: CaseFile) -> None:
    number = case.put_video(VIDEO)
    with CaseFile.open(case.path) as other:
        other.put_result(number, *KEY, 0, 9, {"x": np.arange(3)}, {})
        assert case.get_result(number, *KEY, 0, 9) is not None


def test_a_closed_case_says_so(tmp_path: Path) -> None:
    case = CaseFile.create(tmp_path / "a.tell")
    case.close()
    with pytest.raises(CaseError, match="closed"):
        case.videos()


@pytest.mark.parametrize(
    "content", [b"", b"just text", b"\0\0\0 ftypisom" + b"\0" * 5000], ids=["empty", "text", "mp4"]
)
def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "evidence.mp4"
    path.write_bytes(content)
    with pytest.raises(CaseError, match="This is no case file"):
        CaseFile.open(path)
    with pytest.raises(CaseError, match="file of this name already"):
        CaseFile.create(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.mp4"]


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.commit()
    other.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(CaseError, match="This is no case file"):
        CaseFile.open(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_newer_case_is_refused(case: CaseFile) -> None:
    with sqlite3.connect(case.path) as raw:
        raw.execute("UPDATE schema SET version = 99")
    raw.close()
    with pytest.raises(CaseError, match="newer Tellframe"):
        CaseFile.open(case.path)


def test_a_damaged_case_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tell"
    with CaseFile.create(path) as case:
        number = case.put_video(VIDEO)
        for first in range(50):
            case.put_result(number, *KEY, first, first, {"x": np.random.default_rng(first).random(2000)}, {})
    content = bytearray(path.read_bytes())
    content[4096 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4096)
    path.write_bytes(content)
    with pytest.raises(CaseError) as caught:
        _read_all(path)
    assert "\n" not in str(caught.value)


def _read_all(path: Path) -> None:
    with CaseFile.open(path) as case:
        case.videos()
        case.list_results(1, *KEY)


def test_a_missing_case_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such case file"):
        CaseFile.open(tmp_path / "a.tell")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot be created"):
        CaseFile.create(tmp_path / "no" / "a.tell")


def test_the_remains_of_a_killed_creation_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.tell.part").write_bytes(b"half a database")
    with CaseFile.open_or_create(tmp_path / "a.tell") as case:
        case.put_video(VIDEO)
    with CaseFile.open_or_create(tmp_path / "a.tell") as case:
        assert len(case.videos()) == 1
    assert not (tmp_path / "a.tell.part").exists()
