"""The patches that a prototype may become, found in one pass over all clips, and the choice among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.results import FloatArray


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A patch near a prototype; ordered by distance, then by name and place, so that no tie is left to chance."""

    distance: float
    clip: str
    frame: int
    row: int
    column: int

    @property
    def patch(self) -> tuple[str, int, int, int]:
        return self.clip, self.frame, self.row, self.column


class Candidates:
    """The nearest patches of one prototype: as many as its class has prototypes, at most `per_clip` of a video.

    No more are needed to choose as if all patches were known. Of those that lie nearer than the one chosen, each
    was taken by another prototype, or belongs to a video of which `per_clip` were taken; so there are in this list
    at most as many of them as there are other prototypes.
    """

    def __init__(self, count: int, per_clip: int) -> None:
        self.kept: list[Candidate] = []
        self._count, self._per_clip = count, per_clip

    def offer(self, clip: str, frame: int, distances: FloatArray) -> set[tuple[int, int]]:
        """Take what is near enough of a clip's cells (h, w); says which cells were taken."""
        limit = self.kept[-1].distance if len(self.kept) == self._count else np.inf
        if distances.min() > limit:
            return set()
        nearest = np.argsort(distances, axis=None, kind="stable")[: self._per_clip]
        fresh = [
            Candidate(float(distances.flat[cell]), clip, frame, *divmod(int(cell), distances.shape[1]))
            for cell in nearest
        ]
        seen: dict[tuple[str, int, int, int], Candidate] = {}
        used: dict[str, int] = {}
        for candidate in sorted([*self.kept, *fresh]):
            if candidate.patch in seen or used.get(candidate.clip, 0) == self._per_clip:
                continue
            seen[candidate.patch] = candidate
            used[candidate.clip] = used.get(candidate.clip, 0) + 1
            if len(seen) == self._count:
                break
        self.kept = list(seen.values())
        return {(c.row, c.column) for c in fresh if c.patch in seen}


def joined(lists: Mapping[int, Sequence[Candidate]], per_clip: int) -> dict[int, Candidate]:
    """Prototypes of one class joined to patches, the nearest pair first; a patch once, a video `per_clip` times.

    Returns:
        by prototype; some are missing where patches do not suffice.
    """
    chosen: dict[int, Candidate] = {}
    taken: set[tuple[str, int, int, int]] = set()
    used: dict[str, int] = {}
    for candidate, j in sorted((candidate, j) for j, kept in lists.items() for candidate in kept):
        if j in chosen or candidate.patch in taken or used.get(candidate.clip, 0) == per_clip:
            continue
        chosen[j] = candidate
        taken.add(candidate.patch)
        used[candidate.clip] = used.get(candidate.clip, 0) + 1
    return chosen
