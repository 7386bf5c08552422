"""What the log of a case tells of the analyses of whole videos, whether the window or a command has made them."""

from collections.abc import Mapping
from typing import Any

from engine.case.case_file import CaseFile
from engine.results import DetectorInfo, VideoIdentity

ANALYSED = "analysed"
"""What the log calls the analysis of a whole video, of all its faces."""


def analysis_details(
    video: VideoIdentity,
    detector: DetectorInfo,
    every: int,
    fake_probability: float | None,
    likelihood: Mapping[str, Any],
) -> dict[str, Any]:
    """The details of an entry.

    Args:
        every: each n-th frame was scored.
        fake_probability: of the video, None without a scored face.
        likelihood: log10_likelihood_ratio and likelihood_ratio as plain data, null where there is none.
    """
    return {
        "video": video.path,
        "sha256": video.sha256,
        "detector": detector.id,
        "weights_sha256": detector.weights_sha256,
        "every": every,
        "fake_probability": fake_probability,
        **likelihood,
    }


def last_analysis(case: CaseFile, sha256: str, detector_id: str) -> Mapping[str, Any] | None:
    """The details of the newest entry on a video under a detector; None if there is none.

    Raises:
        CaseError: the case cannot be read.
    """
    found = None
    for entry in case.log_entries():
        details = entry.details
        if entry.action == ANALYSED and (details.get("sha256"), details.get("detector")) == (sha256, detector_id):
            found = details
    return found
