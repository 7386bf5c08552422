"""Where the ruler of the timeline puts its ticks, and how it writes times."""

import math


def tick_step(span: float, width: float, spacing: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... frames that leaves `spacing` pixels between two ticks.

    Args:
        span: frames in view.
        width: pixels they cover.
        spacing: pixels wanted between two labels.
    """
    needed = max(1.0, span * spacing / max(1.0, width))
    power = 10 ** math.floor(math.log10(needed))
    return int(next(power * m for m in (1, 2, 5, 10) if power * m >= needed - 1e-9))


def ticks(start: float, end: float, step: int) -> range:
    """Multiples of `step` inside the visible interval [start, end]."""
    return range(math.ceil(start / step) * step, math.floor(end) + 1, step)


def clock(seconds: float, decimals: int = 3) -> str:
    """Seconds as 0:07.480 or 1:02:07.480; the sign is kept for start offsets before zero."""
    total = round(abs(seconds) * 10**decimals)
    whole, part = divmod(total, 10**decimals)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    sign = "−" if seconds < 0 and total else ""
    head = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{sign}{head}.{part:0{decimals}d}" if decimals else f"{sign}{head}"
