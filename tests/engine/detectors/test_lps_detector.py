"""The LPS detector: its network's own answers, the same to the bit whether examples are shared or not."""

import copy

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops

from engine.detectors.base import Clip
from engine.detectors.cards import parse_card
from engine.detectors.lps import PREDICTION_ERROR, LpsDetector
from engine.detectors.specs import detector_spec
from engine.faces.crops import crop_affines
from engine.networks.lps.network import Lps
from engine.results import CropSpec, FloatArray, Picture, frozen
from tests.engine.networks.lps.lps_weights import fill

SIZE = 64
CPU = torch.device("cpu")
CLIP = Clip(frozen(np.arange(60)), frozen(np.array([[0, 59]])))


@pytest.fixture(scope="module")
def network() -> Lps:
    network: Lps = detector_spec("lps-compact").build(SIZE)
    with torch.no_grad():
        fill(network)
    return network


def detector_of(network: Lps, **more: object) -> LpsDetector:
    values = card_values("lps-compact", network) | {"sha256": "0" * 64, "aligned": True} | more
    return LpsDetector("lps-compact", copy.deepcopy(network), parse_card(values), CPU)


def by_hand(network: Lps, crops: Picture) -> tuple[float, FloatArray]:
    """The score and the errors (12,) of the network as it was trained, in double precision, cell by cell."""
    exact = copy.deepcopy(network).double().eval()
    x = torch.from_numpy(crops).permute(0, 3, 1, 2).double() / 255
    mean, std = (
        torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (exact.input_mean, exact.input_std)
    )
    windows = ((x - mean) / std).view(1, 12, 5, 3, SIZE, SIZE).transpose(2, 3)
    found: list[list[float]] = [[] for _ in range(12)]
    with torch.no_grad():
        real, fake = exact(windows)[0].tolist()
        z = exact.encode(windows)
        for reverse in (False, True):
            made = exact.predict_next(z, reverse=reverse)
            predicted, true = (
                v[0].permute(0, 2, 3, 1).reshape(9, 4, -1).numpy() for v in (made.predicted, made.true)
            )
            scores = np.einsum("icd,jed->icje", predicted, true)
            for row, example in enumerate(made.examples):
                for cell in range(4):
                    share = np.exp(scores[row, cell, row, cell]) / np.exp(scores[row, cell]).sum()
                    found[example].append(-np.log(share) / np.log(36))
    assert [len(values) for values in found] == [4] * 3 + [8] * 6 + [4] * 3
    return fake - real, np.array([np.mean(values) for values in found])


def test_it_says_what_its_network_says(network: Lps) -> None:
    crops = noise_crops(60, SIZE)
    scores = detector_of(network).score_clip(CLIP, crops)
    logit, errors = by_hand(network, crops)
    assert scores.logits.shape == (1,)
    assert scores.logits[0] == pytest.approx(logit, rel=1e-3, abs=1e-4)
    assert scores.activations.keys() == {PREDICTION_ERROR}
    assert scores.activations[PREDICTION_ERROR].dtype == np.float32
    np.testing.assert_allclose(scores.activations[PREDICTION_ERROR], errors[None], rtol=1e-3)


def test_a_predictor_that_knows_nothing_is_at_chance(network: Lps) -> None:
    ignorant = copy.deepcopy(network)
    with torch.no_grad():
        ignorant.predictor.memory.zero_()
    errors = detector_of(ignorant).score_clip(CLIP, noise_crops(60, SIZE)).activations[PREDICTION_ERROR]
    np.testing.assert_allclose(errors, np.ones((1, 12)), rtol=1e-6)


def test_shared_examples_are_encoded_once_and_change_no_bit(network: Lps) -> None:
    film = noise_crops(150, SIZE)
    shared = detector_of(network)
    encoded: list[int] = []
    shared.network.encoder.register_forward_hook(lambda _m, args, _o: encoded.append(len(args[0])))
    for begin, new in ((0, 12), (30, 6), (60, 6), (90, 6), (60, 0), (0, 6)):  # 0 to 5 were forgotten
        before = len(encoded)
        found = shared.score_clip(CLIP, film[begin : begin + 60])
        assert len(encoded) - before == new
        alone = detector_of(network).score_clip(CLIP, film[begin : begin + 60])
        np.testing.assert_array_equal(found.logits, alone.logits)
        np.testing.assert_array_equal(found.activations[PREDICTION_ERROR], alone.activations[PREDICTION_ERROR])
        assert len(shared._encoded) <= 24
    assert set(encoded) == {1}


def test_a_single_changed_pixel_is_another_example(network: Lps) -> None:
    detector, film = detector_of(network), noise_crops(60, SIZE)
    before = detector.score_clip(CLIP, film)
    film[31, 10, 10] ^= 128
    after = detector.score_clip(CLIP, film)
    assert before.logits[0] != after.logits[0]
    np.testing.assert_array_equal(after.logits, detector_of(network).score_clip(CLIP, film).logits)


def test_a_still_face_is_encoded_once(network: Lps) -> None:
    detector = detector_of(network)
    found = detector.score_clip(CLIP, np.repeat(noise_crops(1, SIZE), 60, axis=0))
    assert len(detector._encoded) == 1
    assert np.isfinite(found.activations[PREDICTION_ERROR]).all()


def test_faces_are_aligned_as_the_card_says(network: Lps) -> None:
    boxes = np.array([[10, 10, 60, 60]], np.float32)
    points = np.array([[[25, 30], [42, 27], [34, 38], [28, 48], [41, 46]]], np.float32)
    for aligned in (True, False):
        affines = detector_of(network, aligned=aligned, margin=0.1).affines(boxes, points)
        np.testing.assert_array_equal(affines, crop_affines(boxes, points, CropSpec(SIZE, 0.1, aligned=aligned)))


def test_crops_of_another_size_are_refused(network: Lps) -> None:
    with pytest.raises(ValueError, match="crops must be"):
        detector_of(network).score_clip(CLIP, noise_crops(60, SIZE // 2))


@pytest.mark.parametrize(("name", "size", "cells"), [("lps-compact", 128, 4), ("lps", 224, 7)])
def test_the_networks_of_the_specs(name: str, size: int, cells: int) -> None:
    spec = detector_spec(name)
    assert spec.size == size
    assert spec.judges_clips
    with torch.device("meta"):
        network = spec.build(size)
    assert (network.config.cells, network.config.frames, network.config.examples) == (cells, 5, 12)
    widths, hidden, slots = network.config.widths, network.config.hidden, network.config.slots
    assert (widths, hidden, slots) == (
        ((16, 32, 64, 128), 128, 256) if name == "lps-compact" else ((64, 128, 256, 256), 256, 1024)
    )
