"""The newest word of a log on a video under a detector."""

from pathlib import Path

from engine.case.case_file import CaseFile
from engine.case.noted import ANALYSED, last_analysis


def test_the_newest_analysis_of_just_this_video_and_detector_is_found(tmp_path: Path) -> None:
    with CaseFile.create(tmp_path / "a.tell") as case:
        assert last_analysis(case, "a" * 64, "frame-b4") is None
        for action, sha256, detector, every in (
            (ANALYSED, "a", "frame-b4", 5),
            (ANALYSED, "a", "frame-b4", 1),
            (ANALYSED, "b", "frame-b4", 2),
            (ANALYSED, "a", "frame-b7", 3),
            ("checked", "a", "frame-b4", 4),
        ):
            case.note(action, {"sha256": sha256 * 64, "detector": detector, "every": every})
        case.note(ANALYSED, {"note": "of a kind that a later version writes"})
        found = last_analysis(case, "a" * 64, "frame-b4")
    assert found == {"sha256": "a" * 64, "detector": "frame-b4", "every": 1}
