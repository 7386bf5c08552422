"""Where maps lie on pairs of real and forged pictures, against hand-made pairs and scipy's bootstrap."""

import json

import numpy as np
import pytest
from scipy.stats import bootstrap

from engine.evaluation.explanations.genuine import LocatedPair, as_data, figures, report_files, shown
from engine.evaluation.explanations.localisation import DIFFERENCE, Localisation, difference_mask
from engine.evaluation.explanations.record import Header
from engine.exports.files import json_text

HEADER = Header(
    {"id": "frame-mobile", "weights_sha256": "0" * 64, "device": "CPU", "precision": "float32"},
    {
        "gradcam": {
            "signed": True,
            "precision": "float32",
            "settings": {"layer": "last"},
            "sanity": {"verdict": "weak", "reason": "Measured."},
        }
    },
    "some",
    0,
    3,
    "compare",
    "2025-01-31",
    {"numpy": "2"},
    ("Not to be trusted",),
)


def pair(name: str, mass: float, pointing: float, chance: float = 0.25, probability: float = 0.9) -> LocatedPair:
    return LocatedPair(name, (name,), probability, {"gradcam": Localisation(mass, pointing, chance)})


def test_the_mask_is_where_the_pictures_differ() -> None:
    rng = np.random.default_rng(0)
    real = rng.integers(40, 200, (120, 120, 3), dtype=np.uint8)
    forged = (real + rng.integers(-2, 3, real.shape)).astype(np.uint8)  # what coding leaves everywhere
    forged[40:80, 30:90, 1] += 40  # one colour is enough
    mask = difference_mask(real, forged)
    assert mask.dtype == np.float32
    assert mask.shape == (120, 120)
    assert (mask[50:70, 40:80] == 1).all()
    assert (mask[:25] == 0).all()
    assert (mask[:, 105:] == 0).all()
    edge = difference_mask(real, (real + np.uint8(DIFFERENCE)))
    np.testing.assert_allclose(edge, 0.5, atol=1e-6)


def test_means_and_their_intervals_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    mass = rng.uniform(0.2, 0.9, 60)
    pairs = [pair(f"p{n}", float(m), float(n % 2)) for n, m in enumerate(mass)]
    found = figures(pairs, "gradcam", seed=5)
    theirs = bootstrap((mass,), np.mean, method="percentile", n_resamples=20000, rng=0).confidence_interval
    assert found["relevance mass"].value == pytest.approx(mass.mean())
    assert found["relevance mass"].low == pytest.approx(theirs.low, abs=0.006)
    assert found["relevance mass"].high == pytest.approx(theirs.high, abs=0.006)
    assert found["pointing"].value == pytest.approx(0.5)
    assert found["gain"].value == pytest.approx(mass.mean() - 0.25)
    assert (found["chance"].low, found["chance"].high) == pytest.approx((0.25, 0.25))


def test_pairs_of_one_person_are_drawn_together() -> None:
    """Ten pairs of each of two persons, all alike: a resample has one of three means."""
    pairs = [
        LocatedPair(f"{who}{n}", (who,), 0.9, {"gradcam": Localisation(mass, 1.0, 0.5)})
        for who, mass in (("a", 0.2), ("b", 0.8))
        for n in range(10)
    ]
    found = figures(pairs, "gradcam")["relevance mass"]
    assert (found.low, found.value, found.high) == pytest.approx((0.2, 0.5, 0.8))


def test_a_map_that_nowhere_supports_fake_counts_only_for_chance() -> None:
    pairs = [pair("a", 0.6, 1.0, 0.1), pair("b", float("nan"), float("nan"), 0.3)]
    found = figures(pairs, "gradcam")
    assert found["relevance mass"].value == pytest.approx(0.6)
    assert found["gain"].value == pytest.approx(0.5)
    assert found["chance"].value == pytest.approx(0.2)
    nothing = figures(pairs[1:], "gradcam")["relevance mass"]
    assert shown(nothing) == "not defined"


def test_the_report_and_the_data_say_all() -> None:
    pairs = [pair("a", 0.6, 1.0), pair("b", float("nan"), float("nan"), probability=0.2)]
    data = json.loads(json_text(as_data(HEADER, pairs)))
    assert data["means"]["gradcam"]["relevance mass"]["value"] == pytest.approx(0.6)
    assert data["pairs"][1]["explainers"]["gradcam"]["relevance_mass"] is None
    assert data["detector"]["weights_sha256"] == "0" * 64
    files = report_files(HEADER, pairs)
    assert set(files) == {"report.html", "report.md"}
    assert "All pairs: 2" in files["report.md"]
    assert "calls fake: 1" in files["report.md"]
    assert "0.600 (0.600 to 0.600)" in files["report.md"]
    assert "Not to be trusted" in files["report.html"]
