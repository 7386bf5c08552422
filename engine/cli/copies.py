"""Pseudo-fake copies of a pool's real videos, for `calibrate`: one each, kept in a folder for the next time."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import DataError, VideoError
from engine.exports.files import sha256
from engine.progress import ProgressCallback, ProgressMeter

if TYPE_CHECKING:
    from engine.training.datasets.base import Item

METHOD = "pseudo-fake"


def forged_copies(
    reals: "Sequence[Item]", folder: Path, progress: ProgressCallback | None = None
) -> "tuple[list[Item], Counter[str]]":
    """A copy of each video with its face forged in all frames, and why some have none, with their number.

    The temporal operators take turns; "partial" is not among them, as a calibration is of whole videos. The
    persons are those of the video.

    Raises:
        ExportError: the folder cannot be written.
    """
    from engine.training.pseudo_fakes.operators import OPERATORS
    from engine.training.pseudo_fakes.video import Order, forge_video
    from engine.video.media import open_media

    operators = [name for name in OPERATORS if name != "partial"]
    meter = ProgressMeter("Forging copies", len(reals), "files", progress)
    made, failed = [], Counter[str]()
    for number, item in enumerate(sorted(reals, key=lambda real: real.name)):
        operator = operators[number % len(operators)]
        out = folder / f"{hashlib.sha256(item.name.encode()).hexdigest()[:12]}-{operator}"
        clip = out / f"{item.path.stem}_forged.mp4"
        try:
            if not _is_there(clip, item.path):
                media = open_media(item.path)
                try:
                    forge_video(media, out, Order(seed=number, operators=(operator,)))
                finally:
                    media.close()
        except (DataError, VideoError):
            failed["no pseudo-fake could be made"] += 1
        else:
            name = f"{METHOD}: {operator}"
            made.append(replace(item, name=f"{item.name} ({name})", path=clip, label=1, method=name, points=None))
        meter.update(number + 1)
    return made, failed


def _is_there(clip: Path, source: Path) -> bool:
    """Whether a copy was made before, of this very video, and is whole."""
    try:
        truth = json.loads(clip.with_suffix(".json").read_text(encoding="utf-8"))
        return bool(truth["source"]["sha256"] == sha256(source) and truth["clip"]["sha256"] == sha256(clip))
    except (OSError, ValueError, KeyError, TypeError):
        return False
