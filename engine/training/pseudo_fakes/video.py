"""Forges one face of a video file, frame by frame in bounded memory, and writes the truth about it."""

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from engine import __version__
from engine.errors import DataError, UsageError, VideoError
from engine.exports import sidecar
from engine.exports.files import Staging, never_over, sha256
from engine.faces.detector import FaceDetector
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import FloatArray, IntArray, Picture
from engine.training.pseudo_fakes.clip_points import run_starts, smoothed
from engine.training.pseudo_fakes.clips import SWAP, ClipConfig, ClipForgery, check_ids, draw_clip_forgery
from engine.training.pseudo_fakes.masks import Region
from engine.training.pseudo_fakes.operators.plan import ClipFaces
from engine.training.pseudo_fakes.rendering import ClipForger
from engine.training.pseudo_fakes.serial import forgery_to_plain
from engine.training.pseudo_fakes.video_faces import donor_of, face_of
from engine.video.audio import AudioCut
from engine.video.frame import Frame
from engine.video.mask_writer import MaskWriter
from engine.video.media import Media
from engine.video.writer import ClipWriter

_THREADS = 4  # of the encoders: fixed, as their bits depend on it
_DEFAULT_RATE = 25.0
_LIBRARIES = ("scipy", "torch", "facenet-pytorch")


@dataclass(frozen=True, eq=False)
class Order:
    """What is asked for.

    Attributes:
        seed: of all that is drawn.
        operators: ids that are used; None for a random draw.
        region: part of the face; None for a random one.
        frames: outside of these nothing is forged; None for all.
        track: number of the face from 1, by first appearance; None for the one that fills most of the video.
        landmarks: (F, 68, 2) per frame of the video, NaN where there is no face; None to find five by MTCNN.
        donor: video or picture with the other person's face, for "swap".
    """

    seed: int = 0
    operators: tuple[str, ...] | None = None
    region: Region | None = None
    frames: range | None = None
    track: int | None = None
    landmarks: FloatArray | None = None
    donor: Media | None = None


@dataclass(frozen=True, slots=True)
class ForgedVideo:
    """Where the forged copy, its mask and the truth about them lie, and what was done."""

    clip: Path
    mask: Path
    truth: Path
    forgery: ClipForgery


def forge_video(
    media: Media,
    out: Path,
    order: Order,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> ForgedVideo:
    """Write NAME_forged.mp4, NAME_forged_mask.mp4 and NAME_forged.json into a folder; all of them, or none.

    The copy keeps the frames' times and the sound. The same video, order and versions give the same bits again.
    Memory does not grow with the video's length: there are 12 whole pictures at most (2 `plan.reach` + 2), 64
    cut-outs of a donor, and what the codecs hold back (some 40 pictures). A process that makes 1080p tremble peaks
    at 1.35 GB after 60 frames as after 600 (0.8 GB libraries, 0.25 GB face detector, 0.3 GB forging), and one that
    swaps at 1.45 GB.

    Raises:
        UsageError: an operator is unknown, the donor is missing or of no use, or an output would replace evidence.
        DataError: no face, no such face, or landmarks that do not fit.
        VideoError: no frame can be decoded.
        ExportError: the disk is full or the place cannot be written.
        CancelledError: cancelled.
    """
    check_ids(order.operators or ())
    if (SWAP in (order.operators or ())) != (order.donor is not None):
        raise UsageError("swap and another person's face go together", advice="Give both, or neither")
    name = media.path.stem + "_forged"
    made = [out / f"{name}.mp4", out / f"{name}_mask.mp4", out / f"{name}.json"]
    evidence = (*media.files, *(order.donor.files if order.donor else ()))
    never_over(evidence, made)
    identity = media.identity(cancel, progress)
    detector = None if order.landmarks is not None and order.donor is None else FaceDetector()
    face = face_of(media, order.landmarks, order.track, order.frames, detector, cancel, progress)
    donor = donor_of(order.donor, detector, cancel, progress)
    fps = float(media.index.rate or _DEFAULT_RATE)
    config = ClipConfig(exactly=order.operators, region=order.region, dense=face.dense)
    forgery = draw_clip_forgery(np.random.default_rng(order.seed), config, fps)
    starts = run_starts(face.frames)
    faces = ClipFaces(smoothed(face.points, starts), fps, starts)
    forger = ClipForger(faces, forgery, (media.width, media.height), donor)
    with ExitStack() as stack:
        staging = stack.enter_context(Staging(evidence))
        staging.folder(out)
        sound = _sound(media)
        if sound is not None:
            stack.callback(sound.close)
        shape = (media.width, media.height, media.index.time_base)
        looks: dict[str, Any] = {
            "rate": fps,
            "pixel_aspect": media.facts.stream.shown_pixel_aspect,
            "threads": _THREADS,
        }
        clip = stack.enter_context(ClipWriter(made[0], *shape, audio=sound, **looks))
        mask = stack.enter_context(MaskWriter(made[1], *shape, **looks))
        written, labels = _write(media, forger, face.frames, clip, mask, cancel, progress)
        media.verify_unchanged()
        digests = [sha256(writer.complete()) for writer in (clip, mask)]
        truth = {
            "program": {"name": "Tellframe", "version": __version__},
            "versions": sidecar.versions() | {name: metadata.version(name) for name in _LIBRARIES},
            "source": sidecar.video(identity),
            "clip": {
                "path": made[0].name,
                "sha256": digests[0],
                "codec": "H.264, yuv420p, BT.709 limited range, crf 18",
                "padding": {"right": clip.padding[0], "bottom": clip.padding[1]},
            },
            "mask": {
                "path": made[1].name,
                "sha256": digests[1],
                "codec": "H.264 lossless (qp 0), grey, full range",
            },
            "order": {
                "seed": order.seed,
                "operators": None if order.operators is None else list(order.operators),
                "region": order.region,
                "frames": None if order.frames is None else [order.frames.start, order.frames.stop],
                "track": order.track,
                "donor": None if order.donor is None else sidecar.video(order.donor.identity(cancel, progress)),
            },
            "face": face.words,
            "forgery": forgery_to_plain(forgery),
            "rate": fps,
            "frames": len(written),
            "missing_frames": sorted(set(range(len(media.index))) - set(written)),
            "forged": _spans(written, labels),
            "labels": [int(label) for label in labels],
        }
        staging.write_json(made[2], truth)
    return ForgedVideo(made[0], made[1], made[2], forgery)


def _write(
    media: Media,
    forger: ClipForger,
    numbers: IntArray,
    clip: ClipWriter,
    mask: MaskWriter,
    cancel: CancelToken | None,
    progress: ProgressCallback | None,
) -> tuple[list[int], list[bool]]:
    """All frames, forged where there is the face; their numbers, and which of them are forged."""
    index = media.index
    meter = ProgressMeter("Forging", len(index), "frames", progress)
    rows = {int(number): row for row, number in enumerate(numbers)}
    written: list[int] = []
    labels: list[bool] = []
    last = -1
    for frame, held in _windows(media, forger.plan.reach, cancel):

        def picture(row: int, frame: Frame = frame, held: dict[int, Picture] = held) -> Picture:
            return held.get(int(numbers[row]), frame.pixels)  # a damaged neighbour gives way to the frame itself

        row = rows.get(frame.index)
        if row is None:
            pixels, share = frame.pixels, np.zeros(frame.pixels.shape[:2], np.float32)
        else:
            pixels, share = forger.frame(row, picture)
        levels = np.round(share * 255).astype(np.uint8)
        end = index.end_pts if frame.index + 1 == len(index) else int(index.pts[frame.index + 1])
        pts = max(frame.pts, last + 1) if written else frame.pts  # broken files give two frames one time
        clip.write(pixels, pts, max(1, end - pts))
        mask.write(levels, pts, max(1, end - pts))
        last = pts
        written.append(frame.index)
        labels.append(bool(levels.any()))
        meter.update(frame.index + 1)
    if not written:
        raise VideoError("No frame can be decoded", advice="Give an intact video", file=media.path)
    if not any(labels):
        raise DataError(
            "Nothing was forged: the face is not in the asked frames",
            advice="Choose other frames or another face",
            file=media.path,
        )
    return written, labels


def _windows(media: Media, reach: int, cancel: CancelToken | None) -> Iterator[tuple[Frame, dict[int, Picture]]]:
    """Each frame with the pictures of its neighbours, up to `reach` away."""
    held: dict[int, Picture] = {}
    waiting: deque[Frame] = deque()
    reader = media.reader()
    try:
        for frame in reader.frames(0, len(media.index) - 1, cancel=cancel):
            held[frame.index] = frame.pixels
            waiting.append(frame)
            while waiting and waiting[0].index + reach <= frame.index:
                yield waiting.popleft(), held
            oldest = (waiting[0].index if waiting else frame.index + 1) - reach
            for gone in [number for number in held if number < oldest]:
                del held[gone]
        for frame in waiting:
            yield frame, held
    finally:
        reader.close()
    if cancel is not None:
        cancel.check()  # asked for during the last frame


def _sound(media: Media) -> AudioCut | None:
    if not media.facts.audio:
        return None
    index = media.index
    return AudioCut(media.path, int(index.pts[0]) * index.time_base, index.end_pts * index.time_base)


def _spans(numbers: list[int], labels: list[bool]) -> list[list[int]]:
    """Inclusive spans of forged frames."""
    spans: list[list[int]] = []
    for number, label in zip(numbers, labels, strict=True):
        if not label:
            continue
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return spans
