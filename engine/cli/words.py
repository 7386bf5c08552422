"""The words that several commands share, and what they mean."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from engine.errors import UsageError

DEFAULT_DETECTOR = "frame-mobile"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message[:1].upper() + message[1:], advice=f"See {self.prog} --help")


def add_detector(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    shape = "ID|FILE.onnx[,...]" if several else "ID|FILE.onnx"
    parser.add_argument("--detector", default=DEFAULT_DETECTOR, metavar=shape, help="default: %(default)s")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")


def add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        default="torch",
        choices=("torch", "onnxruntime"),
        help="what computes scores; onnxruntime: the processor only, float32 only; default: %(default)s",
    )


def add_style(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("look of the overlay")
    group.add_argument("--opacity", type=float, default=0.6, metavar="0-1", help="default: %(default)s")
    group.add_argument(
        "--threshold",
        type=float,
        default=0.15,
        metavar="0-1",
        help="hide values below this share of the frame's largest one; default: %(default)s",
    )
    group.add_argument("--colour-map", default="blue-orange", metavar="ID", help="default: %(default)s")


def frame_range(words: str) -> range:
    """The frames of `A:B`, A included, B excluded.

    Raises:
        UsageError: the words are no range, or an empty one.
    """
    match = re.fullmatch(r"(\d+):(\d+)", words)
    if match is None:
        raise UsageError(f"{words} is no range of frames", advice="Give --frames A:B, such as 0:250")
    frames = range(int(match[1]), int(match[2]))
    if not frames:
        raise UsageError(f"The range {words} is empty", advice="Give --frames A:B with B greater than A")
    return frames


def frame_list(words: str) -> Sequence[int]:
    """The frames of `A:B` or `A,B,C`.

    Raises:
        UsageError: the words are neither.
    """
    if ":" in words:
        return frame_range(words)
    if re.fullmatch(r"\d+(,\d+)*", words) is None:
        raise UsageError(f"{words} names no frames", advice="Give --frames A:B or A,B,C")
    return [int(number) for number in words.split(",")]


def given(args: argparse.Namespace, *names: str) -> list[str]:
    """`--NAME VALUE` of those options that have a value, to write a command down."""
    found = [(name, getattr(args, name)) for name in names]
    return [word for name, value in found if value is not None for word in (f"--{name}", str(value))]


def ids(words: str) -> list[str]:
    """The ids of `ID[,ID]`, each once.

    Raises:
        UsageError: there is none.
    """
    found = list(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
    if not found:
        raise UsageError("No id was given", advice="See python main.py detectors")
    return found


def inside(frames: Sequence[int], count: int, path: Path) -> None:
    """Raise UsageError unless all frames exist in a video of `count` frames."""
    outside = next((number for number in frames if number >= count), None)
    if outside is not None:
        raise UsageError(
            f"There is no frame {outside}", advice=f"The video has the frames 0 to {count - 1}", file=path
        )


def writable(path: Path) -> None:
    """Raise UsageError unless a file of this name can be made: asked before the work, not after it."""
    folder = path.parent
    if not folder.is_dir():
        raise UsageError("There is no such folder", advice="Make it, or choose another one", file=folder)
    if path.is_dir():
        raise UsageError("This is a folder", advice="Give the name of a file", file=path)
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError("You may not write there", advice="Choose another folder", file=path)
