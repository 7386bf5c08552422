"""What explainers of clips have in common that look into one network and are done after a pass or two."""

from abc import abstractmethod
from collections.abc import Generator
from typing import TypeVar

from engine.detectors.base import Clip, ClipDetector
from engine.errors import UsageError
from engine.explainers.base import UNWATCHED, ClipExplainer, ClipMaps, Watch
from engine.results import Picture

Kind = TypeVar("Kind", bound=ClipDetector)


class OnePass(ClipExplainer):
    """See the module."""

    @abstractmethod
    def maps(self, detector: ClipDetector, clip: Clip, crops: Picture) -> ClipMaps:
        """See ClipExplainer.steps."""

    def steps(
        self, detector: ClipDetector, clip: Clip, crops: Picture, watch: Watch = UNWATCHED
    ) -> Generator[None, None, ClipMaps]:
        yield from ()
        watch.check()
        return self.maps(detector, clip, crops)


def inside_of(detector: ClipDetector, kind: type[Kind], networks: str) -> Kind:
    """The detector as one of a kind whose network can be looked into.

    Args:
        networks: of that kind, plural.

    Raises:
        UsageError: it is of another kind.
    """
    if not isinstance(detector, kind):
        raise UsageError(
            f"This explainer looks into {networks}, and {detector.id} is none",
            advice="Choose an explainer that works on it, see python main.py detectors",
        )
    return detector
