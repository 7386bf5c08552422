"""Forged copies of real clips, one operator of the pseudo-fakes at a time, beside copies that are not forged.

What a detector makes of an operator that it was not trained with is the honest proxy of how it takes a method of
forgery that nobody has seen (SPEC section 6, step 5). Real and forged copies are the same frames, encoded alike.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.evaluation.evaluate import Sample
from engine.evaluation.kept_scores import stamp
from engine.evaluation.wrapped import encode_clip
from engine.paths import cache_dir
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import FloatArray, Picture
from engine.training.datasets.base import Item
from engine.training.pseudo_fakes.clip_points import smoothed
from engine.training.pseudo_fakes.clips import KNOWN, SWAP, ClipConfig, draw_clip_forgery
from engine.training.pseudo_fakes.operators.plan import ClipFaces
from engine.training.pseudo_fakes.rendering import ClipForger
from engine.training.pseudo_fakes.swap import Donor
from engine.video.media import open_media

SPATIAL = "spatial alone"
"""A face blended into its own clip without any temporal operator."""
OPERATORS = (SPATIAL, *KNOWN)
SHORTEST, LONGEST = 24, 64
"""Successive frames with landmarks that a copy has."""

RATE_FACTOR = 23
_VERSION = 1
_REAL = "real"


def forged_copies(
    items: Sequence[Item],
    seed: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> dict[str, list[Sample]]:
    """Operator -> unforged copies of real clips and copies forged by it alone; made once, kept in the cache.

    Clips without SHORTEST successive frames with landmarks are left out.

    Args:
        items: real clips with landmarks.
        seed: of the parameters; each clip and operator has its own draw.

    Raises:
        VideoError: a clip cannot be read.
        CancelledError: cancelled; the copies that are whole stay.
    """
    token = cancel or CancelToken()
    usable = [item for item in items if item.points is not None and len(longest_run(item.points)) >= SHORTEST]
    meter = ProgressMeter("Forging copies", len(usable), "clips", progress)
    samples: dict[str, list[Sample]] = {operator: [] for operator in OPERATORS} if usable else {}
    for done, item in enumerate(usable, 1):
        token.check()
        donor = donor_of(item, usable, seed)
        places = _made(item, donor, seed, token)
        for operator in samples:
            if operator in places:
                people = donor.persons if operator == SWAP and donor is not None else ()
                samples[operator].append(_sample(item, places[_REAL], 0, "", ()))
                samples[operator].append(_sample(item, places[operator], 1, operator, people))
        meter.update(done)
    return samples


def longest_run(points: FloatArray, longest: int = LONGEST) -> npt.NDArray[np.int64]:
    """The first frames of the longest run of frames with all landmarks (frames, 68, 2); may be empty."""
    seen = np.flatnonzero(~np.isnan(points).any(axis=(1, 2)))
    if not len(seen):
        return np.empty(0, np.int64)
    runs = np.split(seen, np.flatnonzero(np.diff(seen) > 1) + 1)
    return np.asarray(max(runs, key=len)[:longest], np.int64)


def _made(item: Item, donor: Item | None, seed: int, cancel: CancelToken) -> dict[str, Path]:
    """The copies of one clip by operator, forged now where they are not kept."""
    key = json.dumps([_VERSION, seed, stamp(item.path), stamp(donor.path) if donor else None, LONGEST])
    folder = cache_dir() / "evaluation" / "copies" / hashlib.sha256(key.encode()).hexdigest()[:24]
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [_REAL, *(name for name in OPERATORS if name != SWAP or donor is not None)]
    places = {name: folder / f"{name.replace(' ', '-')}.mp4" for name in wanted}
    missing = [name for name in wanted if not places[name].is_file()]
    if missing:
        frames, points, fps = footage(item, cancel)
        given = donated(donor, cancel) if donor is not None and SWAP in missing else None
        for name in missing:
            cancel.check()
            pictures = frames if name == _REAL else _forged(frames, points, fps, name, seed, item.name, given)
            part = places[name].with_suffix(".part.mp4")
            encode_clip(part, pictures, (frames.shape[2], frames.shape[1]), RATE_FACTOR)
            part.replace(places[name])
    return places


def _forged(
    frames: Picture, points: FloatArray, fps: float, operator: str, seed: int, name: str, donor: Donor | None
) -> list[Picture]:
    rng = np.random.default_rng([seed, *hashlib.sha256(f"{name} {operator}".encode()).digest()[:8]])
    exactly = () if operator == SPATIAL else (operator,)
    forgery = draw_clip_forgery(rng, ClipConfig(exactly=exactly), fps)
    size = (frames.shape[2], frames.shape[1])
    forger = ClipForger(ClipFaces(points, fps), forgery, size, donor)
    return [forger.frame(row, frames.__getitem__)[0] for row in range(len(frames))]


def footage(item: Item, cancel: CancelToken, longest: int = LONGEST) -> tuple[Picture, FloatArray, float]:
    """Frames (T, H, W, 3), smoothed landmarks (T, 68, 2) and frames per second of the stretch of a clip.

    Raises:
        VideoError: it cannot be read.
    """
    assert item.points is not None  # noqa: S101 - only such items are taken
    run = longest_run(item.points, longest)
    media = open_media(item.path, cancel=cancel)
    try:
        run = run[run < len(media.index)]
        first, last = int(run[0]), int(run[-1])
        reader = media.reader()
        try:
            found = {frame.index: frame.pixels for frame in reader.frames(first, last, cancel=cancel)}
        finally:
            reader.close()
        seconds = media.index.seconds(last) - media.index.seconds(first)
    finally:
        media.close()
    rows = [frame for frame in run.tolist() if frame in found]
    fps = (len(run) - 1) / seconds if seconds > 0 else 25.0
    return np.stack([found[frame] for frame in rows]), smoothed(item.points[rows]), fps


def donor_of(item: Item, others: Sequence[Item], seed: int) -> Item | None:
    """Another clip with other people, by a draw that hangs on the clip's name; None if there is none."""
    strangers = [other for other in others if not set(other.persons) & set(item.persons)]
    rng = np.random.default_rng([seed, *hashlib.sha256(item.name.encode()).digest()[:8]])
    return strangers[rng.integers(len(strangers))] if strangers else None


def donated(item: Item, cancel: CancelToken, longest: int = LONGEST) -> Donor:
    """The face of a clip, to be put into another one. Raises VideoError."""
    frames, points, _ = footage(item, cancel, longest)
    return Donor(frames, points)


def _sample(item: Item, path: Path, label: int, method: str, others: Sequence[str]) -> Sample:
    return Sample(
        name=f"{item.name}, {method or _REAL}",
        path=path,
        label=label,
        split=item.split,
        protocol="unseen" if label else "",
        method=method,
        persons=(*item.persons, *others),
        source=item.source,
    )
