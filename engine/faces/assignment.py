"""The cheapest one-to-one assignment (Hungarian method, Kuhn 1955)."""

import numpy as np
import numpy.typing as npt


def cheapest_pairs(cost: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost, as many as the shorter side has: costs (N, M), N and M above 0.

    One row or one column, all that a video of one person asks for, needs no solver: scipy's takes a third of a
    second to import, just when the first scores of a video are waited for.
    """
    if cost.shape[0] == 1:
        return [(0, int(cost[0].argmin()))]
    if cost.shape[1] == 1:
        return [(int(cost[:, 0].argmin()), 0)]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True)]
