"""What goes beside every exported file: where it came from and what is needed to make it again."""

import math
import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from engine import __version__
from engine.case.codec import encode_provenance
from engine.rendering.style import OverlayStyle
from engine.results import Explanation, Provenance, VideoIdentity
from engine.verdict import Statement

LIBRARIES = ("av", "numpy", "opencv-python-headless")


def header(identity: VideoIdentity) -> dict[str, Any]:
    """Program, versions, time and evidence."""
    return {
        "program": {"name": "Tellframe", "version": __version__},
        "versions": versions(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": video(identity),
    }


def versions() -> dict[str, str]:
    """Of Python and of the libraries that make pictures."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in LIBRARIES}


def video(identity: VideoIdentity) -> dict[str, Any]:
    """A piece of evidence as the command line and the sidecars name it."""
    return {
        "path": identity.path,
        "sha256": identity.sha256,
        "size": identity.size,
        "frames": identity.frames,
        "seconds": identity.seconds,
        "variable_rate": identity.variable_rate,
        "width": identity.width,
        "height": identity.height,
        "time_base": str(identity.time_base),
    }


def provenances(found: Iterable[Provenance]) -> list[dict[str, Any]]:
    """Each provenance once, in order of appearance."""
    encoded = [encode_provenance(each) for each in found]
    return [each for i, each in enumerate(encoded) if each not in encoded[:i]]


def look(style: OverlayStyle, maps: Iterable[Explanation] = ()) -> dict[str, Any]:
    """The settings of the overlay, and whether what it shows is smoothed: by an explainer, never by drawing."""
    smoothed = sorted({each.smoothing for each in maps} - {"none"})
    how = f"{', '.join(smoothed)}, by the explainer" if smoothed else "none (nearest neighbour)"
    return asdict(style) | {"smoothing": how, "scale": "largest |value| of each frame"}


def explained(maps: Iterable[Explanation]) -> dict[str, Any] | None:
    """What stands over the maps, the settings of their explainer and their badge; None without maps."""
    first = next(iter(maps), None)
    if first is None:
        return None
    return {
        "title": first.title or first.explainer_id,
        "signed": first.signed,
        "settings": dict(first.provenance.settings),
        "sanity": asdict(first.sanity),
    }


def said(statement: Statement | None) -> dict[str, Any] | None:
    """What is said of the whole video, None if nothing is."""
    return None if statement is None else dict(statement.entry)


def number(value: float | None) -> float | None:
    """A number for JSON: None where there is none, or where it is not finite."""
    return None if value is None or not math.isfinite(value) else value
