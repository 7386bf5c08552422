"""What `check` looks at: traces of files of series, of videos, and of the videos of a case."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.case.case_file import CaseFile
from engine.case.noted import last_analysis
from engine.cli.reviewed import as_reviewed
from engine.cli.session import EngineSession
from engine.cli.verdict import trustworthy
from engine.errors import CaseError, DataError
from engine.results import DetectorInfo, Scores
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest
from engine.temporal_logic.sources import LabelledTrace, read_series, trace_of_scores
from engine.temporal_logic.trace import Trace


@dataclass(frozen=True, slots=True)
class Source:
    """A trace, and where it comes from.

    Attributes:
        facts: of the video, detector and face, for the JSON; empty for a file of series.
        case: the case in whose log the answer is noted, if any.
    """

    trace: Trace
    label: str | None
    facts: Mapping[str, Any]
    case: Path | None = None


def sources(args: argparse.Namespace, inputs: Sequence[tuple[Path, str | None]]) -> Iterator[Source]:
    """The traces of all inputs, the files of series first; the engine is started only for videos.

    Raises:
        TellframeError: an input cannot be read or analysed.
    """
    videos: list[tuple[Path, str | None, Path | None, int]] = []
    for path, label in inputs:
        if path.suffix.lower() == ".json":
            found = read_series(path)
            yield _labelled(found, label, path)
        elif path.suffix.lower() == ".tell":
            videos += [(video, label, path, every) for video, every in _of_case(path, args.detector, args.every)]
        else:
            videos.append((path, label, args.case, args.every))
    if not videos:
        return
    with EngineSession(args.device) as session:
        infos = {info.id: info for info in session.detectors().detectors}
        for path, label, case, every in videos:
            request = AnalyzeRequest(path, args.detector, case=case, every=every, device=args.device)
            done = next(event for event in session.ask(request) if isinstance(event, AnalysisDone))
            for warning in done.warnings:
                warn(f"{path}: {warning}")
            if not any(len(each.spans) for each in done.scores):
                warn(f"{path}: no face was scored, so that there is nothing to check")
            done, left_out = as_reviewed(session, done, case)
            for line in left_out:
                warn(line)
            yield from _of_analysis(path, label, done, case, infos.get(args.detector))


def _labelled(found: LabelledTrace, label: str | None, path: Path) -> Source:
    if label and found.label and label != found.label:
        raise DataError(
            f"The file says that it is {found.label}", advice=f"Do not give it with --{label}", file=path
        )
    return Source(found.trace, label or found.label, {})


def _of_case(path: Path, detector: str, every: int) -> list[tuple[Path, int]]:
    """The videos of a case, and each how many frames they were last scored with this detector."""
    with CaseFile.open(path) as case:
        videos = [video.identity for video in case.videos()]
        noted = [last_analysis(case, video.sha256, detector) or {"every": every} for video in videos]
    if not videos:
        raise CaseError("There is no video in the case", advice="Analyse one into it", file=path)
    return [(Path(video.path), int(each["every"])) for video, each in zip(videos, noted, strict=True)]


def _of_analysis(
    path: Path, label: str | None, done: AnalysisDone, case: Path | None, info: DetectorInfo | None
) -> Iterator[Source]:
    trusted = info is not None and trustworthy(info)
    prototypes = () if info is None else info.prototypes
    for scores in done.scores:
        if len(scores.spans):
            trace = trace_of_scores(f"{path.name}, face {scores.track_id + 1}", scores, prototypes)
            if trace.gaps:
                warn(
                    f"{trace.name}: {trace.gaps} gaps in which the face was not scored; a step there skips frames"
                )
            yield Source(trace, label, _facts(done, scores, trusted=trusted), case)


def _facts(done: AnalysisDone, scores: Scores, *, trusted: bool) -> dict[str, Any]:
    return {
        "video": {"path": done.video.path, "sha256": done.video.sha256, "frames": done.video.frames},
        "track": scores.track_id,
        "detector": {
            "id": scores.detector_id,
            "weights_sha256": scores.provenance.weights_sha256,
            "settings_hash": scores.provenance.settings_hash,
            "trustworthy": trusted,
            **({"excluded_prototypes": list(scores.excluded)} if scores.excluded else {}),
        },
        "fake_probability": scores.track_probability,
    }


def warn(line: str) -> None:
    """A line for the user, beside the results."""
    print(line, file=sys.stderr)  # noqa: T201 - this is the command line
