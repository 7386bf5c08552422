"""The report of an evaluation: what was measured on what, every figure with its interval, and drawings."""

import math
from collections.abc import Sequence

import numpy as np

from engine.evaluation.bootstrap import LEVEL, band, units
from engine.evaluation.detection import AUC, EER, METRICS, PARTIAL_AUC, TAR
from engine.evaluation.document import Block, Drawing, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.evaluate import Figure
from engine.evaluation.parts import DEV, parts_of
from engine.evaluation.perturbations import LEVELS
from engine.evaluation.plots import Curve, curve_plot, roc_plot, score_plot
from engine.evaluation.record import Header, Run, roc_points

COLUMNS = (AUC, PARTIAL_AUC, TAR, EER, "accuracy", "balanced accuracy", "recall", "precision")
_DRAWN_RUNS = 8  # with more runs, only tables and curves

_HOW = (
    "How a file is judged: the mean of the fake probabilities over the scored frames of a face, the largest of "
    "these means over its faces. By frame: the largest probability among the faces of the frame, under the label "
    "of its video. Intervals are 95 % percentile intervals of a bootstrap that draws persons where they are known "
    "and else videos: all files tied by shared persons are drawn or left together, real and forged ones alike, "
    "within strata by the classes such a group holds. Shares at the threshold also carry exact (Clopper-Pearson) "
    "intervals, which take files for independent."
)


def report_files(header: Header, runs: Sequence[Run], *, only_accuracy: bool = False) -> dict[str, str]:
    """Name -> content of report.html, report.md and the drawings that the latter shows."""
    title = f"{header.detector['id']}: {header.protocol}"
    blocks = _blocks(header, runs, ("accuracy",) if only_accuracy else COLUMNS)
    files = {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}
    return files | {block.name: block.svg for block in blocks if isinstance(block, Drawing)}


def shown(figure: Figure | None) -> str:
    """A value with its interval."""
    if figure is None or math.isnan(figure.value):
        return "not defined"
    if math.isnan(figure.low):
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _blocks(header: Header, runs: Sequence[Run], columns: Sequence[str]) -> list[Block]:
    blocks: list[Block] = [Paragraph(text, warning=True) for text in header.warnings]
    for run in runs:
        said = run.warnings if len(runs) <= _DRAWN_RUNS else run.main_warnings
        blocks += [Paragraph(f"{run.name}: {text}", warning=True) for text in said]
    blocks += [Heading("What was measured"), facts_of(header, runs), Paragraph(_HOW)]
    blocks += [Heading("Figures"), *_summary(runs, columns)]
    if any("kind" in run.facts for run in runs):
        blocks += _ladder(runs)
    for number, run in enumerate(runs):
        if len(runs) <= _DRAWN_RUNS:
            blocks += [Heading(run.name), *run_drawings(run, header, number), *_tables(run)]
        if run.unread:
            blocks += [Heading(f"{run.name}: files that could not be judged", 3)]
            blocks.append(Table(["file", "why"], sorted(run.unread.items())))
        lacking = [j.sample.name for j in run.judged if j.scores.fake_probability is None]
        if lacking:
            blocks.append(Paragraph(f"{run.name}: no face was found in {', '.join(lacking)}"))
    if runs and runs[0].main == DEV:
        blocks += _look(header, runs[0])
    return blocks


def facts_of(header: Header, runs: Sequence[Run]) -> Table:
    """What was measured on what."""
    counted = [
        f"{run.name}: {run.data}, {sum(not j.sample.label for j in run.judged)} real and "
        f"{sum(j.sample.label for j in run.judged)} forged files judged"
        for run in runs[:_DRAWN_RUNS]
    ]
    if len(runs) > _DRAWN_RUNS:
        counted.append(f"and {len(runs) - _DRAWN_RUNS} more runs of the same files")
    rows = [
        ("detector", header.detector["id"]),
        ("weights (SHA-256)", header.detector["weights_sha256"]),
        ("device, precision", f"{header.detector['device']}, {header.detector['precision']}"),
        ("pseudo-fakes in training", header.pseudo_fakes or "not stated"),
        ("protocol", f"{header.protocol}: {header.text}"),
        *(("data", text) for text in counted),
        ("scored frames", f"every frame whose number is a multiple of {header.every}"),
        ("threshold, fixed beforehand", f"{header.settings.threshold:g}"),
        ("bootstrap", f"{header.settings.draws} draws, seed {header.settings.seed}, level {LEVEL:.0%}"),
        ("command", header.command),
        ("date", header.date),
    ]
    return Table(["", ""], rows)


def _summary(runs: Sequence[Run], columns: Sequence[str]) -> list[Block]:
    """One row for each run, as the tables of the papers have it."""
    marked = any("trained_on" in run.facts for run in runs)
    rows = []
    for run in runs:
        found = run.main_figures()
        first = next(iter(found.values()), None)
        counts = [str(first.n_real), str(first.n_fake), first.over] if first else ["0", "0", ""]
        seen = ["yes" if run.facts.get("trained_on") else "no"] if marked else []
        rows.append([run.name, *seen, *counts, *(shown(found.get(name)) for name in columns)])
    head = ["", *(["trained on its sources"] if marked else []), "real", "forged", "interval over", *columns]
    return [Table(head, rows)]


def _tables(run: Run) -> list[Block]:
    names = list(dict.fromkeys(f.protocol for f in run.figures))
    by = {(f.protocol, f.level, f.metric): f for f in run.figures}
    found: list[Block] = []
    if len(names) > 1:
        rows = []
        for name in names:
            first = by[name, "video", AUC]
            cells = (shown(by[name, "video", metric]) for metric in (AUC, EER, "accuracy", "balanced accuracy"))
            rows.append([name, str(first.n_real), str(first.n_fake), *cells])
        head = ["part, by video", "real", "forged", AUC, EER, "accuracy", "balanced accuracy"]
        found += [Heading("By part", 3), Table(head, rows)]
    levels = [level for level in ("video", "frame") if (run.main, level, AUC) in by]
    if levels:
        head = ["measure", *(f"by {level}" for level in levels), "exact interval over videos"]
        rows = []
        for metric in METRICS:
            exact = by[run.main, "video", metric].exact
            words = "" if exact is None or math.isnan(exact[0]) else f"{exact[0]:.3f} to {exact[1]:.3f}"
            rows.append([metric, *(shown(by[run.main, level, metric]) for level in levels), words])
        counts = [str(by[run.main, level, AUC].n_real + by[run.main, level, AUC].n_fake) for level in levels]
        rows.append(["n", *counts, ""])
        found += [Heading("All measures of the main part", 3), Table(head, rows)]
    return found


def run_drawings(run: Run, header: Header, number: int) -> list[Block]:
    """ROC and scores of one run; none of a single class. `number` tells the files apart."""
    part = parts_of(run.judged, run.main)[0]
    chosen = [j for j in run.judged if j.scores.tracks and part.takes(j)]
    labels = np.array([j.sample.label for j in chosen], np.int64)
    if not 0 < labels.sum() < len(labels):
        return []
    values = np.array([j.scores.fake_probability for j in chosen], np.float64)
    unit = units(labels, range(len(chosen)), [j.sample.persons for j in chosen])
    grid = np.linspace(0, 1, 51)
    settings = header.settings
    low, high = band(values, labels, unit, grid, draws=settings.draws, seed=settings.seed)
    points = roc_points(run)
    auc = shown(run.main_figures().get(AUC))
    return [
        Drawing(
            f"roc-{number}.svg",
            f"ROC by video with the pointwise 95 % band over {unit.over}; AUC {auc}",
            roc_plot([p[0] for p in points], [p[1] for p in points], grid, low, high),
        ),
        Drawing(
            f"scores-{number}.svg",
            "Fake probabilities of real and forged files; the dashed line is the threshold",
            score_plot(values[labels == 0], values[labels == 1], settings.threshold),
        ),
    ]


def _ladder(runs: Sequence[Run]) -> list[Block]:
    """AUC over the level of each kind; level 0 is the file as it is."""
    clean = next((run for run in runs if not run.facts.get("kind")), None)
    curves = []
    for kind in LEVELS:
        steps = [run for run in runs if run.facts.get("kind") == kind]
        if not steps:
            continue
        rungs = [*([(0.0, clean)] if clean else []), *((float(run.facts["level"]), run) for run in steps)]
        found = [(level, run.main_figures().get(AUC)) for level, run in rungs]
        known = [(level, f) for level, f in found if f is not None]
        curves.append(
            Curve(
                kind,
                [level for level, _ in known],
                [f.value for _, f in known],
                [f.low for _, f in known],
                [f.high for _, f in known],
            )
        )
    caption = "AUC by video over the level of each perturbation, with 95 % intervals; level 0: files as they are"
    drawn = [curve for curve in curves if curve.x]
    return [Drawing("ladder.svg", caption, curve_plot(drawn, "level", AUC))] if drawn else []


def _look(header: Header, run: Run) -> list[Block]:
    """Rows for the log of looks at the dev split."""
    sha = header.detector["weights_sha256"][:12]
    rows = []
    for name in dict.fromkeys(f.protocol for f in run.figures):
        if name != DEV and not name.startswith(("dev, ", "method ")):
            continue
        by = {f.metric: f for f in run.figures if f.protocol == name and f.level == "video"}
        auc = by[AUC]
        rows.append(
            [
                header.date, sha, name, str(auc.n_real), str(auc.n_fake), f"{auc.value:.3f}",
                f"{auc.low:.3f} to {auc.high:.3f}", f"{by['balanced accuracy'].value:.3f}", f"{by[EER].value:.3f}",
            ]
        )  # fmt: skip
    head = [
        "date", "weights (SHA-256)", "part", "real", "forged", "AUC", "95 %", "balanced accuracy",
        "equal error rate",
    ]  # fmt: skip
    return [
        Heading("A look at the dev split"),
        Paragraph("Copy these rows to docs/dev-looks.md: every look is logged."),
        Table(head, rows),
    ]
