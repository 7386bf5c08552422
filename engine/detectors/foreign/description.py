"""What an ONNX file says of itself: plain data that crosses from the process that read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST_FILE = 1 << 30
"""Bytes of a model with all its weights."""

Shape = tuple[int | None, ...]


def is_model_file(detector: str) -> bool:
    """Whether a detector is named by the path of a FILE.onnx."""
    return detector.lower().endswith(".onnx")


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output; a length that the file leaves open is None, and so is a shape that it does not give."""

    name: str
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Description:
    """A model that was looked at and not yet run.

    Attributes:
        path: of the file.
        sha256: of its bytes, then of those of the files beside it that hold weights, in the order of their names.
        beside: names of those files.
        opset, producer: as it says.
        input: the only one.
        outputs: at least one.
        metadata: texts that Tellframe puts in when it writes a model.
    """

    path: Path
    sha256: str
    beside: tuple[str, ...]
    opset: int
    producer: str
    input: Port
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str]

    @property
    def layout(self) -> str:
        """NCHW or NHWC; empty where the shape does not tell."""
        first, last = ((self.input.shape or ())[axis : axis + 1] == (3,) for axis in (1, 3))
        return "" if first == last else "NCHW" if first else "NHWC"

    @property
    def size(self) -> int | None:
        """Side of the crop, if the shape gives one."""
        if not self.layout or self.input.shape is None:
            return None
        first = 2 if self.layout == "NCHW" else 1
        height, width = self.input.shape[first : first + 2]
        return height or width


def as_description(path: Path, raw: Mapping[str, Any]) -> Description:
    """From the answer of the process.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    return Description(
        path=path,
        sha256=str(raw["sha256"]),
        beside=tuple(map(str, raw["beside"])),
        opset=int(raw["opset"]),
        producer=str(raw["producer"]),
        input=_port(raw["input"]),
        outputs=tuple(_port(each) for each in raw["outputs"]),
        metadata={str(key): str(value) for key, value in raw["metadata"].items()},
    )


def _port(raw: Mapping[str, Any]) -> Port:
    shape = raw["shape"]
    return Port(str(raw["name"]), None if shape is None else tuple(None if n is None else int(n) for n in shape))
