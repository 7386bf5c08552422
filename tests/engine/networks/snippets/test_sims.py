"""Intra- and Inter-SIM against numpy loops, numerical gradients and the shapes that P003 names."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from naive_sims import inter, intra, randomised, state_of
from torch import nn
from torch.func import functional_call

from engine.networks.snippets.inter_sim import InterSim
from engine.networks.snippets.intra_sim import IntraSim
from engine.networks.snippets.taps import three_taps


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SWITCHES = list(itertools.product((True, False), repeat=3))


def intra_sim(
    switches: tuple[bool, bool, bool] = (True, True, True), channels: int = 8, frames: int = 4
) -> IntraSim:
    bp, ca, lk = switches
    sim = IntraSim(channels, frames, bidirectional=bp, coordinate=ca, learned_kernel=lk)
    return randomised(sim)


# Intra-SIM


@pytest.mark.parametrize("switches", SWITCHES)
def test_intra_is_the_papers_loops_with_any_part_off(switches: tuple[bool, bool, bool]) -> None:
    """The loops take each direction its whole way, which proves that averaging them at once is the same."""
    sim, x = intra_sim(switches), noise(2, 8, 4, 5, 3)
    bp, ca, lk = switches
    with torch.no_grad():
        out, attention = sim.forward_with_attention(x)
        assert torch.equal(sim(x), out)
    for b in range(2):
        expected, weights = intra(state_of(sim), x[b].numpy(), bp=bp, ca=ca, lk=lk)
        np.testing.assert_allclose(out[b].numpy(), expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(attention[b].numpy(), weights, rtol=1e-10, atol=1e-12)
    assert attention.std() > 0.05


def test_every_switch_changes_what_comes_out() -> None:
    x = noise(1, 8, 4, 5, 3)
    with torch.no_grad():
        seen = [intra_sim(switches)(x)[:, 4:] for switches in SWITCHES]
    for one, other in itertools.combinations(seen, 2):
        assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize(("frames", "side"), [(2, (3, 4)), (3, (1, 1)), (6, (2, 5))])
def test_intra_with_other_lengths_and_pictures(frames: int, side: tuple[int, int]) -> None:
    sim, x = intra_sim(frames=frames), noise(1, 8, frames, *side)
    with torch.no_grad():
        out = sim(x)
    np.testing.assert_allclose(out[0].numpy(), intra(state_of(sim), x[0].numpy())[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("channels", "parameters"), [(64, 963), (128, 1475), (256, 4995), (512, 18371)])
def test_intra_has_the_shapes_and_the_size_of_the_specification(channels: int, parameters: int) -> None:
    sim = IntraSim(channels, 4).eval()
    assert sum(p.numel() for p in sim.parameters()) == parameters
    half, narrow = channels // 2, max(channels // 32, 4)
    shapes: dict[str, list[tuple[int, ...]]] = {}

    def note(name: str, _: nn.Module, args: tuple[torch.Tensor], out: torch.Tensor) -> None:
        shapes[name] = [tuple(args[0].shape), tuple(out.shape)]

    for name, module in sim.named_modules():
        module.register_forward_hook(partial(note, name))
    with torch.no_grad():
        out, attention = sim.forward_with_attention(torch.randn(2, channels, 4, 6, 5))
    assert out.shape == (2, channels, 4, 6, 5)
    assert attention.shape == (2, half, 4, 6, 5)
    assert shapes["squeeze"] == [(8, half, 6, 5), (8, narrow, 6, 5)]
    assert shapes["paths.0.plane"][0] == (2 * 5, narrow, 6, 4)  # B W planes of height x time
    assert shapes["paths.1.plane"][0] == (2 * 6, narrow, 4, 5)  # B H planes of time x width
    assert shapes["paths.0.recover"][1] == shapes["paths.1.recover"][1] == (8, half, 6, 5)
    assert shapes["kernel"] == [(2, half, 4), (2, half, 3)]
    assert shapes["kernel.widen"][1] == (2, half, 8)


def test_the_first_half_of_the_channels_passes_untouched_and_is_not_looked_at() -> None:
    sim, x = intra_sim(), noise(1, 8, 4, 5, 3)
    with torch.no_grad():
        out = sim(x)
        other = sim(torch.cat((x[:, :4] + 3, x[:, 4:]), 1))
    assert torch.equal(out[:, :4], x[:, :4])
    assert torch.equal(other[:, 4:], out[:, 4:])


def test_a_new_kernel_leans_on_the_middle_frame() -> None:
    torch.manual_seed(0)
    kernel = IntraSim(64, 4).kernel
    assert kernel is not None
    taps = kernel(torch.zeros(1, 32, 4))
    torch.testing.assert_close(taps.sum(-1), torch.ones(1, 32))
    assert taps[..., 1].min() > 0.9


def test_odd_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="halves"):
        IntraSim(9, 4)


# Inter-SIM


@pytest.mark.parametrize("snippets", [1, 2, 5])
def test_inter_is_the_papers_loops_for_any_number_of_snippets(snippets: int) -> None:
    sim, x = randomised(InterSim(6)), noise(2, 4, 6, snippets, 3, 2)
    with torch.no_grad():
        out, attention = sim.forward_with_attention(x)
        assert torch.equal(sim(x), out)
    for n in range(2):
        expected, weights = inter(state_of(sim), x[n].numpy())
        np.testing.assert_allclose(out[n].numpy(), expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(attention[n].numpy(), weights, rtol=1e-10, atol=1e-12)


def test_inter_has_the_shapes_of_the_specification() -> None:
    sim = InterSim(64).eval()
    with torch.no_grad():
        out, attention = sim.forward_with_attention(torch.randn(2, 4, 64, 8, 3, 5))
    assert out.shape == (2, 4, 64, 8, 3, 5)
    assert attention.shape == (2, 64, 8, 4)
    assert sim.snippets.weight.shape == (4, 64, 3, 1)
    assert sim.next_snippet.weight.shape == (4, 1, 1, 3)
    # conv3x1 and its 1x1, the squeeze, two conv1x3, the other 1x1, conv_U, two normalisations of four channels.
    assert sum(p.numel() for p in sim.parameters()) == 768 + 320 + 256 + 24 + 320 + 192 + 16


def test_a_new_inter_sim_only_weighs() -> None:
    sim, x = InterSim(64).eval(), torch.randn(1, 4, 64, 3, 2, 2)
    with torch.no_grad():
        out, attention = sim.forward_with_attention(x)
    torch.testing.assert_close(out, x * (1 + attention.permute(0, 3, 1, 2)[..., None, None]))


# Both


def test_three_taps_by_hand() -> None:
    x = torch.tensor([[1.0, 10.0, 100.0]])[:, :, None]
    taps = [torch.tensor([[1.0, 2.0, 3.0]])[:, :, None] * scale for scale in (1.0, 5.0, 7.0)]
    # Position 1: 1 from the left by 1, 10 itself by 5 * 2, 100 from the right by 7 * 3.
    assert three_taps(x, *taps)[0, :, 0].tolist() == [5 + 140, 1 + 100 + 2100, 20 + 1500]


@pytest.mark.parametrize("switches", [(True, True, True), (False, False, False)])
def test_gradients_of_intra(switches: tuple[bool, bool, bool]) -> None:
    check_gradients(intra_sim(switches, channels=4), noise(1, 4, 4, 2, 2))


def test_gradients_of_inter() -> None:
    check_gradients(randomised(InterSim(3)), noise(1, 2, 3, 3, 2, 1))


def check_gradients(sim: nn.Module, x: torch.Tensor) -> None:
    """Against differences: each element of the input; projected, all parameters, and none without effect."""
    names = [name for name, _ in sim.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in sim.parameters()]

    def compute(x: torch.Tensor, *given: torch.Tensor) -> torch.Tensor:
        return functional_call(sim, dict(zip(names, given, strict=True)), (x,))

    assert torch.autograd.gradcheck(sim, (x.requires_grad_(),))
    assert torch.autograd.gradcheck(compute, (x, *values), fast_mode=True)
    compute(x, *values).square().sum().backward()
    assert not [name for name, value in zip(names, values, strict=True) if not value.grad.abs().max() > 0]


@pytest.mark.parametrize("build", [partial(IntraSim, 8, 4), partial(InterSim, 8)])
def test_gradients_pass_batch_statistics(build: partial[nn.Module]) -> None:
    """In training normalisations look at the whole batch."""
    sim = randomised(build()).train()
    x = noise(2, 8, 4, 2, 2) if isinstance(sim, IntraSim) else noise(2, 4, 8, 3, 2, 2)
    for part in sim.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.track_running_stats, part.running_mean, part.running_var = False, None, None
    assert torch.autograd.gradcheck(sim, (x.requires_grad_(),), fast_mode=True)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_layout_of_the_memory_changes_nothing(memory: torch.memory_format) -> None:
    sim, pictures = intra_sim(), noise(8, 8, 5, 3)
    laid = pictures.contiguous(memory_format=memory).view(2, 4, 8, 5, 3).transpose(1, 2)
    with torch.no_grad():
        torch.testing.assert_close(sim(laid), sim(pictures.view(2, 4, 8, 5, 3).transpose(1, 2).contiguous()))
        back = sim(laid).transpose(1, 2).flatten(0, 1)
    assert back.is_contiguous(memory_format=memory)
