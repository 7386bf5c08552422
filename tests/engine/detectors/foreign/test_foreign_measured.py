"""What is measured of a foreign model counts for that model, fed in that way, and for no other."""

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from calibration_card import SCORES, calibration_table
from onnx_models import linear, write

from engine import paths
from engine.detectors.calibration import calibration_bytes, calibration_of
from engine.detectors.foreign.detector import load_foreign
from engine.detectors.foreign.measured import (
    UNTRUSTED,
    foreign_card,
    measured_path,
    new_measured,
    read_measured,
    write_measured,
)
from engine.detectors.foreign.settings import parse_settings
from engine.detectors.foreign.shelf import foreign_infos, import_model
from engine.errors import WeightsError
from engine.evaluation.evaluate import Figure
from engine.training.card import DEV, with_figures

SHA = "a" * 64


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "mine.onnx", linear())


def settings_of(model: Path):  # type: ignore[no-untyped-def]
    return parse_settings(tomllib.loads(model.with_suffix(".toml").read_text()))


def figure(low: float) -> Figure:
    return Figure(
        protocol=DEV,
        level="video",
        metric="AUC",
        value=0.8,
        low=low,
        high=0.9,
        n_real=30,
        n_fake=31,
        over="persons",
    )


def test_trust_follows_from_the_figures_as_for_our_own_weights(model: Path) -> None:
    settings = settings_of(model)
    assert foreign_card(model, SHA, settings)["trust_reason"] == UNTRUSTED
    for low, trusted in ((0.7, False), (0.71, True)):
        write_measured(model, with_figures(new_measured(SHA, settings, {}), [figure(low)], "made"))
        card = foreign_card(model, SHA, settings)
        assert card["trustworthy"] is trusted
        assert "31 genuine forgeries and 30 real clips" in card["trust_reason"]
    for sha256, fed in (("b" * 64, settings), (SHA, replace(settings, scale=1.0))):
        assert read_measured(model, sha256, fed) == {}
        assert foreign_card(model, sha256, fed)["trustworthy"] is False


def test_a_new_measurement_is_seen_and_keeps_the_id(model: Path) -> None:
    before = load_foreign(model, "cpu")
    write_measured(model, with_figures(before.measured, [figure(0.71)], "made"))
    assert not before.current
    after = load_foreign(model, "cpu")
    assert (after.id, before.trustworthy, after.trustworthy) == (before.id, False, True)
    assert after.info().card["measures"][0]["value"] == 0.8
    before.close()
    after.close()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("trustworthy = false", "trustworthy = 1", "true or false"),
        ("trustworthy = false", "", "lacks 'trustworthy'"),
        ('method = "logistic"', 'method = "magic"', "no calibration method magic"),
        (f'weights_sha256 = "{SHA}"', f'weights_sha256 = "{"b" * 64}"', "other weights"),
        ("[calibration]", "[calibration", "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_an_error_that_names_the_file(
    model: Path, old: str, new: str, complaint: str
) -> None:
    settings = settings_of(model)
    write_measured(model, new_measured(SHA, settings, {"calibration": calibration_table(SHA)}), SCORES)
    assert calibration_of(foreign_card(model, SHA, settings)) is not None
    path = measured_path(model)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(WeightsError, match=complaint) as caught:
        foreign_card(model, SHA, settings)
    assert caught.value.file == path


def test_an_import_takes_along_what_was_measured(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model.parent / "weights"
    monkeypatch.setattr(paths, "weights_dirs", lambda: (folder,))
    text = model.with_suffix(".toml").read_text()
    model.with_suffix(".toml").write_text(text.replace("[output]", '[output]\nname = "y"'))
    detector = load_foreign(model, "cpu")
    table = calibration_table(detector.weights_sha256)
    write_measured(model, {**detector.measured, "calibration": table}, SCORES)
    detector.close()
    new = import_model(model, settings_of(model))
    (info,) = foreign_infos()
    assert (info.id, info.trained, info.problem) == (new, True, "")
    made = calibration_of(info.card)
    assert made is not None
    assert calibration_bytes(Path(info.folder), made) == SCORES
    shutil.rmtree(folder)
    measured_path(model).unlink()
    import_model(model, settings_of(model))
    (bare,) = foreign_infos()
    assert calibration_of(bare.card) is None
