"""Persons tie videos together: what is known of one is known of another in which the same face occurs."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def tied_groups(persons: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
    """(N,) number of the group of each one: those that share a person, directly or through others, share it."""
    parent: dict[str, str] = {}

    def top(person: str) -> str:
        while parent.setdefault(person, person) != person:
            parent[person] = person = parent[parent[person]]
        return person

    for names in persons:
        for other in names[1:]:
            parent[top(other)] = top(names[0])
    roots = [top(names[0]) for names in persons]
    number = {root: at for at, root in enumerate(dict.fromkeys(roots))}
    return np.array([number[root] for root in roots], np.int64)
