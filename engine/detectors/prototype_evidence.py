"""What prototypes say for real and for fake, from stored similarities: no network is asked again (P000, figure 3).

Classes stand in the order real, fake. Everything is float64, in which products and, in all practice, sums of
stored float32 similarities are exact: what is shown for each prototype adds up to what is shown as the logit.
"""

from collections.abc import Collection

import cv2
import numpy as np
import numpy.typing as npt

from engine.results import FloatArray

_CONSPICUOUS = 95
"""Percentile of the activation above which a patch is outlined, as ProtoPNet does it."""
_CELL = 16
"""Pixels of a cell of the maps in what the network sees: projections find their boxes at this size, too."""


def evidence(
    similarities: FloatArray, weights: npt.ArrayLike, excluded: Collection[int] = ()
) -> npt.NDArray[np.float64]:
    """The share of each prototype in each logit, W_kj S_j.

    Args:
        similarities: (N, m) of clips to prototypes.
        weights: (2, m) of the network's last layer.
        excluded: prototypes that shall have no say.

    Returns:
        (N, 2, m); its sum over the last axis is `logits`.
    """
    heard = np.array(weights, np.float64)
    heard[:, list(excluded)] = 0.0
    return heard * similarities[:, None].astype(np.float64)


def logits(
    similarities: FloatArray, weights: npt.ArrayLike, excluded: Collection[int] = ()
) -> npt.NDArray[np.float64]:
    """The logits of real and fake (N, 2) without the excluded prototypes. See `evidence`."""
    total: npt.NDArray[np.float64] = evidence(similarities, weights, excluded).sum(2)
    return total


def activation_box(activation: FloatArray, size: int) -> tuple[int, int, int, int]:
    """Where a prototype finds itself: the rectangle around the strongest twentieth of its similarity map.

    Args:
        activation: (h, w), a prototype's similarity to every cell.
        size: side of the crop that the map covers; the map is enlarged to it (bicubic) before it is cut off.

    Returns:
        x0, y0, x1, y1 in pixels of the crop; the whole crop where the map is flat.
    """
    enlarged = cv2.resize(activation, (size, size), interpolation=cv2.INTER_CUBIC)
    strong = enlarged >= np.percentile(enlarged, _CONSPICUOUS)
    columns, rows = np.flatnonzero(strong.any(0)), np.flatnonzero(strong.any(1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def patch_box(values: FloatArray, affine: FloatArray) -> tuple[float, float, float, float]:
    """Where a prototype finds itself in a frame, to be outlined: `activation_box` of a map of `prototypes`.

    The map of a certain prototype is asked for like any mask: an ExplainRequest of the explainer `prototypes` with
    `settings={"prototype": NAME}` for a frame of the clip (in the window an ExplanationStore's Wanted with
    `settings=(("prototype", NAME),)`). Its answer, an Explanation or a FrameExplanation, holds both arguments for
    each of its frames; all frames of a clip's span have the same box. It is made of numbers alone, on any thread.

    Args:
        values: (h, w), signed evidence or plain similarities of one prototype.
        affine: (2, 3), from continuous map coordinates to the frame; DPNet's crops stand upright.

    Returns:
        x0, y0, x1, y1 in continuous pixels of the frame; all of the crop where the map is flat.
    """
    h, w = values.shape
    size = _CELL * max(h, w)
    corners = np.array(activation_box(np.abs(values), size), np.float64).reshape(2, 2) * (w / size, h / size)
    (x0, y0), (x1, y1) = corners @ affine[:, :2].astype(np.float64).T + affine[:, 2]
    return float(x0), float(y0), float(x1), float(y1)
