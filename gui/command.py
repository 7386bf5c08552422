"""What a command is; gui.commands has the table of all. No widget here."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One thing the user can do.

    Attributes:
        id: its name in the key table.
        group: the menu it belongs to.
        text: as in a menu.
        tip: one sentence for tooltips.
        do: does it. GUI thread.
        icon: name of a drawing in resources/icons, or empty.
        checked: whether it is on, for commands that switch something; None for others.
        enabled: whether it makes sense now.
        repeats: whether holding the key repeats it.
        named: what it is called now, empty to leave it out of menus; None if it always has the same name.
    """

    id: str
    group: str
    text: str
    tip: str
    do: Callable[[], None]
    icon: str = ""
    checked: Callable[[], bool] | None = None
    enabled: Callable[[], bool] = lambda: True
    repeats: bool = False
    named: Callable[[], str] | None = None
