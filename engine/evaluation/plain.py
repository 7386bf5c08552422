"""Figures as plain data for JSON, which has no word for what is not defined."""

import math
from collections.abc import Mapping
from typing import Any


def finite(value: Any) -> Any:
    """The same with None in the place of NaN and infinity, down through mappings, lists and tuples."""
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
