"""The encoders of LPS against 3D convolutions, loops over pixels, and published counts."""

import itertools
import math

import pytest
import torch
from lps_weights import fill, film, wave
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, batch_norm, conv3d, max_pool3d, relu

from engine.networks.blank import Blank
from engine.networks.lps.config import COMPACT
from engine.networks.lps.encoder import RawCells, ResNet2d3d
from engine.networks.lps.inception import Inception3d, Mixed

SMALL = (4, 6, 8, 10)


def normalised(x: Tensor, weights: dict[str, Tensor], name: str, *, training: bool) -> Tensor:
    mean, var = (weights[f"{name}.running_{part}"].clone() for part in ("mean", "var"))
    return batch_norm(x, mean, var, weights[f"{name}.weight"], weights[f"{name}.bias"], training=training)


def as_3d(kernel: Tensor) -> Tensor:
    return kernel if kernel.ndim == 5 else kernel[:, :, None]


def block_3d(
    x: Tensor, weights: dict[str, Tensor], name: str, stride: tuple[int, ...], *, last: bool, training: bool
) -> Tensor:
    """A basic block with 3D convolutions throughout, as the specification writes it."""
    y = x
    for conv, norm, by in (("body.0", "body.1", stride), ("body.3", "body.4", (1, 1, 1))):
        kernel = as_3d(weights[f"{name}.{conv}.weight"])
        y = conv3d(y, kernel, stride=by, padding=tuple(side // 2 for side in kernel.shape[2:]))
        y = normalised(y, weights, f"{name}.{norm}", training=training)
        y = relu(y) if conv == "body.0" else y
    if f"{name}.shortcut.0.weight" in weights:
        x = conv3d(x, as_3d(weights[f"{name}.shortcut.0.weight"]), stride=stride)
        x = normalised(x, weights, f"{name}.shortcut.1", training=training)
    return x + y if last else relu(x + y)


def encoder_3d(x: Tensor, weights: dict[str, Tensor], *, training: bool) -> Tensor:
    """2d3d-ResNet18 with 3D convolutions throughout."""
    x = conv3d(x, as_3d(weights["stem.0.weight"]), stride=(1, 2, 2), padding=(0, 3, 3))
    x = max_pool3d(
        relu(normalised(x, weights, "stem.1", training=training)), (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)
    )
    strides = ((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2))
    for stage, block in itertools.product(range(4), range(2)):
        stride = strides[stage] if block == 0 else (1, 1, 1)
        last = (stage, block) == (3, 1)
        x = block_3d(x, weights, f"res{stage + 1}.{block}", stride, last=last, training=training)
    return avg_pool3d(x, (2, 1, 1)).squeeze(2)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
def test_two_dimensional_stages_are_the_3d_convolutions_of_the_paper(training: bool) -> None:
    encoder = ResNet2d3d(SMALL).double()
    fill(encoder)
    weights = {name: value.clone() for name, value in encoder.state_dict().items()}
    x = film(1, 3, 64)[0]
    with torch.no_grad():
        ours, wanted = encoder.train(training)(x), encoder_3d(x, weights, training=training)
    assert ours.shape == (3, 10, 2, 2)
    assert (ours < 0).any()  # no ReLU at the end
    assert wanted.std() > 0.1
    torch.testing.assert_close(ours, wanted, atol=1e-10, rtol=1e-10)


def shapes_of(module: nn.Module, names: list[str], x: Tensor) -> dict[str, tuple[int, ...]]:
    seen: dict[str, tuple[int, ...]] = {}
    for name in names:
        module.get_submodule(name).register_forward_hook(
            lambda _m, _a, out, name=name: seen.__setitem__(name, tuple(out.shape))
        )
    with torch.no_grad():
        seen["end"] = tuple(module(x).shape)
    return seen


def multiplications(module: nn.Module, x: Tensor) -> int:
    total = 0

    def count(layer: nn.Module, _: object, out: Tensor) -> None:
        nonlocal total
        total += out.numel() * math.prod(layer.weight.shape[1:])

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        module(x)
    return total


def test_shapes_and_size_of_the_full_encoder() -> None:
    with torch.device("meta"), Blank():
        encoder, x = ResNet2d3d((64, 128, 256, 256)).eval(), torch.empty(2, 3, 5, 224, 224)
    assert shapes_of(encoder, ["stem", "res1", "res2", "res3", "res4"], x) == {
        "stem": (10, 64, 56, 56),
        "res1": (10, 64, 56, 56),
        "res2": (10, 128, 28, 28),
        "res3": (2, 256, 3, 14, 14),
        "res4": (2, 256, 2, 7, 7),
        "end": (2, 256, 7, 7),
    }
    assert round(sum(p.numel() for p in encoder.parameters()) / 1e6, 2) == 14.06
    assert round(multiplications(encoder, x) / 2e9, 1) == 9.3


def test_the_compact_encoder_costs_a_tenth_at_most() -> None:
    with torch.device("meta"), Blank():
        encoder, x = ResNet2d3d(COMPACT.widths).eval(), torch.empty(1, 3, 5, 224, 224)
    assert encoder(x).shape == (1, 128, 7, 7)
    assert multiplications(encoder, x) < 0.93e9


def test_the_first_stages_look_at_each_frame_alone() -> None:
    encoder = ResNet2d3d(SMALL).double().eval()
    fill(encoder)
    clip = film(1, 1, 64)[0]
    shuffled = [3, 0, 4, 1, 2]
    with torch.no_grad():
        features = encoder.frame_features(clip)
        alone = torch.cat([encoder.frame_features(clip[:, :, t : t + 1]) for t in range(5)], 2)
        again = encoder.frame_features(clip[:, :, shuffled])
        order_matters = (encoder(clip[:, :, shuffled]) - encoder(clip)).abs().max()
    assert features.shape == (1, 6, 5, 8, 8)
    torch.testing.assert_close(features, alone)
    torch.testing.assert_close(again, features[:, :, shuffled])
    assert order_matters > 1e-3


def test_without_layers_cells_are_mean_colours() -> None:
    x = film(1, 2, 64)[0]
    out = RawCells(5)(x)
    assert out.shape == (2, 240, 2, 2)
    for t, colour, row, column, i, j in itertools.product((0, 4), (0, 2), (0, 1), (0, 1), (0, 3), (1, 2)):
        top, left = 32 * row + 8 * i, 32 * column + 8 * j
        mean = x[1, colour, t, top : top + 8, left : left + 8].mean()
        torch.testing.assert_close(out[1, 48 * t + 16 * colour + 4 * i + j, row, column], mean)


def test_inception_has_the_published_shapes_and_size() -> None:
    with torch.device("meta"), Blank():
        encoder, x = Inception3d(256).eval(), torch.empty(2, 3, 5, 224, 224)
    names = ["trunk.0", "trunk.3", "trunk.6", "trunk.12", "trunk.15"]
    assert shapes_of(encoder, names, x) == {
        "trunk.0": (2, 64, 3, 112, 112),
        "trunk.3": (2, 192, 3, 56, 56),
        "trunk.6": (2, 480, 3, 28, 28),
        "trunk.12": (2, 832, 2, 14, 14),
        "trunk.15": (2, 1024, 1, 7, 7),
        "end": (2, 256, 7, 7),
    }
    assert sum(p.numel() for p in encoder.trunk.parameters()) == 12_287_264  # I3D without its logits


def test_branches_of_inception() -> None:
    mixed = Mixed(5, (1, 2, 3, 1, 2, 4)).double().eval()
    fill(mixed)
    x = wave((2, 5, 3, 4, 4), 0.3)
    weights = mixed.state_dict()

    def unit(x: Tensor, name: str) -> Tensor:
        kernel = weights[f"branches.{name}.0.weight"]
        mean, var, scale, shift = (
            weights[f"branches.{name}.1.{part}"][:, None, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return relu((conv3d(x, kernel, padding=kernel.shape[2] // 2) - mean) / (var + 1e-3).sqrt() * scale + shift)

    wanted = [
        unit(x, "0"),
        unit(unit(x, "1.0"), "1.1"),
        unit(unit(x, "2.0"), "2.1"),
        unit(max_pool3d(x, 3, 1, 1), "3.1"),
    ]
    with torch.no_grad():
        torch.testing.assert_close(mixed(x), torch.cat(wanted, 1))


def test_the_gradients_of_inception_are_those_of_3d_convolutions_in_float64() -> None:
    """In float32 torch's own of the first layer ends the program on a CPU."""
    encoder, twin = Inception3d(4).eval(), Inception3d(4).double().eval()
    twin.load_state_dict(encoder.state_dict())
    x = wave((2, 3, 5, 32, 32), 0.3)
    made = encoder(x.float())
    made.sum().backward()
    first, norm, act = twin.trunk[0]
    wanted = act(norm(conv3d(x, first.weight, stride=2, padding=3)))
    for layer in twin.trunk[1:]:
        wanted = layer(wanted)
    wanted = twin.project(wanted.mean(2))
    torch.testing.assert_close(made.double(), wanted, rtol=1e-4, atol=1e-4)
    wanted.sum().backward()
    theirs = dict(twin.named_parameters())
    for name, parameter in encoder.named_parameters():
        scale = float(theirs[name].grad.abs().max())
        torch.testing.assert_close(
            parameter.grad.double(), theirs[name].grad, rtol=1e-3, atol=1e-4 * scale, msg=name
        )
