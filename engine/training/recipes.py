"""What each detector is trained on by default, as far as a data set has it, and how that is changed by a file."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.training.batches import MixConfig
from engine.training.datasets.base import Dataset
from engine.training.trainer import TrainConfig

FRAMES_PER_CLIP = 24

# Shares of the pairs of a batch. Genuine forgeries teach what generators leave behind, pseudo-fakes what any
# blending leaves; clips give persons in motion and real codecs, stills many persons.
_GENUINE_STILLS, _GENUINE_CLIPS = 0.34, 0.10
_PSEUDO = {"face": 0.20, "still": 0.16, "clip": 0.20}


def default_mix(dataset: Dataset) -> MixConfig:
    """Shares per source: each kind of material has its share, split evenly over the sources that have it.

    Forged clips without an original are left out where there are some with one: they would be told apart by their
    source.
    """
    train = dataset.part("train")
    paired = {item.source for item in train if item.label and item.original}
    forged = paired or {item.source for item in train if item.label}
    kinds = {item.source: "clip" if item.kind == "sequence" else item.kind for item in train}
    real: dict[str, list[str]] = {kind: [] for kind in _PSEUDO}
    for source in sorted({item.source for item in train if not item.label}):
        real[kinds[source]].append(source)
    stills = [source for source in sorted(forged) if kinds[source] != "clip"]
    clips = [source for source in sorted(forged) if kinds[source] == "clip"]
    return MixConfig(
        genuine={
            **{source: _GENUINE_STILLS / len(stills) for source in stills},
            **{source: _GENUINE_CLIPS / len(clips) for source in clips},
        },
        pseudo={source: _PSEUDO[kind] / len(sources) for kind, sources in real.items() for source in sources},
    )


def default_config(dataset: Dataset, size: int, seed: int) -> TrainConfig:
    """The settings under which the shipped weights were made."""
    frozen = 0 if dataset.pretrained is None else 2
    mix = default_mix(dataset)
    return TrainConfig(mix=mix, size=size, seed=seed, learning_rate=4e-4, frozen_stages=frozen)


def with_file(config: TrainConfig, path: Path) -> TrainConfig:
    """Settings of a TOML file over those given: fields of TrainConfig, and tables `genuine` and `pseudo`.

    Raises:
        UsageError: the file cannot be read or names a setting that does not exist.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The settings cannot be read ({error})", advice="Give a TOML file", file=path) from error
    mix = replace(config.mix, **{name: raw.pop(name) for name in ("genuine", "pseudo") if name in raw})
    known = {field.name: type(getattr(config, field.name)) for field in fields(config) if field.name != "mix"}
    for name, value in raw.items():
        if name not in known or not isinstance(value, (known[name], int) if known[name] is float else known[name]):
            raise UsageError(
                f"{name} = {value!r} is no setting of the training",
                advice=f"Use {', '.join(known)}, genuine, pseudo",
                file=path,
            )
    return replace(config, mix=mix, **raw)
