"""The answer of `check`: as data, as lines for a terminal, and as a report with the table of P000."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.evaluation.document import Block, Heading, Paragraph, Table, as_html, as_markdown
from engine.results import Verification, Witness
from engine.temporal_logic.printer import printed, shown_number
from engine.temporal_logic.specification import Specification
from engine.temporal_logic.table import Checked, Count, by_label, by_prediction
from engine.temporal_logic.trace import Trace

_HEAD = ("group", "traces", "satisfied", "violated", "undecided", "not applicable", "vacuous", "mispredicted")
_SIGNS = {"fake": "fake (+)", "real": "real (−)", "all": "all"}


def entry(
    trace: Trace,
    label: str | None,
    facts: Mapping[str, Any],
    asked: str,
    found: Sequence[Mapping[str, Verification]],
) -> dict[str, Any]:
    """One trace with its verdicts: for the class that was asked for, and the instance of each class beside it."""
    return {
        "name": trace.name,
        **facts,
        "predicted": trace.predicted,
        "label": label,
        "steps": len(trace),
        "first": int(trace.frames[0]),
        "last": int(trace.frames[-1]),
        "stride": trace.stride,
        "gaps": trace.gaps,
        "specifications": [_answer(each[asked]) | {"instances": _instances(each)} for each in found],
    }


def _instances(found: Mapping[str, Verification]) -> dict[str, Any] | None:
    """By class; None for a specification that has but one."""
    if found["predicted"].own_class is None:
        return None
    return {name: _answer(found[name]) for name in ("fake", "real")}


def _answer(found: Verification) -> dict[str, Any]:
    return {
        "name": found.specification,
        "class": found.own_class,
        "robustness": _number(found),
        "verdict": found.verdict,
        "undecided": found.undecided,
        "vacuous": found.vacuous,
        "witness": None if found.witness is None else _witness(found.witness),
    }


def _number(found: Verification) -> float | str | None:
    """JSON has no infinity: `inf` or `-inf` then; None where the specification is not applicable."""
    if found.verdict == "not applicable":
        return None
    return found.robustness if math.isfinite(found.robustness) else str(found.robustness)


def _witness(witness: Witness) -> dict[str, Any]:
    points = [
        {"variables": list(point.names)}
        | (
            {"step": point.step, "frame": point.frame}
            if point.prototype is None
            else {"prototype": point.prototype}
        )
        for point in witness.points
    ]
    return {"frame": witness.frame, "step": witness.step, "prototype": witness.prototype, "points": points}


def summary(each: Mapping[str, Any]) -> str:
    """What a person reads of one trace."""
    predicted = each["predicted"] or "nothing"
    steps = f"{each['steps']} step{'s' * (each['steps'] > 1)}, frames {each['first']} to {each['last']}"
    lines = [f"{each['name']}: predicted {predicted}, {steps}"]
    for answer in each["specifications"]:
        kind = f" for {answer['class']}" if answer["class"] else ""
        lines.append(f"  {answer['name']}{kind}: {_told(answer)}")
    return "\n".join(lines)


def _told(answer: Mapping[str, Any]) -> str:
    if answer["verdict"] == "not applicable":
        return "not applicable: another class was predicted"
    if answer["undecided"]:
        verdict = "undecided at 0 (violated, by P000)"
    elif answer["vacuous"]:
        verdict = "satisfied, but vacuously: no value of the video takes part"
    else:
        verdict = answer["verdict"]
    value, witness = answer["robustness"], answer["witness"]
    text = f"{verdict}, robustness {value if isinstance(value, str) else f'{value:+.4g}'}"
    if witness is None:
        return text
    prototype = f", prototype {witness['prototype']}" if witness["prototype"] else ""
    return f"{text}, decided at frame {witness['frame']}{prototype}"


# Batches


def table_data(rows: Sequence[Checked]) -> dict[str, Any]:
    """Both tables, with percentages."""
    return {name: [_cell(count) for count in counts] for name, counts in _tables(rows).items()}


def _tables(rows: Sequence[Checked]) -> dict[str, list[Count]]:
    return {"by_label": by_label(rows), "by_prediction": by_prediction(rows)}


def _cell(count: Count) -> dict[str, Any]:
    return asdict(count) | {"percentage": count.percentage}


def table_lines(rows: Sequence[Checked]) -> list[str]:
    """The tables as lines for a terminal."""
    lines = []
    for name, counts in _tables(rows).items():
        if counts:
            lines.append(f"Satisfied, {name.replace('_', ' ')}:")
        lines += [
            f"  {count.specification}, {count.group}: {count.percentage:.2f} % of {count.traces} traces "
            f"({count.not_applicable} not applicable, {count.undecided} undecided, {count.vacuous} vacuous)"
            for count in counts
            if count.percentage is not None
        ]
    return lines


def report_files(
    specifications: Sequence[Specification],
    settings: Mapping[str, Mapping[str, float]],
    entries: Sequence[Mapping[str, Any]],
    rows: Sequence[Checked],
) -> dict[str, str]:
    """report.html and report.md."""
    title = "Specifications of temporal logic"
    blocks: list[Block] = []
    for each in specifications:
        blocks += _about(each, settings[each.name])
    tables = _tables(rows)
    if tables["by_label"]:
        blocks += [
            Heading("Percentage of traces, by label"),
            Paragraph(
                "As P000 table 6: each trace is checked for the class that it truly is. Where the model predicts "
                "the other one the specification is not applicable, which counts as not satisfied."
            ),
            *_table(tables["by_label"]),
        ]
    blocks += [
        Heading("Percentage of traces, by prediction"),
        Paragraph("Each trace is checked for the class that the model predicts."),
        *_table(tables["by_prediction"]),
        Heading("Traces"),
        _traces(entries),
    ]
    return {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}


def _about(each: Specification, settings: Mapping[str, float]) -> list[Block]:
    values = ", ".join(f"{name} = {shown_number(value)}" for name, value in settings.items())
    return [
        Heading(f"{each.name}: {each.title}"),
        *([Paragraph(each.about)] if each.about else []),
        Paragraph(printed(each.formula)),
        *([Paragraph(f"With {values}.")] if values else []),
        *(Paragraph(warning, warning=True) for warning in each.warnings),
    ]


def _table(counts: Sequence[Count]) -> list[Block]:
    blocks: list[Block] = []
    for name in dict.fromkeys(count.specification for count in counts):
        rows = [_row(count) for count in counts if count.specification == name]
        blocks += [Heading(name, 3), Table(_HEAD, rows)]
    return blocks


def _row(count: Count) -> list[str]:
    share = "" if count.percentage is None else f"{count.percentage:.2f} % ({count.satisfied})"
    wrong = "" if count.wrong is None else str(count.wrong)
    cells = (count.violated, count.undecided, count.not_applicable, count.vacuous)
    return [_SIGNS[count.group], str(count.traces), share, *map(str, cells), wrong]


def _traces(entries: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            each["name"],
            each["label"] or "",
            each["predicted"] or "",
            answer["name"],
            answer["class"] or "",
            _told(answer),
        ]
        for each in entries
        for answer in each["specifications"]
    ]
    return Table(("trace", "label", "predicted", "specification", "class", "verdict"), rows)
