"""Where results are kept: in a case file, or in memory while there is none."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from engine.case.case_file import AnyArray, StoredResult, StoredSpan, StoredVideo, now
from engine.results import VideoIdentity, settings_hash


class ResultStore(Protocol):
    """What the engine asks of a CaseFile; see there."""

    def videos(self) -> tuple[StoredVideo, ...]: ...

    def put_video(self, identity: VideoIdentity) -> int: ...

    def note_settings(self, settings: Mapping[str, object]) -> str: ...

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
    ) -> None: ...

    def get_result(
        self, video_id: int, component: str, weights_sha256: str, settings_hash: str, first: int, last: int
    ) -> StoredResult | None: ...

    def list_results(
        self, video_id: int, component: str, weights_sha256: str, settings_hash: str
    ) -> tuple[StoredSpan, ...]: ...


class MemoryStore:
    """A ResultStore that lasts as long as the process."""

    def __init__(self) -> None:
        self._videos: list[StoredVideo] = []
        self._results: dict[tuple[int, str, str, str], dict[tuple[int, int], StoredResult]] = {}

    def put_video(self, identity: VideoIdentity) -> int:
        known = next((v.id for v in self._videos if v.identity.sha256 == identity.sha256), None)
        if known is None:
            known = len(self._videos)
            self._videos.append(StoredVideo(known, identity))
        return known

    def videos(self) -> tuple[StoredVideo, ...]:
        return tuple(self._videos)

    def note_settings(self, settings: Mapping[str, object]) -> str:
        return settings_hash(settings)

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
        kept = self._results.setdefault((video_id, component, weights_sha256, settings_hash), {})
        kept[first, last] = StoredResult(
            first, last, MappingProxyType(dict(arrays)), MappingProxyType(dict(meta)), now()
        )

    def get_result(
        self, video_id: int, component: str, weights_sha256: str, settings_hash: str, first: int, last: int
    ) -> StoredResult | None:
        return self._of(video_id, component, weights_sha256, settings_hash).get((first, last))

    def list_results(
        self, video_id: int, component: str, weights_sha256: str, settings_hash: str
    ) -> tuple[StoredSpan, ...]:
        kept = self._of(video_id, component, weights_sha256, settings_hash)
        return tuple(StoredSpan(*span, kept[span].made_at) for span in sorted(kept))

    def _of(self, *key: *tuple[int, str, str, str]) -> dict[tuple[int, int], StoredResult]:
        return self._results.get(key, {})
