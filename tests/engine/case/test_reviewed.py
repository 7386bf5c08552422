"""What a case keeps of the reviewer's work on prototypes: the newest word counts, every change is in the log."""

from fractions import Fraction
from pathlib import Path

import pytest

from engine.case.case_file import CaseFile
from engine.case.reviewed import PrototypeReview, exclusions, note_exclusions, note_review, reviews
from engine.results import VideoIdentity

WEIGHTS = "ab" * 32


def video(sha256: str = "cd" * 32) -> VideoIdentity:
    return VideoIdentity("/evidence/clip.mp4", sha256, 10, 100, 4.0, False, 320, 180, Fraction(1, 25))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with CaseFile.create(tmp_path / "a.tell"):
        return tmp_path / "a.tell"


def test_exclusions_are_those_of_the_newest_entry_and_of_their_video_and_weights(path: Path) -> None:
    with CaseFile.open(path) as case:
        note_exclusions(case, video(), "dpnet", WEIGHTS, ["b", "a"])
        note_exclusions(case, video(), "dpnet", WEIGHTS, {"b", "c"})
        note_exclusions(case, video("ef" * 32), "dpnet", WEIGHTS, ["d"])
        note_exclusions(case, video(), "dpnet", "00" * 32, ["e"])
    with CaseFile.open(path) as case:
        assert exclusions(case, "cd" * 32) == {WEIGHTS: frozenset("bc"), "00" * 32: frozenset("e")}
        assert exclusions(case, "ef" * 32) == {WEIGHTS: frozenset("d")}
        assert exclusions(case, "99" * 32) == {}
        told = case.log_entries()[2].details
        assert (told["left_out"], told["brought_back"], told["excluded"]) == (["c"], ["a"], ["b", "c"])
        case.verify_log()


def test_what_changes_nothing_is_not_logged(path: Path) -> None:
    with CaseFile.open(path) as case:
        note_exclusions(case, video(), "dpnet", WEIGHTS, [])
        note_exclusions(case, video(), "dpnet", WEIGHTS, ["a"])
        note_exclusions(case, video(), "dpnet", WEIGHTS, ["a"])
        note_exclusions(case, video(), "dpnet", WEIGHTS, [])
        note_review(case, "dpnet", WEIGHTS, "a", PrototypeReview())
        assert [entry.action for entry in case.log_entries()][1:] == ["prototypes excluded"] * 2
        assert exclusions(case, "cd" * 32) == {}


def test_names_and_artefacts_are_kept_and_can_be_taken_back(path: Path) -> None:
    with CaseFile.open(path) as case:
        note_review(case, "dpnet", WEIGHTS, "a", PrototypeReview("lips", ""))
        note_review(case, "dpnet", WEIGHTS, "a", PrototypeReview("lips", "head"))
        note_review(case, "dpnet", WEIGHTS, "b", PrototypeReview("", "eye-mouth"))
        note_review(case, "dpnet", WEIGHTS, "b", PrototypeReview())
    with CaseFile.open(path) as case:
        assert reviews(case) == {(WEIGHTS, "a"): PrototypeReview("lips", "head")}
        assert [entry.details["name"] for entry in case.log_entries()[1:]] == ["lips", "lips", "", ""]
