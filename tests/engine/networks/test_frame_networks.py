"""The frame networks against naive computations that share nothing with them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.networks.efficientnet import build_efficientnet
from engine.networks.frame import FrameNetwork
from engine.networks.mobilenet import build_mobilenet, convolutions, load_folded_imagenet, settle_batch_norm


def same_convolution(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int, *, depthwise: bool
) -> np.ndarray:
    """TensorFlow's SAME convolution by hand: x (H, W, C), kernel as in the file, loops over the taps only."""
    side, k = x.shape[0], kernel.shape[1]
    out = -(-side // stride)
    total = max((out - 1) * stride + k - side, 0)
    before = total // 2
    padded = np.pad(x, ((before, total - before), (before, total - before), (0, 0)))
    channels = x.shape[2] if depthwise else kernel.shape[0]
    result = np.zeros((out, out, channels))
    for i in range(k):
        for j in range(k):
            window = padded[i : i + stride * out : stride, j : j + stride * out : stride][:out, :out]
            result += window * kernel[0, i, j] if depthwise else window @ kernel[:, i, j, :].T
    return result + bias


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> tuple[FrameNetwork, dict[str, np.ndarray]]:
    """A network filled from a file of random folded weights in the layout of the ImageNet file."""
    rng = np.random.default_rng(5)
    network = build_mobilenet(64)
    arrays: dict[str, np.ndarray] = {}
    ops: list[list[object]] = [["QUANTIZE", [0], ""]]
    for number, (conv, _) in enumerate(convolutions(network)):
        out, inside, k, _ = conv.weight.shape
        depthwise = conv.groups > 1
        shape = (1, k, k, out) if depthwise else (out, k, k, inside)
        fan = k * k * (1 if depthwise else inside)
        arrays[f"{number:02d}_w"] = (rng.normal(size=shape) * np.sqrt(2 / fan)).astype(np.float16)
        arrays[f"{number:02d}_b"] = (rng.normal(size=out) * 0.1).astype(np.float16)
        ops.append(["DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", list(shape), f"{number:02d}"])
    number += 1
    arrays[f"{number:02d}_w"] = np.zeros((1001, 1, 1, 1280), np.float16)
    arrays[f"{number:02d}_b"] = np.zeros(1001, np.float16)
    ops.append(["CONV_2D", [1001, 1, 1, 1280], f"{number:02d}"])
    path = tmp_path_factory.mktemp("weights") / "folded.npz"
    np.savez(path, ops=json.dumps(ops), **arrays)
    load_folded_imagenet(network, path)
    return network.eval(), arrays


def test_first_layers_equal_a_naive_same_convolution(folded: tuple[FrameNetwork, dict[str, np.ndarray]]) -> None:
    network, weights = folded
    picture = np.random.default_rng(1).uniform(-1, 1, (64, 64, 3))
    taken: dict[str, np.ndarray] = {}
    trunk = network.trunk
    for name in ("bn1", "blocks.0", "blocks.1.0.bn2"):
        trunk.get_submodule(name).register_forward_hook(
            lambda _m, _a, out, name=name: taken.__setitem__(name, out[0].permute(1, 2, 0).double().numpy())
        )
    with torch.no_grad():
        network(torch.from_numpy(picture.transpose(2, 0, 1)[None]).float())

    def layer(
        x: np.ndarray, number: int, stride: int = 1, *, depthwise: bool = False, act: bool = True
    ) -> np.ndarray:
        kernel, bias = (weights[f"{number:02d}_{part}"].astype(float) for part in "wb")
        y = same_convolution(x, kernel, bias, stride, depthwise=depthwise)
        return np.clip(y, 0, 6) if act else y

    stem = layer(picture, 0, 2)
    first = layer(layer(stem, 1, depthwise=True), 2, act=False)
    second = layer(layer(first, 3), 4, 2, depthwise=True)  # the first depth-wise layer of stride 2
    np.testing.assert_allclose(taken["bn1"], stem, atol=1e-4)
    np.testing.assert_allclose(taken["blocks.0"], first, atol=1e-4)
    np.testing.assert_allclose(taken["blocks.1.0.bn2"], second, atol=1e-4)


def test_settling_changes_the_statistics_and_not_the_function(
    folded: tuple[FrameNetwork, dict[str, np.ndarray]],
) -> None:
    network = build_mobilenet(64).eval()
    network.load_state_dict(folded[0].state_dict())
    torch.manual_seed(0)
    pictures = torch.rand(8, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = network.features(pictures).map
        settle_batch_norm(network, pictures)
        after = network.features(pictures).map
        batch = network.train().features(pictures).map
    assert before.abs().max() > 0.1
    torch.testing.assert_close(after, before, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(batch, before, atol=2e-2, rtol=1e-2)
    stem = network.trunk.bn1
    assert not torch.allclose(stem.running_mean, torch.zeros_like(stem.running_mean))


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "other.npz",
        ops=json.dumps([["CONV_2D", [1, 1, 1, 1], "00"]]),
        **{"00_w": np.zeros((1, 1, 1, 1), np.float16), "00_b": np.zeros(1, np.float16)},
    )
    with pytest.raises(ValueError, match="1 layers"):
        load_folded_imagenet(build_mobilenet(), tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("network", "map_shape", "cam_shape"),
    [
        (lambda: build_mobilenet(), (1280, 7, 7), (1280, 7, 7)),
        (lambda: build_efficientnet("b4"), (1792, 12, 12), (448, 12, 12)),
    ],
    ids=["mobilenet", "b4"],
)
def test_shapes_and_the_pooled_linear_head(network, map_shape, cam_shape) -> None:  # type: ignore[no-untyped-def]
    net: FrameNetwork = network().eval()
    seen: list[tuple[int, ...]] = []
    net.get_submodule(net.gradcam_layer).register_forward_hook(lambda _m, _a, out: seen.append(tuple(out.shape)))
    x = torch.randn(1, 3, net.size, net.size)
    with torch.no_grad():
        features, logit = net.features(x).map, net(x)
        by_hand = torch.einsum("chw,c->hw", features[0], net.head.weight[0]).mean() + net.head.bias[0]
    assert tuple(features.shape[1:]) == map_shape
    assert seen[0][1:] == cam_shape
    assert logit.shape == (1,)
    torch.testing.assert_close(logit[0], by_hand, atol=1e-5, rtol=1e-4)


@pytest.mark.data
def test_imagenet_weights_fill_every_layer(data_dir: Path) -> None:
    network = build_mobilenet()
    untouched = {name: value.clone() for name, value in network.state_dict().items() if name.startswith("trunk")}
    load_folded_imagenet(network, data_dir / "weights" / "mobilenet_v2_imagenet_float16.npz")
    kernels = [name for name, value in untouched.items() if value.ndim == 4]
    assert len(kernels) == 52
    assert not any(torch.equal(network.state_dict()[name], untouched[name]) for name in kernels)
