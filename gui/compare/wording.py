"""The words and numbers of the comparison, the same on the screen and in an export. No widget here."""

from __future__ import annotations

import math

from engine.evaluation.explanations.measures import MapMeasures
from gui.explaining import FrameExplanation

MEASURES_TIP = (
    "Over the frames made so far in the chosen range (I to O), as P002 defines them:\n"
    "V: variance within a frame\n"
    "τ: correlation of neighbouring frames\n"
    "ρ: correlation of a frame with itself, moved by a tenth\n"
    "μ: share of the energy in the middle half of the crop\n"
    "n: frames, and pairs of neighbouring frames for τ\n"
    "They describe a map; they do not say that it is right. – means not defined yet."
)


def number(value: float, digits: int = 3) -> str:
    """Fixed digits with a true minus sign; "–" where it is not defined."""
    return "–" if not math.isfinite(value) else f"{value:.{digits}f}".replace("-", "−")


def plain_number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}".replace("-", "−")


def score_text(logit: float, threshold: float) -> str:
    """The score that is explained; a sign says on which side of the threshold it lies."""
    probability = 1 / (1 + math.exp(-logit))
    return f"{'▲' if probability >= threshold else '▽'} fake probability {probability:.3f}"


def cost_text(mask: FrameExplanation | None) -> str:
    """What the map took; empty where that was not measured."""
    if mask is None or mask.seconds is None or mask.passes is None:
        return ""
    return f"{mask.seconds:.2g} s, {mask.passes} pass{'es' * (mask.passes != 1)}"


def measures_wordings(found: MapMeasures | None) -> tuple[str, ...]:
    """V, tau, rho and mu with their counts, the longest wording first."""
    if found is None:
        return ("",)
    v, tau, rho, mu = found.values
    frames, pairs = found.counts[0], found.counts[1]
    values = f"V {number(v, 4)}   τ {number(tau)}   ρ {number(rho)}   μ {number(mu)}"
    short = f"V {number(v, 3)} τ {number(tau, 2)} ρ {number(rho, 2)} μ {number(mu, 2)}"
    return (
        f"{values}   n {frames}, {pairs} pairs",
        f"{values}   n {frames}/{pairs}",
        f"{short}  n {frames}/{pairs}",
        short,
    )


def measures_line(found: MapMeasures) -> str:
    """The same as one line of an export, in its letters."""
    v, tau, rho, mu = (latin(number(value, 4)) for value in found.values)
    frames, pairs = found.counts[0], found.counts[1]
    return f"V {v}, tau {tau}, rho {rho}, mu {mu}; frames: {frames}, pairs of neighbouring frames: {pairs}"


def agreement_text(mean: float, frames: int) -> str:
    """ "0.43 (n 12)"."""
    return f"{number(mean, 2)} (n {frames})" if frames else "not yet"


def latin(text: str) -> str:
    """In the letters that the font of exports has."""
    for greek, word in (
        ("τ", "tau"),
        ("ρ", "rho"),
        ("μ", "mu"),
        ("−", "-"),
        ("–", "-"),
        ("▲ ", ""),
        ("▽ ", ""),
        ("÷", "divided by"),
        ("\u00a0", " "),
    ):
        text = text.replace(greek, word)
    return text


def measures_data(found: MapMeasures | None) -> dict[str, float | int | None]:
    """For a sidecar: values that are not defined are null."""
    if found is None:
        return {}
    names = ("V", "tau", "rho", "mu")
    values = {name: v if math.isfinite(v) else None for name, v in zip(names, found.values, strict=True)}
    return {**values, "frames": found.counts[0], "pairs_of_neighbouring_frames": found.counts[1]}
