"""Scores as they are when some prototypes have no say, from stored similarities: no network is asked (P000).

The one place where exclusions change scores. What is stored is never touched: whoever shows scores without some
prototypes makes them here, and the names of these stand in their provenance from then on.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from engine.detectors.probability import sigmoid
from engine.detectors.prototype_evidence import logits
from engine.errors import DataError
from engine.results import EXCLUDED, SIMILARITY, FloatArray, Prototype, Scores, frozen

_CLOSE = 1e-4
"""What the logits as they are stored may differ from those that the similarities give."""


def without(scores: Scores, prototypes: Sequence[Prototype], excluded: Collection[str]) -> Scores:
    """The scores of a track without the say of some prototypes; the same ones if none is excluded. Any thread.

    Logits and probabilities are new; the similarities stay, of the excluded prototypes, too.

    Args:
        scores: as the detector made them.
        prototypes: of the detector.
        excluded: names.

    Raises:
        DataError: there is no such prototype, or the scores are not those of these prototypes.
    """
    if not excluded:
        return scores
    names = [each.name for each in prototypes]
    unknown = sorted(set(excluded) - set(names))
    if unknown:
        raise DataError(f"There is no prototype {unknown[0]}", advice="Exclude prototypes of the detector")
    similarities = scores.activations.get(SIMILARITY)
    if similarities is None or similarities.shape[1] != len(prototypes):
        raise _foreign(scores)
    weights = np.array([each.weights for each in prototypes], np.float64).T
    if not np.allclose(_fake_logit(logits(similarities, weights)), scores.logits, rtol=0, atol=_CLOSE):
        raise _foreign(scores)
    left_out = [at for at, name in enumerate(names) if name in excluded]
    heard = _fake_logit(logits(similarities, weights, left_out))
    settings = {**scores.provenance.settings, EXCLUDED: tuple(names[at] for at in left_out)}
    return replace(
        scores,
        logits=frozen(heard),
        fake_probability=frozen(sigmoid(heard)),
        provenance=replace(scores.provenance, settings=MappingProxyType(settings)),
    )


def _fake_logit(both: npt.NDArray[np.float64]) -> FloatArray:
    """(N, 2) of real and fake -> (N,), in the precision in which detectors keep it."""
    return np.asarray(both[:, 1] - both[:, 0], np.float32)


def _foreign(scores: Scores) -> DataError:
    return DataError(
        f"The scores of face {scores.track_id + 1} do not follow from similarities to the prototypes of "
        f"{scores.detector_id}",
        advice="Analyse the video again",
    )
