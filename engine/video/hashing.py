"""SHA-256 of evidence, streamed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from engine.errors import EvidenceChangedError
from engine.progress import CancelToken, ProgressCallback, ProgressMeter

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
