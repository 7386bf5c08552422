"""What the file of a foreign ONNX model cannot say: FILE.toml beside FILE.onnx, and what follows from it.

The same words as in the files that `onnx DETECTOR` writes, so that an export can be read back.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.detectors.foreign.description import Description
from engine.errors import DescriptionMissingError, WeightsError
from engine.results import FloatArray, Picture

LAYOUTS = ("NCHW", "NHWC")
COLOURS = ("RGB", "BGR")
MEANINGS = ("logit", "probability", "two-logits", "two-probabilities")
LARGEST = 2048
"""Side of a crop, pixels."""

_CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1: float32 knows none that lie nearer to 1."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How a model is fed and read.

    Attributes:
        layout: of the input, NCHW or NHWC.
        size: side of the crop, pixels.
        colour: order of the channels, RGB or BGR.
        scale, mean, std: the input is (pixel / scale - mean) / std, channels in the order of `colour`.
        margin: share of the face's box added on each side of the crop.
        meaning: of the output, one of MEANINGS.
        classes: real and fake in the order of two outputs; of a single one, what a low and a high value mean.
        output: name of the output that is read; empty for the only one.
    """

    layout: str
    size: int
    colour: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    margin: float
    meaning: str
    classes: tuple[str, ...]
    output: str = ""

    def tables(self) -> dict[str, dict[str, Any]]:
        """As TOML holds them; `parse_settings` reads them back."""
        return {
            "input": {
                "layout": self.layout,
                "size": self.size,
                "colour": self.colour,
                "scale": self.scale,
                "mean": list(self.mean),
                "std": list(self.std),
                "margin": self.margin,
            },
            "output": {"name": self.output, "meaning": self.meaning, "classes": list(self.classes)},
        }

    @property
    def outputs(self) -> int:
        """Values per crop."""
        return 2 if self.meaning.startswith("two") else 1

    def prepare(self, crops: Picture) -> FloatArray:
        """(N, S, S, 3) uint8 RGB -> float32 as the model wants it, in `layout`."""
        ordered = crops[..., ::-1] if self.colour == "BGR" else crops
        scale = (1 / (self.scale * np.array(self.std))).astype(np.float32)
        shift = (np.array(self.mean) / np.array(self.std)).astype(np.float32)
        pixels = ordered * scale - shift
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2) if self.layout == "NCHW" else pixels)

    def logits(self, values: npt.NDArray[Any]) -> FloatArray:
        """Outputs (N, 1) or (N, 2) -> (N,) float32 logits of fake.

        Raises:
            ValueError: they are not finite, or not what `meaning` says.
        """
        found = values.astype(np.float64)
        if not np.isfinite(found).all():
            raise ValueError("It gives values that are not finite")
        if self.meaning.endswith(("probability", "probabilities")):
            if found.min(initial=0) < -1e-6 or found.max(initial=0) > 1 + 1e-6:
                raise ValueError(f"It gives {_farthest(found):.3g} where its description says {self.meaning}")
            if self.outputs == 2 and np.abs(found.sum(1) - 1).max(initial=0) > 1e-3:
                raise ValueError("Its two probabilities do not sum to 1")
            found = np.clip(found, _CLIP, 1 - _CLIP)
            found = np.log(found) - np.log1p(-found) if self.outputs == 1 else np.log(found)
        sign = 1 if self.classes == ("real", "fake") else -1
        single = found[:, 1] - found[:, 0] if self.outputs == 2 else found[:, 0]
        return (sign * single).astype(np.float32)


def _farthest(values: npt.NDArray[np.float64]) -> float:
    return float(values.flat[np.abs(values - 0.5).argmax()])


def settings_path(model: Path) -> Path:
    return model.with_suffix(".toml")


def read_settings(description: Description) -> ModelSettings:
    """FILE.toml beside the described FILE.onnx.

    Raises:
        DescriptionMissingError: there is none; it holds one to be filled in.
        WeightsError: it cannot be read, lacks something, makes no sense, or belongs to another model.
    """
    path = settings_path(description.path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DescriptionMissingError(
            f"Nothing says how this model is fed and read: {path.name} is missing beside it",
            advice=f"Write {path} from the lines on standard output",
            file=description.path,
            template=template(description),
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(
            f"The description of the model cannot be read ({error})", advice="Mend it", file=path
        ) from error
    try:
        settings = parse_settings(raw)
    except (KeyError, TypeError, ValueError) as error:
        what = f"lacks {error.args[0]}" if isinstance(error, KeyError) else f"is wrong: {error}"
        raise WeightsError(
            f"The description of the model {what}", advice="Write it as docs/foreign-models.md says", file=path
        ) from error
    if raw.get("onnx_sha256", description.sha256) != description.sha256:
        raise WeightsError(
            "It describes another model: its onnx_sha256 is not that of the file beside it",
            advice="Put the right file beside it, or take the line onnx_sha256 out if the description holds",
            file=path,
        )
    return settings


def parse_settings(raw: Mapping[str, Any]) -> ModelSettings:
    """The tables [input] and [output] of plain data; what stands beside them is not looked at.

    Raises:
        KeyError, TypeError, ValueError: a field is missing, unknown, or makes no sense.
    """
    given = _table(
        raw, "input", ("layout", "size", "colour", "scale", "mean", "std", "margin"), ("normalisation",)
    )
    result = _table(raw, "output", ("meaning", "classes"), ("reading",))
    size = given["size"]
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= LARGEST:
        raise ValueError(f"input.size must be a whole number from 8 to {LARGEST}")
    scale, margin = _number(given["scale"], "input.scale"), _number(given["margin"], "input.margin")
    mean, std = (_three(given[name], f"input.{name}") for name in ("mean", "std"))
    if scale <= 0 or min(std) <= 0 or not 0 <= margin <= 2:
        raise ValueError("input.scale and input.std must be positive, input.margin from 0 to 2")
    classes = tuple(result["classes"]) if isinstance(result["classes"], list | tuple) else ()
    if sorted(map(str, classes)) != ["fake", "real"]:
        raise ValueError('output.classes must be ["real", "fake"] or ["fake", "real"]')
    name = result.get("name", "")
    if not isinstance(name, str):
        raise TypeError("output.name must be a text")
    return ModelSettings(
        layout=_choice(given["layout"], "input.layout", LAYOUTS),
        size=size,
        colour=_choice(given["colour"], "input.colour", COLOURS),
        scale=scale,
        mean=mean,
        std=std,
        margin=margin,
        meaning=_choice(result["meaning"], "output.meaning", MEANINGS),
        classes=classes,
        output=name,
    )


def known_settings(description: Description) -> ModelSettings | None:
    """What a model written by Tellframe says of itself inside; None for every other one."""
    try:
        return parse_settings({key: json.loads(description.metadata[key]) for key in ("input", "output")})
    except (KeyError, TypeError, ValueError):
        return None


def template(description: Description) -> str:
    """A FILE.toml with what the model itself says; what must be filled in stands behind a #."""
    known = known_settings(description)
    size = f"size = {description.size}" if description.size else "# size = 224"
    layout = f'layout = "{description.layout}"' if description.layout else '# layout = "NCHW"'
    lines = {
        "layout": (layout, "or NHWC: colours last"),
        "size": (size, "side of the crop in pixels"),
        "colour": ('# colour = "RGB"', "or BGR, as OpenCV has it"),
        "scale": ("# scale = 255.0", "the input is (pixel / scale - mean) / std; scale = 1.0 keeps 0 to 255"),
        "mean": ("# mean = [0.485, 0.456, 0.406]", "ImageNet's; in the order of the colours"),
        "std": ("# std = [0.229, 0.224, 0.225]", "ImageNet's"),
        "margin": ("# margin = 0.3", "share of the face's box added on each side"),
        "meaning": ('# meaning = "logit"', f"or {', '.join(MEANINGS[1:])}"),
        "classes": ('# classes = ["real", "fake"]', "order of two outputs; of one: what low and high mean"),
    }
    if known is not None:
        said = {**known.tables()["input"], **known.tables()["output"]}
        lines = {name: (f"{name} = {json.dumps(said[name])}", "as its maker wrote into it") for name in lines}
    written = [f"{line:40} # {note}" for line, note in lines.values()]
    names = [each.name for each in description.outputs]
    name = f"name = {json.dumps(names[0], ensure_ascii=False)}"
    choice = "" if len(names) == 1 else f"# one of {', '.join(names)}"
    return "\n".join(
        [
            f"# How {description.path.name} is fed and read. Take the # off these lines and set them",
            "# as the model was trained, which cannot be read from the file.",
            "[input]",
            *written[:7],
            "",
            "[output]",
            f"{name if len(names) == 1 else f'# {name}':40} {choice}".rstrip(),
            *written[7:],
            "",
        ]
    )


def _table(raw: Mapping[str, Any], name: str, needed: tuple[str, ...], more: tuple[str, ...]) -> Mapping[str, Any]:
    if name not in raw:
        raise KeyError(f"[{name}]")
    table = raw[name]
    if not isinstance(table, Mapping):
        raise TypeError(f"{name} must be a table")
    missing = [each for each in needed if each not in table]
    unknown = set(table) - {*needed, *more, "name"}
    if missing:
        raise KeyError(f"{name}.{missing[0]}")
    if unknown:
        raise ValueError(f"there is no {name}.{min(unknown)}")
    return table


def _choice(value: object, name: str, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}")
    return value


def _three(value: object, name: str) -> tuple[float, ...]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError(f"{name} must be three numbers")
    return tuple(_number(each, name) for each in value)


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
        raise TypeError(f"{name} must be a number")
    return float(value)
