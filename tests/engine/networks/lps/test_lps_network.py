"""LPS against loops in double precision, closed forms, the sizes of the paper, and its own symmetries."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from lps_weights import fill, film, wave
from torch import Tensor

from engine.networks.blank import Blank
from engine.networks.lps.config import COMPACT, LpsConfig
from engine.networks.lps.gru import ConvGru
from engine.networks.lps.network import Lps
from engine.networks.lps.predictor import Predictor
from engine.training.lps.contrastive import contrastive_loss

TINY = LpsConfig(size=64, examples=6, widths=(3, 4, 5, 6), hidden=7, slots=9)
VARIANTS = {
    "full": TINY,
    "recursive": replace(TINY, prediction="recursive"),
    "no encoder": replace(TINY, encoder="none"),
    "no aggregator": replace(TINY, aggregator=False),
    "no memory": replace(TINY, memory=False),
}


def build(config: LpsConfig) -> Lps:
    network = Lps(config).double().eval()
    fill(network)
    return network


def features(config: LpsConfig, videos: int = 2) -> Tensor:
    channels = 240 if config.encoder == "none" else config.widths[-1]
    return wave((videos, config.examples, channels, 2, 2), 0.4)


# The aggregator


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def naive_gru(gru: ConvGru, x: Tensor, kept: float = 1.0) -> np.ndarray:
    """The four equations, one number at a time; `kept` scales the state after each step."""
    gates = {
        name: (
            getattr(gru, f"{name}_gate").weight[:, :, 0, 0].tolist(),
            getattr(gru, f"{name}_gate").bias.tolist(),
        )
        for name in ("update", "reset", "out")
    }

    def answer(name: str, values: list[float], unit: int) -> float:
        weights, biases = gates[name]
        return biases[unit] + sum(w * value for w, value in zip(weights[unit], values, strict=True))

    b, m, _, h, w = x.shape
    states = np.zeros((b, m, gru.hidden, h, w))
    for video, row, column in np.ndindex(b, h, w):
        state = [0.0] * gru.hidden
        for t in range(m):
            now = x[video, t, :, row, column].tolist()
            u = [sigmoid(answer("update", now + state, k)) for k in range(gru.hidden)]
            r = [sigmoid(answer("reset", now + state, k)) for k in range(gru.hidden)]
            gated = [a * s for a, s in zip(r, state, strict=True)]
            o = [math.tanh(answer("out", now + gated, k)) for k in range(gru.hidden)]
            state = [kept * ((1 - u[k]) * state[k] + u[k] * o[k]) for k in range(gru.hidden)]
            states[video, t, :, row, column] = state
    return states


@pytest.fixture
def gru() -> ConvGru:
    gru = ConvGru(3, 4).double().eval()
    fill(gru)
    return gru


def test_the_gru_is_its_equations(gru: ConvGru) -> None:
    x = wave((2, 5, 3, 2, 3), 0.9)
    with torch.no_grad():
        np.testing.assert_allclose(gru(x).numpy(), naive_gru(gru, x), atol=1e-12)


def test_what_is_dropped_of_the_state_is_missing_in_the_next_step(gru: ConvGru) -> None:
    assert gru.dropout.p == 0.1
    gru.dropout.forward = lambda state: 0.5 * state
    x = wave((1, 4, 3, 1, 2), 0.9)
    with torch.no_grad():
        np.testing.assert_allclose(gru(x).numpy(), naive_gru(gru, x, kept=0.5), atol=1e-12)


def test_gradients_of_the_gru(gru: ConvGru) -> None:
    assert torch.autograd.gradcheck(gru, (wave((1, 3, 3, 1, 2), 0.9).requires_grad_(),))


# The predictor


def test_the_predictor_mixes_the_slots_of_its_memory() -> None:
    predictor = Predictor(3, 2, 5).double()
    fill(predictor)
    context = wave((2, 3, 2, 2), 0.9)
    with torch.no_grad():
        predicted = predictor(context)
    first, second = predictor.phi[0], predictor.phi[2]
    for video, row, column in np.ndindex(2, 2, 2):
        c = context[video, :, row, column].numpy()
        hidden = np.maximum(first.weight[:, :, 0, 0].detach().numpy() @ c + first.bias.detach().numpy(), 0)
        scores = second.weight[:, :, 0, 0].detach().numpy() @ hidden + second.bias.detach().numpy()
        shares = np.exp(scores) / np.exp(scores).sum()
        wanted = sum(share * slot for share, slot in zip(shares, predictor.memory.detach().numpy(), strict=True))
        np.testing.assert_allclose(predicted[video, :, row, column], wanted, atol=1e-12)
    assert torch.autograd.gradcheck(predictor, (context.requires_grad_(),))


def test_without_memory_the_predictor_gives_features_of_any_size() -> None:
    predictor = Predictor(3, 2, None).double()
    fill(predictor)
    assert "memory" not in predictor.state_dict()
    with torch.no_grad():
        predicted = predictor(wave((2, 3, 2, 2), 0.9) * 100)
    assert predicted.shape == (2, 2, 2, 2)
    assert predicted.abs().max() > 10


# Sizes of the paper


def test_shapes_and_sizes_of_the_full_network() -> None:
    with torch.device("meta"), Blank():
        network, windows = Lps(LpsConfig()).eval(), torch.empty(2, 12, 3, 5, 224, 224)
    with torch.no_grad():
        z = network.encode(windows)
        assert z.shape == (2, 12, 256, 7, 7)
        assert network.contexts(z, reverse=True).shape == (2, 12, 256, 7, 7)
        assert network.descriptors(z).shape == (2, 512)
        assert network(windows).shape == (2, 2)
        assert network.predictor.hypotheses(z[:, 0]).shape == (2, 1024, 7, 7)
    assert network.predictor.memory.shape == (1024, 256)
    assert network.classifier[-1].weight.shape == (2, 512)
    sizes = [
        round(sum(p.numel() for p in part.parameters()) / 1e6, 2)
        for part in (network.forward_aggregator, network.backward_aggregator, network.predictor.phi)
    ]
    assert sizes == [0.39, 0.39, 0.33]


@pytest.mark.parametrize(("mode", "count"), [("one-step", 9), ("recursive", 3)])
def test_which_examples_are_predicted(mode: str, count: int) -> None:
    network = Lps(replace(COMPACT, prediction=mode)).eval()
    z = torch.randn(1, 12, 128, 7, 7)
    with torch.no_grad():
        after, before = network.predict(z)
    assert after.examples == tuple(range(12 - count, 12))
    assert before.examples == tuple(range(count - 1, -1, -1))
    for found in (after, before):
        assert found.predicted.shape == (1, count, 128, 7, 7)
        torch.testing.assert_close(found.true, z[:, list(found.examples)])


def test_orthogonal_start() -> None:
    for gain in (0.1, 1.0):
        network = Lps(replace(COMPACT, gain=gain))
        gates = [network.forward_aggregator.out_gate, network.backward_aggregator.reset_gate]
        for layer in (*gates, network.predictor.phi[2]):
            strengths = torch.linalg.svdvals(layer.weight.detach()[:, :, 0, 0])
            torch.testing.assert_close(strengths, torch.full_like(strengths, gain), atol=1e-4, rtol=1e-4)
            assert not layer.bias.any()


# What may look at what


@pytest.mark.parametrize("name", VARIANTS)
def test_a_prediction_has_seen_nothing_of_what_it_predicts(name: str) -> None:
    network = build(VARIANTS[name])
    z = features(VARIANTS[name], 1).requires_grad_()
    recursive = VARIANTS[name].prediction == "recursive"
    for reverse, found in zip((False, True), network.predict(z), strict=True):
        for place, example in enumerate(found.examples):
            seen = torch.autograd.grad(found.predicted[0, place].sum(), z, retain_graph=True)[0]
            sources = {i for i in range(z.shape[1]) if seen[0, i].any()}
            before = set(range(example + 1, 6)) if reverse else set(range(example))
            if recursive:
                before -= set(found.examples)
            if name == "no aggregator":
                before = {example + 1 if reverse else example - 1}
            assert sources == before


def test_numbers_of_memdpc() -> None:
    """What MemDPC's network (commit 775c264) gives in double precision with these weights and this film.

    The numbers come from a transcription of it with 3D convolutions, written apart from this code.
    """
    network = build(LpsConfig(size=64, examples=6, prediction="recursive"))
    with torch.no_grad():
        z = network.encode(film(2, 6, 64))
        context = network.descriptors(z)
        losses = [float(contrastive_loss(found.predicted, found.true)) for found in network.predict(z)]
    features = [1.9145189, 4.2229439, 2.5469135, 4.3427958, 2.7200023, 1.92843, 7.4317181, 4.2454303]
    states = [
        *(0.999317063, -0.108784901, -0.999999803, 0.2829695),
        *(-0.507386036, -0.999203598, 0.407103796, -0.002473592),
    ]
    np.testing.assert_allclose(z[:, :, ::51, 1, 0].flatten()[:24:3], features, atol=1e-6)
    np.testing.assert_allclose(context[1, ::73], states, atol=1e-8)
    np.testing.assert_allclose(losses, [6.453264263912268, 4.75449754765953], rtol=1e-9)


@pytest.mark.parametrize("name", ["full", "recursive"])
def test_the_directions_are_mirror_images(name: str) -> None:
    network, mirrored = build(VARIANTS[name]), build(VARIANTS[name])
    mirrored.forward_aggregator, mirrored.backward_aggregator = (
        mirrored.backward_aggregator,
        mirrored.forward_aggregator,
    )
    z = features(TINY)
    with torch.no_grad():
        after, before = network.predict(z)
        swapped_after, swapped_before = mirrored.predict(z.flip(1))
        descriptors, swapped = network.descriptors(z), mirrored.descriptors(z.flip(1))
    torch.testing.assert_close(swapped_before.predicted, after.predicted)
    torch.testing.assert_close(swapped_after.true, before.true)
    torch.testing.assert_close(swapped.roll(TINY.hidden, 1), descriptors)
    assert not torch.allclose(after.predicted, before.predicted)


@pytest.mark.parametrize("name", VARIANTS)
def test_neighbours_in_a_batch_change_nothing_and_every_switch_works(name: str) -> None:
    network = build(VARIANTS[name])
    windows = film(3, 6, 64)
    with torch.no_grad():
        together = network(windows)
        alone = torch.cat([network(one[None]) for one in windows])
        z = network.encode(windows)
        predicted = network.predict(z)[1].predicted
        predicted_alone = torch.cat([network.predict(one[None])[1].predicted for one in z])
    assert together.shape == (3, 2)
    assert not torch.allclose(together[0], together[1])
    torch.testing.assert_close(together, alone, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(predicted, predicted_alone, atol=1e-10, rtol=1e-10)


def test_inception_in_its_place() -> None:
    network = Lps(replace(TINY, encoder="inception")).eval()
    with torch.no_grad():
        assert network.encode(film(1, 2, 64).float()).shape == (1, 2, 6, 2, 2)


def test_the_classifier_sees_the_ends_of_both_directions() -> None:
    network = build(TINY)
    z = features(TINY)
    with torch.no_grad():
        ends = [
            naive_gru(network.forward_aggregator, z.relu())[:, -1].mean((2, 3)),
            naive_gru(network.backward_aggregator, z.flip(1).relu())[:, -1].mean((2, 3)),
        ]
        norm, _, linear = network.classifier
        x = (np.concatenate(ends, 1) - norm.running_mean.numpy()) / np.sqrt(norm.running_var.numpy() + 1e-5)
        x = x * norm.weight.numpy() + norm.bias.numpy()
        wanted = x @ linear.weight.numpy().T + linear.bias.numpy()
        np.testing.assert_allclose(network.classify(z), wanted, atol=1e-12)


def test_without_aggregator_the_classifier_sees_all_examples() -> None:
    network = build(VARIANTS["no aggregator"])
    z = features(TINY)
    wanted = np.concatenate([np.maximum(z[:, i].numpy(), 0).mean((2, 3)) for i in range(6)], 1)
    np.testing.assert_allclose(network.descriptors(z), wanted, atol=1e-12)
    assert not any("aggregator" in name for name in network.state_dict())


def test_gradients_reach_every_parameter() -> None:
    network = Lps(TINY)
    network.train()
    z = network.encode(film(2, 6, 64).float())
    loss = network.classify(z).square().sum()
    for found in network.predict(z):
        loss = loss + contrastive_loss(found.predicted, found.true)
    loss.backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 100}, "multiple of 32"),
        ({"examples": 5}, "5 examples"),
        ({"aggregator": False, "prediction": "recursive"}, "needs the aggregator"),
    ],
)
def test_sizes_that_no_network_can_have(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TINY, **change)
