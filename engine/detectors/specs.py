"""Every detector by its id: its network, its crops, what loads it; the only place that knows which there are."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from engine.detectors.base import ClipDetector
from engine.detectors.cards import Card
from engine.detectors.dpnet import DpnetDetector
from engine.detectors.frame import FrameDetector
from engine.detectors.lps import LpsDetector
from engine.detectors.own import OwnDetector
from engine.detectors.snippets import SnippetDetector
from engine.errors import UsageError
from engine.networks.dpnet.network import build_dpnet
from engine.networks.efficientnet import SIZE, build_attention, build_efficientnet, build_ltpa
from engine.networks.lps.config import COMPACT, LpsConfig
from engine.networks.lps.network import build_lps
from engine.networks.mobilenet import build_mobile_attention, build_mobile_ltpa, build_mobilenet
from engine.networks.snippets.config import SnippetConfig
from engine.networks.snippets.network import build_snippet_network

Load = Callable[[str, Any, Card, torch.device, str], OwnDetector]
"""Makes a detector of its id, its network with weights, their card, a device and a precision."""


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A detector before it has weights.

    Attributes:
        architecture: what the card of fitting weights must name.
        size: side of the crops by default, pixels; a card may name another.
        build: makes the network (a torch module) for crops of a size in pixels.
        explainers: ids of those that work on it.
        load: makes the detector.
    """

    id: str
    name: str
    paper: str
    architecture: str
    size: int
    build: Callable[[int], Any]
    explainers: tuple[str, ...]
    load: Load = FrameDetector

    @property
    def judges_clips(self) -> bool:
        """Whether it looks at clips, and not at single crops."""
        return isinstance(self.load, type) and issubclass(self.load, ClipDetector)

    @property
    def trunk(self) -> str:
        """What it shares with the detectors that differ from it in what lies behind it alone."""
        return re.sub("-(attention|ltpa|dil|dpnet)$", "", self.architecture)


_TAN_LE = "P002 with Tan and Le 2019 (arXiv 1905.11946)"
_JETLEY = "P002 with Jetley et al. 2018 (arXiv 1804.02391)"
_BONETTINI = "P002 with Bonettini et al. 2020 (arXiv 2004.07676)"

_TRINH = "P000: Trinh et al. 2021, Interpretable and Trustworthy Deepfake Detection via Dynamic Prototypes"
_GE = "P001: Ge et al. 2022, Deepfake Video Detection via Predictive Representation Learning"
_GU = "P003: Gu et al. 2022, Delving into the Local"

SPECS: dict[str, DetectorSpec] = {
    spec.id: spec
    for spec in (
        DetectorSpec(
            "frame-mobile",
            "MobileNetV2, frame by frame",
            "Sandler et al. 2018 (arXiv 1801.04381), used as the detectors of P002",
            "mobilenetv2-1.0",
            224,
            build_mobilenet,
            ("gradcam", "kernel-shap"),
        ),
        DetectorSpec(
            "frame-mobile-attention",
            "MobileNetV2 with Bonettini's attention",
            _BONETTINI,
            "mobilenetv2-1.0-attention",
            224,
            build_mobile_attention,
            ("gradcam", "attention", "kernel-shap"),
        ),
        DetectorSpec(
            "frame-mobile-ltpa",
            "MobileNetV2 LTPA, frame by frame",
            _JETLEY,
            "mobilenetv2-1.0-ltpa",
            224,
            build_mobile_ltpa,
            ("gradcam", "ltpa", "kernel-shap"),
        ),
        DetectorSpec(
            "frame-b4",
            "EfficientNet-B4, frame by frame",
            _TAN_LE,
            "efficientnet-b4",
            SIZE,
            lambda size: build_efficientnet("b4", size),
            ("gradcam", "kernel-shap"),
        ),
        DetectorSpec(
            "frame-b4-attention",
            "EfficientNet-B4 with Bonettini's attention",
            _BONETTINI,
            "efficientnet-b4-attention",
            SIZE,
            lambda size: build_attention("b4", size),
            ("gradcam", "attention", "kernel-shap"),
        ),
        DetectorSpec(
            "frame-b4-ltpa",
            "EfficientNet-B4 LTPA, frame by frame",
            _JETLEY,
            "efficientnet-b4-ltpa",
            SIZE,
            lambda size: build_ltpa("b4", size),
            ("gradcam", "ltpa", "kernel-shap"),
        ),
        DetectorSpec(
            "frame-b7",
            "EfficientNet-B7, frame by frame",
            _TAN_LE,
            "efficientnet-b7",
            SIZE,
            lambda size: build_efficientnet("b7", size),
            ("gradcam", "kernel-shap"),
        ),
        DetectorSpec(
            "frame-b7-ltpa",
            "EfficientNet-B7 LTPA, frame by frame",
            _JETLEY,
            "efficientnet-b7-ltpa",
            SIZE,
            lambda size: build_ltpa("b7", size),
            ("gradcam", "ltpa", "kernel-shap"),
        ),
        DetectorSpec(
            "snippet-compact",
            "Intra-/Inter-SIM on MobileNetV2, snippets of 4 frames",
            _GU,
            "mobilenetv2-1.0-dil",
            160,
            lambda size: build_snippet_network(SnippetConfig("mobilenetv2", size=size)),
            ("gradcam", "snippet-attention", "kernel-shap"),
            SnippetDetector,
        ),
        DetectorSpec(
            "snippet",
            "Intra-/Inter-SIM on ResNet-50, snippets of 4 frames",
            _GU,
            "resnet50-dil",
            224,
            lambda size: build_snippet_network(SnippetConfig("resnet50", size=size)),
            ("gradcam", "snippet-attention", "kernel-shap"),
            SnippetDetector,
        ),
        DetectorSpec(
            "dpnet-compact",
            "DPNet on MobileNetV2, clips of 11 frames against 20 prototypes",
            _TRINH,
            "mobilenetv2-1.0-dpnet",
            128,
            lambda size: build_dpnet("mobilenet", 23, 10, size=size),
            ("prototypes", "gradcam", "prototype-gradient", "kernel-shap"),
            DpnetDetector,
        ),
        DetectorSpec(
            "dpnet",
            "DPNet on HRNet-W48, clips of 11 frames against 100 prototypes",
            _TRINH,
            "hrnet-w48-dpnet",
            256,
            lambda size: build_dpnet("hrnet-w48", 23, 50, size=size),
            ("prototypes", "gradcam", "prototype-gradient", "kernel-shap"),
            DpnetDetector,
        ),
        DetectorSpec(
            "lps-compact",
            "LPS on a narrow 2d3d-ResNet18, windows of 60 frames",
            _GE,
            "2d3d-resnet18-compact",
            128,
            lambda size: build_lps(COMPACT, size),
            ("gradcam", "second-difference", "prediction-error", "kernel-shap"),
            LpsDetector,
        ),
        DetectorSpec(
            "lps",
            "LPS on 2d3d-ResNet18, windows of 60 frames",
            _GE,
            "2d3d-resnet18",
            224,
            lambda size: build_lps(LpsConfig(), size),
            ("gradcam", "second-difference", "prediction-error", "kernel-shap"),
            LpsDetector,
        ),
    )
}


def detector_spec(detector_id: str) -> DetectorSpec:
    """Raises UsageError for an unknown id."""
    try:
        return SPECS[detector_id]
    except KeyError:
        raise UsageError(
            f"There is no detector {detector_id}", advice=f"Choose one of {', '.join(SPECS)}"
        ) from None
