"""The card of weights that were trained here: what they were made of, and what was measured since."""

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.detectors.cards import CARD, card_text, parse_card
from engine.evaluation.evaluate import Figure
from engine.training.config import DetectorConfig
from engine.training.datasets.base import Dataset
from engine.training.inputs import Normalising

TRUSTED_FROM = 0.7
"""The lower end of the 95 % interval of the AUC on genuine forgeries of unseen persons must lie above this."""
DEV = "dev (unseen methods and seen tool)"
"""The protocol whose AUC decides on trust."""

_LIMITS = [
    "Made for face swap and reenactment of tracked faces; not for wholly generated persons or video, not audio.",
    "Few and mostly frontal persons, short clips; skin tones, ages and lighting are not balanced.",
    "Strong compression and faces under 80 px lower the figures; the probability is not calibrated.",
    "For research and evaluation only: some of the training data allow nothing else.",
]


class Named(Protocol):
    """What a card says of the detector."""

    @property
    def id(self) -> str: ...

    @property
    def architecture(self) -> str: ...


@dataclass(frozen=True)
class Origin:
    """How weights came to be.

    Attributes:
        command: without a machine's folders.
        initialisation: what the training started from, in words.
        base_sha256: of the weights it started from; empty if from none.
        recipe: its name, empty without one.
        phases: each in words.
        authentic: whether it knew authentic footage alone.
    """

    command: str
    initialisation: str
    base_sha256: str = ""
    recipe: str = ""
    phases: tuple[str, ...] = ()
    authentic: bool = False


def new_card(
    spec: Named,
    network: Normalising,
    config: DetectorConfig,
    dataset: Dataset,
    record: Mapping[str, Any],
    origin: Origin,
    bf16_deviation: float | None,
) -> dict[str, Any]:
    """All of a card but the hash; the figures are those of the held-out persons that chose the weights."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    used = [item for item in dataset.part("train") if item.source in {*config.mix.genuine, *config.mix.pseudo}]
    forged = [item for item in used if item.label and item.source in config.mix.genuine]
    persons = {person for item in used for person in item.persons}
    card: dict[str, Any] = {
        "id": spec.id,
        "architecture": spec.architecture,
        "size": config.size,
        "margin": config.crop_margin,
        "classes": ["real", "fake"],
        "mean": list(network.input_mean),
        "std": list(network.input_std),
        "date": today,
        "trustworthy": False,
        "trust_reason": "It was not yet measured on genuine forgeries of unseen persons",
    }
    if bf16_deviation is not None:
        card["bf16_deviation"] = bf16_deviation
    card["training"] = {
        "data": _counted(dataset, config),
        "licences": sorted({item.licence for item in used if item.licence}),
        "persons": len(persons),
        "genuine_forgeries": sorted({item.method for item in forged}),
        "initialisation": origin.initialisation,
        "steps": int(record["step"]),
        "pairs_per_step": config.pairs,
        "optimiser": config.optimiser,
        "learning_rate": config.learning_rate,
        "schedule": config.schedule,
        "seed": config.seed,
        "frozen_stages": config.frozen_stages,
        "command": origin.command,
        **config.described(),
        "held_out_auc": {name: round(float(value), 4) for name, value in record["aucs"].items()},
    }
    if origin.base_sha256:
        card["training"]["base_sha256"] = origin.base_sha256
    if origin.recipe:
        card["training"]["recipe"] = origin.recipe
    if len(origin.phases) > 1:
        card["training"]["phases"] = list(origin.phases)
    if origin.authentic:
        how = _tuned(dataset)
        card["training"]["tuning"] = how
        card["trust_reason"] = f"It was {how}; nothing was measured on genuine forgeries"
    card["limits"] = {"text": _LIMITS, "not_for": "evidence in court, any decision by its figure alone"}
    return card


def _tuned(dataset: Dataset) -> str:
    train, held_out = len(dataset.part("train")), len(dataset.part("validation"))
    return f"fine-tuned on {train} authentic videos, validated on {held_out} held-out ones with pseudo-fakes only"


def _counted(dataset: Dataset, config: DetectorConfig) -> list[str]:
    lines = []
    whole = sum(config.mix.genuine.values()) + sum(config.mix.pseudo.values())
    for kind, shares in (("genuine", config.mix.genuine), ("pseudo-fakes of", config.mix.pseudo)):
        for source, share in shares.items():
            items = [item for item in dataset.part("train") if item.source == source]
            count = sum(item.label == (kind == "genuine") for item in items)
            lines.append(f"{kind} {source}: {count} files, share {share / whole:.3f}")
    return lines


def record_figures(folder: Path, found: Sequence[Figure], data: str) -> None:
    """Put measured figures into a card, in place of older ones of the same protocol, and judge the trust anew.

    Raises:
        OSError, ValueError, KeyError: the card cannot be read or written.
    """
    path = folder / CARD
    raw = with_figures(tomllib.loads(path.read_text(encoding="utf-8")), found, data)
    parse_card(raw)
    part = path.with_name(path.name + ".part")
    part.write_text(card_text(raw), encoding="utf-8")
    part.replace(path)


def with_figures(card: Mapping[str, Any], found: Sequence[Figure], data: str) -> dict[str, Any]:
    """A card, or what was measured of a foreign model, with these figures and the trust that follows from them."""
    raw = dict(card)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    new = [
        {
            "protocol": f.protocol,
            "data": data,
            "metric": f.metric,
            "value": round(f.value, 4),
            "low": round(f.low, 4),
            "high": round(f.high, 4),
            "n_real": f.n_real,
            "n_fake": f.n_fake,
            "date": today,
        }
        for f in found
    ]
    replaced = {f.protocol for f in found}
    raw["measures"] = [m for m in raw.get("measures", []) if m["protocol"] not in replaced] + new
    trust = next((f for f in found if f.protocol == DEV and f.metric == "AUC"), None)
    if trust is not None:
        raw["trustworthy"] = trust.low > TRUSTED_FROM
        span = f"AUC {trust.value:.3f} (95 % {trust.low:.3f} to {trust.high:.3f})"
        raw["trust_reason"] = (
            f"{span} on {trust.n_fake} genuine forgeries and {trust.n_real} real clips of unseen persons; "
            f"a lower end above {TRUSTED_FROM} is asked for"
        )
    return raw
