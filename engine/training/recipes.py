"""What detectors are trained on and how: the defaults, and recipes and settings files that change them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from engine.errors import UsageError
from engine.paths import RESOURCES
from engine.training.config import DetectorConfig
from engine.training.datasets.base import Dataset
from engine.training.frames.batches import MixConfig
from engine.training.frames.task import FrameConfig

FRAMES_PER_CLIP = 24
RECIPES = RESOURCES / "recipes"

C = TypeVar("C", bound=DetectorConfig)

# Shares of the pairs of a batch. Genuine forgeries teach what generators leave behind, pseudo-fakes what any
# blending leaves; clips give persons in motion and real codecs, stills many persons.
_GENUINE_STILLS, _GENUINE_CLIPS = 0.34, 0.10
_PSEUDO = {"face": 0.20, "still": 0.16, "clip": 0.20}


@dataclass(frozen=True)
class Recipe:
    """A settings file as it was read.

    Attributes:
        path: of the file.
        title: what it is for, one sentence.
        detectors: those it is for; empty: any.
        authentic: whether it trains on authentic footage alone.
        settings: for the whole training.
        phases: settings of each phase over those, one phase after another; one empty one where none are named.
    """

    path: Path
    title: str
    detectors: tuple[str, ...]
    authentic: bool
    settings: Mapping[str, Any]
    phases: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        return self.path.stem

    def require(self, detector: str) -> None:
        """Raise UsageError if the recipe is not for this detector."""
        if self.detectors and detector not in self.detectors:
            raise UsageError(
                f"The recipe {self.name} is not for {detector}",
                advice=f"Train {', '.join(self.detectors)} with it, or choose another recipe",
                file=self.path,
            )


def find_recipe(name: str) -> Recipe:
    """A shipped recipe by its name.

    Raises:
        UsageError: there is none of that name, or it makes no sense.
    """
    path = RECIPES / f"{name}.toml"
    known = sorted(each.stem for each in RECIPES.glob("*.toml"))
    if name not in known:
        raise UsageError(f"There is no recipe {name}", advice=f"Choose one of {', '.join(known)}")
    return read_recipe(path)


def read_recipe(path: Path) -> Recipe:
    """A settings file: an optional table `recipe`, settings, optional tables `genuine` and `pseudo`, `phases`.

    The settings are checked where they are applied.

    Raises:
        UsageError: the file cannot be read, or its frame makes no sense.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The settings cannot be read ({error})", advice="Give a TOML file", file=path) from error
    head, phases = raw.pop("recipe", {}), raw.pop("phases", [{}])
    if not isinstance(head, dict) or set(head) - {"title", "detectors", "data"}:
        raise _wrong(path, "The table `recipe` holds something unknown", "Use title, detectors and data in it")
    title, detectors, data = head.get("title", ""), head.get("detectors", []), head.get("data", "any")
    if not isinstance(title, str) or not _is_list(detectors, str) or data not in ("any", "authentic"):
        raise _wrong(
            path,
            "The table `recipe` is of the wrong types",
            'Give a title, a list of detectors, and data "any" or "authentic"',
        )
    if not _is_list(phases, dict) or not phases:
        raise _wrong(path, "`phases` is no list of tables", "Write each phase as [[phases]]")
    return Recipe(path, title, tuple(detectors), data == "authentic", raw, tuple(phases))


def applied(recipe: Recipe, config: C) -> tuple[C, ...]:
    """The phases of a recipe, as settings over those given.

    Raises:
        UsageError: it names a setting that does not exist, of another type, or that makes no sense.
    """
    return tuple(with_settings(config, {**recipe.settings, **phase}, recipe.path) for phase in recipe.phases)


def with_settings(config: C, settings: Mapping[str, Any], path: Path) -> C:
    """Settings of a file over those given: fields of the configuration and of its mix.

    Raises:
        UsageError: as `applied`.
    """
    own, mixed = _types(config), _types(config.mix)
    changes: dict[str, Any] = {}
    mix: dict[str, Any] = {}
    for name, value in settings.items():
        if name in ("genuine", "pseudo"):
            mix[name] = _shares(path, name, value)
        elif name in own:
            changes[name] = _plain(path, name, value, own[name])
        elif name in mixed:
            mix[name] = _plain(path, name, value, mixed[name])
        else:
            raise _wrong(
                path,
                f"{name} = {value!r} is no setting of the training",
                f"Use {', '.join((*own, *mixed))}, genuine, pseudo",
            )
    try:
        return replace(config, mix=replace(config.mix, **mix), **changes)
    except ValueError as error:
        raise _wrong(path, f"The settings make no sense: {error}", "Change it") from error


def _types(config: Any) -> dict[str, Any]:
    """The fields that a file can set, and of which type they are."""
    found = {field.name: type(getattr(config, field.name)) for field in fields(config)}
    return {name: kind for name, kind in found.items() if kind in _TYPES}


def _plain(path: Path, name: str, value: Any, kind: Any) -> Any:
    if kind is tuple and _is_list(value, str):
        return tuple(value)
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise _wrong(path, f"{name} = {value!r} is of the wrong type", f"Give a {_TYPES[kind]}")
    return kind(value)


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


def pretrained_trunk(detector: str, dataset: Dataset) -> Path | None:
    """The ImageNet weights that came with a data set, if they are of this detector's trunk."""
    return dataset.pretrained if detector == "frame-mobile" else None


def default_config(dataset: Dataset, size: int, seed: int, *, trained: bool) -> FrameConfig:
    """The settings under which the shipped weights were made.

    Args:
        trained: whether the training starts from trained weights; the first stages then stay as they are.
    """
    frozen = 2 if trained else 0
    return FrameConfig(mix=default_mix(dataset), size=size, seed=seed, learning_rate=4e-4, frozen_stages=frozen)


_TYPES = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text in quotes",
    tuple: "list of texts in quotes",
}


def _shares(path: Path, name: str, value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not all(type(v) in (int, float) and v >= 0 for v in value.values()):
        raise _wrong(
            path, f"`{name}` is no table of shares", 'Give a number from 0 up per source, as "NAME" = 0.2'
        )
    return {source: float(share) for source, share in value.items()}


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, kind) for v in value)


def _wrong(path: Path, message: str, advice: str) -> UsageError:
    return UsageError(message, advice=advice, file=path)
