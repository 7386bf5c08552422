"""`detectors`: which detectors there are, with what weights, and what was measured on them."""

import argparse
import json
from typing import Any

from engine.cli.session import EngineSession
from engine.cli.verdict import trustworthy
from engine.results import DetectorInfo


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("detectors", help="list the detectors")
    parser.add_argument("--json", action="store_true", help="as JSON on standard output")


def run(args: argparse.Namespace) -> int:
    with EngineSession() as session:
        infos = session.detectors().detectors
        device = session.device
    if args.json:
        text = json.dumps([entry(info, device) for info in infos], indent=1, default=str)
    else:
        text = "\n".join(words(info) for info in infos) + f"\ndevice: {device}"
    print(text)  # noqa: T201 - this is the command line
    return 0


def entry(info: DetectorInfo, device: str) -> dict[str, Any]:
    """One detector for `--json`."""
    return {
        "id": info.id,
        "name": info.name,
        "paper": info.paper,
        "trained": info.trained,
        "weights_sha256": info.weights_sha256 or None,
        "trustworthy": trustworthy(info),
        "trust_reason": info.card.get("trust_reason") or None,
        "measures": [dict(measure) for measure in info.card.get("measures", ())],  # type: ignore[attr-defined]
        "problem": info.problem or None,
        "explainers": list(info.explainers),
        "folder": info.folder or None,
        "device": device,
    }


def words(info: DetectorInfo) -> str:
    """One detector for a person."""
    lines = [f"{info.id}: {info.name} ({info.paper})"]
    if not info.trained:
        return "\n".join([*lines, f"  not trained: {info.problem}"])
    lines.append(f"  weights {info.weights_sha256}")
    if not trustworthy(info):
        lines.append(f"  not trustworthy: {info.card.get('trust_reason', '')}")
    lines += [
        f"  {measure['metric']} {measure['value']:.3f} (95% {measure['low']:.3f} to {measure['high']:.3f}) "
        f"on {measure['data']}, {measure['protocol']}"
        for measure in entry(info, "")["measures"]
    ]
    return "\n".join(lines)
