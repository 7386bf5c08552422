"""Copies of real clips of which a run of frames is forged, by operator "partial" with one other one each.

The run is 10 to 60 % of the frames, anywhere. What a detector says of these frames beside the others of the same
clip is told by the protocol "partial" of `evaluate`.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from engine.errors import DataError
from engine.evaluation.evaluate import Sample
from engine.evaluation.kept_scores import stamp
from engine.evaluation.partial import PartialCopy
from engine.evaluation.wrapped import encode_clip
from engine.paths import cache_dir
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import BoolArray, FloatArray, Picture
from engine.training.datasets.base import Item
from engine.training.pseudo_fakes.clips import SWAP, ClipConfig, draw_clip_forgery
from engine.training.pseudo_fakes.operator_clips import OPERATORS as ALL
from engine.training.pseudo_fakes.operator_clips import (
    RATE_FACTOR,
    SPATIAL,
    donated,
    donor_of,
    footage,
    longest_run,
)
from engine.training.pseudo_fakes.operators.plan import ClipFaces
from engine.training.pseudo_fakes.rendering import ClipForger
from engine.training.pseudo_fakes.swap import Donor

PARTIAL = "partial"
OPERATORS = tuple(operator for operator in ALL if operator != PARTIAL)
SHORTEST, LONGEST = 48, 128
"""Successive frames with landmarks that a copy has."""

_VERSION = 1


def partial_copies(
    items: Sequence[Item],
    seed: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> list[PartialCopy]:
    """A copy of each clip with each operator; made once, kept in the cache.

    Clips without SHORTEST successive frames with landmarks are left out, and copies in which no frame, or all of
    them, came out forged.

    Args:
        items: real clips with landmarks.
        seed: of the parameters; each clip and operator has its own draw.

    Raises:
        VideoError: a clip cannot be read.
        CancelledError: cancelled; the copies that are whole stay.
    """
    token = cancel or CancelToken()
    usable = [
        item for item in items if item.points is not None and len(longest_run(item.points, LONGEST)) >= SHORTEST
    ]
    meter = ProgressMeter("Forging copies", len(usable), "clips", progress)
    found = []
    for done, item in enumerate(usable, 1):
        token.check()
        found += _copies(item, donor_of(item, usable, seed), seed, token)
        meter.update(done)
    return found


def _copies(item: Item, donor: Item | None, seed: int, cancel: CancelToken) -> list[PartialCopy]:
    """The copies of one clip, forged now where they are not kept."""
    key = json.dumps([_VERSION, seed, stamp(item.path), stamp(donor.path) if donor else None, LONGEST])
    folder = cache_dir() / "evaluation" / "partial" / hashlib.sha256(key.encode()).hexdigest()[:24]
    folder.mkdir(parents=True, exist_ok=True)
    operators = [name for name in OPERATORS if name != SWAP or donor is not None]
    places = {name: folder / f"{name.replace(' ', '-')}.mp4" for name in operators}
    missing = [name for name in operators if _truth(places[name]) is None]
    if missing:
        frames, points, fps = footage(item, cancel, LONGEST)
        given = donated(donor, cancel, LONGEST) if donor is not None and SWAP in missing else None
        for name in missing:
            cancel.check()
            _forge(places[name], frames, points, fps, given if name == SWAP else None, _drawing(item, name, seed))
    found = []
    for name in operators:
        forged = _truth(places[name])
        if forged is None:
            raise DataError("What was forged in a copy was lost", advice="Try again", file=places[name])
        rows = np.flatnonzero(forged)
        if 0 < len(rows) < len(forged):
            people = donor.persons if name == SWAP and donor is not None else ()
            sample = Sample(
                name=f"{item.name}, {name} in a run",
                path=places[name],
                label=1,
                split=item.split,
                protocol="unseen",
                method=name,
                persons=(*item.persons, *people),
                source=item.source,
            )
            found.append(PartialCopy(sample, len(forged), int(rows[0]), int(rows[-1])))
    return found


def _drawing(item: Item, operator: str, seed: int) -> tuple[np.random.Generator, tuple[str, ...]]:
    """What draws the parameters of a copy, and its operators."""
    digest = hashlib.sha256(f"{item.name} {PARTIAL} {operator}".encode()).digest()[:8]
    return np.random.default_rng([seed, *digest]), (() if operator == SPATIAL else (operator,)) + (PARTIAL,)


def _forge(
    place: Path,
    frames: Picture,
    points: FloatArray,
    fps: float,
    donor: Donor | None,
    drawing: tuple[np.random.Generator, tuple[str, ...]],
) -> None:
    """Write a copy, and beside it which of its frames are forged."""
    rng, operators = drawing
    size = (frames.shape[2], frames.shape[1])
    forgery = draw_clip_forgery(rng, ClipConfig(exactly=operators), fps)
    forger = ClipForger(ClipFaces(points, fps), forgery, size, donor)
    made = (forger.frame(row, frames.__getitem__) for row in range(len(frames)))
    forged: list[bool] = []

    def told() -> Iterator[Picture]:
        for picture, mask in made:
            forged.append(bool(mask.any()))
            yield picture

    part = place.with_suffix(".part.mp4")
    encode_clip(part, told(), size, RATE_FACTOR)
    part.replace(place)
    place.with_suffix(".json").write_text(json.dumps(forged), encoding="utf-8")


def _truth(place: Path) -> BoolArray | None:
    """Which frames of a copy are forged; None where there is no whole copy."""
    try:
        return np.array(json.loads(place.with_suffix(".json").read_text(encoding="utf-8")), np.bool_)
    except (OSError, ValueError):  # it is written last
        return None
