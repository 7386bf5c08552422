"""Writing files so that all of them appear complete, or none at all."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import ExportError, UsageError
from engine.video.disk import writing


class Staging:
    """Files in the making, each under NAME.part.

    Leaving the block renames all; an exception removes all of them, and the folders that were made for them.
    """

    def __init__(self, evidence: Iterable[Path] = ()) -> None:
        """`evidence` are files that no written file may replace."""
        self._evidence = tuple(evidence)
        self._pending: dict[Path, Path] = {}
        self._folders: list[Path] = []

    def folder(self, path: Path) -> None:
        """Make a folder and its parents, unless they are there.

        Raises:
            ExportError: it cannot be made.
        """
        missing = [p for p in (path, *path.parents) if not p.exists()]
        for each in reversed(missing):
            with writing(path):
                each.mkdir()
            self._folders.append(each)
        if not path.is_dir():
            raise ExportError("This is a file, not a folder", advice="Choose another folder", file=path)

    def write(self, path: Path, content: bytes) -> None:
        """Write one file.

        Raises:
            UsageError: it would replace a piece of evidence.
            ExportError: the disk is full or the place cannot be written.
        """
        never_over(self._evidence, [path])
        part = path.with_name(path.name + ".part")
        self._pending[path] = part
        with writing(path):
            part.write_bytes(content)

    def write_json(self, path: Path, data: object) -> None:
        """Write plain data; NaN and infinity are refused, JSON has no word for them."""
        self.write(path, json_text(data).encode())

    def write_folder(self, folder: Path, files: Mapping[str, str]) -> None:
        """Write texts into a folder by their name, "a/b" into a folder in it. Raises as `folder` and `write`."""
        for name, text in files.items():
            self.folder((folder / name).parent)
            self.write(folder / name, text.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for path, part in self._pending.items():
                    with writing(path):
                        part.replace(path)
                self._folders.clear()
        finally:
            for part in self._pending.values():
                part.unlink(missing_ok=True)
            for folder in reversed(self._folders):
                with suppress(OSError):  # something else has come to lie in it
                    folder.rmdir()


def json_text(data: object) -> str:
    """Plain data as JSON for people and programs: indented, but rows of numbers on one line.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False)
    # A string holds no line break and these lists hold no quote, so that no match can touch a string.
    for rows in (r"\[\n[^\[\]{}\"]*\]", r"\[\n(?:\s*\[[^\[\]{}\"]*\],?)+\s*\]"):
        text = re.sub(rows, lambda match: " ".join(match[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
    return text + "\n"


def never_over(evidence: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Raise UsageError if an output would be written over a piece of evidence."""
    for source in evidence:
        for output in outputs:
            if output.exists() and source.exists() and output.samefile(source):
                raise UsageError("This is the evidence itself", advice="Choose another name", file=output)


def sha256(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
