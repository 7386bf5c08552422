"""The snippet detector: its network's own answers, at the right frames, whatever folding does to the network."""

import copy

import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops, random_snippets

from engine.detectors.base import Clip
from engine.detectors.cards import parse_card
from engine.detectors.snippets import SNIPPETS, SnippetDetector
from engine.networks.snippets.network import SnippetNetwork
from engine.results import frozen

SIZE, T = 64, 4
CPU = torch.device("cpu")
"""The compact network is small enough for every test; ResNet-50 differs by its trunk alone."""


@pytest.fixture(scope="module")
def network() -> SnippetNetwork:
    return random_snippets("snippet-compact", SIZE)


@pytest.fixture(scope="module")
def detector(network: SnippetNetwork) -> SnippetDetector:
    card = parse_card(card_values("snippet-compact", network) | {"sha256": "0" * 64})
    return SnippetDetector("snippet-compact", copy.deepcopy(network), card, CPU)


def plain(network: SnippetNetwork, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frame logits and U-T map (U, T) of the network as it was trained."""
    x = torch.from_numpy(crops).permute(0, 3, 1, 2).double() / 255
    mean, std = (
        torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (network.input_mean, network.input_std)
    )
    with torch.no_grad():
        out = network.double().eval().forward_with_attention(((x - mean) / std).view(1, -1, T, 3, SIZE, SIZE))
    network.float()
    return out.frame_logits[0].numpy(), out.u_t[0].numpy()


@pytest.mark.parametrize("snippets", [1, 3, SNIPPETS])
def test_it_says_what_its_network_says(network: SnippetNetwork, detector: SnippetDetector, snippets: int) -> None:
    crops = noise_crops(snippets * T, SIZE)
    frames = np.arange(100, 100 + snippets * T)
    clip = Clip(frames, frames.reshape(-1, T)[:, [0, -1]])
    scores = detector.score_clip(clip, crops)
    logits, u_t = plain(network, crops)
    np.testing.assert_allclose(scores.activations["frame-logits"], logits, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(scores.activations["u-t"], u_t, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(scores.logits, logits.mean(1), rtol=1e-3, atol=1e-3)


def test_spans_at_the_ends_get_the_snippets_that_hold_them(detector: SnippetDetector) -> None:
    crops = noise_crops(SNIPPETS * T, SIZE)
    before, grid, after = detector.plan(30, 65)[0], detector.plan(30, 65)[1], detector.plan(30, 65)[-1]
    assert [c.frames[0] for c in (before, grid, after)] == [30, 32, 34]
    whole = detector.score_clip(Clip(grid.frames, grid.spans), crops)
    assert [c.spans.tolist() for c in (before, after)] == [[[30, 31]], [[64, 65]]]
    for clip, rows, columns in ((before, [0], [0, 1, 2, 3]), (after, [7], [2, 3, 0, 1])):
        part = detector.score_clip(clip, crops)
        np.testing.assert_array_equal(part.logits, whole.logits[rows])
        for name in ("u-t", "frame-logits"):  # the frames of the span come first
            np.testing.assert_array_equal(part.activations[name], whole.activations[name][rows][:, columns])


def test_of_a_stretch_played_to_and_fro_each_frame_counts_once(detector: SnippetDetector) -> None:
    (short,) = detector.plan(7, 9)
    assert short.frames.tolist() == [7, 8, 9, 8]
    crops = noise_crops(T, SIZE)
    found = detector.score_clip(short, crops).activations["u-t"]
    plain = detector.score_clip(Clip(np.arange(4), np.array([[0, 3]])), crops).activations["u-t"]
    np.testing.assert_array_equal(found, plain)


def test_a_clip_is_cut_with_one_square(detector: SnippetDetector) -> None:
    boxes = np.array([[10, 10, 50, 60], [16, 10, 56, 60], [12, 10, 52, 60]], np.float32)
    affines = detector.affines(boxes, np.zeros((3, 5, 2), np.float32))
    assert (affines == affines[0]).all()
    side = affines[0, 0, 0] * SIZE
    assert side == pytest.approx(50 + 6)  # the box's larger side and the way of its centre
    centre = affines[0, :, 2] + side / 2
    np.testing.assert_allclose(centre, [33, 35], atol=1e-3)


def test_crops_of_another_size_are_refused(detector: SnippetDetector) -> None:
    clip = Clip(frozen(np.arange(4)), frozen(np.array([[0, 3]])))
    with pytest.raises(ValueError, match="crops must be"):
        detector.score_clip(clip, noise_crops(4, SIZE // 2))
