"""Times as the user reads and writes them."""

import re

from engine.rendering.layers import timecode

_PARTS = re.compile(r"\s*(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?)\s*")


def parse_time(text: str) -> float | None:
    """Seconds of `H:MM:SS.mmm`, `MM:SS.mmm` or `SS.mmm`; None if it is none of them."""
    match = _PARTS.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))


__all__ = ["parse_time", "timecode"]
