"""Landmarks for data that come without: MTCNN's five points with the mean 68-point shape fitted to them."""

from dataclasses import replace

import cv2
import numpy as np

from engine.faces.detector import FaceDetector, working_size
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import FloatArray, Picture
from engine.training.datasets.base import Dataset, Item
from engine.training.shape68 import fit_shape
from engine.video.media import open_media


def with_landmarks(
    dataset: Dataset,
    frames_per_clip: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> Dataset:
    """The data set with points for all that is trained or validated with and has none, nor has its original.

    The largest face of a frame counts. A forgery whose frames are not of its original's size is treated as one of
    unknown origin.

    Raises:
        VideoError: a file cannot be opened.
    """
    items = {item.name: item for item in dataset.items}
    sizes: dict[str, tuple[int, int]] = {}
    wanted = [
        item
        for item in dataset.items
        if item.split != "dev"
        and item.kind != "face"
        and item.points is None
        and (item.original not in items or items[item.original].points is None)
    ]
    if not wanted:
        return dataset
    faces = FaceDetector()
    meter = ProgressMeter("Finding faces", len(wanted), "files", progress)
    for done, item in enumerate(wanted, 1):
        points, size = _points(item, faces, frames_per_clip, cancel)
        items[item.name] = replace(item, points=points)
        sizes[item.name] = size
        meter.update(done)
    for name, size in sizes.items():
        item = items[name]
        if item.original and sizes.get(item.original, size) != size:
            items[name] = replace(item, original="")
    return replace(dataset, items=tuple(items.values()))


def _points(
    item: Item, faces: FaceDetector, frames_per_clip: int, cancel: CancelToken | None
) -> tuple[FloatArray, tuple[int, int]]:
    media = open_media(item.path, cancel=cancel)
    reader = media.reader()
    try:
        count = len(media.index)
        points = np.full((count, 68, 2), np.nan, dtype=np.float32)
        looked = sorted(set(np.linspace(0, count - 1, min(count, frames_per_clip)).round().astype(int).tolist()))
        for frame in reader.frames(0, looked[-1], cancel=cancel):
            if frame.index in looked:
                found = _five(frame.pixels, faces, cancel)
                if found is not None:
                    points[frame.index] = fit_shape(found)
        return points, (media.width, media.height)
    finally:
        reader.close()
        media.close()


def _five(pixels: Picture, faces: FaceDetector, cancel: CancelToken | None) -> FloatArray | None:
    height, width = pixels.shape[:2]
    small = working_size(width, height)
    reduced = np.asarray(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    detections = faces.detect([reduced], (width / small[0], height / small[1]), cancel=cancel)[0]
    if not detections:
        return None
    return max(detections, key=lambda d: float(d.box[2] - d.box[0])).landmarks
