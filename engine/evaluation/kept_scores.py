"""Scores of files that were judged before, kept between runs: a second run is immediate, a broken one goes on.

One text file per scorer (detector, weights, settings, versions), one line of JSON per judged file, written as soon
as it is judged. A file is known again by its place, size and time of change, or else by its SHA-256.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from engine.evaluation.video_scores import TrackScores, VideoScores
from engine.paths import cache_dir
from engine.results import frozen

_VERSION = 1

Stamp = tuple[str, int, int]


class KeptScores:
    """The kept scores of one scorer. For one thread."""

    def __init__(self, key: str, *, fresh: bool = False) -> None:
        """`key` names all on which scores depend besides the file; `fresh` forgets what was kept under it."""
        folder = cache_dir() / "evaluation"
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{key[:32]}-{_VERSION}.jsonl"
        self._by_stamp: dict[Stamp, dict[str, Any]] = {}
        self._by_hash: dict[str, dict[str, Any]] = {}
        self._whole = True  # whether the file ends with a whole line
        if fresh:
            self._path.unlink(missing_ok=True)
        elif self._path.is_file():
            text = self._path.read_text(encoding="utf-8")
            self._whole = not text or text.endswith("\n")
            for line in text.splitlines():
                self._learn(line)

    def get(self, path: Path) -> tuple[str, VideoScores] | None:
        """SHA-256 and scores of a file, None if it was never judged; a file that moved is hashed."""
        row = self._by_stamp.get(stamp(path))
        if row is None and self._by_hash:
            row = self._by_hash.get(digest(path))
        return None if row is None else (row["sha256"], unpacked(row["tracks"]))

    def put(self, path: Path, sha256: str, scores: VideoScores) -> None:
        """Keep the scores of a file, on disk before this returns."""
        row = {"sha256": sha256, "stamp": stamp(path), "tracks": packed(scores)}
        line = json.dumps(row, separators=(",", ":"))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(("" if self._whole else "\n") + line + "\n")
        self._whole = True
        self._learn(line)

    def _learn(self, line: str) -> None:
        try:
            row = json.loads(line)
            name, size, changed = row["stamp"]
            unpacked(row["tracks"])
        except (ValueError, KeyError, TypeError):  # a run ended in the middle of this line
            return
        self._by_stamp[name, size, changed] = row
        self._by_hash[row["sha256"]] = row


def packed(scores: VideoScores) -> list[dict[str, Any]]:
    """Scores as plain data; every float32 is kept exactly. Spans of single frames are told by these frames."""
    return [_packed(track) for track in scores.tracks]


def unpacked(rows: list[dict[str, Any]]) -> VideoScores:
    """Scores of what `packed` gave. Raises KeyError, TypeError, ValueError for anything else."""
    return VideoScores(tuple(_unpacked(row) for row in rows))


def _packed(track: TrackScores) -> dict[str, Any]:
    single = bool((track.spans[:, 0] == track.spans[:, 1]).all())
    row = {
        **({"frames": track.spans[:, 0].tolist()} if single else {"spans": track.spans.tolist()}),
        "probability": [float(p) for p in track.probability],
        "face_px": _px(track.face_px),
    }
    return row if track.attention is None else row | {"attention": track.attention.tolist()}


def _unpacked(row: dict[str, Any]) -> TrackScores:
    spans = row["spans"] if "spans" in row else [[frame, frame] for frame in row["frames"]]
    attention = row.get("attention")
    return TrackScores(
        frozen(np.array(spans, np.int64).reshape(-1, 2)),
        frozen(np.array(row["probability"], np.float32)),
        math.nan if row["face_px"] is None else float(row["face_px"]),
        None if attention is None else frozen(np.array(attention, np.float32)),
    )


def _px(size: float) -> float | None:
    return None if math.isnan(size) else size


def stamp(path: Path) -> Stamp:
    """Place, bytes and time of change of a file, or of all files of a folder of pictures."""
    states = [file.stat() for file in _files(path)]
    return str(path.resolve()), sum(s.st_size for s in states), max((s.st_mtime_ns for s in states), default=0)


def digest(path: Path) -> str:
    """SHA-256 of a file; of the sorted per-file hashes for a folder of pictures."""
    digests = []
    for file in _files(path):
        with file.open("rb") as content:
            digests.append(hashlib.file_digest(content, "sha256").hexdigest())
    if path.is_file():
        return digests[0]
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
