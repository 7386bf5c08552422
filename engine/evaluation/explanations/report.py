"""The report of a comparison of explainers: P002's table 2 for these videos, and what the maps are worth."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.evaluation.document import Block, Drawing, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.explanations.faithfulness import STEPS
from engine.evaluation.explanations.measures import STABLE
from engine.evaluation.explanations.record import (
    KINDS,
    Compared,
    Faithfulness,
    Header,
    Outcome,
    Summary,
    explainer_facts,
    over_videos,
    summary,
    table_2,
)
from engine.evaluation.explanations.sanity import NOISE, SHARES
from engine.evaluation.plots import Curve, curve_plot

CHANCE = "random order"

_HOW = (
    "V: variance within a frame. tau: correlation of successive maps. rho: correlation of a map with itself "
    "moved by a tenth of its side. mu: share of its energy in the centred half of the crop. All of the part "
    "that supports fake, at the size of the crop; means over the frames of a video, then over videos, with the "
    "standard deviation over videos. These four say how a map looks, not whether it is right: a fixed blob in "
    "the middle would win rho, tau and mu."
)
_FAITHFUL = (
    "Deletion paints the parts of the crop in the mean colour, those that support fake most first; insertion "
    "uncovers them in this order. Areas under the fake probability: a good order has a small one for deletion "
    "and a large one for insertion. Gain: area between the curves of the logit, which does not saturate. "
    "Painted crops are strange to a detector: hold every figure against that of the random order, "
    "above all that of superpixels, since scattered pixels look like noise."
)
_NOISE = (
    f"Noise: relative change of the map when every colour level moves by up to {NOISE} of 255 at random; small "
    "is good. Random parameters: rank correlation of the map with that of the same network after its last "
    "layers got random parameters. A map that stays alike does not show what the network has learnt."
)
_TRUTH = (
    "Relevance mass: share of what supports fake that lies on forged pixels. Pointing: how often the largest "
    "value does. Chance: share of the crop that is forged, which a map without meaning gets in both. Only "
    "frames with forged pixels count. A detector may see a forgery by traces beside the mask, so a low figure "
    "does not prove a map wrong."
)


def report_files(header: Header, videos: Sequence[Compared], unread: Mapping[str, str]) -> dict[str, str]:
    """Name -> content of report.html, report.md and the drawings that the latter shows."""
    title = f"Explainers of {header.detector['id']} compared"
    blocks = _blocks(header, videos, unread)
    files = {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}
    return files | {block.name: block.svg for block in blocks if isinstance(block, Drawing)}


def warnings_of(header: Header, videos: Sequence[Compared]) -> list[str]:
    """What limits the use of the figures, a sentence each."""
    said = list(header.warnings)
    if len(videos) < 2:
        said.append("One video shows no spread: the figures are of this video alone")
    unstable = [video.name for video in videos if not video.stable and math.isfinite(video.motion)]
    if unstable:
        rest = "the table without them follows the first" if len(unstable) < len(videos) else "no video is left"
        said.append(f"By P002's filter the face is not stable in {', '.join(unstable)}; {rest}")
    low = [video.name for video in videos if video.fake_probability < 0.5]
    if low:
        said.append(
            f"The detector does not call {', '.join(low)} fake: what supports fake there is the lesser part of "
            "the score, and P002 measures forged videos alone"
        )
    return said


def shown(found: Summary, digits: int = 4) -> str:
    """Mean and spread."""
    if not found.videos:
        return "not defined"
    spread = "" if math.isnan(found.deviation) else f" ± {found.deviation:.{digits}f}"
    return f"{found.mean:.{digits}f}{spread}"


def _blocks(header: Header, videos: Sequence[Compared], unread: Mapping[str, str]) -> list[Block]:
    blocks: list[Block] = [Paragraph(text, warning=True) for text in warnings_of(header, videos)]
    blocks += [Heading("What was measured"), _facts(header, videos)]
    blocks += [
        Heading("The measures of P002"),
        Paragraph(_HOW),
        _table_2(header, videos, _many(len(videos), "video")),
    ]
    stable = [video for video in videos if video.stable]
    if 0 < len(stable) < len(videos):
        blocks += [_table_2(header, stable, f"{len(stable)} of them with a stable face")]
    blocks += [Paragraph("Cost of the maps alone, per frame:"), _cost(header, videos)]
    if any(video.chance for video in videos):
        blocks += [Heading("Does the score follow the map?"), Paragraph(_FAITHFUL), *_faithfulness(header, videos)]
        blocks += [Heading("Noise and random parameters"), Paragraph(_NOISE), *_sanity(header, videos)]
    if any(video.truth for video in videos):
        blocks += [Heading("Does the map lie on the forgery?"), Paragraph(_TRUTH), *_located(header, videos)]
    if any(video.agreement for video in videos):
        blocks += [Heading("Do the explainers agree?"), *_agreement(videos)]
    blocks += [Heading("Video by video"), *_each(header, videos)]
    if unread:
        blocks += [Heading("Files that could not be measured", 3), Table(["file", "why"], sorted(unread.items()))]
    return blocks


def _facts(header: Header, videos: Sequence[Compared]) -> Table:
    apart = sorted({f"{v.step} frames" + _seconds(v.seconds_apart) for v in videos})
    rows = [
        ("detector", header.detector["id"]),
        ("weights (SHA-256)", header.detector["weights_sha256"]),
        ("device, precision", f"{header.detector['device']}, {header.detector['precision']}"),
        *(("explainer", explainer_facts(name, facts)) for name, facts in header.explainers.items()),
        ("frames", header.frames),
        ("distance of two maps, on which tau depends", "; ".join(apart)),
        ("face", "the one that is seen on most of these frames"),
        ("videos", str(len(videos))),
        ("frames with costly measures", f"{header.checks} of each video, evenly spaced"),
        ("stable face", f"edges of the raw box move by less than {STABLE:g} of the picture between two frames"),
        ("seed", str(header.seed)),
        ("versions", ", ".join(f"{name} {version}" for name, version in header.versions.items())),
        ("command", header.command),
        ("date", header.date),
    ]
    return Table(["", ""], rows)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _seconds(apart: float | None) -> str:
    return "" if apart is None else f" ({apart:.3g} s)"


def _table_2(header: Header, videos: Sequence[Compared], what: str) -> Table:
    head = [f"mean over {what}", "V", "tau", "rho", "mu", "native map"]
    rows = []
    for name in header.explainers:
        sizes = sorted({video.outcomes[name].native_size for video in videos})
        cells = [shown(each) for each in table_2(videos, name).values()]
        rows.append([name, *cells, ", ".join(f"{h} x {w}" for h, w in sizes)])
    return Table(head, rows)


def _cost(header: Header, videos: Sequence[Compared]) -> Table:
    rows = []
    for name in header.explainers:
        frames = sum(len(video.frames) for video in videos)
        seconds = sum(video.outcomes[name].seconds for video in videos)
        passes = sum(video.outcomes[name].passes for video in videos)
        rows.append([name, str(frames), f"{seconds / frames:.3g} s", f"{passes / frames:.6g}"])
    return Table(["explainer", "frames", "time", "forward passes"], rows)


def _faithfulness(header: Header, videos: Sequence[Compared]) -> list[Block]:
    checked = [video for video in videos if video.chance]
    blocks: list[Block] = [
        Paragraph(
            f"Checked: {_many(sum(len(v.checked) for v in checked), 'frame')}, {_many(len(checked), 'video')}."
        )
    ]
    for kind in KINDS:
        orders = {name: [v.outcomes[name].faithfulness[kind] for v in checked] for name in header.explainers}
        orders[CHANCE] = [video.chance[kind] for video in checked]
        rows = [
            [
                name,
                *(shown(summary([value(each) for each in found]), 3) for value in (_deletion, _insertion, _gain)),
            ]
            for name, found in orders.items()
        ]
        blocks.append(Table([f"{kind} at a time", "deletion area", "insertion area", "gain (logit)"], rows))
        for word in ("deletion", "insertion"):
            caption = f"{word.capitalize()} of {kind}: mean fake probability over the checked frames"
            svg = _curves({name: [getattr(each, word) for each in found] for name, found in orders.items()})
            blocks.append(Drawing(f"{word}-{kind}.svg", caption, svg))
    return blocks


def _deletion(found: Faithfulness) -> float:
    return found.deletion_area


def _insertion(found: Faithfulness) -> float:
    return found.insertion_area


def _gain(found: Faithfulness) -> float:
    return found.logit_gain


def _curves(orders: Mapping[str, Sequence[Sequence[float]]]) -> str:
    grid = np.linspace(0, 1, STEPS + 1).tolist()
    none = [math.nan] * len(grid)
    curves = [Curve(name, grid, np.mean(values, axis=0).tolist(), none, none) for name, values in orders.items()]
    return curve_plot(curves, "share of the crop", "fake probability")


def _sanity(header: Header, videos: Sequence[Compared]) -> list[Block]:
    head = ["explainer", "noise, mean", "noise, largest", "logit under noise", *(f"last {s:.0%}" for s in SHARES)]
    rows, curves = [], []
    checked = [video for video in videos if video.chance]
    for name in header.explainers:

        def cell(value: Callable[[Outcome], float], name: str = name) -> Summary:
            return over_videos(checked, name, value)

        random = [cell(lambda outcome, at=at: outcome.randomised[at]) for at in range(len(SHARES))]  # type: ignore[misc]
        largest = max((v.outcomes[name].noise_max for v in checked), default=math.nan)
        rows.append(
            [
                name,
                shown(cell(lambda outcome: outcome.noise_mean), 3),
                f"{largest:.3f}",
                shown(cell(lambda outcome: outcome.logit_noise), 3),
                *(shown(each, 3) for each in random),
            ]
        )
        none = [math.nan] * (len(SHARES) + 1)
        curves.append(Curve(name, [0.0, *SHARES], [1.0, *(each.mean for each in random)], none, none))
    caption = "Rank correlation with the map of the trained network, over the share of layers that are random"
    svg = curve_plot(curves, "share of the layers", "rank correlation", low=-1.0)
    return [Table(head, rows), Drawing("randomised.svg", caption, svg)]


def _located(header: Header, videos: Sequence[Compared]) -> list[Block]:
    rows = []
    for name in header.explainers:
        found = [each for v in videos if (each := v.outcomes[name].located) is not None]
        rows.append(
            [
                name,
                shown(summary([each.relevance_mass for each in found]), 3),
                shown(summary([each.pointing for each in found]), 3),
                shown(summary([each.chance for each in found]), 3),
                str(sum(each.frames for each in found)),
                str(len(found)),
            ]
        )
    return [Table(["explainer", "relevance mass", "pointing", "chance", "frames", "videos"], rows)]


def _agreement(videos: Sequence[Compared]) -> list[Block]:
    pairs = list(dict.fromkeys(pair for video in videos for pair in video.agreement))
    rows = [[pair, shown(summary([v.agreement[pair] for v in videos]), 3)] for pair in pairs]
    text = "Rank correlation (Spearman) over the pixels of the crop, of the signed maps; 1: the same order."
    return [Paragraph(text), Table(["explainers", "rank correlation"], rows)]


def _each(header: Header, videos: Sequence[Compared]) -> list[Block]:
    facts = [
        [
            video.name,
            video.sha256[:12],
            f"{len(video.frames)} ({video.frames[0]} to {video.frames[-1]})",
            f"{video.track + 1} of {video.faces}",
            f"{video.fake_probability:.3f}",
            "not defined" if math.isnan(video.motion) else f"{video.motion:.4f}",
            "yes" if video.stable else "no",
            video.truth or "none",
        ]
        for video in videos
    ]
    head = ["video", "SHA-256", "frames", "face", "fake probability", "motion", "stable", "mask of the forgery"]
    rows = []
    for video in videos:
        for name in header.explainers:
            found = video.outcomes[name]
            cells = ("not defined" if math.isnan(v) else f"{v:.4f}" for v in found.measures.values)
            rows.append([video.name, name, *cells, str(found.measures.counts[1])])
    return [Table(head, facts), Table(["video", "explainer", "V", "tau", "rho", "mu", "pairs for tau"], rows)]
