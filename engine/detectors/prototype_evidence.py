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
