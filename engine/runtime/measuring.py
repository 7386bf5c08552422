"""A protocol at work: data sets in, judged files and figures out. See engine.evaluation.protocols."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.detectors.base import AnyDetector
from engine.evaluation.evaluate import Judged, Sample, Settings, Unread, judge
from engine.evaluation.partial import PartialClip, PartialCopy, PartialFigure, partial_clip, partial_figures
from engine.evaluation.perturbations import LEVELS, Perturbation
from engine.evaluation.protocols import Protocol
from engine.evaluation.record import Run, measured_run
from engine.evaluation.wrapped import open_perturbed
from engine.faces.detector import FaceDetector
from engine.progress import CancelToken, ProgressCallback
from engine.runtime.found_faces import FoundFaces
from engine.runtime.scoring import PLAIN, AnalysisScorer, Opener
from engine.video.interface import Media


@dataclass(frozen=True)
class SampleSet:
    """The files of one data set that a protocol judges.

    Attributes:
        name: of its row in the table.
        data: layout, way of splitting and split.
        samples: of both classes.
        trained_on: whether the weights were made with files of its sources; None where that says nothing.
    """

    name: str
    data: str
    samples: Sequence[Sample]
    trained_on: bool | None


@dataclass(frozen=True)
class Measuring:
    """What judges, how densely, and what figures are wanted.

    Attributes:
        found: faces that `faces` has found for other detectors; None where there are none.
        fresh: score everything again.
    """

    detector: AnyDetector
    faces: FaceDetector
    every: int
    settings: Settings
    fresh: bool
    cancel: CancelToken
    progress: ProgressCallback
    found: FoundFaces | None = None

    def runs(self, protocol: Protocol, sets: Sequence[SampleSet]) -> list[Run]:
        """One run per data set, or per data set and perturbation.

        Raises:
            DataError: nothing of a set could be judged.
            DeviceError, CancelledError: as an analysis; what was scored is kept for the next time.
        """
        several = len(sets) > 1
        found = []
        for each in sets:
            known: dict[str, object] = {} if each.trained_on is None else {"trained_on": each.trained_on}
            found.append(self._run(protocol, each, PLAIN, each.name, known))
            if protocol.judging == "perturbations":
                for change in _ladder(self.settings.seed):
                    name = f"{change.kind} {change.level}"
                    facts = known | {"kind": change.kind, "level": change.level, "strength": change.strength}
                    title = f"{each.name}, {name}" if several else name
                    found.append(self._run(protocol, each, _perturbing(change), title, facts))
        return found

    def partial(
        self, copies: Sequence[PartialCopy], held_out: Sequence[str] | None
    ) -> tuple[list[PartialClip], list[PartialFigure], Mapping[str, str]]:
        """What the detector says of copies with a forged run, figures of it, and why some could not be judged.

        Args:
            held_out: see partial_figures.

        Raises:
            DeviceError, CancelledError: as an analysis; what was scored is kept for the next time.
        """
        judged, unread = self._judged([copy.sample for copy in copies], PLAIN, "Judging copies")
        truth = {copy.sample.path: copy for copy in copies}
        clips = [partial_clip(each, truth[each.sample.path], self.settings.threshold) for each in judged]
        return clips, partial_figures(clips, held_out, self.settings), unread

    def _run(
        self, protocol: Protocol, each: SampleSet, opener: Opener, name: str, facts: dict[str, object]
    ) -> Run:
        judged, unread = self._judged(each.samples, opener, f"Judging {name}")
        return measured_run(name, each.data, protocol.main, judged, self.settings, unread, facts)

    def _judged(
        self, samples: Sequence[Sample], opener: Opener, label: str
    ) -> tuple[list[Judged], Mapping[str, str]]:
        """The files that could be judged, and why others could not."""
        unread = Unread()
        scorer = AnalysisScorer(self.detector, self.faces, self.every, opener, self.found)
        judged = judge(
            samples,
            scorer,
            label=label,
            fresh=self.fresh,
            unread=unread,
            cancel=self.cancel,
            progress=self.progress,
        )
        return judged, unread.reasons


def _ladder(seed: int) -> Iterator[Perturbation]:
    for kind, levels in LEVELS.items():
        for level in range(1, len(levels) + 1):
            yield Perturbation(kind, level, seed)


def _perturbing(change: Perturbation) -> Opener:
    def opened(sample: Sample, cancel: CancelToken) -> Media:
        return open_perturbed(sample.path, change, cancel)

    return Opener(opened, {"kind": change.kind, "level": change.level, "seed": change.seed})
