"""How many traces satisfy which specification, as P000 table 6 counts them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.results import Verification
from engine.temporal_logic.syntax import CLASSES


@dataclass(frozen=True, slots=True)
class Checked:
    """One specification on one trace of a batch.

    Attributes:
        label: the class that the trace truly is, None if unknown.
        for_label: for the class of its label, as P000 counts; None without a label.
        for_prediction: for the class that the model predicts.
    """

    label: str | None
    for_label: Verification | None
    for_prediction: Verification


@dataclass(frozen=True, slots=True)
class Count:
    """One cell. `satisfied` and the three after it add up to `traces`; `undecided` are some of the violated.

    Attributes:
        group: fake, real or all.
        wrong: mispredicted traces, None where not all labels are known.
    """

    specification: str
    group: str
    traces: int
    satisfied: int
    violated: int
    not_applicable: int
    undecided: int
    vacuous: int
    wrong: int | None

    @property
    def percentage(self) -> float | None:
        """Of all traces of the group, those that are not applicable included; None without a trace."""
        return 100 * self.satisfied / self.traces if self.traces else None


def by_label(checked: Iterable[Checked]) -> list[Count]:
    """Grouped by what the traces truly are, each checked for the class of its label (P000 table 6)."""
    rows = [(each.label, each.for_label) for each in checked if each.label is not None]
    return _counted([(label, label, found) for label, found in rows if found is not None])


def by_prediction(checked: Iterable[Checked]) -> list[Count]:
    """Grouped by what the model takes the traces for, each checked for that class."""
    return _counted([(each.for_prediction.predicted, each.label, each.for_prediction) for each in checked])


def _counted(rows: Sequence[tuple[str | None, str | None, Verification]]) -> list[Count]:
    names = list(dict.fromkeys(found.specification for _, _, found in rows))
    return [
        _count(name, group, [row for row in rows if row[2].specification == name and group in (row[0], "all")])
        for name in names
        for group in (*CLASSES, "all")
    ]


def _count(name: str, group: str, rows: Sequence[tuple[str | None, str | None, Verification]]) -> Count:
    found = [row[2] for row in rows]
    labels = [label for _, label, _ in rows]
    verdicts = [each.verdict for each in found]
    return Count(
        name,
        group,
        len(found),
        verdicts.count("satisfied"),
        verdicts.count("violated"),
        verdicts.count("not applicable"),
        sum(each.undecided for each in found),
        sum(each.vacuous for each in found),
        None
        if None in labels
        else sum(label != each.predicted for label, each in zip(labels, found, strict=True)),
    )
