"""Faces that were found once, for the other detectors that judge the same files."""

from collections.abc import Mapping
from typing import Any

from engine.case.case_file import AnyArray
from engine.results import settings_hash
from engine.runtime.shelf import FACES
from engine.runtime.store import MemoryStore, ResultStore

ROOM = 256 << 20
"""Bytes: about three million faces on a frame each."""


class FoundFaces:
    """The faces of files by the hash of their content, found by one FaceDetector. For one thread.

    Each file is asked for once by each detector, so that the oldest faces would always go just before their turn:
    when there is no more room, those that are there stay, and new ones are not kept.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self._stores: dict[str, _FaceStore] = {}

    def under(self, pictures: Mapping[str, object]) -> ResultStore:
        """Where analyses find and leave faces; `pictures` distinguishes the pictures from the file's own."""
        return self._stores.setdefault(settings_hash(pictures), _FaceStore(self))


class _FaceStore(MemoryStore):
    """Keeps faces, not scores: each detector scores a file only once."""

    def __init__(self, owner: FoundFaces) -> None:
        super().__init__()
        self._owner = owner

    def put_result(
        self,
        video_id: int,
        component: str,
        weights_sha256: str,
        settings_hash: str,
        first: int,
        last: int,
        arrays: Mapping[str, AnyArray],
        meta: Mapping[str, Any],
    ) -> None:
        size = sum(array.nbytes for array in arrays.values())
        if component == FACES and size <= self._owner.room:
            self._owner.room -= size
            super().put_result(video_id, component, weights_sha256, settings_hash, first, last, arrays, meta)
