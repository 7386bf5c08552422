"""Plans and the file: balanced, drawn from the seed, and no answer lost when the program is killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from study_cases import EXPLAINERS, definition, study

from engine.errors import StudyError
from engine.evaluation.study.definition import as_data
from engine.evaluation.study.plan import assigned, divided, drawn_plan
from engine.evaluation.study.study_file import StudyFile

PROJECT = Path(__file__).resolve().parents[4]


def test_twenty_sections_are_two_halves_of_ten() -> None:
    made = definition(20)
    assert made.parts == 2
    assert [len(made.part(part)) for part in (0, 1)] == [10, 10]
    assert Counter(divided(list("abcdefghijklmnopqrstu"), 1).values()) == {0: 7, 1: 7, 2: 7}
    assert set(divided(list("abcdefghij"), 1).values()) == {0}
    assert divided(list("abcd"), 1, 2) == divided(list("abcd"), 1, 2)


def test_a_plan_has_each_section_of_its_part_once_and_hangs_on_seed_and_code_alone() -> None:
    made = definition(20)
    plan = drawn_plan(made, "AAA", 1)
    assert sorted(step.section for step in plan) == sorted(s.id for s in made.part(1))
    assert all(sorted(step.explanations) == sorted(EXPLAINERS) for step in plan)
    assert drawn_plan(made, "AAA", 1) == plan
    assert drawn_plan(made, "AAB", 1) != plan
    assert drawn_plan(definition(20, seed=8), "AAA", 0) != drawn_plan(made, "AAA", 0)


def test_sides_and_places_are_drawn_evenly() -> None:
    """2000 draws of a coin and of a four-sided die: outside these ranges something would be wrong."""
    made = definition(10)
    steps = [step for n in range(200) for step in drawn_plan(made, f"P{n}", 0)]
    assert 900 < sum(step.fake_first for step in steps) < 1100
    for place in range(4):
        assert all(400 < n < 600 for n in Counter(step.explanations[place] for step in steps).values())
    assert all(8 <= n <= 40 for n in Counter(drawn_plan(made, f"P{n}", 0)[0].section for n in range(200)).values())


def test_parts_stay_balanced(tmp_path: Path) -> None:
    file = study(tmp_path, definition(20))
    parts = [file.enrol(f"P-{n:03d}", "large", "no").part for n in range(21)]
    for count in range(1, 22):
        assert abs(parts[:count].count(0) - parts[:count].count(1)) <= 1
    ties = {assigned(file.definition, f"P-{n}", {0: 3, 1: 3}) for n in range(20)}
    assert ties == {0, 1}
    assert assigned(file.definition, "P", {0: 3}) == 1


def test_what_was_stored_is_read_again(tmp_path: Path) -> None:
    made = study(tmp_path)
    person = made.enrol("abc-123", "small", "heard of it")
    step = person.plan[0]
    made.tell("abc-123", step.section, right=False)
    file = StudyFile.open(made.path)
    assert file.definition == made.definition
    assert file.participants() == (person,)
    assert file.participant("ABC-123") == person
    assert [(g.right, g.chosen) for g in file.answers()] == [(False, None)]
    file.choose("abc-123", step.section, ("shap", "gradcam"), "  the ear ")
    assert [(g.chosen, g.other) for g in file.answers("abc-123")] == [(("gradcam", "shap"), "the ear")]
    assert file.answers("nobody") == ()
    code = file.new_code()
    assert len(code) == 7
    assert file.participant(code) is None


def test_nothing_personal_is_in_the_file(tmp_path: Path) -> None:
    file = study(tmp_path)
    file.enrol("abc", "large", "no")
    with sqlite3.connect(file.path) as base:
        columns = {
            row[1] for table in ("participants", "answers") for row in base.execute(f"PRAGMA table_info({table})")
        }
    base.close()
    assert columns == {"number", "code", "part", "screen", "familiarity", "plan"} | {
        "participant", "section", "told_fake", "chosen", "other",
    }  # fmt: skip


def test_an_answer_stands(tmp_path: Path) -> None:
    """Neither question can be answered twice, nor the second before the first."""
    file = study(tmp_path)
    section = file.enrol("abc", "large", "no").plan[0].section
    with pytest.raises(StudyError, match="not begun"):
        file.choose("abc", section, ())
    file.tell("abc", section, right=True)
    with pytest.raises(StudyError, match="another window"):
        file.tell("abc", section, right=False)
    file.choose("abc", section, ())
    with pytest.raises(StudyError, match="another window"):
        file.choose("abc", section, ("shap",))
    with pytest.raises(ValueError, match="not shown"):
        file.choose("abc", section, ("lime",))
    with pytest.raises(StudyError, match="Nobody"):
        file.tell("xyz", section, right=True)
    assert [(g.right, g.chosen) for g in file.answers()] == [(True, ())]


@pytest.mark.parametrize("code", ["", "ab", "anna@example.org", "Anna Smith", "x" * 25, "añb"])
def test_codes_that_could_name_somebody_are_refused(tmp_path: Path, code: str) -> None:
    with pytest.raises(StudyError, match="no code"):
        study(tmp_path).enrol(code, "large", "no")


def test_who_withdraws_leaves_nothing_in_the_file(tmp_path: Path) -> None:
    file = study(tmp_path)
    for code in ("one-11", "two-22"):
        section = file.enrol(code, "large", "no").plan[0].section
        file.tell(code, section, right=True)
        file.choose(code, section, ("shap",), f"words of {code}")
    file.withdraw("ONE-11")
    assert [p.code for p in file.participants()] == ["two-22"]
    assert [g.participant for g in file.answers()] == ["two-22"]
    content = file.path.read_bytes()
    assert b"two-22" in content
    assert b"one-11" not in content
    with pytest.raises(StudyError, match="Nobody"):
        file.withdraw("one-11")


def test_a_code_is_taken_once(tmp_path: Path) -> None:
    file = study(tmp_path)
    file.enrol("abc", "large", "no")
    with pytest.raises(StudyError, match="taken"):
        file.enrol("ABC", "large", "no")
    with pytest.raises(StudyError, match="already"):
        StudyFile.create(file.path, file.definition)


KILLED = """
import sys
from pathlib import Path
from engine.evaluation.study.study_file import StudyFile
file = StudyFile.open(Path(sys.argv[1]))
person = file.enrol("abc", "large", "no")
for step in person.plan:
    file.tell("abc", step.section, right=True)
    print("told", flush=True)
    file.choose("abc", step.section, ("shap",))
    print("chosen", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="a kill that cannot be caught is posix's")
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_kill_loses_at_most_what_was_not_answered(tmp_path: Path, after: int) -> None:
    file = study(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(file.path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(after)]
    child.send_signal(signal.SIGKILL)
    said += child.stdout.readlines()
    child.wait(30)
    child.stdout.close()
    answers = StudyFile.open(file.path).answers()
    told, chosen = said.count("told\n"), said.count("chosen\n")
    assert told <= len(answers) <= told + 1  # it may have died between the disk and its word
    assert chosen <= sum(g.chosen is not None for g in answers) <= chosen + 1


IN_A_WRITE = """
import os, signal, sys
from pathlib import Path
from engine.evaluation.study import database
with database.writing(Path(sys.argv[1])) as base:
    base.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the end
    for n in range(200):
        base.execute("INSERT INTO participants VALUES (NULL, ?, 0, 'large', 'no', ?)", (f"X{n}", "x" * 5000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="a kill that cannot be caught is posix's")
def test_a_kill_within_a_write_leaves_what_was_there_before(tmp_path: Path) -> None:
    file = study(tmp_path)
    person = file.enrol("abc", "large", "no")
    subprocess.run([sys.executable, "-c", IN_A_WRITE, str(file.path)], cwd=PROJECT, check=False, timeout=60)
    assert file.path.with_name(f"{file.path.name}-journal").exists(), "it died in the middle"
    assert StudyFile.open(file.path).participants() == (person,)


def test_changed_and_missing_clips_are_told(tmp_path: Path) -> None:
    file = study(tmp_path)
    file.check_clips()
    clip = file.clips / file.definition.sections[2].fake.file
    clip.write_text("other bytes")
    with pytest.raises(StudyError, match="not the one") as caught:
        file.check_clips()
    assert caught.value.file == clip
    clip.unlink()
    with pytest.raises(StudyError, match="missing"):
        file.check_clips()


def test_files_that_are_no_study_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.tellstudy"
    with pytest.raises(StudyError, match="cannot be opened"):
        StudyFile.open(path)
    path.write_text("words")
    with pytest.raises(StudyError, match="no study"):
        StudyFile.open(path)
    path.write_bytes(b"SQLite format 3\x00" + b"\x01" * 500)
    with pytest.raises(StudyError, match="cannot be read"):
        StudyFile.open(path)
    path.unlink()
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE definition (text TEXT)")
    base.close()
    with pytest.raises(StudyError, match="no study"):
        StudyFile.open(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("PRAGMA user_version = 2", "newer"),
        ("UPDATE definition SET text = '{}'", "broken"),
        ("DELETE FROM definition", "broken"),
        ("UPDATE participants SET plan = '[]'", "plan of abc"),
        ("UPDATE participants SET plan = 'x'", "plan of abc"),
        ("UPDATE answers SET chosen = '[\"lime\"]'", "answer of abc"),
        ("UPDATE answers SET section = 'x'", "answer of abc"),
    ],
)
def test_a_file_changed_by_hand_is_told(tmp_path: Path, change: str, said: str) -> None:
    file = study(tmp_path)
    section = file.enrol("abc", "large", "no").plan[0].section
    file.tell("abc", section, right=True)
    with sqlite3.connect(file.path) as base:
        base.execute(change)
    base.close()

    def read() -> None:
        opened = StudyFile.open(file.path)
        opened.participants()
        opened.answers()

    with pytest.raises(StudyError, match=said) as caught:
        read()
    assert caught.value.file == file.path


def test_the_definition_in_the_file_is_the_one_given(tmp_path: Path) -> None:
    made = definition(20)
    assert as_data(StudyFile.open(study(tmp_path, made).path).definition) == as_data(made)
