"""Opening a container safely: local files only, known formats only, typed errors."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging

from engine.errors import EvidenceChangedError, VideoError

av.logging.set_level(None)  # what a file has to say is reported through typed errors

# No playlists and no network: a text file renamed .mp4 must not make us fetch anything.
FORMATS = ",".join(
    (
        "mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "gif", "apng", "flv", "asf", "ogg",
        "mxf", "m4v", "h264", "hevc", "obu", "av1", "ivf", "dv", "rm", "nut", "yuv4mpegpipe", "mjpeg", "mp3",
        "wav", "flac", "aac", "swf", "wtv", "vc1", "live_flv", "amr", "aiff",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileState:
    """What a look at the directory says of a file; it changes when the file is replaced or written to."""

    size: int
    modified_ns: int
    inode: int


def file_state(path: Path) -> FileState:
    """The present state of a regular file.

    Raises:
        VideoError: it is absent, is no regular file, or may not be read.
    """
    try:
        info = path.stat()
    except FileNotFoundError:
        raise VideoError("There is no such file", advice="Check the path", file=path) from None
    except PermissionError:
        raise _no_permission(path) from None
    except OSError as error:
        raise VideoError(
            f"The file cannot be read ({error.strerror})", advice="Check the disk", file=path
        ) from error
    if not stat.S_ISREG(info.st_mode):
        raise VideoError("This is not a file", advice="Give a video, a picture or a folder of pictures", file=path)
    if not os.access(path, os.R_OK):
        raise _no_permission(path)
    if info.st_size == 0:
        raise VideoError("The file is empty", advice="Copy it again from its source", file=path)
    return FileState(info.st_size, info.st_mtime_ns, info.st_ino)


def require_unchanged(path: Path, opened: FileState) -> None:
    """Raise EvidenceChangedError unless the file is still as it was when it was opened."""
    try:
        now = file_state(path)
    except VideoError as error:
        raise EvidenceChangedError(
            f"The file can no longer be read: {error.message[0].lower()}{error.message[1:]}",
            advice="Bring it back to its place, then open it again",
            file=path,
        ) from error
    if now != opened:
        raise EvidenceChangedError(
            "The file changed after it was opened",
            advice="Open it again as new evidence, or restore the original",
            file=path,
        )


def open_container(path: Path) -> Any:
    """An av InputContainer of a local file, read-only.

    Raises:
        VideoError: the file is absent, empty, forbidden, or no video format we know.
    """
    file_state(path)
    try:
        return av.open(
            str(path.resolve()),
            mode="r",
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except PermissionError:
        raise _no_permission(path) from None
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise VideoError(
            "The file cannot be read as a video: " + _why(path),
            advice="Check that it plays elsewhere, or copy it again from its source",
            file=path,
        ) from error


def choose_stream(container: Any, path: Path, wanted: int | None) -> Any:
    """The wanted video stream by its number in the container, or else the default, or else the largest one.

    Raises:
        VideoError: there is no video stream, or none of this number.
    """
    streams = [s for s in container.streams.video if s.codec_context is not None and not is_attached_picture(s)]
    if not streams:
        what = "no video stream"
        if container.streams.audio:
            what = "only sound"
        if container.streams.video:
            what = "no video that can be decoded"
        raise VideoError(f"The file holds {what}", advice="Give a file with moving pictures", file=path)
    if wanted is not None:
        for stream in streams:
            if stream.index == wanted:
                return stream
        have = ", ".join(str(s.index) for s in streams)
        raise VideoError(f"There is no video stream {wanted}", advice=f"Choose one of {have}", file=path)
    default = [s for s in streams if s.disposition & av.stream.Disposition.default]
    return max(default or streams, key=lambda s: s.codec_context.width * s.codec_context.height)


def is_attached_picture(stream: Any) -> bool:
    """Whether a video stream is a cover picture."""
    picture = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return bool(stream.disposition & picture)


def _why(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip(b"\0"):
        return "its beginning is blank"
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return "its table of contents (moov) is missing or damaged, as in a recording that was cut off"
    if all(byte >= 9 for byte in head):
        return "it holds text"
    return "its format is unknown or its header is damaged"


def _no_permission(path: Path) -> VideoError:
    return VideoError("You may not read this file", advice="Ask for the permission to read it", file=path)
