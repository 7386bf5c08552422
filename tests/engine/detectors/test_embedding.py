"""Embeddings of DPNet and LPS: what their networks hold inside, in double precision, beside unchanged scores."""

import copy
from unittest.mock import create_autospec

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops

from engine.detectors.base import Clip, ClipDetector, Detector
from engine.detectors.cards import parse_card
from engine.detectors.dpnet import DpnetDetector, grid_clips
from engine.detectors.embedding import Embedding
from engine.detectors.flow_card import flow_table
from engine.detectors.lps import LpsDetector
from engine.detectors.specs import detector_spec
from engine.errors import UsageError
from engine.faces.flow import FlowSpec, make_clip, network_input
from engine.networks.dpnet.network import DpNetwork
from engine.networks.lps.network import Lps
from engine.results import frozen
from tests.engine.networks.lps.lps_weights import fill

SIZE = 64
CPU = torch.device("cpu")
WINDOW = Clip(frozen(np.arange(60)), frozen(np.array([[0, 59]])))


@pytest.fixture(scope="module")
def lps() -> Lps:
    network: Lps = detector_spec("lps-compact").build(SIZE)
    with torch.no_grad():
        fill(network)
    return network


def lps_detector(network: Lps) -> LpsDetector:
    values = card_values("lps-compact", network) | {"sha256": "0" * 64, "aligned": True}  # type: ignore[arg-type]
    return LpsDetector("lps-compact", copy.deepcopy(network), parse_card(values), CPU)


def test_lps_gives_what_encoder_and_aggregators_hold(lps: Lps) -> None:
    crops = noise_crops(60, SIZE)
    found = lps_detector(lps).embed_clip(WINDOW, crops).activations
    exact = copy.deepcopy(lps).double().eval()
    mean, std = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (exact.input_mean, exact.input_std))
    frames = (torch.from_numpy(crops).permute(0, 3, 1, 2).double() / 255 - mean) / std
    judged: list[torch.Tensor] = []
    handle = exact.classifier.register_forward_pre_hook(lambda _m, args: judged.append(args[0]))
    with torch.no_grad():
        z = [exact.encoder(frames[at : at + 5].transpose(0, 1)[None])[0].numpy() for at in range(0, 60, 5)]
        exact(frames.view(1, 12, 5, 3, SIZE, SIZE).transpose(2, 3))
        single = [exact.encoder.frame_features(frame[None, :, None])[0, :, 0].numpy() for frame in frames]
    handle.remove()
    spatial = np.array([np.mean([example[channel] for example in z]) for channel in range(z[0].shape[0])])
    np.testing.assert_allclose(found["spatial"], spatial[None], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["context"], judged[0].numpy(), rtol=1e-3, atol=1e-4)
    maps = [each.mean(axis=0) for each in single]
    second = [maps[at - 1] - 2 * maps[at] + maps[at + 1] for at in range(1, 59)]
    assert len(second) == 58
    np.testing.assert_allclose(found["second-difference"], second[29].reshape(1, -1), rtol=1e-3, atol=1e-3)
    size = np.mean([np.abs(each) for each in second], axis=0)
    np.testing.assert_allclose(found["second-difference-size"], size.reshape(1, -1), rtol=1e-3, atol=1e-3)


def test_the_scores_of_lps_are_the_same_to_the_bit(lps: Lps) -> None:
    crops = noise_crops(60, SIZE)
    one, other = lps_detector(lps).score_clip(WINDOW, crops), lps_detector(lps).embed_clip(WINDOW, crops)
    np.testing.assert_array_equal(one.logits, other.logits)
    np.testing.assert_array_equal(one.activations["prediction-error"], other.activations["prediction-error"])


@pytest.fixture(scope="module")
def dpnet() -> DpNetwork:
    torch.manual_seed(0)
    made: DpNetwork = detector_spec("dpnet-compact").build(SIZE)
    with torch.no_grad():
        for norm in (m for m in made.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.momentum = None
        made.train()(torch.randn(8, 23, SIZE, SIZE))
    return made.eval()


FLOW = FlowSpec(SIZE, 96, bound=5.0)


def dpnet_detector(network: DpNetwork) -> DpnetDetector:
    values = card_values("dpnet-compact", network)  # type: ignore[arg-type]
    values |= {"margin": 0.4, "flow": flow_table(FLOW, 5), "sha256": "0" * 64}
    return DpnetDetector("dpnet-compact", copy.deepcopy(network), parse_card(values), CPU)


def test_dpnet_gives_the_mean_of_the_cells_that_meet_its_prototypes(dpnet: DpNetwork) -> None:
    crops, detector = noise_crops(11, 96), dpnet_detector(dpnet)
    (clip,) = grid_clips(0, 10, FLOW.offsets, 5)
    found = detector.embed_clip(clip, crops)
    x = network_input(make_clip(crops, FLOW), FLOW, detector.card.mean, detector.card.std)
    with torch.no_grad():
        cells = copy.deepcopy(dpnet).double().features(torch.from_numpy(x[None]).double())[0].numpy()
    expected = [np.mean([value for row in channel for value in row]) for channel in cells]
    np.testing.assert_allclose(found.activations["features"], [expected], rtol=1e-3, atol=1e-4)
    scored = dpnet_detector(dpnet).score_clip(clip, crops)
    np.testing.assert_array_equal(found.logits, scored.logits)
    np.testing.assert_array_equal(found.activations["similarity"], scored.activations["similarity"])
    assert scored.activations.keys() == {"similarity"}


def test_an_embedding_detector_plans_and_cuts_as_the_other_one_and_keeps_its_results_apart(lps: Lps) -> None:
    plain = lps_detector(lps)
    embedding = Embedding(plain)
    for mine, theirs in zip(embedding.plan(3, 200, 40), plain.plan(3, 200, 40), strict=True):
        np.testing.assert_array_equal(mine.frames, theirs.frames)
    boxes = np.array([[10, 10, 60, 60]], np.float32)
    points = np.array([[[25, 30], [42, 27], [34, 38], [28, 48], [41, 46]]], np.float32)
    np.testing.assert_array_equal(embedding.affines(boxes, points), plain.affines(boxes, points))
    assert embedding.provenance(every=5).settings_hash != plain.provenance(every=5).settings_hash
    assert "spatial" in embedding.score_clip(WINDOW, noise_crops(60, SIZE)).activations


def test_detectors_without_embeddings_are_refused() -> None:
    for kind in (Detector, ClipDetector):
        other = create_autospec(kind, instance=True, id="another")
        with pytest.raises(UsageError, match="another gives no embeddings"):
            Embedding(other)
