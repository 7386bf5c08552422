"""`onnx DETECTOR --out FILE.onnx`: a trained detector for programs that know nothing of torch."""

import argparse
from pathlib import Path
from typing import Any

from engine.cli import words
from engine.runtime import loading


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "onnx", help="write a trained detector as ONNX, described by a TOML file beside it"
    )
    parser.add_argument("detector", metavar="DETECTOR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--opset", type=int, metavar="N", help="version of ONNX's operators; default: 17")


def run(args: argparse.Namespace) -> int:
    words.writable(args.out)
    loading.load("engine.runtime.without_compiler")
    onnx, registry = loading.load("engine.onnx"), loading.load("engine.detectors.registry")
    opset = onnx.DEFAULT_OPSET if args.opset is None else args.opset
    onnx.check_request(args.out, opset)
    detector = registry.load_detector(args.detector, "cpu", "float32")
    deviation = onnx.export_onnx(detector, args.out, opset)
    print(  # noqa: T201 - this is the command line
        f"{args.out}: {detector.id}, opset {opset}; its logits lie at most {deviation.logit:.1e} from those of "
        f"torch, its probabilities {deviation.probability:.1e}"
    )
    return 0
