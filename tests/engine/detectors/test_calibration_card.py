"""The calibration in a card: read strictly, written whole, copied with the weights, absent in old cards."""

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibration_card import SCORES, calibration_table
from random_weights import card_values, random_network, write_random_weights

from engine.detectors.calibration import (
    CALIBRATION_FILE,
    calibration_bytes,
    calibration_of,
    logit,
    parse_calibration,
)
from engine.detectors.cards import card_text, load_card, parse_card
from engine.detectors.weights import copy_weights
from engine.errors import WeightsError

SHA = "ab" * 32


def test_probabilities_become_likelihood_ratios_within_the_bounds() -> None:
    made = parse_calibration(calibration_table(SHA), SHA)
    half, more = made.log10_ratio([0.5, 0.9])
    assert half == pytest.approx(0.1)
    assert more == pytest.approx(0.5 * math.log(9) + 0.1)
    assert made.log10_ratio([0.0, 1.0]).tolist() == [-1.2, 1.4]
    points = {"score": [-2.0, 0.0, 2.0], "log10_lr": [-0.8, 0.2, 0.9]}
    pav = parse_calibration(calibration_table(SHA, method="pav", parameters=points), SHA)
    assert pav.log10_ratio([0.5, 1 / (1 + math.exp(-1)), 0.0, 1.0]) == pytest.approx([0.2, 0.55, -0.8, 0.9])


def test_a_logit_is_finite_everywhere() -> None:
    p = np.array([0.2, 0.5, 0.99])
    assert logit(p) == pytest.approx(np.log(p / (1 - p)))
    assert logit([0, 1]) == pytest.approx([-13.8155, 13.8155], abs=1e-3)


def test_a_card_with_a_calibration_survives_being_written(tmp_path: Path) -> None:
    folder = write_random_weights(tmp_path, "frame-mobile")
    assert load_card(folder).calibration is None
    raw = tomllib.loads((folder / "card.toml").read_text())
    raw["calibration"] = calibration_table(raw["sha256"])
    (folder / "card.toml").write_text(card_text(raw))
    card = load_card(folder)
    assert card.calibration == parse_calibration(raw["calibration"], raw["sha256"])
    assert card.calibration is not None
    assert card.calibration.limits.ranges["scored_frames"] == (8.0, math.inf)
    assert card.calibration.pool.methods == {"FaceSwap": 20, "pseudo-fake": 5}


def test_headers_may_be_written_out() -> None:
    text = """
    [calibration.conditions]
    face_px = [60, 200]
    """
    parsed = tomllib.loads(text)["calibration"]["conditions"]
    table = calibration_table(SHA, conditions=parsed)
    assert parse_calibration(table, SHA).limits.ranges["face_px"] == (60.0, 200.0)


def test_weights_are_copied_with_their_calibration_and_not_with_another(tmp_path: Path) -> None:
    folder = write_random_weights(tmp_path, "frame-mobile")
    raw = tomllib.loads((folder / "card.toml").read_text())
    raw["calibration"] = calibration_table(raw["sha256"])
    (folder / "card.toml").write_text(card_text(raw))
    with pytest.raises(WeightsError, match="cannot be read"):
        copy_weights(folder, tmp_path / "copy")
    (folder / CALIBRATION_FILE).write_bytes(SCORES)
    copy_weights(folder, tmp_path / "copy")
    assert (tmp_path / "copy" / CALIBRATION_FILE).read_bytes() == SCORES
    (folder / CALIBRATION_FILE).write_bytes(SCORES + b" ")
    card = load_card(folder)
    assert card.calibration is not None
    with pytest.raises(WeightsError, match="not those of the card"):
        calibration_bytes(folder, card.calibration)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights_sha256": "cd" * 32}, "other weights"),
        ({"method": "guess"}, "no calibration method guess"),
        ({"parameters": {"slope": -0.5, "intercept": 0}}, "must be positive"),
        ({"parameters": {"slope": 0.5}}, "parameters.intercept"),
        ({"parameters": {"slope": math.nan, "intercept": 0}}, "finite"),
        ({"method": "pav", "parameters": {"score": [0, 1], "log10_lr": [1, 0]}}, "must rise"),
        ({"method": "pav", "parameters": {"score": [0, 1], "log10_lr": [0]}}, "must rise"),
        ({"bounds": [0.1, 1]}, "bounds"),
        ({"bounds": [-1, 3.0]}, "bounds"),
        ({"bounds": [-1, 1, 2]}, "bounds"),
        ({"bounds": [-1.5, 1]}, "bounds"),
        ({"cllr": [-0.1, 0.5, 0.6]}, "figures"),
        ({"cllr_min": [0.5, 0.9, 0.6]}, "figures"),
        ({"cllr": 0.5}, "list of 3"),
        ({"ece": 1.2}, "figures"),
        ({"date": "yesterday"}, "isoformat"),
        ({"sha256": "12"}, "64 hexadecimal"),
        ({"surprise": 1}, "unknown field surprise"),
        ({"pool": {}}, "pool.data"),
        ({"conditions": {"face_px": [200, 60]}}, "no range"),
        ({"conditions": {"face_px": [60, math.inf]}}, "finite"),
        ({"conditions": {"face_px": [60]}}, "lowest and a highest"),
        ({"conditions": {"scored_frames": []}}, "lowest and a highest"),
        ({"conditions": {"face_px": "wide"}}, "lowest and a highest"),
        ({"conditions": {"codecs": []}}, "codecs"),
        ({"conditions": {"moon": 1}}, "unknown field moon"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], message: str) -> None:
    table = calibration_table(SHA, conditions=changes.get("conditions", {}))
    table |= {name: value for name, value in changes.items() if name != "conditions"}
    with pytest.raises((KeyError, TypeError, ValueError), match=message):
        parse_calibration(table, SHA)


def test_a_pool_must_add_up() -> None:
    table = calibration_table(SHA)
    table["pool"]["n_forged"] = 24
    with pytest.raises(ValueError, match="do not add up"):
        parse_calibration(table, SHA)


def test_a_card_with_a_calibration_of_other_weights_is_no_card() -> None:
    values = card_values("frame-mobile", random_network("frame-mobile")) | {"sha256": SHA}
    assert parse_card(values).calibration is None
    assert calibration_of(values | {"calibration": calibration_table(SHA)}) is not None
    with pytest.raises(ValueError, match="other weights"):
        parse_card(values | {"calibration": calibration_table("cd" * 32)})


def test_the_table_in_the_guide_can_be_read() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "calibration.md").read_text(encoding="utf-8")
    text = guide.split("```toml")[1].split("```")[0].replace('"..."', f'"{SHA}"')
    made = parse_calibration(tomllib.loads(text)["calibration"], SHA)
    assert made.limits.ranges["scored_frames"] == (8.0, math.inf)
