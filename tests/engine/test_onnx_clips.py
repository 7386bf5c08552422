"""Detectors of clips as ONNX: ONNX Runtime, fed by what the description says, against the unfolded network."""

import copy
import tomllib
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from random_weights import card_values, noise_crops, random_snippets
from torch import nn

from engine import onnx as exporter
from engine.detectors.base import ClipDetector
from engine.detectors.cards import parse_card
from engine.detectors.dpnet import DpnetDetector
from engine.detectors.flow_card import flow_table
from engine.detectors.lps import LpsDetector
from engine.detectors.snippets import SnippetDetector
from engine.detectors.specs import detector_spec
from engine.faces.flow import FlowSpec
from engine.networks.dpnet.network import DpNetwork

SIDE = 64
FLOW = FlowSpec(SIDE, 80, bound=5.0)
Exported = tuple[Any, ...]
Judged = Callable[[nn.Module, torch.Tensor], torch.Tensor]


def settled(detector_id: str, inputs: torch.Tensor) -> nn.Module:
    """A random network whose normalisations are those of the inputs, so that it does not ignore them."""
    torch.manual_seed(0)
    network: nn.Module = detector_spec(detector_id).build(SIDE)
    with torch.no_grad():
        for norm in (m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)):
            norm.momentum = None
        network.train()(inputs)
        network.eval()
        for last in (m for m in network.modules() if isinstance(m, nn.Linear)):
            last.weight.normal_(std=3.0)
        if isinstance(network, DpNetwork):  # cells that lie as near to prototypes as trained ones
            network.prototypes.vectors.mul_(0.3)
    return network


def made(kind: str) -> tuple[ClipDetector, nn.Module, Judged, tuple[int, ...]]:
    """A detector, its network, what stands in the file of that network's answer, the shape of a clip."""
    rng = torch.Generator().manual_seed(3)
    if kind == "snippet-compact":
        network: nn.Module = random_snippets(kind, SIDE)
        extra: dict[str, object] = {}
        shape: tuple[int, ...] = (8, 4, 3, SIDE, SIDE)
        maker: Callable[..., ClipDetector] = SnippetDetector
        judged: Judged = lambda net, x: net.forward_with_attention(x).snippet_logits  # noqa: E731
    elif kind == "lps-compact":
        shape, maker, extra = (12, 3, 5, SIDE, SIDE), LpsDetector, {"aligned": True}
        network = settled(kind, torch.randn(4, *shape, generator=rng))
        judged = lambda net, x: net(x)[:, 1] - net(x)[:, 0]  # noqa: E731
    else:
        shape, maker = (23, SIDE, SIDE), DpnetDetector
        extra = {"flow": flow_table(FLOW, 5)}
        network = settled(kind, torch.randn(8, *shape, generator=rng))
        judged = lambda net, x: net(x).logits[:, 1] - net(x).logits[:, 0]  # noqa: E731
    card = parse_card(card_values(kind, network) | extra | {"sha256": "5" * 64})  # type: ignore[arg-type]
    return maker(kind, copy.deepcopy(network), card, torch.device("cpu")), network, judged, shape


@pytest.fixture(scope="module", params=["snippet-compact", "lps-compact", "dpnet-compact"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    detector, *rest = made(request.param)
    deviation = exporter.export_onnx(detector, path)
    assert max(deviation.logit, deviation.probability) <= 1e-3
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return (detector, *rest, session, tomllib.loads(path.with_suffix(".toml").read_text()))


def test_a_detector_of_clips_gives_torchs_logits_for_any_batch(exported: Exported) -> None:
    _, network, judged, shape, session, words = exported
    assert (words["input"]["size"], words["output"]["classes"]) == (SIDE, ["real", "fake"])
    clips = torch.randn(3, *shape, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        expected = judged(network, clips).numpy()
    assert np.ptp(expected) > 0.02  # a network that ignored its input would prove nothing
    for count in (1, 3):
        (found,) = session.run([words["output"]["name"]], {words["input"]["name"]: clips[:count].numpy()})
        np.testing.assert_allclose(found, expected[:count], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("exported", ["snippet-compact", "lps-compact"], indirect=True)
def test_what_is_said_of_a_clips_frames_is_what_the_detector_feeds(exported: Exported) -> None:
    """Frames brought into form by the words of the description alone get the detector's own scores."""
    detector, _, _, _, session, words = exported
    given = words["input"]
    parts = {"U": given.get("snippets"), "M": given.get("examples")}
    frames = {"T": given.get("snippet_frames", given.get("example_frames"))}
    groups, each = next(count for count in parts.values() if count), frames["T"]
    crops = noise_crops(groups * each, given["size"])
    pixels = ((crops / given["scale"] - given["mean"]) / given["std"]).astype(np.float32)
    axes = given["layout"].replace("M", "U")
    x = np.einsum(f"UTHWC->{axes[1:]}", pixels.reshape(groups, each, *crops.shape[1:]))[None]
    (found,) = session.run(None, {given["name"]: np.ascontiguousarray(x)})
    (clip,) = detector.plan(0, len(crops) - 1)
    np.testing.assert_allclose(found.ravel(), detector.score_clip(clip, crops).logits, rtol=1e-3, atol=1e-3)
