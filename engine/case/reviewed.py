"""What the log of a case tells of the reviewer's work on prototypes: exclusions, names of their own, artefacts.

The log is where it is kept: each change is an entry with all that holds from then on, so that the newest entry of
a kind says how things stand, and the older ones how they came to be so. Stored scores know nothing of it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.case.case_file import CaseFile
from engine.results import VideoIdentity

EXCLUSIONS = "prototypes excluded"
"""What the log calls a change of the prototypes that have no say in the scores of a video."""
REVIEWED = "prototype reviewed"
"""What the log calls another name or another artefact of a prototype."""
ARTEFACTS = (
    "heavy discolouration",
    "subtle discolouration",
    "disappearance",
    "unnatural movement",
    "eye-mouth",
    "head",
)
"""The classes of P000's figure 7."""


@dataclass(frozen=True, slots=True)
class PrototypeReview:
    """What the reviewer says of a prototype, in all videos of the case.

    Attributes:
        name: the reviewer's own, empty for none: the one of the weights then is the only one.
        artefact: one of ARTEFACTS, empty for none.
    """

    name: str = ""
    artefact: str = ""


Excluded = Mapping[str, frozenset[str]]
"""Names of excluded prototypes by the SHA-256 of their weights."""
Reviews = Mapping[tuple[str, str], PrototypeReview]
"""By the SHA-256 of the weights and the prototype's name there."""


def exclusions(case: CaseFile, sha256: str) -> Excluded:
    """The prototypes that have no say in the scores of a video.

    Raises:
        CaseError: the case cannot be read.
    """
    found: dict[str, frozenset[str]] = {}
    for entry in case.log_entries():
        if entry.action == EXCLUSIONS and entry.details.get("sha256") == sha256:
            found[entry.details["weights_sha256"]] = frozenset(entry.details["excluded"])
    return {weights: names for weights, names in found.items() if names}


def note_exclusions(
    case: CaseFile, video: VideoIdentity, detector_id: str, weights_sha256: str, excluded: Collection[str]
) -> None:
    """Let just these prototypes of a detector have no say in a video; the log names what came and what went.

    Raises:
        CaseError: the case cannot be written.
    """
    before, now = exclusions(case, video.sha256).get(weights_sha256, frozenset()), frozenset(excluded)
    if before == now:
        return
    case.note(
        EXCLUSIONS,
        {
            "video": video.path,
            "sha256": video.sha256,
            "detector": detector_id,
            "weights_sha256": weights_sha256,
            "left_out": sorted(now - before),
            "brought_back": sorted(before - now),
            "excluded": sorted(now),
        },
    )


def reviews(case: CaseFile) -> Reviews:
    """What the reviewer says of prototypes, of those alone of which anything is said.

    Raises:
        CaseError: the case cannot be read.
    """
    found: dict[tuple[str, str], PrototypeReview] = {}
    for entry in case.log_entries():
        if entry.action == REVIEWED:
            told: Mapping[str, Any] = entry.details
            key = told["weights_sha256"], told["prototype"]
            found[key] = PrototypeReview(told["name"], told["artefact"])
    return {key: review for key, review in found.items() if review != PrototypeReview()}


def note_review(
    case: CaseFile, detector_id: str, weights_sha256: str, prototype: str, review: PrototypeReview
) -> None:
    """Keep what the reviewer says of a prototype.

    Raises:
        CaseError: the case cannot be written.
    """
    if reviews(case).get((weights_sha256, prototype), PrototypeReview()) == review:
        return
    case.note(
        REVIEWED,
        {
            "detector": detector_id,
            "weights_sha256": weights_sha256,
            "prototype": prototype,
            "name": review.name,
            "artefact": review.artefact,
        },
    )
