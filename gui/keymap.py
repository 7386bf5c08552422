"""Which keys do what: the table in resources/keymap.toml, and one of the user over it. No widget here."""

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QKeySequence

from engine import paths

Keys = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Keymap:
    """Keys by command id, in Qt's portable words, and what is wrong with the user's own table."""

    keys: Keys
    problems: tuple[str, ...] = ()

    def of(self, command: str) -> tuple[str, ...]:
        return self.keys.get(command, ())


def default_file() -> Path:
    return paths.RESOURCES / "keymap.toml"


def user_file() -> Path:
    """Where the user's own table lies, if there is one."""
    return paths.config_dir() / "keymap.toml"


def load(commands: Iterable[str], user: Path | None = None) -> Keymap:
    """The default keys with the user's own; a table of the user that makes no sense is left aside and told of.

    Args:
        commands: all ids that exist.
        user: instead of `user_file()`.
    """
    known = set(commands)
    defaults = _read(default_file())
    own_file = user if user is not None else user_file()
    if not own_file.is_file():
        return Keymap(defaults)
    try:
        own = _read(own_file)
    except (OSError, ValueError) as error:
        return Keymap(defaults, (f"{own_file}: the key table cannot be read ({error}). The usual keys are used.",))
    keys = {**defaults, **own}
    problems = [f"there is no command “{name}”" for name in own if name not in known]
    problems += [
        f"“{key}” is no key" for texts in own.values() for key in texts if QKeySequence(key).toString() == ""
    ]
    problems += [f"{key} is used by {' and '.join(names)}" for key, names in conflicts(keys).items()]
    if problems:
        return Keymap(defaults, (f"{own_file}: {'; '.join(problems)}. The usual keys are used.",))
    return Keymap(keys)


def usual() -> Keymap:
    """The default keys."""
    return Keymap(_read(default_file()))


def save(keys: Keys, user: Path | None = None) -> None:
    """Keep what differs from the default keys in the user's own table; without a difference there is none.

    Raises:
        OSError: it cannot be written.
    """
    defaults, file = usual(), user if user is not None else user_file()
    own = {name: texts for name, texts in keys.items() if texts != defaults.of(name)}
    if not own:
        file.unlink(missing_ok=True)
        return
    lines = [f"{name} = [{', '.join(json.dumps(text) for text in texts)}]" for name, texts in own.items()]
    part = file.with_name(f"{file.name}.part")
    part.write_text("\n".join(["[keys]", *lines, ""]), encoding="utf-8")
    part.replace(file)


def conflicts(keys: Keys) -> dict[str, tuple[str, ...]]:
    """Keys that more than one command claims, with their ids; equal however they are written."""
    claimed: dict[str, list[str]] = defaultdict(list)
    for command, texts in keys.items():
        for text in texts:
            claimed[QKeySequence(text).toString(QKeySequence.SequenceFormat.PortableText)].append(command)
    return {key: tuple(ids) for key, ids in claimed.items() if len(ids) > 1}


def _read(file: Path) -> dict[str, tuple[str, ...]]:
    table = tomllib.loads(file.read_text(encoding="utf-8")).get("keys", {})
    if not isinstance(table, dict) or not all(isinstance(v, list) for v in table.values()):
        raise ValueError("[keys] must give each command a list of keys")
    return {name: tuple(str(key) for key in keys) for name, keys in table.items()}
