"""Progress of work that has like parts."""

from typing import Any

import pytest

from engine import progress
from engine.progress import Progress, part_of


def test_a_part_reports_as_its_share_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)  # type: ignore[attr-defined]
    heard: list[Progress] = []
    inner: Any = part_of(heard.append, 1, 4)
    now = 102.0
    inner(Progress("Explaining", 50, 200, "samples", 6.0, "note"))
    (told,) = heard
    assert told.fraction == pytest.approx((1 + 0.25) / 4)
    assert told.seconds_left == pytest.approx(6 + 2 * 8)  # two parts to come, of 8 seconds as this one
    assert (told.label, told.unit, told.note) == ("Explaining", "samples", "note")


def test_parts_within_parts_come_to_the_whole_and_one_part_is_the_whole() -> None:
    heard: list[Progress] = []
    inner: Any = part_of(part_of(heard.append, 2, 3), 1, 2)
    inner(Progress("Explaining", 10, 10, "samples"))
    assert heard[0].fraction == pytest.approx(1.0)
    assert heard[0].seconds_left is None
    assert part_of(None, 0, 3) is None
    assert part_of(heard.append, 0, 1) == heard.append
