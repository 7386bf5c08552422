"""The files of a set that a detector gets wrong, worst first: P001's figure 11."""

from collections.abc import Sequence

from engine.evaluation.views.observed import Observed


def worst_errors(observed: Sequence[Observed], threshold: float, most: int) -> list[Observed]:
    """Forged files called real, then real ones called forged: of each at most so many, the worst first."""
    judged = [(each.judged.scores.fake_probability or 0.0, each) for each in observed if each.face is not None]
    missed = sorted(
        ((p, each) for p, each in judged if each.judged.sample.label and p < threshold), key=lambda pair: pair[0]
    )
    alarms = sorted(
        ((p, each) for p, each in judged if not each.judged.sample.label and p >= threshold),
        key=lambda pair: -pair[0],
    )
    return [each for part in (missed, alarms) for _, each in part[:most]]
