"""How detectors are trained, by what loads them; the only place that knows which kinds there are."""

from typing import Any

from engine.detectors.frame import FrameDetector
from engine.detectors.snippets import SnippetDetector
from engine.detectors.specs import DetectorSpec, Load
from engine.errors import UsageError
from engine.training.kinds.base import Kind
from engine.training.kinds.frame import FRAME
from engine.training.kinds.snippet import SNIPPET

KINDS: dict[Load, Kind[Any]] = {FrameDetector: FRAME, SnippetDetector: SNIPPET}


def kind_of(spec: DetectorSpec) -> Kind[Any]:
    """Raises UsageError for a detector that `train` does not know how to train."""
    if spec.load not in KINDS:
        raise UsageError(f"{spec.id} cannot be trained with this command", advice="Choose another detector")
    return KINDS[spec.load]
