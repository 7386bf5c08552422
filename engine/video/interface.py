"""What every piece of evidence can do, whatever it is made of."""

from pathlib import Path
from typing import Protocol

from engine.progress import CancelToken, ProgressCallback
from engine.results import VideoIdentity
from engine.video.facts import MediaFacts
from engine.video.index import FrameIndex
from engine.video.reader import FrameReader


class Media(Protocol):
    """One piece of evidence, opened read-only. Any thread may call any method."""

    @property
    def path(self) -> Path: ...
    @property
    def files(self) -> tuple[Path, ...]:
        """All files of which the evidence consists: none of them may ever be written to."""
        ...

    @property
    def facts(self) -> MediaFacts: ...
    @property
    def index(self) -> FrameIndex: ...
    @property
    def width(self) -> int:
        """Of a frame as displayed, pixels."""
        ...

    @property
    def height(self) -> int: ...
    @property
    def damaged(self) -> tuple[int, ...]:
        """Frames known so far to be undecodable."""
        ...

    def warnings(self) -> tuple[str, ...]:
        """What limits the use of this file, a sentence each."""
        ...

    def reader(self, *, stepping: bool = False) -> FrameReader:
        """A new reader; `stepping` for single frames anywhere, else for long runs. Close it after use."""
        ...

    def identity(
        self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> VideoIdentity:
        """Hash the evidence (once) and name it.

        Raises:
            EvidenceChangedError: it changed since it was opened, or while it was hashed.
            CancelledError: cancelled.
        """
        ...

    def verify_unchanged(self) -> None:
        """Raise EvidenceChangedError unless size, time of change and place on disk are as when it was opened."""
        ...

    def close(self) -> None: ...
