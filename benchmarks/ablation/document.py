"""docs/ablations.md and docs/ablations.json: what the finished configurations gave, and which were not run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.ablation.configurations import TABLES, Configuration, Table
from benchmarks.ablation.judging import (
    ALL,
    Judged,
    auc_interval,
    drawn_units,
    gain_interval,
    loss_interval,
    together,
)
from engine.evaluation.bootstrap import DRAWS, Interval

_UNITS = {"persons": "groups of persons", "videos": "videos"}
_HEAD = f"""# The papers' ablations, at a small scale

Written by `python benchmarks/ablations.py document --out DIR`; do not edit. The trainings behind it:
`OMP_NUM_THREADS=1 python benchmarks/ablations.py {{dpnet,lps,snippet}} --data DIR --out DIR`.

**What these tables can say, and what they cannot.** Every network here was trained for as many seconds of one core
as its row says, on crops of 64 to 96 px, on a hundred or some hundreds of pairs of clips, once, with one seed. The
papers trained large networks on thousands of videos. An AUC of 0.5 is chance. Beside every figure stands its 95 %
interval ({DRAWS} resamples of the held-out persons, or of videos where too few persons stand apart). Differences
inside the intervals say nothing. Those outside of them say little: the intervals know of the held-out clips alone,
not of seeds; with so few groups of persons, whose number is given, they are too narrow; and of so many rows some
differ by chance. Nothing here confirms or refutes a paper's table.

Within a table all configurations have the same seed and the same clips to learn, and are judged on the same clips
of persons of the validation split, who were not trained on: genuine forgeries beside their originals (FaceSwap),
pseudo-fakes by the operators that were trained with, and by two that were not (`desynchronisation`,
`temporal-resolution`). Nothing was chosen by these clips: each network is the running average of its weights at
the last step. The dev split plays no part. "Difference" is the AUC of all clips less that of the first row, both
in the same resamples; it is left out where a network sees other clips (one of another length is another one).
The cross-entropy (P001's table 5 has a loss) is 0.693 for one who knows nothing and says so; above it, a network
is surer than it may be.
"Seconds" are those of the processor for training and judging, without the making of clips, which all share.
"""


def write_document(out: Path, docs: Path) -> tuple[Path, Path]:
    """Both files, from the results that lie in `out`."""
    found = {table.id: _results(out, table) for table in TABLES.values()}
    tables = {name: [_row(result, results) for result in results] for name, results in found.items()}
    text = [_HEAD, *(_section(TABLES[name], tables[name]) for name in ("snippet", "dpnet", "lps"))]
    paths = docs / "ablations.md", docs / "ablations.json"
    paths[0].write_text("\n".join(text), encoding="utf-8")
    paths[1].write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
    return paths


def _results(out: Path, table: Table) -> list[dict[str, Any]]:
    """In the table's order."""
    known = {}
    for path in sorted((out / table.id).glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        known[result["name"]] = result
    return [known[one.name] for one in table.configurations if one.name in known]


def _row(result: Mapping[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    """What is published of a result: figures, nothing of single clips."""
    parts = _parts(result)
    first = results[0]
    rows = {}
    for name, part in parts.items():
        unit = drawn_units(part)
        counts = {"real": part.labels.count(0), "fake": part.labels.count(1)}
        over = {"over": unit.over, "groups": len(set(unit.group.tolist()))}
        rows[name] = {**_plain(auc_interval(part)), **counts, **over}
    gain = None if result is first else gain_interval(parts[ALL], _parts(first)[ALL])
    kept = ("name", "steps", "pairs", "seconds", "seed", "size", "parameters", "code", "torch", "settings")
    return {
        **{name: result[name] for name in kept},
        "auc": rows,
        "loss": None if result["settings"]["svm"] else _plain(loss_interval(parts[ALL])),
        "difference": None if gain is None else {**_plain(gain), "to": first["name"]},
    }


def _parts(result: Mapping[str, Any]) -> dict[str, Judged]:
    return together({name: Judged.of(plain) for name, plain in result["parts"].items()})


def _plain(interval: Interval) -> dict[str, float]:
    return {name: round(float(getattr(interval, name)), 4) for name in ("value", "low", "high")}


def _section(table: Table, rows: list[dict[str, Any]]) -> str:
    missing = [one for one in table.configurations if one.name not in {row["name"] for row in rows}]
    lines = [f"## {table.title}", ""]
    if rows:
        lines += [*_described(table, rows), "", *_table(table, rows), ""]
    else:
        lines += ["None of its configurations was run.", ""]
    if missing:
        lines += [
            "Not run, for want of processor time:",
            "",
            *(f"- {one.name}: {one.stands_for}" for one in missing),
            "",
        ]
    return "\n".join(lines)


def _described(table: Table, rows: list[dict[str, Any]]) -> list[str]:
    start = f"the trunk of `{table.start}`" if table.start else "random weights"
    phases = rows[0]["settings"]["phases"]
    pairs = ", ".join(sorted({str(phase["pairs"]) for phase in phases}))
    how = f"{phases[0]['optimiser']} from {phases[0]['learning_rate']:g}"
    auc = rows[0]["auc"]
    judged = "; ".join(
        f"{name}, {part['real']} real and {part['fake']} forged clips ({part['groups']} {_UNITS[part['over']]})"
        for name, part in auc.items()
    )
    chance = sum(row["auc"][ALL]["low"] <= 0.5 <= row["auc"][ALL]["high"] for row in rows)
    versions = ", ".join(sorted({row["code"] for row in rows}))
    return [
        f"`{table.detector}` from {start}, crops of {rows[0]['size']} px, {pairs} pairs a step, {how}.",
        f"Judged on (in brackets what is drawn for the intervals): {judged}.",
        f"Version of the code (a hash of its sources): {versions}; torch {rows[0]['torch']}.",
        f"In {chance} of {len(rows)} rows the interval of all clips holds 0.5: nothing shows that these learnt.",
    ]


def _table(table: Table, rows: list[dict[str, Any]]) -> list[str]:
    parts = list(rows[0]["auc"])
    head = ["configuration", "stands for", "steps", "pairs", "seed", "parameters", "seconds"]
    head += [f"AUC, {part} (95 %)" for part in parts] + ["difference, all (95 %)", "cross-entropy, all (95 %)"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        one: Configuration = table.named(row["name"])
        steps = " + ".join(map(str, row["steps"])) or "none"
        cells = [
            one.name,
            one.stands_for,
            steps,
            row["pairs"],
            row["seed"],
            row["parameters"],
            f"{row['seconds']:.0f}",
        ]
        cells += [_figure(row["auc"][part]) for part in parts]
        cells += [_figure(row["difference"], sign="+") if row["difference"] else ""]
        cells += [_figure(row["loss"]) if row["loss"] else ""]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _figure(plain: Mapping[str, Any], sign: str = "") -> str:
    value, low, high = (format(plain[name], f"{sign}.3f") for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
