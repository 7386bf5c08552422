"""What the errors of a disk mean to somebody who writes a file."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av.error

from engine.errors import ExportError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the errors of the disk and of FFmpeg into an ExportError that names the file."""
    try:
        yield
    except (OSError, av.error.FFmpegError) as error:
        if error.errno in _FULL:
            raise ExportError("The disk is full", advice="Free some space and start again", file=path) from error
        reason = (error.strerror or str(error)).lower()
        raise ExportError(
            f"The file cannot be written ({reason})",
            advice="Choose another folder or check the permissions",
            file=path,
        ) from error
