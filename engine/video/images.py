"""Stills as evidence: one picture, a folder of numbered pictures, or a pattern such as `name_%04d.png`.

A sequence has no clock: its frames are taken to come 25 a second, and the facts say so.
"""

import hashlib
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from engine.errors import FrameUnavailableError, VideoError
from engine.progress import CancelToken, ProgressCallback
from engine.results import Picture, VideoIdentity
from engine.video.facts import MediaFacts, VideoFacts
from engine.video.hashing import Identification
from engine.video.index import FrameIndex, make_index
from engine.video.reader import DecodedFrame, FrameReader
from engine.video.source import FileState, file_state, require_unchanged

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"))
RATE = 25

_PATTERN = re.compile(r"%(0?)(\d*)d")


def is_images(path: Path) -> bool:
    """Whether a path means stills: a picture, a folder, or a pattern that is no file itself."""
    return path.suffix.lower() in SUFFIXES or path.is_dir()


class ImageSequence:
    """One or more stills as frames, opened read-only. See Media."""

    def __init__(self, path: Path, files: tuple[Path, ...], first: Picture, gaps: int) -> None:
        self._path, self._files, self._gaps = path, files, gaps
        self._states = tuple(file_state(file) for file in files)
        self._size = sum(state.size for state in self._states)
        self._height, self._width = int(first.shape[0]), int(first.shape[1])
        count = len(files)
        numbers = np.arange(count, dtype=np.int64)
        self._index = make_index(
            numbers, Fraction(1, RATE), stamp=numbers, key=np.ones(count, bool), rank=numbers, last_duration=1
        )
        self._facts = self._describe()
        self._damaged: set[int] = set()
        self._identification = Identification(self, self._combined)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def files(self) -> tuple[Path, ...]:
        """The pictures, in order."""
        return self._files

    @property
    def facts(self) -> MediaFacts:
        return self._facts

    @property
    def index(self) -> FrameIndex:
        return self._index

    @property
    def width(self) -> int:
        return self._width

    @property
    def height(self) -> int:
        return self._height

    @property
    def damaged(self) -> tuple[int, ...]:
        return tuple(sorted(self._damaged))

    def warnings(self) -> tuple[str, ...]:
        found = []
        if len(self._files) > 1:
            found.append(f"A sequence of pictures has no clock: {RATE} frames per second are assumed")
        if self._gaps:
            found.append(f"{self._gaps} numbers are missing in the sequence; its frames are counted without them")
        if self._damaged:
            found.append(f"{len(self._damaged)} damaged frames found so far")
        return tuple(found)

    def reader(self, *, stepping: bool = False) -> "ImageReader":  # noqa: ARG002 # any place is as near as any other
        return ImageReader(self, self._damaged)

    def identity(
        self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> VideoIdentity:
        return self._identification.identity(cancel, progress)

    def verify_unchanged(self) -> None:
        for file, state in zip(self._files, self._states, strict=True):
            require_unchanged(file, state)

    def state(self, index: int) -> FileState:
        """How the file of one frame was when it was opened."""
        return self._states[index]

    def close(self) -> None:
        """Nothing stays open; kept so that every Media closes alike."""

    def _combined(self, digests: list[str]) -> str:
        """A still goes by its own hash, a sequence by that of the sorted hashes, one a line."""
        if self._path == self._files[0]:
            return digests[0]
        return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()

    def _describe(self) -> MediaFacts:
        kind = self._files[0].suffix[1:].upper()
        still = len(self._files) == 1
        notes = () if still else (f"{RATE} frames per second are assumed", f"{self._files[0].name} is frame 0")
        stream = VideoFacts(
            number=0, codec=kind, profile="", level="", pixel_format="rgb24", bit_depth=8, width=self._width,
            height=self._height, rotation=0, mirrored=False, colour_range="full", colour_matrix="RGB",
            colour_primaries="unspecified", colour_transfer="unspecified", colour_assumed="",
            time_base=Fraction(1, RATE), average_rate=Fraction(RATE), field_order="progressive", interlaced=False,
            pixel_aspect=Fraction(1), bit_rate=0, language="", metadata={},
        )  # fmt: skip
        return MediaFacts(
            container=f"{kind} picture" if still else f"Sequence of {len(self._files)} {kind} pictures",
            size=self._size, seconds=None, bit_rate=0, creation_time="", encoder="", metadata={}, video=(stream,),
            audio=(), other=(), chosen=0, notes=notes,
        )  # fmt: skip


class ImageReader(FrameReader):
    """Reads the pictures of a sequence. See FrameReader."""

    def __init__(self, sequence: ImageSequence, damaged: set[int]) -> None:
        super().__init__(sequence.path, sequence.index)
        self._sequence, self._damaged = sequence, damaged

    def decode(self, index: int, passing: Callable[[DecodedFrame], None] | None = None) -> DecodedFrame:  # noqa: ARG002
        self._require_inside(index)
        file = self._sequence.files[index]
        require_unchanged(file, self._sequence.state(index))
        try:
            pixels = read_picture(file)
        except VideoError as error:
            self._damaged.add(index)
            raise FrameUnavailableError(error.message, advice=error.advice, file=file, frame=index) from error
        height, width = pixels.shape[:2]
        if (width, height) != (self._sequence.width, self._sequence.height):
            self._damaged.add(index)
            raise FrameUnavailableError(
                f"The picture is {width} x {height}, unlike the first one of the sequence",
                advice="Open pictures of different sizes one by one",
                file=file,
                frame=index,
            )
        return self._lazily(index, partial(_scaled, pixels))

    def close(self) -> None:
        """Nothing is kept open."""


def open_images(path: Path) -> ImageSequence:
    """Open a still, a folder of stills, or a pattern of stills.

    Raises:
        VideoError: nothing is there, or the first picture cannot be read.
    """
    gaps = 0
    if path.is_dir():
        files = _in_folder(path)
        gaps = _missing(files)
    elif _PATTERN.search(path.name) and not path.exists():
        files = _of_pattern(path)
        gaps = _missing(files)
    else:
        files = (path,)
    return ImageSequence(path, files, read_picture(files[0]), gaps)


def read_picture(file: Path) -> Picture:
    """A picture as RGB uint8, turned as its EXIF data say, without alpha; read-only.

    Raises:
        VideoError: it is no picture, or a damaged one.
    """
    file_state(file)
    try:
        pixels = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR_RGB)
    except (cv2.error, OSError):
        pixels = None
    if pixels is None or not pixels.size:
        raise VideoError(
            "The file cannot be read as a picture",
            advice="Check that it opens elsewhere, or copy it again",
            file=file,
        )
    picture: Picture = np.ascontiguousarray(pixels, np.uint8)
    picture.flags.writeable = False
    return picture


def _scaled(pixels: Picture, width: int | None) -> Picture:
    if width is None or width >= pixels.shape[1]:
        return pixels
    size = width, max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    small: Picture = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    small.flags.writeable = False
    return small


def _in_folder(folder: Path) -> tuple[Path, ...]:
    try:
        found = [f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")]
    except PermissionError:
        raise VideoError(
            "You may not read this folder", advice="Ask for the permission to read it", file=folder
        ) from None
    if not found:
        raise VideoError("The folder holds no pictures", advice="Give a folder of numbered pictures", file=folder)
    return tuple(sorted(found, key=_natural))


def _of_pattern(pattern: Path) -> tuple[Path, ...]:
    before, zeros, digits, after = _PATTERN.split(pattern.name, maxsplit=1)
    number = rf"\d{{{digits},}}" if zeros and digits else r"\d+"
    expression = re.compile(re.escape(before) + number + re.escape(after))
    beside = pattern.parent.iterdir() if pattern.parent.is_dir() else ()
    found = [file for file in beside if expression.fullmatch(file.name)]
    if not found:
        raise VideoError(
            "No picture fits this pattern", advice="Check the folder and the number of digits", file=pattern
        )
    return tuple(sorted(found, key=_natural))


def _natural(file: Path) -> tuple[list[tuple[int, str]], str]:
    """Sorts name_2 before name_10."""
    parts = re.findall(r"\d+|\D+", file.stem)
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts], file.name


def _missing(files: tuple[Path, ...]) -> int:
    """How many numbers are missing between the first and the last one."""
    numbers = [int(digits[-1]) for f in files if (digits := re.findall(r"\d+", f.stem))]
    return max(numbers) - min(numbers) + 1 - len(numbers) if len(numbers) == len(files) > 1 else 0
