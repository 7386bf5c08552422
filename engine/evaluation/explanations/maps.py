"""Maps as they are measured: the part that supports fake, on P002's grey scale, at the size of the crop."""

import numpy as np
import numpy.typing as npt

from engine.results import FloatArray


def grey(values: FloatArray, *, signed: bool) -> FloatArray:
    """Maps (F, h, w) as the grey pictures that P002 measures: (F, h, w) float32.

    Signed maps are divided by the frame's largest absolute value and their positive part is kept, which supports
    fake. Attention is left as its detector gives it. A frame that is 0 everywhere stays so.
    """
    if not signed:
        return np.asarray(values, np.float32)
    extreme = np.abs(values).max(axis=(1, 2), keepdims=True)
    scaled = np.divide(values, extreme, out=np.zeros_like(values, np.float32), where=extreme > 0)
    positive: FloatArray = np.maximum(scaled, np.float32(0))
    return positive


def enlarged(values: npt.NDArray[np.float32], size: int) -> FloatArray:
    """Maps (..., h, w) at (..., size, size): each pixel has the value of the cell in which its centre lies."""
    height, width = values.shape[-2:]
    places = np.arange(size) + 0.5
    rows = (places * height / size).astype(np.int64)
    columns = (places * width / size).astype(np.int64)
    return values[..., rows[:, None], columns]
