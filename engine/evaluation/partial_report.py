"""The report of the protocol "partial": how well detectors find forged runs, beside guessing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

from engine.evaluation.bootstrap import LEVEL
from engine.evaluation.document import Block, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.kept_scores import packed
from engine.evaluation.partial import ATTENTION_AUC, ATTENTION_CLIP_AUC, MEASURES, PartialClip, PartialFigure
from engine.evaluation.parts import FEW, FEW_GROUPS
from engine.evaluation.persons import tied_groups
from engine.evaluation.plain import finite
from engine.evaluation.record import Header

_HOW = (
    "Each copy of a real clip has one run of forged frames, 10 to 60 % of it. AUC of frames: forged against other "
    "frames of all copies; within clips: the mean of the AUC of each copy, for which scores of different videos "
    "need not compare. A frame has the mean probability of the spans that hold it, the largest among the faces. "
    "Attention is no probability. The run is looked for with hysteresis at the threshold; of several intervals "
    "the longest counts. Errors, in frames, are of the copies in which a run was found, so they mean little "
    "without the share of these; overlap is intersection over union, 0 where none was found. Guessing takes runs "
    "of the same law anywhere. Intervals are 95 % percentile intervals of a bootstrap that draws persons where "
    "they are known and else videos, with all copies of them."
)


@dataclass(frozen=True)
class Found:
    """What came of one detector.

    Attributes:
        name: its id.
        held_out: operators that it was not trained with; None where nobody says.
        unread: copies that could not be judged, and why.
    """

    name: str
    header: Header
    held_out: Sequence[str] | None
    clips: Sequence[PartialClip]
    figures: Sequence[PartialFigure]
    unread: Mapping[str, str]

    @property
    def warnings(self) -> list[str]:
        """What limits the use of the figures, a sentence each."""
        said = list(self.header.warnings)
        groups = len(
            set(tied_groups([clip.judged.sample.persons or (str(n),) for n, clip in enumerate(self.clips)]))
        )
        if len(self.clips) < FEW:
            said.append(f"{self.name}: only {len(self.clips)} copies, so that the figures mean little")
        if groups < FEW_GROUPS:
            said.append(f"{self.name}: only {groups} groups of persons, so that the intervals are too narrow")
        if self.held_out is None:
            said.append(f"{self.name}: nobody says which operators it was trained with")
        return said


def as_data(found: Sequence[Found], lacking: Mapping[str, str]) -> dict[str, Any]:
    """All figures, and every copy with its truth and its scores, from which they follow."""
    return {"detectors": [_detector(each) for each in found], "not measured": dict(lacking)}


def shown(figure: PartialFigure | None) -> str:
    """A value with its interval."""
    if figure is None or math.isnan(figure.value.value):
        return "not defined"
    value, low, high = (_number(figure.measure, each) for each in astuple(figure.value))
    return value if math.isnan(figure.value.low) else f"{value} ({low} to {high})"


def line(figure: PartialFigure) -> str:
    """A figure in a line."""
    chance = "" if math.isnan(figure.chance) else f", guessing {_number(figure.measure, figure.chance)}"
    return f"{figure.part}: {figure.measure} {shown(figure)}{chance}, {figure.clips} copies, over {figure.over}"


def report_files(found: Sequence[Found], lacking: Mapping[str, str]) -> dict[str, str]:
    """Name -> content of report.html and report.md; `found` holds one at least."""
    title = "Partial forgeries"
    header = found[0].header
    blocks: list[Block] = [Paragraph(text, warning=True) for each in found for text in each.warnings]
    blocks += [
        Heading("What was measured"),
        Table(
            ["", ""],
            [
                *(
                    (each.name, f"weights {each.header.detector['weights_sha256'][:12]}, {len(each.clips)} copies")
                    for each in found
                ),
                *(
                    (f"{each.name}, pseudo-fakes in training", each.header.pseudo_fakes or "not stated")
                    for each in found
                ),
                ("protocol", f"{header.protocol}: {header.text}"),
                ("scored frames", f"those whose number is a multiple of {header.every}"),
                ("threshold", f"{header.settings.threshold:g}"),
                ("bootstrap", f"{header.settings.draws} draws, seed {header.settings.seed}, level {LEVEL:.0%}"),
                ("command", header.command),
                ("date", header.date),
            ],
        ),
        Paragraph(_HOW),
        Heading("All copies"),
        Table(["measure", *(each.name for each in found), "guessing"], _compared(found)),
    ]
    for each in found:
        parts = [part for part in dict.fromkeys(figure.part for figure in each.figures) if part != "all"]
        measures = [name for name in MEASURES if any(figure.measure == name for figure in each.figures)]
        by = {(figure.part, figure.measure): figure for figure in each.figures}
        rows = [
            [
                part,
                str(max(f.clips for f in each.figures if f.part == part)),
                *(shown(by.get((part, name))) for name in measures),
            ]
            for part in parts
        ]
        blocks += [Heading(f"{each.name}, by operator"), Table(["operator", "copies", *measures], rows)]
        if each.unread:
            blocks += [
                Heading(f"{each.name}: copies that could not be judged", 3),
                Table(["copy", "why"], sorted(each.unread.items())),
            ]
    if lacking:
        blocks += [Heading("Not measured"), Table(["detector", "why"], sorted(lacking.items()))]
    return {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}


def _compared(found: Sequence[Found]) -> list[list[str]]:
    """A row per measure, a column per detector, and what guessing gives."""
    by = [{figure.measure: figure for figure in each.figures if figure.part == "all"} for each in found]
    rows = []
    for name in MEASURES:
        known = [figures[name] for figures in by if name in figures]
        if known:
            none = "none" if name in (ATTENTION_AUC, ATTENTION_CLIP_AUC) else "not defined"
            cells = [shown(figures[name]) if name in figures else none for figures in by]
            chance = known[0].chance
            rows.append([name, *cells, "" if math.isnan(chance) else _number(name, chance)])
    return rows


def _number(measure: str, value: float) -> str:
    return f"{value:.1f}" if measure.startswith("error") else f"{value:.3f}"


def _detector(found: Found) -> dict[str, Any]:
    header = found.header
    return {
        "detector": dict(header.detector),
        "protocol": header.protocol,
        "protocol_text": header.text,
        "pseudo_fakes_in_training": header.pseudo_fakes,
        "held_out_operators": None if found.held_out is None else list(found.held_out),
        "every": header.every,
        "threshold": header.settings.threshold,
        "bootstrap": {"draws": header.settings.draws, "seed": header.settings.seed, "level": LEVEL},
        "command": header.command,
        "date": header.date,
        "warnings": found.warnings,
        "measures": [_figure(figure) for figure in found.figures],
        "unread": dict(found.unread),
        "copies": [_clip(clip) for clip in found.clips],
    }


def _figure(figure: PartialFigure) -> dict[str, Any]:
    row = {key: value for key, value in asdict(figure).items() if key != "value"}
    return {key: finite(value) for key, value in (row | asdict(figure.value)).items()}


def _clip(clip: PartialClip) -> dict[str, Any]:
    sample = clip.judged.sample
    return {
        "name": sample.name,
        "operator": clip.operator,
        "persons": list(sample.persons),
        "sha256": clip.judged.sha256,
        "frames": clip.length,
        "forged": list(clip.truth),
        "found": None if clip.found is None else list(clip.found),
        "outstanding": None if clip.outstanding is None else list(clip.outstanding),
        "scores": packed(clip.judged.scores),
    }
