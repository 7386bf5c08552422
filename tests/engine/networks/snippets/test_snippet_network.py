"""Whole snippet networks: where modules stand, what they report, and that clips do not disturb each other."""

from dataclasses import replace
from typing import Any, get_args

import pytest
import timm
import torch
from torch import nn
from torch.nn.functional import linear

from engine.detectors.folding import fold_batch_norm
from engine.networks.blank import Blank
from engine.networks.mobilenet import build_mobilenet
from engine.networks.snippets.config import Backbone, SnippetConfig
from engine.networks.snippets.inter_sim import InterSim
from engine.networks.snippets.intra_sim import IntraSim
from engine.networks.snippets.network import PlacedSim, SnippetNetwork, build_snippet_network

SIDE = 32
BACKBONES = get_args(Backbone)
PLAIN = {"intra": False, "inter": False}


def clips(count: int, snippets: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, snippets, 4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def awake(backbone: Backbone, seed: int = 0, **switches: Any) -> SnippetNetwork:
    """A network whose statistics fit its input and whose modules do something: judging, in double precision."""
    torch.manual_seed(seed)
    network = build_snippet_network(SnippetConfig(backbone, size=SIDE, **switches))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None
                module.weight.uniform_(0.5, 1.5)  # timm starts the last one of a residual branch at zero
            if isinstance(module, InterSim):
                module.mix.add_(torch.randn_like(module.mix) * 0.3)
            if isinstance(module, IntraSim) and module.kernel is not None:
                module.kernel.choose.bias.normal_()
        network.head.weight.normal_(std=0.5)
        network.train()(clips(2, 2, seed))
    return network.double().eval()


@pytest.fixture(scope="module")
def resnet18() -> SnippetNetwork:
    return awake("resnet18")


# Where modules stand


def kinds_of(network: SnippetNetwork) -> list[str]:
    return [
        "A" if isinstance(module.sim, IntraSim) else "E"
        for module in network.modules()
        if isinstance(module, PlacedSim)
    ]


@pytest.mark.parametrize(
    ("backbone", "stages"),
    [
        ("resnet50", ["AEA", "AEAE", "AEAEAE", "AEA"]),
        ("resnet26", ["AE"] * 4),
        ("resnet18", ["AE"] * 4),
        ("mobilenetv2", ["AE", "AEA", "AEAEAEA", "AEAE"]),
    ],
)
def test_modules_alternate_and_begin_anew_in_each_stage(backbone: Backbone, stages: list[str]) -> None:
    config = SnippetConfig(backbone)
    with torch.device("meta"), Blank():
        assert "".join(kinds_of(build_snippet_network(config))) == "".join(stages)
        for chosen in ((1,), (2, 3), (1, 2, 4)):
            found = kinds_of(build_snippet_network(replace(config, stages=chosen)))
            assert "".join(found) == "".join(stages[stage - 1] for stage in chosen)
        alone = kinds_of(build_snippet_network(replace(config, inter=False)))
        assert alone == ["A"] * "".join(stages).count("A")
        alone = kinds_of(build_snippet_network(replace(config, intra=False)))
        assert alone == ["E"] * "".join(stages).count("E")


def test_resnet50_is_the_papers_network() -> None:
    with torch.device("meta"), Blank():
        network = build_snippet_network(SnippetConfig()).eval()
        x = torch.empty(1, 8, 4, 3, 224, 224)
    placed = {n: m for n, m in network.named_modules() if isinstance(m, PlacedSim)}
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in placed.items():
        module.register_forward_hook(lambda _m, _a, out, name=name: seen.update({name: tuple(out.shape)}))
    with torch.no_grad():
        told = network.forward_with_attention(x)
    assert len(placed) == 16
    # C is that of the 3x3 convolution behind, whose stride comes later.
    assert seen["trunk.layer1.0.act1.1"] == (32, 64, 56, 56)
    assert seen["trunk.layer2.0.act1.1"] == (32, 128, 56, 56)
    assert seen["trunk.layer3.5.act1.1"] == (32, 256, 14, 14)
    assert seen["trunk.layer4.2.act1.1"] == (32, 512, 7, 7)
    assert told.u_t is not None
    assert told.u_t.shape == told.frame_logits.shape == (1, 8, 4)
    assert told.snippet_logits.shape == (1, 8)
    assert told.logit.shape == (1,)
    assert {name: tuple(a.shape[1:]) for name, a in told.intra.items()} == {
        f"stage{k}": (8, 4, side, side) for k, side in ((1, 56), (2, 28), (3, 14), (4, 7))
    }
    modules = sum(p.numel() for m in placed.values() for p in m.parameters())
    assert modules + sum(
        p.numel() for p in timm.create_model("resnet50", num_classes=0).parameters()
    ) + 2049 == sum(p.numel() for p in network.parameters())
    assert modules == 2 * 963 + 2 * 1475 + 3 * 4995 + 2 * 18371 + sum(
        count * (6 * C * m + 5 * C + 10 * m)  # Inter-SIM, counted by hand from its equations
        for count, C, m in ((1, 64, 4), (2, 128, 8), (3, 256, 16), (1, 512, 32))
    )


def test_a_module_sits_right_before_the_spatial_convolution(resnet18: SnippetNetwork) -> None:
    block: Any = resnet18.trunk.layer2[1]
    order: list[nn.Module] = []
    handles = [m.register_forward_hook(lambda m, *_: order.append(m)) for m in block.children()]
    with torch.no_grad():
        resnet18(clips(1, 2).double())
    for handle in handles:
        handle.remove()
    assert order.index(block.conv2) == order.index(block.act1) + 2  # timm's empty anti-aliasing lies between
    assert isinstance(block.act1[1].sim, InterSim)
    mobile: Any = build_snippet_network(SnippetConfig("mobilenetv2")).trunk
    inverted = mobile.blocks[2][1]
    assert inverted.conv_s2d.sim.snippets.weight.shape[1] == inverted.conv_pw.in_channels == 32


# Without modules a network is timm's


@pytest.mark.parametrize("backbone", BACKBONES)
def test_without_modules_a_clip_is_the_mean_of_its_pictures(backbone: Backbone) -> None:
    network = awake(backbone, **PLAIN)
    assert kinds_of(network) == []
    x = clips(2, 3).double()
    options = {"pad_type": "same"} if backbone == "mobilenetv2" else {}
    name = "mobilenetv2_100" if backbone == "mobilenetv2" else backbone
    bare = timm.create_model(name, pretrained=False, num_classes=0, **options).double().eval()
    bare.load_state_dict(network.trunk.state_dict())
    with torch.no_grad():
        told = network.forward_with_attention(x)
        each = linear(bare(x.flatten(0, 2)), network.head.weight, network.head.bias).view(2, 3, 4)
    torch.testing.assert_close(told.frame_logits, each)
    torch.testing.assert_close(told.logit, each.mean((1, 2)))
    assert told.u_t is None
    assert not told.intra


def test_a_trunk_brings_its_weights_along_under_their_own_names() -> None:
    frame = build_mobilenet(SIDE)
    network = build_snippet_network(SnippetConfig("mobilenetv2", size=SIDE), frame.trunk.state_dict())
    ours = network.trunk.state_dict()
    for name, value in frame.trunk.state_dict().items():
        assert torch.equal(ours[name], value), name
    assert network.input_mean == frame.input_mean
    with pytest.raises(RuntimeError, match="Missing"):
        build_snippet_network(SnippetConfig("resnet18"), frame.trunk.state_dict())


# What it says


@pytest.mark.parametrize("backbone", ["resnet50", "resnet18", "mobilenetv2"])
def test_any_number_of_snippets_and_no_neighbour_matters(backbone: Backbone) -> None:
    network = awake(backbone)
    for snippets in (1, 3):
        x = clips(2, snippets, seed=snippets).double()
        with torch.no_grad():
            told = network.forward_with_attention(x)
            alone = network.forward_with_attention(x[1:])
            torch.testing.assert_close(network(x), told.logit)
        torch.testing.assert_close(alone.frame_logits, told.frame_logits[1:])
        assert told.u_t is not None
        assert alone.u_t is not None
        torch.testing.assert_close(alone.u_t, told.u_t[1:])
        for name, value in told.intra.items():
            torch.testing.assert_close(alone.intra[name], value[1:])
            assert value.shape[:3] == (2, snippets, 4)
            assert value.dtype == torch.float32
            assert ((value > 0) & (value < 1)).all()
        assert list(told.intra) == ["stage1", "stage2", "stage3", "stage4"]
        torch.testing.assert_close(told.logit, told.snippet_logits.mean(1))
        assert told.logit.std() > 1e-3


def test_the_maps_are_those_of_the_modules(resnet18: SnippetNetwork) -> None:
    """What the last Inter-SIM and each stage's last Intra-SIM say by themselves to what reaches them."""
    trunk: Any = resnet18.trunk
    reaching: dict[nn.Module, torch.Tensor] = {}
    placed = [trunk.layer4[1].act1[1], trunk.layer3[0].act1[1]]
    handles = [m.register_forward_pre_hook(lambda m, args: reaching.update({m: args[0]})) for m in placed]
    with torch.no_grad():
        told = resnet18.forward_with_attention(clips(2, 3).double())
        maps = [resnet18.forward_with_attention(clips(2, 3).double()).intra["stage3"]]
        inter_in, intra_in = (reaching[m].unflatten(0, (2, 3, 4)) for m in placed)
        _, weights = placed[0].sim.forward_with_attention(inter_in.permute(0, 2, 3, 1, 4, 5))
        _, moving = placed[1].sim.forward_with_attention(intra_in[1, 2:].transpose(1, 2))
    for handle in handles:
        handle.remove()
    assert told.u_t is not None
    torch.testing.assert_close(told.u_t, weights.mean(1).float())
    torch.testing.assert_close(maps[0][1, 2], moving[0].mean(0).float())


def test_frames_and_snippets_know_of_each_other_as_far_as_the_switches_let_them() -> None:
    x = clips(1, 3).double()
    changed = x.clone()
    changed[0, 0, 1] += 1.0
    for switches, within, across in ((PLAIN, False, False), ({"inter": False}, True, False), ({}, True, True)):
        network = awake("resnet18", **switches)
        with torch.no_grad():
            moved = (
                network.forward_with_attention(changed).frame_logits
                - network.forward_with_attention(x).frame_logits
            )[0]
        assert moved[0, 1].abs() > 1e-6
        assert bool((moved[0, [0, 2]].abs() > 1e-9).all()) == within
        assert bool((moved[1].abs() > 1e-9).any()) == across
        if not within:
            assert moved[0, [0, 2, 3]].abs().max() < 1e-9
        if not across:
            assert moved[1:].abs().max() < 1e-9


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenetv2"])
def test_folding_changes_nothing(backbone: Backbone) -> None:
    network, x = awake(backbone), clips(1, 2).double()
    with torch.no_grad():
        before = network.forward_with_attention(x)
        fold_batch_norm(network)
        network.to(memory_format=torch.channels_last)
        after = network.forward_with_attention(x)
    assert not [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    torch.testing.assert_close(after.frame_logits, before.frame_logits)
    torch.testing.assert_close(after.u_t, before.u_t)


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenetv2"])
def test_training_reaches_every_parameter(backbone: Backbone) -> None:
    network = awake(backbone).train()
    network(clips(2, 3).double()).mul(torch.tensor([1.0, -2.0])).sum().backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]


def test_bf16_rounds_but_keeps_maps_float32_and_trains() -> None:
    network = awake("resnet18").float()
    x = clips(2, 2)
    with torch.no_grad():
        exact = network.forward_with_attention(x)
    kept: set[tuple[torch.dtype, torch.dtype]] = set()
    for module in network.modules():
        if isinstance(module, PlacedSim):
            module.register_forward_hook(lambda _m, args, out: kept.add((args[0].dtype, out.dtype)))
    with torch.autocast("cpu", torch.bfloat16):
        told = network.forward_with_attention(x)
    assert kept == {(torch.bfloat16, torch.bfloat16)}  # no module slows the layers behind it down to float32
    told.logit.float().sum().backward()
    assert told.u_t is not None
    assert exact.u_t is not None
    assert told.u_t.dtype == told.intra["stage1"].dtype == torch.float32
    torch.testing.assert_close(told.u_t, exact.u_t, atol=0.03, rtol=0)
    assert (told.frame_logits - exact.frame_logits).abs().max() < 0.1 * exact.frame_logits.abs().max()


def test_nothing_of_a_pass_stays_behind(resnet18: SnippetNetwork) -> None:
    with torch.no_grad():
        resnet18.forward_with_attention(clips(1, 2).double())
    assert all(m._pass is resnet18._pass for m in resnet18.modules() if isinstance(m, PlacedSim))
    assert resnet18._pass.maps is None


def test_what_makes_no_sense_is_refused(resnet18: SnippetNetwork) -> None:
    with pytest.raises(ValueError, match="N, U, 4, 3"):
        resnet18(torch.zeros(1, 2, 5, 3, SIDE, SIDE))
    with pytest.raises(ValueError, match="stages"):
        SnippetConfig(stages=(0, 1))
    with pytest.raises(ValueError, match="moves"):
        SnippetConfig(frames=1)
