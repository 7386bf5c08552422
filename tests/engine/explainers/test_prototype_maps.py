"""Maps of DPNet's prototypes and its trunk, against loops and finite differences in double precision."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from random_weights import random_dpnet
from test_gradcam import hooks

from engine import paths
from engine.detectors.dpnet import DpnetDetector, grid_clips
from engine.detectors.prototypes import prototype_files
from engine.detectors.weights import save_weights
from engine.errors import UsageError
from engine.explainers.base import ClipMaps
from engine.explainers.clip_gradcam import ClipGradCam
from engine.explainers.prediction_error import PredictionError
from engine.explainers.prototype_gradient import PrototypeGradient, PrototypeGradientSettings
from engine.explainers.prototypes import STRONGEST, Prototypes
from engine.explainers.registry import explainer_settings, load_explainer
from engine.faces.flow import make_clip, network_input
from engine.networks.dpnet.network import DpNetwork
from tests.engine.detectors.test_dpnet_detector import FLOW, ID, OFFSETS, SIZE, made, moving, prototypes, values

(CLIP,) = grid_clips(100, 110, OFFSETS, 5)
SIDES = np.where(np.arange(20) < 10, -1.5, 1.5)


@pytest.fixture(scope="module")
def network() -> DpNetwork:
    return random_dpnet(ID, SIZE)


@pytest.fixture(scope="module")
def detector(network: DpNetwork) -> DpnetDetector:
    return made(network)


@pytest.fixture(scope="module")
def exact(network: DpNetwork) -> DpNetwork:
    return copy.deepcopy(network).double().eval()


@pytest.fixture
def folder(network: DpNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where weights are looked for, with some there."""
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path / "user")
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path / "weights")
    files = prototype_files(prototypes(network), np.zeros((20, 10, 2, 8, 8), np.float32))
    save_weights(tmp_path / "weights" / ID, network, values(network), torch.float16, files)
    return tmp_path / "weights"


def seen(network: DpNetwork, seed: int = 0) -> torch.Tensor:
    """The clip as the network sees it, in double precision."""
    x = network_input(make_clip(moving(seed), FLOW), FLOW, network.input_mean, network.input_std)
    return torch.from_numpy(x[None]).double()


def similarities(network: DpNetwork, x: torch.Tensor) -> np.ndarray:
    """(m, h, w), cell by cell."""
    with torch.no_grad():
        (z,) = network.features(x).numpy()
    vectors = network.prototypes.vectors.detach().numpy()[:, :, 0, 0]
    found = np.empty((len(vectors), *z.shape[1:]))
    for j, row, column in np.ndindex(*found.shape):
        found[j, row, column] = 1 / (1 + ((z[:, row, column] - vectors[j]) ** 2).sum())
    return found


def check_one_for_all(maps: ClipMaps, expected: np.ndarray, atol: float) -> None:
    assert maps.values.dtype == np.float32
    assert maps.values.shape == (len(OFFSETS), *expected.shape)
    assert (maps.values == maps.values[0]).all(), "the clip has one map"
    np.testing.assert_allclose(maps.values[0], expected, rtol=2e-3, atol=atol)


@pytest.mark.parametrize("seed", [0, 3])
def test_of_the_strongest_prototype_it_is_its_share_of_the_logit(
    detector: DpnetDetector, exact: DpNetwork, seed: int
) -> None:
    found = similarities(exact, seen(exact, seed))
    shares = SIDES * found.max((1, 2))
    strongest = int(np.abs(shares).argmax())
    maps = Prototypes().explain(detector, CLIP, moving(seed))
    check_one_for_all(maps, SIDES[strongest] * found[strongest], atol=1e-4)
    np.testing.assert_array_equal(maps.logits, detector.score_clip(CLIP, moving(seed)).logits)
    assert np.abs(maps.values).max() == pytest.approx(abs(shares[strongest]), rel=2e-3)


@pytest.mark.parametrize(("name", "place"), [("real 0", 0), ("fake 17", 17)])
def test_a_prototype_can_be_chosen_by_its_name(
    folder: Path, detector: DpnetDetector, exact: DpNetwork, name: str, place: int
) -> None:
    assert folder.is_dir()
    explainer = load_explainer("prototypes", ID, {"prototype": name})
    assert isinstance(explainer, Prototypes)
    assert name in explainer.title
    maps = explainer.explain(detector, CLIP, moving())
    check_one_for_all(maps, SIDES[place] * similarities(exact, seen(exact))[place], atol=1e-4)
    assert (maps.values > 0).all() == (place >= 10)


def test_names_are_those_of_the_weights(folder: Path) -> None:
    (setting,) = explainer_settings("prototypes", ID)
    names = [f"real {j}" for j in range(10)] + [f"fake {j}" for j in range(10, 20)]
    assert setting.default == STRONGEST
    assert list(setting.options) == [STRONGEST, *names]
    with pytest.raises(UsageError, match="cannot be fake 3"):
        load_explainer("prototypes", ID, {"prototype": "fake 3"})
    (folder / ID / "card.toml").unlink()
    assert explainer_settings("prototypes", ID)[0].options == (STRONGEST,)


def test_the_gradient_agrees_with_finite_differences(detector: DpnetDetector, exact: DpNetwork) -> None:
    maps = {
        planes: PrototypeGradient(PrototypeGradientSettings(planes=planes)).explain(detector, CLIP, moving())
        for planes in ("all", "colour", "motion")
    }
    x, step = seen(exact), 1e-6
    strongest = int(similarities(exact, x).max((1, 2)).argmax())
    most = np.unravel_index(maps["all"].values[0].argmax(), (SIZE, SIZE))
    for row, column in (most, (40, 17)):
        moved = x.repeat(46, 1, 1, 1)
        for plane in range(23):
            moved[plane, plane, row, column] += step
            moved[23 + plane, plane, row, column] -= step
        with torch.no_grad():
            up, down = exact(moved).similarities[:, strongest].split(23)
        slopes = ((up - down) / (2 * step)).abs().numpy()
        for planes, part in (("all", slice(23)), ("colour", slice(3)), ("motion", slice(3, 23))):
            assert maps[planes].values[0, row, column] == pytest.approx(slopes[part].sum(), rel=5e-3)
    for each in maps.values():
        assert each.values.shape == (len(OFFSETS), SIZE, SIZE)
        assert (each.values >= 0).all()
        np.testing.assert_allclose(each.logits, detector.score_clip(CLIP, moving()).logits, rtol=1e-5)


def test_gradcam_of_the_trunk_agrees_with_finite_differences(detector: DpnetDetector, exact: DpNetwork) -> None:
    """L at a cell is 1 / (h w) times how the logit grows where all of A grows by what A is in that cell."""
    maps = ClipGradCam().explain(detector, CLIP, moving())
    x, step = seen(exact), 1e-6
    with torch.no_grad():
        a = exact.trunk(x)
        expected = np.empty(a.shape[2:])
        for row, column in np.ndindex(*expected.shape):
            by = step * a[:, :, row, column, None, None]
            logits = [exact.judge(exact.add_on(a + sign * by)).logits[0] for sign in (1, -1)]
            slope = (logits[0] - logits[1]) / (2 * step) / expected.size
            expected[row, column] = float(slope[1] - slope[0])
    check_one_for_all(maps, expected, atol=2e-3 * float(np.abs(expected).max()))
    assert (expected < 0).any()
    assert (expected > 0).any()
    np.testing.assert_allclose(maps.logits, detector.score_clip(CLIP, moving()).logits, rtol=1e-4)


def test_nothing_is_left_behind_and_titles_say_what_it_is_not(detector: DpnetDetector) -> None:
    before = hooks(detector.network)
    for explainer in (ClipGradCam(), Prototypes(), PrototypeGradient()):
        explainer.explain(detector, CLIP, moving())
    assert hooks(detector.network) == before
    assert all(p.grad is None and not p.requires_grad for p in detector.network.parameters())
    assert not PrototypeGradient.signed
    assert PrototypeGradient().title == "prototype-gradient, the strongest"
    assert PrototypeGradient(PrototypeGradientSettings(planes="motion")).title.endswith("by motion")
    with pytest.raises(UsageError, match="none"):
        PredictionError().explain(detector, CLIP, moving())
