"""An evaluation as plain data for JSON, with everything from which its figures can be computed again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.evaluation.bootstrap import LEVEL
from engine.evaluation.detection import roc
from engine.evaluation.evaluate import Figure, Judged, Sample, Settings, figures
from engine.evaluation.kept_scores import packed, unpacked
from engine.evaluation.parts import parts_of, warnings_of
from engine.evaluation.plain import finite


@dataclass(frozen=True)
class Header:
    """What every report states.

    Attributes:
        detector: id, weights_sha256, device, precision.
        protocol, text: name of the protocol and what it measures.
        every: each n-th frame was scored.
        settings: of the figures.
        command: the words of the command.
        date: ISO 8601.
        warnings: what must stand beside every figure.
        pseudo_fakes: those that the weights were trained with, as their card says; empty if it does not.
    """

    detector: Mapping[str, str]
    protocol: str
    text: str
    every: int
    settings: Settings
    command: str
    date: str
    warnings: tuple[str, ...] = ()
    pseudo_fakes: str = ""


@dataclass(frozen=True)
class Run:
    """One set of judged files: a data set, or one under one condition.

    Attributes:
        name: of the row in the table.
        data: layout, split and way of splitting.
        main: name of the main part.
        judged: all of them.
        figures: what follows from them.
        unread: files that could not be judged, and why.
        facts: further columns, such as perturbation and level.
    """

    name: str
    data: str
    main: str
    judged: Sequence[Judged]
    figures: Sequence[Figure]
    unread: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        return warnings_of(self.figures, self.main)

    @property
    def main_warnings(self) -> list[str]:
        """Those of the main part alone."""
        return warnings_of([f for f in self.figures if f.protocol == self.main], self.main)

    def main_figures(self, level: str = "video") -> dict[str, Figure]:
        """The figures of the main part by measure."""
        return {f.metric: f for f in self.figures if f.protocol == self.main and f.level == level}


def measured_run(
    name: str,
    data: str,
    main: str,
    judged: Sequence[Judged],
    settings: Settings,
    unread: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Run:
    """A run with its figures."""
    found = figures(judged, parts_of(judged, main), settings)
    return Run(name, data, main, judged, found, unread or {}, facts or {})


def as_data(header: Header, runs: Sequence[Run]) -> dict[str, Any]:
    """All of it; a single run stands at the top, several under "runs"."""
    top: dict[str, Any] = {
        "detector": dict(header.detector),
        "protocol": header.protocol,
        "protocol_text": header.text,
        "pseudo_fakes_in_training": header.pseudo_fakes,
        "every": header.every,
        "threshold": header.settings.threshold,
        "bootstrap": {"draws": header.settings.draws, "seed": header.settings.seed, "level": LEVEL},
        "command": header.command,
        "date": header.date,
        "warnings": list(header.warnings),
    }
    if len(runs) == 1:
        found = _run(runs[0])
        return top | found | {"warnings": top["warnings"] + found["warnings"]}
    return top | {"runs": [_run(run) for run in runs]}


def recompute(data: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The measures of every run, computed again from its videos' scores alone.

    Raises:
        KeyError, TypeError, ValueError: this is no JSON of an evaluation.
    """
    settings = Settings(data["threshold"], data["bootstrap"]["draws"], data["bootstrap"]["seed"])
    answers = []
    for run in data.get("runs", [data]):
        judged = [_judged(row) for row in run["videos"]]
        answers.append([_figure(f) for f in figures(judged, parts_of(judged, run["main"]), settings)])
    return answers


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "data": run.data,
        "main": run.main,
        **run.facts,
        "measures": [_figure(figure) for figure in run.figures],
        "warnings": run.warnings,
        "roc": roc_points(run),
        "without_a_face": [j.sample.name for j in run.judged if j.scores.fake_probability is None],
        "unread": dict(run.unread),
        "videos": [_video(j) for j in run.judged],
    }


def roc_points(run: Run) -> list[tuple[float, float, float | None]]:
    """The main part's ROC by video: (FAR, TPR, threshold), from (0, 0, None) to (1, 1, lowest score)."""
    part = parts_of(run.judged, run.main)[0]
    chosen = [j for j in run.judged if j.scores.tracks and part.takes(j)]
    labels = [j.sample.label for j in chosen]
    if len(set(labels)) < 2:
        return []
    curve = roc([j.scores.fake_probability or 0.0 for j in chosen], labels)
    tpr, far = (rates[0].tolist() for rates in curve.rates())
    return list(zip(far, tpr, [None, *curve.thresholds.tolist()], strict=True))


def _figure(figure: Figure) -> dict[str, Any]:
    row = asdict(figure)
    exact = row.pop("exact")
    row = {key: finite(value) for key, value in row.items()}
    return row | ({} if exact is None else {"exact_low": finite(exact[0]), "exact_high": finite(exact[1])})


def _video(judged: Judged) -> dict[str, Any]:
    sample, scores = judged.sample, judged.scores
    return {
        "name": sample.name,
        "label": sample.label,
        "split": sample.split,
        "protocol": sample.protocol,
        "method": sample.method,
        "kind": sample.kind,
        "compression": sample.compression,
        "source": sample.source,
        "persons": list(sample.persons),
        "sha256": judged.sha256,
        "fake_probability": scores.fake_probability,
        "tracks": [track.mean for track in scores.tracks],
        "frames": [len(track.frames) for track in scores.tracks],
        "scores": packed(scores),
    }


def _judged(row: Mapping[str, Any]) -> Judged:
    sample = Sample(
        name=row["name"],
        path=Path(row["name"]),
        label=row["label"],
        split=row["split"],
        protocol=row["protocol"],
        method=row["method"],
        persons=tuple(row["persons"]),
        kind=row["kind"],
        compression=row["compression"],
        source=row["source"],
    )
    return Judged(sample, unpacked(row["scores"]), row["sha256"])
