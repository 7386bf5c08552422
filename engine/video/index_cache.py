"""Indexes that took long to build, kept on disk. They can be built again at any time."""

import hashlib
import io
import os
import time
import zipfile
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np

from engine import paths
from engine.progress import CancelToken, ProgressCallback
from engine.results import frozen
from engine.video.index import FrameIndex
from engine.video.packets import build_index
from engine.video.source import FileState

_VERSION = 2
_WORTH_KEEPING = 0.3
"""Seconds of building from which an index is kept."""


def cached_index(
    path: Path,
    state: FileState,
    stream: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> FrameIndex:
    """The index of a video stream: from disk if the file is as it was then, else built. Raises as build_index."""
    stored = _place(path, state, stream)
    index = _load(stored)
    if index is None:
        started = time.monotonic()
        index = build_index(path, stream, cancel=cancel, progress=progress)
        if time.monotonic() - started > _WORTH_KEEPING:
            _store(stored, index)
    return index


def _place(path: Path, state: FileState, stream: int) -> Path:
    key = f"{_VERSION}|{path.resolve()}|{state.size}|{state.modified_ns}|{state.inode}|{stream}"
    return paths.cache_dir() / "indexes" / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"


def _load(stored: Path) -> FrameIndex | None:
    try:
        with np.load(io.BytesIO(stored.read_bytes()), allow_pickle=False) as arrays:
            numbers = [int(n) for n in arrays["numbers"]]
            index = FrameIndex(
                pts=frozen(arrays["pts"]),
                stamp=frozen(arrays["stamp"]) if "stamp" in arrays else None,
                key=frozen(arrays["key"]),
                rank=frozen(arrays["rank"]),
                place=frozen(arrays["place"]),
                suspect=frozen(arrays["suspect"]),
                time_base=Fraction(numbers[0], numbers[1]),
                end_pts=numbers[2],
            )
    except (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
        return None
    return index if len(index) == numbers[3] else None


def _store(stored: Path, index: FrameIndex) -> None:
    numbers = [index.time_base.numerator, index.time_base.denominator, index.end_pts, len(index)]
    arrays = {
        "pts": index.pts,
        "key": index.key,
        "rank": index.rank,
        "place": index.place,
        "suspect": index.suspect,
        "numbers": np.array(numbers, np.int64),
    }
    if index.stamp is not None:
        arrays["stamp"] = index.stamp
    part = stored.with_name(f"{stored.name}.{os.getpid()}.part")
    try:
        stored.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        part.replace(stored)
    except OSError:  # a full or forbidden cache costs time, nothing else
        with suppress(OSError):
            part.unlink()
