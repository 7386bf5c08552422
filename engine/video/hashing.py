"""SHA-256 of evidence, streamed, and the identity that rests on it."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from engine.errors import EvidenceChangedError
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import VideoIdentity
from engine.video.interface import Media

_BLOCK = 1 << 20


def hash_files(
    paths: Iterable[Path],
    total: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> list[str]:
    """The SHA-256 of each file in hexadecimal.

    Args:
        total: bytes of all files together, for the progress.

    Raises:
        EvidenceChangedError: a file vanished or cannot be read any more.
        CancelledError: cancelled.
    """
    meter = ProgressMeter("Hashing", total, "bytes", progress)
    done = 0
    digests = []
    for path in paths:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    if cancel is not None:
                        cancel.check()
                    digest.update(block)
                    done += len(block)
                    meter.update(done)
        except OSError as error:
            raise EvidenceChangedError(
                f"The file can no longer be read ({error.strerror})",
                advice="Bring it back to its place",
                file=path,
            ) from error
        digests.append(digest.hexdigest())
    return digests


class Identification:
    """Hashes a piece of evidence once, whoever asks first; who asks meanwhile waits for that."""

    def __init__(self, media: Media, combine: Callable[[list[str]], str]) -> None:
        """`combine` makes one SHA-256 of those of the evidence's files."""
        self._media, self._combine = media, combine
        self._lock = threading.Lock()
        self._known: VideoIdentity | None = None

    def identity(self, cancel: CancelToken | None, progress: ProgressCallback | None) -> VideoIdentity:
        """See Media.identity."""
        with self._lock:
            if self._known is None:
                media = self._media
                media.verify_unchanged()
                size = media.facts.size
                digests = hash_files(media.files, size, cancel=cancel, progress=progress)
                media.verify_unchanged()
                self._known = VideoIdentity(
                    path=str(media.path.absolute()),
                    sha256=self._combine(digests),
                    size=size,
                    frames=len(media.index),
                    seconds=media.index.duration,
                    variable_rate=media.index.variable_rate,
                    width=media.width,
                    height=media.height,
                    time_base=media.index.time_base,
                )
            return self._known
