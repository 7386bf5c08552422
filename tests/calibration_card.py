"""A calibration made by hand, where the numbers of a pool are not the point."""

import copy
import hashlib
import json
from typing import Any

LEVELS = [-1.0, -0.4, 0.1, 0.6, 1.1]
SCORES = (
    json.dumps(
        {
            "scores": [],
            "reliability": {
                "prior": 0.4,
                "predicted": [0.1, 0.35, 0.6, 0.85],
                "observed": [0.06, 0.4, 0.55, 0.9],
                "low": [0.01, 0.2, 0.3, 0.6],
                "high": [0.25, 0.65, 0.75, 0.99],
                "count": [16, 15, 14, 10],
            },
            "tippett": {
                "log10_lr": LEVELS,
                "forged": [1.0, 0.95, 0.8, 0.6, 0.3],
                "real": [1.0, 0.5, 0.25, 0.1, 0.03],
            },
        }
    )
    + "\n"
).encode()
"""A calibration.json."""

_TABLE: dict[str, Any] = {
    "method": "logistic",
    "parameters": {"slope": 0.5, "intercept": 0.1},
    "bounds": [-1.2, 1.4],
    "cllr": [0.61, 0.48, 0.79],
    "cllr_min": [0.55, 0.41, 0.68],
    "ece": 0.07,
    "date": "2026-11-21",
    "sha256": hashlib.sha256(SCORES).hexdigest(),
    "pool": {
        "data": "catalogue: validation",
        "n_real": 33,
        "n_forged": 25,
        "n_pseudo_fakes": 5,
        "persons": 21,
        "groups": 12,
        "every": 5,
        "methods": {"FaceSwap": 20, "pseudo-fake": 5},
        "sources": {"A": 40, "B": 18},
        "left_out": {"no face": 2},
    },
    "conditions": {
        "face_px": [60.0, 260.0],
        "scored_frames": [8.0],
        "scored_seconds": [1.0],
        "faces": [1.0, 2.0],
        "bits_per_pixel": [0.02, 0.3],
        "fps": [24.0, 30.6],
        "short_side_px": [240.0, 1080.0],
        "codecs": ["H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10"],
        "precision": "float32",
    },
}


def calibration_table(weights_sha256: str, **changes: Any) -> dict[str, Any]:
    """A fresh table [calibration]; `conditions` among the changes are merged into those above."""
    table = copy.deepcopy(_TABLE) | {"weights_sha256": weights_sha256}
    table["conditions"] |= changes.pop("conditions", {})
    return table | changes
