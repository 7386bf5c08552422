"""What a card says of the flow that its detector sees. Needs no torch."""

from typing import Any

from engine.detectors.cards import ADVICE, Card
from engine.errors import WeightsError
from engine.faces.flow import FlowSpec


def flow_of(card: Card) -> tuple[FlowSpec, int]:
    """What a clip is made of, and how many frames lie between two clips.

    Raises:
        WeightsError: the card does not say it, or it makes no sense.
    """
    try:
        given: dict[str, Any] = dict(card.raw["flow"])
        step = int(given.pop("step"))
        spec = FlowSpec(size=card.size, **given)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"The card does not say how flow is computed ({error})", advice=ADVICE) from error
    if min(step, spec.side, spec.fields, spec.stride, spec.bound) <= 0:
        raise WeightsError("What the card says of the flow is not all above 0", advice=ADVICE)
    return spec, step


def flow_table(spec: FlowSpec, step: int) -> dict[str, object]:
    """The reverse of `flow_of`: the table `flow` of a card."""
    return {
        "side": spec.side,
        "fields": spec.fields,
        "stride": spec.stride,
        "representation": spec.representation,
        "algorithm": spec.algorithm,
        "bound": spec.bound,
        "step": step,
    }
