"""A calibration into the folder of the weights: a table in the card, and the score list beside it."""

import datetime as dt
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.detectors.calibration import CALIBRATION_FILE, calibration_of
from engine.detectors.cards import CARD, card_text, parse_card
from engine.detectors.weights import replace_folder
from engine.errors import WeightsError
from engine.evaluation.calibration.fitting import Line
from engine.evaluation.calibration.measures import tippett
from engine.evaluation.calibration.pool import Calibrated


def score_list(made: Calibrated) -> bytes:
    """calibration.json: the pool's scores without names, and the points of the two plots."""
    rows = [
        {
            "sha256": m.judged.sha256,
            "label": m.label,
            "method": m.judged.sample.method,
            "group": int(group),
            "fake_probability": round(m.probability, 6),
            "log10_lr": round(float(ratio), 4),
        }
        for m, group, ratio in zip(made.members, made.group, made.held_out, strict=True)
    ]
    levels, forged, real = tippett(made.held_out, made.labels)
    plots = {
        "scores": sorted(rows, key=lambda row: (row["sha256"], row["label"])),
        "reliability": {
            "prior": made.pool.n_forged / (made.pool.n_forged + made.pool.n_real),
            **{
                name: [round(getattr(b, name), 4) for b in made.bins]
                for name in ("predicted", "observed", "low", "high", "count")
            },
        },
        "tippett": {
            "log10_lr": [round(float(v), 4) for v in levels],
            "forged": [round(float(v), 4) for v in forged],
            "real": [round(float(v), 4) for v in real],
        },
    }
    return (json.dumps(plots, indent=1) + "\n").encode()


def card_table(made: Calibrated, scores: bytes, weights_sha256: str, date: str) -> dict[str, Any]:
    """The table [calibration] as plain data."""
    fitted, pool = made.fitted, made.pool
    if isinstance(fitted, Line):
        parameters: dict[str, Any] = {"slope": fitted.slope, "intercept": fitted.intercept}
    else:
        parameters = {"score": fitted.score.tolist(), "log10_lr": fitted.log10_lr.tolist()}
    return {
        "method": made.method,
        "parameters": parameters,
        "bounds": [round(made.low, 4) + 0.0, round(made.high, 4) + 0.0],
        "cllr": [round(v, 4) for v in made.cllr],
        "cllr_min": [round(v, 4) for v in made.cllr_min],
        "ece": round(made.ece, 4),
        "date": date,
        "sha256": hashlib.sha256(scores).hexdigest(),
        "weights_sha256": weights_sha256,
        "pool": {
            "data": pool.data,
            "n_real": pool.n_real,
            "n_forged": pool.n_forged,
            "n_pseudo_fakes": pool.n_pseudo_fakes,
            "persons": pool.persons,
            "groups": pool.groups,
            "every": pool.every,
            "methods": dict(pool.methods),
            "sources": dict(pool.sources),
            "left_out": dict(pool.left_out),
        },
        "conditions": {
            **{name: [v for v in span if math.isfinite(v)] for name, span in made.limits.ranges.items()},
            "codecs": list(made.limits.codecs),
            "precision": made.limits.precision,
        },
    }


def calibrated(card: Mapping[str, Any], made: Calibrated) -> tuple[dict[str, Any], bytes]:
    """A card, or what was measured of a foreign model, with this calibration; and the score list beside it."""
    scores = score_list(made)
    date = dt.datetime.now(dt.UTC).date().isoformat()
    return {**card, "calibration": card_table(made, scores, str(card["sha256"]).lower(), date)}, scores


def record(folder: Path, made: Calibrated) -> Mapping[str, Any]:
    """Put a calibration into the folder of the weights it was made with; all of the folder changes at once.

    Raises:
        WeightsError: the folder cannot be read or written.
    """
    try:
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        raw, scores = calibrated(tomllib.loads(files[CARD].decode()), made)
        parse_card(raw)
        replace_folder(folder, files | {CARD: card_text(raw).encode(), CALIBRATION_FILE: scores})
    except OSError as error:
        raise WeightsError(
            f"The calibration cannot be written ({error.strerror})", advice="Allow writing there", file=folder
        ) from error
    calibration_of(raw)
    return raw
