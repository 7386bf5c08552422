"""Several detectors on the same files: the table of P002 (its table 1), and the report of each beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.evaluation.detection import AUC, EER
from engine.evaluation.document import Block, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.record import Header, Run
from engine.evaluation.record import as_data as measured_data
from engine.evaluation.report import report_files as measured_files
from engine.evaluation.report import shown

_COLUMNS = ("balanced accuracy", AUC, EER)
_HOW = (
    "One row for each detector and set of files. Figures by video with 95 % bootstrap intervals; intervals of "
    "detectors on the same files are not independent, so two that overlap may still differ. How a file is judged, "
    "and all other measures, stand in the report of each detector in the folder of its name."
)


@dataclass(frozen=True)
class Row:
    """What came of one detector.

    Attributes:
        name: of the detector, for people.
        size: side of its crops, pixels.
    """

    name: str
    size: int
    header: Header
    runs: Sequence[Run]


def as_data(rows: Sequence[Row], lacking: Mapping[str, str]) -> dict[str, Any]:
    """All that each detector's own JSON holds, and why others were not measured."""
    return {
        "detectors": [measured_data(row.header, row.runs) | {"size": row.size} for row in rows],
        "not measured": dict(lacking),
    }


def report_files(
    rows: Sequence[Row], lacking: Mapping[str, str], *, only_accuracy: bool = False
) -> dict[str, str]:
    """Path -> content: report.html and report.md with the table, and in DETECTOR/ the report of each.

    Args:
        rows: one at least.
        lacking: detectors that were not measured, and why.
        only_accuracy: whether the protocol has no other measure.
    """
    first = rows[0].header
    columns = ("accuracy",) if only_accuracy else _COLUMNS
    cells = []
    for row in rows:
        for run in row.runs:
            found = run.main_figures()
            any_figure = next(iter(found.values()), None)
            counts = [str(any_figure.n_real), str(any_figure.n_fake)] if any_figure else ["0", "0"]
            detector = row.header.detector
            cells.append(
                [
                    row.name,
                    str(row.size),
                    detector["weights_sha256"][:12],
                    run.name,
                    *counts,
                    *(shown(found.get(name)) for name in columns),
                ]
            )
    head = ["detector", "px", "weights", "files", "real", "forged", *columns]
    warnings = dict.fromkeys(text for row in rows for text in row.header.warnings)
    blocks: list[Block] = [Paragraph(text, warning=True) for text in warnings]
    blocks += [Paragraph(f"{first.protocol}: {first.text}"), Paragraph(_HOW), Table(head, cells)]
    if lacking:
        blocks += [Heading("Not measured"), Table(["detector", "why"], sorted(lacking.items()))]
    blocks.append(
        Paragraph(f"Threshold {first.settings.threshold:g}, fixed beforehand. {first.command}, {first.date}")
    )
    title = f"Detectors compared: {first.protocol}"
    files = {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}
    for row in rows:
        for name, text in measured_files(row.header, row.runs, only_accuracy=only_accuracy).items():
            files[f"{row.header.detector['id']}/{name}"] = text
    return files
