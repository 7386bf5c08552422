"""Results against numbers by hand, SciPy and P002's table 3; several files together; the report."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from study_cases import EXPLAINERS, definition, study

from engine.errors import DataError, StudyError
from engine.evaluation.study.plan import drawn_plan
from engine.evaluation.study.report import as_data, report_files, short_names
from engine.evaluation.study.results import Collected, Results, collect, results_of
from engine.evaluation.study.study_file import Given, Participant, StudyFile


def answered(file: StudyFile, code: str, right: str, chosen: list[tuple[str, ...]], other: str = "") -> None:
    """A participant who answers all sections in the order of the study: R or F, and what they pick."""
    file.enrol(code, "large" if right[0] == "R" else "small", "yes")
    for section, told, picked in zip(file.definition.sections, right, chosen, strict=False):
        file.tell(code, section.id, right=told == "R")
        file.choose(code, section.id, picked, other)


A, B = "gradcam", "shap"


def by_hand(tmp_path: Path) -> StudyFile:
    file = study(tmp_path)  # four sections, one part
    answered(file, "one", "RRRF", [(A,), (A, B), (), (B,)])
    answered(file, "two", "RFRR", [(A,), (A,), (A,), ()], "the <ears>")
    answered(file, "six", "FF", [(B,), (A,)])
    return file


def test_counts_by_hand(tmp_path: Path) -> None:
    file = by_hand(tmp_path)
    file.tell("six", file.definition.sections[2].id, right=True)  # and then they left
    results = results_of(collect([file]))
    assert (results.participants, results.finished, results.parts, results.half_answered) == (3, 2, (3,), 1)
    assert results.screens == {"large": 2, "small": 1}
    assert results.familiarity == {"yes": 3, "heard of it": 0, "no": 0}
    assert (results.accuracy.hits, results.accuracy.of) == (6, 10)
    assert {name: share.hits for name, share in results.shares.items()} == dict(
        zip(EXPLAINERS, (6, 3, 0, 0), strict=True)
    )
    first, second = results.sections[0], results.sections[1]
    assert (first.answers, first.votes[A], first.votes[B], first.none) == (3, 2, 1, 0)
    assert (second.answers, second.votes[A], second.votes[B], second.none, second.other) == (3, 3, 1, 0, 1)
    assert [each.none for each in results.sections] == [0, 0, 1, 1]
    pair = results.findings.pairs[0]
    assert (pair.only_first, pair.only_second) == (5, 2)
    assert pair.p == pytest.approx(binomtest(5, 7).pvalue)
    assert results.findings.level == pytest.approx(0.05 / 6)
    assert results.words["s00"] == ("the <ears>",)


def test_exact_intervals_are_those_of_scipy(tmp_path: Path) -> None:
    results = results_of(collect([by_hand(tmp_path)]))
    for share in (results.accuracy, *results.shares.values()):
        wanted = binomtest(share.hits, share.of).proportion_ci(method="exact")
        assert share.exact == pytest.approx((wanted.low, wanted.high))


def simulated(people: int, sections: int, seed: int) -> Collected:
    """People who differ: each picks gradcam with a probability of their own."""
    made = definition(sections, parts=1)
    rng = np.random.default_rng(seed)
    persons, answers = [], []
    for n in range(people):
        likes = float(rng.choice([0.1, 0.9]))
        persons.append(Participant(f"P{n}", 0, "large", "no", drawn_plan(made, f"P{n}", 0)))
        for section in made.sections:
            chosen = (A,) if rng.random() < likes else ()
            answers.append(Given(f"P{n}", section.id, bool(rng.random() < 0.8), chosen))
    return Collected(made, tuple(persons), tuple(answers))


def test_intervals_over_people_are_those_of_a_plain_bootstrap() -> None:
    collected = simulated(30, 10, seed=3)
    share = results_of(collected, draws=4000).shares[A]
    each = [
        np.mean([A in g.chosen for g in collected.answers if g.participant == p.code])
        for p in collected.participants
    ]
    rng = np.random.default_rng(0)
    means = [np.mean(rng.choice(each, len(each))) for _ in range(4000)]
    assert share.value == pytest.approx(np.mean(each))
    assert share.over_people == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.02)
    exact = share.exact[1] - share.exact[0]
    assert share.over_people[1] - share.over_people[0] > 2 * exact  # people differ, so answers are not independent


def test_one_person_has_no_interval_over_people() -> None:
    assert all(math.isnan(end) for end in results_of(simulated(1, 10, seed=3)).accuracy.over_people)


def test_table_3_of_the_paper_from_answers_with_its_counts() -> None:
    """165, 221, 137 and 185 votes of 67 people are 23, 31, 19 and 26 %; 85 % of the videos were identified."""
    made = definition(20)
    votes = dict(zip(EXPLAINERS, (165, 221, 137, 185), strict=True))  # GradCAM, SHAP, LTPA, Bonettini
    people = [Participant(f"P{n}", n % 2, "large", "no", drawn_plan(made, f"P{n}", n % 2)) for n in range(67)]
    places = [(p.code, s.id) for p in people for s in made.part(p.part)]
    answers = tuple(
        Given(code, section, n < 570, tuple(e for e in EXPLAINERS if n < votes[e]))
        for n, (code, section) in enumerate(places)
    )
    results = results_of(Collected(made, tuple(people), answers))
    data = as_data(results, Collected(made, tuple(people), answers))
    assert data["answers"] == 670
    assert [round(100 * data["explainers"][name]["share_of_votes"]) for name in EXPLAINERS] == [23, 31, 19, 26]
    assert round(100 * data["accuracy"]["share"]) == 85
    assert results.parts == (34, 33)
    assert sum(each.votes[B] for each in results.sections) == 221


def test_copies_of_a_study_are_counted_together_and_no_answer_twice(tmp_path: Path) -> None:
    file = study(tmp_path)
    answered(file, "one", "RR", [(A,), (B,)])
    other = tmp_path / "other.tellstudy"
    shutil.copy(file.path, other)
    copy = StudyFile.open(other)
    section = file.definition.sections[2].id
    file.tell("one", section, right=True)
    copy.tell("one", section, right=True)
    copy.choose("one", section, (A,))  # went on with the copy
    answered(copy, "two", "FFFF", [()] * 4)
    for files in ([file, copy], [copy, file], [file, copy, file]):
        collected = collect(files)
        assert sorted(p.code for p in collected.participants) == ["one", "two"]
        assert len(collected.answers) == 7
        assert all(g.chosen is not None for g in collected.answers)


def test_one_code_for_two_people_is_told(tmp_path: Path) -> None:
    one = study(tmp_path)
    two = StudyFile.create(tmp_path / "two.tellstudy", one.definition)
    answered(one, "abc", "R", [(A,)])
    answered(two, "abc", "R", [(B,)])
    with pytest.raises(StudyError, match="abc") as caught:
        collect([one, two])
    assert caught.value.file == two.path
    three = StudyFile.create(tmp_path / "three.tellstudy", one.definition)
    three.enrol("abc", "small", "no")
    with pytest.raises(StudyError, match="abc"):
        collect([one, three])


def test_another_study_is_told(tmp_path: Path) -> None:
    one = study(tmp_path)
    with pytest.raises(StudyError, match="another study"):
        collect([one, StudyFile.create(tmp_path / "two.tellstudy", definition(seed=9))])


def test_a_study_without_answers_has_no_results(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no answer"):
        results_of(collect([study(tmp_path)]))


def report(tmp_path: Path) -> tuple[Results, dict[str, str]]:
    results = results_of(collect([by_hand(tmp_path)]))
    return results, report_files(results)


def test_the_report_says_it_all(tmp_path: Path) -> None:
    results, files = report(tmp_path)
    assert set(files) == {"report.html", "report.md", "shares.svg", "sections.svg"}
    page = files["report.html"]
    for words in ("60%", "26% to 88%", "0.453125", "gradcam, shap", "Only 3 took part", "the &lt;ears&gt;"):
        assert words in page, words
    assert "<ears>" not in page
    assert files["sections.svg"] in page
    json.dumps(as_data(results, collect([StudyFile.open(tmp_path / "study.tellstudy")])), allow_nan=False)


def test_the_drawing_of_sections_has_a_box_for_each_vote_count(tmp_path: Path) -> None:
    results, files = report(tmp_path)
    boxes = files["sections.svg"].count("<polygon")
    assert boxes == sum(count > 0 for each in results.sections for count in each.votes.values())
    assert files["shares.svg"].count("<polygon") == 4


def test_short_names_stay_apart() -> None:
    assert short_names(("ltpa@b4", "gradcam")) == {"ltpa@b4": "ltpa", "gradcam": "gradcam"}
    assert short_names(("gradcam@b4", "gradcam@b7")) == {n: n for n in ("gradcam@b4", "gradcam@b7")}
