"""DPNet's trunks against timm's own extractors, and the start of the first convolution against loops."""

import numpy as np
import pytest
import timm
import torch
from torch.nn.functional import conv2d

from engine.networks.blank import Blank
from engine.networks.dpnet.trunks import build_trunk, load_picture_weights, widened
from engine.networks.mobilenet import build_mobilenet


def clips(count: int, channels: int, side: int = 64) -> torch.Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def enlarged(maps: np.ndarray, times: int) -> np.ndarray:
    """Bilinear between the centres of cells, one axis after the other; beyond the outermost, the border."""
    for axis in (2, 3):
        length = maps.shape[axis]
        place = np.clip((np.arange(length * times) + 0.5) / times - 0.5, 0, length - 1)
        low = np.minimum(place.astype(int), length - 2)
        share = (place - low).reshape(-1, *[1] * (3 - axis))
        maps = np.take(maps, low, axis) * (1 - share) + np.take(maps, low + 1, axis) * share
    return maps


def averaged(maps: np.ndarray, cells: int) -> np.ndarray:
    b, c, h, w = maps.shape
    return maps.reshape(b, c, cells, h // cells, cells, w // cells).mean((3, 5))


@pytest.mark.parametrize(("name", "channels"), [("hrnet-w18", 270), ("hrnet-w48", 720), ("mobilenet", 448)])
@pytest.mark.parametrize(("cell", "cells"), [(16, 16), (64, 4)])
def test_shapes(name: str, channels: int, cell: int, cells: int) -> None:
    with torch.device("meta"), Blank():
        trunk = build_trunk(name, 23, cell).eval()  # type: ignore[arg-type]
        x = torch.empty(2, 23, 256, 256)
    assert trunk(x).shape == (2, channels, cells, cells)
    assert trunk.channels == channels
    if name == "hrnet-w48":
        parameters = sum(p.numel() for p in trunk.parameters())
        assert abs(parameters / 1e6 - 65.3) < 0.1  # the published network without its last layer


def test_hrnet_stacks_the_branches_that_timm_gives() -> None:
    torch.manual_seed(0)
    trunk = build_trunk("hrnet-w18", 5, 16).eval()
    oracle = timm.create_model(
        "hrnet_w18", features_only=True, feature_location="", out_indices=(1, 2, 3, 4), in_chans=5
    )
    oracle.load_state_dict(trunk.net.state_dict())
    x = clips(2, 5)
    with torch.no_grad():
        branches = [branch.double().numpy() for branch in oracle.eval()(x)]
        ours = trunk(x).numpy()
        trunk.cell = 64
        coarse = trunk(x).numpy()
    stacked = np.concatenate(
        [branch if k == 0 else enlarged(branch, 2**k) for k, branch in enumerate(branches)], axis=1
    )
    np.testing.assert_allclose(ours, averaged(stacked, 4), atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(coarse, averaged(stacked, 1), atol=1e-4, rtol=1e-4)


def test_mobilenet_stacks_its_taps_at_a_sixteenth() -> None:
    torch.manual_seed(0)
    trunk = build_trunk("mobilenet", 5, 16).eval()
    oracle = timm.create_model(
        "mobilenetv2_100", features_only=True, out_indices=(2, 3, 4), in_chans=5, pad_type="same"
    )
    oracle.load_state_dict(trunk.net.state_dict(), strict=False)
    x = clips(2, 5)
    with torch.no_grad():
        fine, middle, coarse = (tap.double().numpy() for tap in oracle.eval()(x))
        ours = trunk(x).numpy()
    expected = np.concatenate([averaged(fine, 4), middle, enlarged(coarse, 2)], axis=1)
    np.testing.assert_allclose(ours, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("how", ["flow", "all"])
def test_the_first_filters_by_hand(how: str) -> None:
    rng = np.random.default_rng(2)
    filters = rng.normal(size=(4, 3, 3, 3))
    wide = widened(torch.from_numpy(filters), 23, how).numpy()  # type: ignore[arg-type]
    assert wide.shape == (4, 23, 3, 3)
    for channel in range(23):
        average = (filters[:, 0] + filters[:, 1] + filters[:, 2]) / 3
        expected = filters[:, channel] if how == "flow" and channel < 3 else average
        np.testing.assert_allclose(wide[:, channel], expected)


def test_planes_answer_like_a_grey_picture() -> None:
    filters = torch.randn(4, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    plane = clips(2, 1, 8).double()
    grey = conv2d(plane.repeat(1, 3, 1, 1), filters)
    for how in ("flow", "all"):
        wide = widened(filters, 9, how)  # type: ignore[arg-type]
        only_flow = torch.cat([torch.zeros(2, 3, 8, 8, dtype=torch.float64), plane.repeat(1, 6, 1, 1)], 1)
        torch.testing.assert_close(conv2d(only_flow, wide), grey * 2)  # six planes with a third of the answer each


@pytest.mark.parametrize("name", ["hrnet-w18", "mobilenet"])
def test_with_no_motion_a_started_trunk_sees_what_the_network_for_pictures_sees(name: str) -> None:
    torch.manual_seed(4)
    if name == "mobilenet":
        source = build_mobilenet(64).trunk.state_dict()
    else:
        source = timm.create_model("hrnet_w18").state_dict()  # with its head for ImageNet
    pictures, moving = build_trunk(name, 3, 16).eval(), build_trunk(name, 23, 16).eval()  # type: ignore[arg-type]
    for trunk in (pictures, moving):
        load_picture_weights(trunk, source)
    x = clips(2, 3)
    at_rest = torch.cat([x, torch.zeros(2, 20, 64, 64)], 1)
    with torch.no_grad():
        torch.testing.assert_close(moving(at_rest), pictures(x))
        assert not torch.allclose(moving(at_rest + 0.5), moving(at_rest), atol=1e-3)
    assert torch.equal(pictures.net.state_dict()[pictures.first], source[pictures.first])


def test_weights_of_another_network_are_refused() -> None:
    trunk = build_trunk("mobilenet", 23, 16)
    state = dict(trunk.net.state_dict())
    with pytest.raises(ValueError, match=r"conv_stem.weight is \(32, 43, 3, 3\), not \(32, 23, 3, 3\)"):
        load_picture_weights(trunk, state)
    del state["bn1.weight"]
    with pytest.raises(ValueError, match=r"1 layers of the trunk are missing, the first is bn1.weight"):
        load_picture_weights(trunk, state)
