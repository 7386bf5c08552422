"""What the two modules share: how far they squeeze, and a convolution of three taps along one axis of a clip."""

from torch import Tensor

_RATIO = 16
_LEAST = 4


def squeezed_width(channels: int) -> int:
    """Channels that remain after a squeeze by the ratio r; P003 does not give it, STIL has 16."""
    return max(channels // _RATIO, _LEAST)


def three_taps(x: Tensor, before: Tensor, centre: Tensor, after: Tensor) -> Tensor:
    """Each position of axis 1 becomes a weighted sum of itself and its two neighbours; zero beyond the ends.

    Args:
        x: (B, L, C, ...).
        before, centre, after: (B, L, C, ...), broadcast behind axis 1: at i the weight with which x_i
            goes into the output at i + 1, i and i - 1.
    """
    before, centre, after = (taps.to(x.dtype) for taps in (before, centre, after))  # autocast keeps theirs exact
    out = x * centre
    if x.shape[1] == 1:
        return out
    # Slices that are added to in place: one pass over memory each, and the layout of x stays.
    out[:, 1:].addcmul_(x[:, :-1], before[:, :-1])
    out[:, :-1].addcmul_(x[:, 1:], after[:, 1:])
    return out
