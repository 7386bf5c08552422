"""Explainers on pairs of face pictures, real and forged, of a data set. In the calling thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.detectors.base import Detector
from engine.detectors.probability import sigmoid
from engine.errors import DataError, VideoError
from engine.evaluation.explanations.genuine import LocatedPair
from engine.evaluation.explanations.localisation import difference_mask, localisation
from engine.evaluation.explanations.maps import enlarged
from engine.explainers.base import Explainer, Watch
from engine.faces.crops import cut_crop, picture_affine
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import BoolArray, Picture
from engine.video.media import open_media

_FORGED = 128
"""Level of the mask's crop from which a pixel is forged: one half, where the pair differs by the limit."""


@dataclass(frozen=True)
class PicturePair:
    """A forged picture of a face's box beside the real one it was made from.

    Attributes:
        persons: everyone in them.
    """

    name: str
    real: Path
    forged: Path
    persons: tuple[str, ...]


def locate(
    detector: Detector,
    explainers: Mapping[str, Explainer],
    pairs: Sequence[PicturePair],
    *,
    cancel: CancelToken,
    progress: ProgressCallback | None = None,
) -> tuple[list[LocatedPair], dict[str, str]]:
    """Where the maps of the forged pictures lie, and why some pairs were left out.

    Pictures that differ nowhere enough are left out: nobody could say where they are forged.

    Raises:
        DeviceError: not even one crop fits into memory.
        CancelledError: cancelled between two pairs.
    """
    found, left_out = [], {}
    meter = ProgressMeter("Explaining", len(pairs), "pairs", progress)
    for done, pair in enumerate(pairs):
        cancel.check()
        try:
            crop, forged = _crops(detector, pair)
        except (DataError, VideoError) as error:
            left_out[pair.name] = error.message
        else:
            found.append(_located(detector, explainers, pair, crop, forged, Watch(cancel)))
        meter.update(done + 1)
    return found, left_out


def _located(
    detector: Detector,
    explainers: Mapping[str, Explainer],
    pair: PicturePair,
    crop: Picture,
    forged: BoolArray,
    watch: Watch,
) -> LocatedPair:
    size = detector.crop_spec.size
    located, probability = {}, float("nan")
    for name, explainer in explainers.items():
        maps = explainer.explain(detector, crop[None], watch)
        located[name] = localisation(enlarged(maps.values[0], size), forged)
        probability = float(sigmoid(maps.logits)[0])
    return LocatedPair(pair.name, pair.persons, probability, located)


def _crops(detector: Detector, pair: PicturePair) -> tuple[Picture, BoolArray]:
    """The crop (S, S, 3) of the forged picture, and where it is forged (S, S).

    Raises:
        DataError: the two differ in size, or nowhere enough.
        VideoError: one cannot be read.
    """
    real, forged = (_picture(path) for path in (pair.real, pair.forged))
    if real.shape != forged.shape:
        raise DataError("The pictures of the pair differ in size", advice="Leave it out", file=pair.forged)
    spec = detector.crop_spec
    affine = picture_affine(forged, spec)
    levels = (difference_mask(real, forged) * 255).round().astype(np.uint8)
    mask = cut_crop(levels, affine, spec.size) >= _FORGED
    if not mask.any():
        raise DataError("The pictures of the pair differ too little", advice="Leave it out", file=pair.forged)
    return cut_crop(forged, affine, spec.size), mask


def _picture(path: Path) -> Picture:
    media = open_media(path)
    try:
        return media.reader().read(0).pixels
    finally:
        media.close()
