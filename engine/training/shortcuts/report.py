"""What a hunt for shortcuts found, as a line, as plain data for JSON, and as a report."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from engine.evaluation.document import Block, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.plain import finite
from engine.training.shortcuts.hunt import NEAR_CHANCE, PROBES, Finding

Runs = Sequence[tuple[str, Sequence[Finding]]]

_HOW = (
    "Simple classifiers, cross-validated so that nobody is in training and test, look at what a detector should "
    "not need. An AUC whose whole 95 % interval lies above one half is a leak: a detector trained on these data "
    f"may have learned it instead of forgeries. No shortcut was found where the interval ends under "
    f"{NEAR_CHANCE:g}; in between the files are too few to tell. Crops were cut and treated as in training, both "
    "classes alike."
)


def line(found: Finding) -> str:
    """One finding for the screen."""
    if found.auc is None:
        return f"{found.probe}, {found.classifier}: not measured ({found.reason})"
    counts = f"{found.n_real} real, {found.n_fake} forged, interval over {found.over}"
    return f"{found.probe}, {found.classifier}: {_shown(found)}, {counts}: {found.verdict}"


def as_data(runs: Runs, seed: int, command: str) -> dict[str, Any]:
    """All of it, with the score of every file."""
    return {
        "protocol": "shortcuts",
        "seed": seed,
        "command": command,
        "date": _today(),
        "runs": [{"data": name, "probes": [_plain(finding) for finding in found]} for name, found in runs],
    }


def report_files(runs: Runs, seed: int, command: str) -> dict[str, str]:
    """Name -> content of report.html and report.md."""
    blocks: list[Block] = [
        Paragraph(f"{name}: {line(finding)}", warning=True)
        for name, found in runs
        for finding in found
        if finding.verdict == "leak"
    ]
    facts = [("command", command), ("seed", str(seed)), ("date", _today()), *PROBES.items()]
    blocks += [Paragraph(_HOW), Table(["", ""], facts)]
    for name, found in runs:
        rows = [[f.probe, f.classifier, str(f.n_real), str(f.n_fake), f.over, _shown(f), f.verdict] for f in found]
        head = ["probe", "classifier", "real", "forged", "interval over", "AUC", "verdict"]
        blocks += [Heading(name), Table(head, rows)]
    title = "Shortcuts in the data"
    return {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}


def _plain(found: Finding) -> dict[str, Any]:
    auc = found.auc
    value, low, high = (None, None, None) if auc is None else (auc.value, auc.low, auc.high)
    return {
        "probe": found.probe,
        "classifier": found.classifier,
        "AUC": value,
        "low": finite(low),
        "high": finite(high),
        "over": found.over,
        "n_real": found.n_real,
        "n_fake": found.n_fake,
        "verdict": found.verdict,
        "reason": found.reason,
        "files": [{"name": name, "label": label, "score": score} for name, (label, score) in found.scores.items()],
    }


def _shown(found: Finding) -> str:
    if found.auc is None:
        return found.reason
    return f"AUC {found.auc.value:.3f} (95 % {found.auc.low:.3f} to {found.auc.high:.3f})"


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()
