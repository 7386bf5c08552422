"""What maps without a sign stand for, in words. They take no side: none of them says what is fake."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of one kind of map.

    Attributes:
        low, high: what stands at the ends of its colour bar.
        text: what it says, to go on a sentence.
    """

    low: str
    high: str
    text: str


ATTENTION = Meaning("looks away", "looks here", "where the network looks")
_OTHERS = {
    "prototype-gradient": Meaning(
        "moves little", "moves much", "where a small change would move the likeness to the prototype"
    ),
    "second-difference": Meaning(
        "steady", "sudden change", "where features of single frames change suddenly within three frames"
    ),
    "prediction-error": Meaning("foreseen", "surprising", "how surprised the predictor is by these five frames"),
}


def meaning_of(explainer_id: str) -> Meaning:
    """Of the maps of an explainer whose maps have no sign."""
    return _OTHERS.get(explainer_id, ATTENTION)
