"""Explainers and their settings as words of the command line, the same for every command."""

import argparse
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.cli import words
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.detectors.base import Detector
    from engine.evaluation.explanations.record import Header
    from engine.explainers.base import Explainer
    from engine.results import Sanity


def add_set(parser: argparse.ArgumentParser, help_text: str = "a setting of the explainer; repeatable") -> None:
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=help_text)


def chosen(given: Sequence[str]) -> dict[str, object]:
    """Settings as `NAME=VALUE` gives them, still as text.

    Raises:
        UsageError: the words are none, or name a setting twice.
    """
    found: dict[str, object] = {}
    for each in given:
        name, equals, value = (part.strip() for part in each.partition("="))
        if not (name and equals and value):
            raise UsageError(f"{each} sets nothing", advice="Give --set NAME=VALUE")
        if name in found:
            raise UsageError(f"The setting {name} is given twice", advice="Give it once")
        found[name] = value
    return found


def chosen_of(explainer: str | None, given: Sequence[str]) -> dict[str, object]:
    """The same for a command that may go without an explainer.

    Raises:
        UsageError: as above, or there is something to set but no explainer.
    """
    if given and explainer is None:
        raise UsageError("There is no explainer of which to set anything", advice="Name one with --explainer")
    return chosen(given)


def load_compared(given: str, settings: Sequence[str], detector: str) -> "dict[str, Explainer]":
    """The explainers of `ID[:NAME=VALUE...][,...]` by these words; `settings` go to each that has them.

    Raises:
        UsageError: an explainer or a setting is not known, none has what is to be set, or they explain clips.
    """
    from engine.explainers.base import explaining_crops
    from engine.explainers.registry import explainer_settings, load_explainer  # torch takes seconds to load

    common = chosen(settings)
    unused, found = set(common), {}
    for word in words.ids(given):
        explainer_id, *own = word.split(":")
        known = {info.name for info in explainer_settings(explainer_id, detector)}
        mine = {name: value for name, value in common.items() if name in known}
        unused -= set(mine)
        found[word] = explaining_crops(load_explainer(explainer_id, detector, {**mine, **chosen(own)}), detector)
    if unused:
        raise UsageError(
            f"None of these explainers has a setting {min(unused)}",
            advice="See python main.py explain --settings --explainer ID",
        )
    return found


def facts(explainers: "Mapping[str, Explainer]", sanity: "Mapping[str, Sanity]") -> dict[str, dict[str, object]]:
    """What a report says of each explainer."""
    return {
        name: {
            "signed": explainer.signed,
            "precision": explainer.precision,
            "settings": dict(explainer.settings),
            "sanity": asdict(sanity[name]),
        }
        for name, explainer in explainers.items()
    }


def known_sanity(detector: "Detector", explainers: "Mapping[str, Explainer]") -> "dict[str, Sanity]":
    """The badge of each explainer, as it was recorded for these weights."""
    from engine.detectors.registry import weights_folder
    from engine.evaluation.explanations.badge import find_sanity

    folder = weights_folder(detector.id)
    return {name: find_sanity(folder, detector.weights_sha256, each) for name, each in explainers.items()}


def header_of(
    detector: "Detector",
    explainers: "Mapping[str, Mapping[str, object]]",
    *,
    frames: str,
    checks: int,
    seed: int,
    command: str,
) -> "Header":
    """What a comparison's report states: `frames` and `command` in words, `explainers` as `facts` gives them."""
    from engine.evaluation.explanations.record import Header

    made_by = detector.provenance()
    warnings = () if detector.trustworthy else (f"{detector.id} is not trustworthy yet: {detector.trust_reason}",)
    return Header(
        detector={
            "id": detector.id,
            "weights_sha256": detector.weights_sha256,
            "device": made_by.device,
            "precision": detector.precision,
        },
        explainers=explainers,
        frames=frames,
        checks=checks,
        seed=seed,
        command=command,
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        versions=made_by.versions,
        warnings=warnings,
    )
