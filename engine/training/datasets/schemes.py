"""Ways to split a data set other than its own: by persons, or at random as some papers did."""

from dataclasses import replace

from engine.errors import UsageError
from engine.training.datasets.base import Dataset, Item, side_of

OFFICIAL = "official"
BY_PERSONS = "persons"

RANDOM = {
    "p001-random": (
        0.2,
        0.2,
        "split at random by file, 6:2:2, as in the paper on LPS: the same persons are on both sides",
    ),
    "p002-random": (
        0.2,
        0.208,
        "split at random by file, as in the paper that compares explainers: the same persons are on both sides",
    ),
}
"""Name -> share of validation, share of test, why it leaks. The papers publish no lists of files, so these splits
have the papers' sizes and not their members: P001 6:2:2; P002 tested 24,788 of 119,154 clips, does not say how it
dealt them, and does not state the size of its validation part, which is ours here."""

SCHEMES = (OFFICIAL, BY_PERSONS, *RANDOM)

UNKNOWN = "unknown person of "
"""Beginning of the name of a person whom the data set does not name: the rest names what surely shows them."""

_HELD_OUT, _TEST = 0.1, 0.2  # of the persons


def require_scheme(name: str) -> None:
    """Raise UsageError unless there is a scheme of this name."""
    if name not in SCHEMES:
        raise UsageError(f"{name} is no way to split a data set", advice=f"Use {', '.join(SCHEMES)}")


def resplit(dataset: Dataset, scheme: str) -> Dataset:
    """Deal all items out anew, but those of the dev split, which stay where they are.

    Raises:
        UsageError: there is no such scheme.
    """
    require_scheme(scheme)
    if scheme == OFFICIAL:
        return dataset
    if scheme == BY_PERSONS:
        return _by_persons(dataset)
    validation, test, why = RANDOM[scheme]
    items = tuple(
        item if item.split == "dev" else replace(item, split=side_of(item.name, validation, test))
        for item in dataset.items
    )
    return replace(dataset, items=items, scheme=scheme, leaks_persons=why)


def _by_persons(dataset: Dataset) -> Dataset:
    """Every person to one side; what shows persons of two sides is left out."""
    items, mixed = [], 0
    for item in dataset.items:
        if item.split == "dev":
            items.append(item)
            continue
        sides = {side_of(person, _HELD_OUT, _TEST) for person in item.persons}
        if len(sides) == 1:
            items.append(replace(item, split=sides.pop()))
        else:
            mixed += 1
    note = f"{mixed} files that show persons of two splits are left out"
    notes = (*dataset.notes, note) if mixed else dataset.notes
    unknown = any(person.startswith(UNKNOWN) for item in items for person in item.persons)
    unsure = dataset.leaks_persons if unknown else ""
    return replace(dataset, items=tuple(items), scheme=BY_PERSONS, notes=notes, leaks_persons=unsure)


def hold_out(items: list[Item], share: float) -> tuple[list[Item], int]:
    """Training items with some persons moved to validation, and how many items were left out since they show
    persons of both sides."""
    kept, mixed = [], 0
    for item in items:
        sides = {side_of(person, share, 0.0) for person in item.persons}
        if len(sides) == 1:
            kept.append(replace(item, split=sides.pop()))
        else:
            mixed += 1
    return kept, mixed
