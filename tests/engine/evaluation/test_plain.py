"""What JSON has no word for becomes None, wherever it stands."""

import json
import math

import numpy as np

from engine.evaluation.plain import finite


def test_what_is_not_defined_becomes_none_at_any_depth() -> None:
    value = {"a": math.nan, 2: [1, math.inf, (-math.inf, "x")], "c": {"d": np.float64("nan"), "e": 0.5, "f": None}}
    found = finite(value)
    assert found == {"a": None, "2": [1, None, [None, "x"]], "c": {"d": None, "e": 0.5, "f": None}}
    json.dumps(found, allow_nan=False)
