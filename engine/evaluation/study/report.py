"""The report of a study: P002's tables 3 and 4 and its figure 12, with intervals, and JSON with every figure."""

import math
from collections.abc import Mapping
from typing import Any

from engine.evaluation.document import Block, Drawing, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.plain import finite
from engine.evaluation.plots import share_plot, stacked_plot
from engine.evaluation.preference import LEVEL, PairTest
from engine.evaluation.study.results import DRAWS, Collected, Results, Share

FEW = 20
"""Participants below which a report says that there are few."""

_HOW = (
    "In each section a participant said which of two videos is fake; then the answer was told, and they picked "
    "none, some or all of the explanations of the fake one. Sections, sides and explanations came in an order "
    "drawn for each participant. Only sections with both answers are counted. Exact intervals (Clopper-Pearson) "
    f"take all answers for independent; those over people draw participants with all their answers {DRAWS} "
    "times, and are the ones to trust, since one person answers several sections. Both are 95 % intervals."
)
_TEST = (
    "Answers that picked just one of the two explainers; p is that of the exact two-tailed sign test. A "
    "difference is significant if p lies below {level:.4g}, which is {alpha:g} over {pairs} pairs (Bonferroni). "
    "Like P002, the test takes answers for independent: p is too small by what the answers of one person share."
)


def report_files(results: Results) -> dict[str, str]:
    """Name -> content of report.html, report.md and the drawings that the latter shows."""
    title = f"Preference study: {results.definition.title}"
    blocks = _blocks(results)
    files = {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}
    return files | {block.name: block.svg for block in blocks if isinstance(block, Drawing)}


def as_data(results: Results, collected: Collected) -> dict[str, Any]:
    """All figures and all answers as plain data for results.json; what is not defined is null."""
    definition, found = results.definition, results.findings
    return {
        "study": {"title": definition.title, "sha256": definition.sha256, "seed": definition.seed},
        "participants": {
            "began": results.participants,
            "answered_all": results.finished,
            "by_part": list(results.parts),
            "screen": dict(results.screens),
            "familiar_with_deepfakes": dict(results.familiarity),
        },
        "answers": found.answers,
        "half_answered": results.half_answered,
        "accuracy": _share(results.accuracy),
        "explainers": {
            name: {"votes": found.votes[name], "share_of_votes": _of_votes(results)[name], **_share(share)}
            for name, share in results.shares.items()
        },
        "picked_none": found.none,
        "sign_tests": {
            "level": found.level,
            "pairs": [
                {
                    "first": t.first,
                    "second": t.second,
                    "only_first": t.only_first,
                    "only_second": t.only_second,
                    "p": t.p,
                    "significant": t.significant,
                }
                for t in found.pairs
            ],
        },
        "sections": [
            {
                "id": each.id,
                "answers": each.answers,
                "accuracy": _share(each.accuracy),
                "votes": dict(each.votes),
                "picked_none": each.none,
                "other": each.other,
                "fake_probability": dict(definition.section(each.id).scores),
            }
            for each in results.sections
        ],
        "all_answers": [
            {
                "participant": g.participant,
                "section": g.section,
                "right": g.right,
                "chosen": None if g.chosen is None else list(g.chosen),
                "other": g.other,
            }
            for g in collected.answers
        ],
    }


def shown(share: Share) -> str:
    """A share with its exact interval."""
    if math.isnan(share.value):
        return "no answer"
    return f"{share.value:.0%} ({_range(share.exact)})"


def short_names(explainers: tuple[str, ...]) -> dict[str, str]:
    """Explainers without their detectors, where that tells them apart: for drawings."""
    short = [name.split("@")[0] for name in explainers]
    return dict(zip(explainers, short if len(set(short)) == len(short) else explainers, strict=True))


def _blocks(results: Results) -> list[Block]:
    found = results.findings
    blocks: list[Block] = [Paragraph(text, warning=True) for text in _warnings(results)]
    blocks += [Heading("What was asked"), _facts(results), Paragraph(_HOW)]
    blocks += [Heading("Who took part, and what they said"), _people(results)]
    blocks += [Heading("Explanations that convinced"), _preferences(results), _shares_drawing(results)]
    words = _TEST.format(level=found.level, alpha=LEVEL, pairs=len(found.pairs))
    if found.pairs:
        rows = [_pair(test) for test in found.pairs]
        head = ["A, B", "only A picked", "only B picked", "two-tailed p", "significant"]
        blocks += [Heading("Pairs of explainers"), Paragraph(words), Table(head, rows)]
    blocks += [Heading("By section"), _sections(results), _sections_drawing(results)]
    if results.words:
        rows = [[section, word] for section, words in results.words.items() for word in words]
        blocks += [Heading("In their own words"), Table(["section", "other"], rows)]
    return blocks


def _warnings(results: Results) -> list[str]:
    found = []
    if results.participants < FEW:
        found.append(
            f"Only {results.participants} took part: P002 asked 67. The intervals say how little that tells."
        )
    if results.half_answered:
        found.append(f"{results.half_answered} sections were left after their first question and are not counted.")
    if results.participants > results.finished:
        found.append(f"{results.participants - results.finished} participants did not answer all their sections.")
    return found


def _facts(results: Results) -> Table:
    definition = results.definition
    sizes = " and ".join(str(len(definition.part(part))) for part in range(definition.parts))
    parts = f", in {definition.parts} parts of {sizes}; a person gets one of them" if definition.parts > 1 else ""
    rows = [
        ["study (SHA-256)", definition.sha256],
        [
            "sections",
            f"{len(definition.sections)}{parts}",
        ],
        ["explainers", ", ".join(definition.explainers)],
        ["seed of all orders", str(definition.seed)],
        *([name, _words(value)] for name, value in definition.made.items()),
    ]
    return Table(["", ""], rows)


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_words(each)}" for name, each in value.items())
    return str(value)


def _people(results: Results) -> Table:
    def counted(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{name} {count} ({count / results.participants:.0%})" for name, count in counts.items())

    rows = [
        ["participants", f"{results.participants}, of whom {results.finished} answered all"],
        ["by part", ", ".join(map(str, results.parts))],
        ["screen", counted(results.screens)],
        ["familiar with deepfakes", counted(results.familiarity)],
        ["sections answered", str(results.findings.answers)],
        ["fake video identified", shown(results.accuracy)],
        ["the same, interval over people", _range(results.accuracy.over_people)],
        ["picked no explanation", f"{results.findings.none} of {results.findings.answers} answers"],
    ]
    return Table(["", ""], rows)


def _preferences(results: Results) -> Table:
    of_votes = _of_votes(results)
    rows = [
        [
            name,
            str(share.hits),
            "none" if of_votes[name] is None else f"{of_votes[name]:.0%}",
            shown(share),
            _range(share.over_people),
        ]
        for name, share in results.shares.items()
    ]
    head = [
        "explainer",
        "votes",
        "share of votes (P002, table 3)",
        "share of answers (exact)",
        "interval over people",
    ]
    return Table(head, rows)


def _of_votes(results: Results) -> dict[str, float | None]:
    votes = results.findings.votes
    total = sum(votes.values())
    return {name: count / total if total else None for name, count in votes.items()}


def _pair(test: PairTest) -> list[str]:
    p = f"{test.p:.6f}" if test.p >= 1e-6 else f"{test.p:.1e}"
    names = f"{test.first}, {test.second}"
    return [names, str(test.only_first), str(test.only_second), p, "yes" if test.significant else "no"]


def _sections(results: Results) -> Table:
    names = results.definition.explainers
    rows = []
    for number, each in enumerate(results.sections, 1):
        scores = results.definition.section(each.id).scores
        rows.append(
            [
                f"{number}: {each.id}",
                str(each.answers),
                shown(each.accuracy),
                *(str(each.votes[name]) for name in names),
                str(each.none),
                str(each.other),
                ", ".join(f"{detector} {p:.2f}" for detector, p in scores.items()) or "not scored",
            ]
        )
    head = ["section", "answers", "fake identified (exact)", *names, "none", "other", "fake probability"]
    return Table(head, rows)


def _shares_drawing(results: Results) -> Drawing:
    short = short_names(results.definition.explainers)
    bars = [(share.value, *share.over_people) for share in results.shares.values()]
    caption = "Share of the answers that picked each explainer, with its 95 % interval over people"
    return Drawing("shares.svg", caption, share_plot(list(short.values()), bars, "share of answers"))


def _sections_drawing(results: Results) -> Drawing:
    short = short_names(results.definition.explainers)
    counts = [[each.votes[name] for name in short] for each in results.sections]
    caption = "Votes by section (P002, figure 12); the numbers are those of the table"
    return Drawing("sections.svg", caption, stacked_plot(list(short.values()), counts, "section", "votes"))


def _range(ends: tuple[float, float]) -> str:
    return "not defined" if math.isnan(ends[0]) else f"{ends[0]:.0%} to {ends[1]:.0%}"


def _share(share: Share) -> dict[str, Any]:
    def ends(pair: tuple[float, float]) -> list[float] | None:
        return None if math.isnan(pair[0]) else list(pair)

    return {
        "hits": share.hits,
        "of": share.of,
        "share": finite(share.value),
        "exact_95": ends(share.exact),
        "over_people_95": ends(share.over_people),
    }
