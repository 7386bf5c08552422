"""Where explanations lie on genuine forgeries: pairs of the same picture, real and forged, whose difference tells.

Masks of forgeries made here show how a map fares on their maker's traces; pairs of a published data set show it on
forgeries by others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.bootstrap import DRAWS, LEVEL, Interval
from engine.evaluation.document import Block, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.explanations.localisation import DIFFERENCE, SPREAD, Localisation
from engine.evaluation.explanations.record import Header, explainer_facts
from engine.evaluation.persons import tied_groups
from engine.evaluation.plain import finite

FIGURES = ("relevance mass", "pointing", "chance", "gain")

CALLED = 0.5
"""From which fake probability on a forged picture is called fake, for the second table."""

_HOW = (
    "Each forged picture was explained, and its difference from the real one it was made from says where it is "
    f"forged: the largest difference of the three colours, blurred by {SPREAD:g} pixels, is there at least "
    f"{DIFFERENCE:g} levels. Relevance mass: share of what supports fake that lies there. Pointing: how often the "
    "largest value does. Chance: forged share of the crop, which a map without meaning gets in both. Gain: "
    "relevance mass less chance, pair by pair. Means over pairs, with 95 % bootstrap intervals over persons."
)
_LIMIT = (
    "A detector may see a forgery by traces beside what was changed, so a low figure does not prove a map wrong; "
    "and pixels that the forging changed little count as not forged."
)


@dataclass(frozen=True)
class LocatedPair:
    """One forged picture under all explainers.

    Attributes:
        persons: everyone in it.
        fake_probability: of the forged picture.
        located: explainer id -> where its map lies.
    """

    name: str
    persons: tuple[str, ...]
    fake_probability: float
    located: Mapping[str, Localisation]


def figures(pairs: Sequence[LocatedPair], explainer: str, seed: int = 0) -> dict[str, Interval]:
    """The means of an explainer by name, with percentile intervals over groups of persons who occur together.

    Pairs whose map nowhere supports fake have neither mass nor pointing, and do not count there.
    """
    each = [pair.located[explainer] for pair in pairs]
    columns = {
        "relevance mass": [one.relevance_mass for one in each],
        "pointing": [one.pointing for one in each],
        "chance": [one.chance for one in each],
        "gain": [one.relevance_mass - one.chance for one in each],
    }
    groups = tied_groups([pair.persons or (pair.name,) for pair in pairs])
    count = int(groups.max(initial=-1)) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / max(count, 1)), size=DRAWS)
    return {name: _mean(np.array(values), groups, drawn) for name, values in columns.items()}


def _mean(
    values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64], drawn: npt.NDArray[np.int64]
) -> Interval:
    known = ~np.isnan(values)
    if not known.any():
        return Interval(float("nan"), float("nan"), float("nan"))
    size = drawn.shape[1]
    sums = np.bincount(groups[known], values[known], size)
    counts = np.bincount(groups[known], minlength=size)
    weight = drawn @ counts
    means = (drawn @ sums)[weight > 0] / weight[weight > 0]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values[known].mean()), float(low), float(high))


def as_data(header: Header, pairs: Sequence[LocatedPair]) -> dict[str, object]:
    """Plain data for JSON: what was done, the means, and every pair; None where something is not defined."""
    return {
        "kind": "explanations on genuine forgeries",
        "how": _HOW,
        **asdict(header),
        "means": {
            explainer: {
                name: finite(asdict(found)) for name, found in figures(pairs, explainer, header.seed).items()
            }
            for explainer in header.explainers
        },
        "pairs": [
            {
                "name": pair.name,
                "fake_probability": pair.fake_probability,
                "explainers": {explainer: finite(asdict(found)) for explainer, found in pair.located.items()},
            }
            for pair in pairs
        ],
    }


def report_files(header: Header, pairs: Sequence[LocatedPair]) -> dict[str, str]:
    """Name -> content of report.html and report.md."""
    title = f"Where explanations of {header.detector['id']} lie on genuine forgeries"
    facts = [
        *((name, str(value)) for name, value in header.detector.items()),
        *(("explainer", explainer_facts(name, facts)) for name, facts in header.explainers.items()),
        ("pictures", header.frames),
        ("seed", str(header.seed)),
        ("command", header.command),
        ("date", header.date),
        ("versions", ", ".join(f"{name} {version}" for name, version in header.versions.items())),
    ]
    blocks: list[Block] = [Paragraph(text, warning=True) for text in header.warnings]
    blocks += [Table(["what", ""], facts), Paragraph(_HOW), Paragraph(_LIMIT)]
    called = [pair for pair in pairs if pair.fake_probability >= CALLED]
    for some, heading in ((pairs, "All pairs"), (called, "Forged pictures that the detector calls fake")):
        blocks += [Heading(f"{heading}: {len(some)}")]
        if some:
            blocks.append(_table(header, some))
    return {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}


def shown(found: Interval) -> str:
    """A mean with its interval."""
    return "not defined" if np.isnan(found.value) else f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _table(header: Header, pairs: Sequence[LocatedPair]) -> Table:
    rows = []
    for explainer in header.explainers:
        found = figures(pairs, explainer, header.seed)
        rows.append([explainer, *(shown(found[name]) for name in FIGURES)])
    return Table(["explainer", *FIGURES], rows)
