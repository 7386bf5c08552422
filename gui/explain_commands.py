"""The commands of explainers that are asked on demand. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable

from gui.command import Command
from gui.session import Session


def explain_commands(session: Session, explainer_name: Callable[[str], str]) -> tuple[Command, ...]:
    """In the order in which the menu lists them."""
    demand = session.on_demand

    def slow_name() -> str:
        return explainer_name(session.slow_explainer_id) if session.slow_explainer_id else ""

    def named(text: str) -> str:
        return f"{text} with {slow_name()}" if slow_name() else ""

    return (
        Command(
            "explain_frame",
            "Analyse",
            "Explain this frame",
            "Let the explainer that takes long make the masks of this frame",
            lambda: demand.explain((session.frame,)),
            "mask",
            enabled=demand.can_explain,
            named=lambda: named("Explain this frame"),
        ),
        Command(
            "explain_range",
            "Analyse",
            "Explain range",
            "Let the explainer that takes long make the masks of the range from I to O, frame by frame",
            lambda: demand.explain(demand.range),
            enabled=lambda: bool(session.slow_explainer_id) and session.results is not None,
            named=lambda: named("Explain range"),
        ),
        Command(
            "explain_cancel",
            "Analyse",
            "Stop explaining",
            "Stop the explainer that takes long; masks that are finished stay",
            demand.cancel,
            enabled=lambda: demand.asked is not None,
        ),
    )
