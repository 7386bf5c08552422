"""The runs of frames that all trainings on clips share, so that they are prepared and stored once."""

from engine.progress import CancelToken, ProgressCallback
from engine.training.datasets.base import Dataset
from engine.training.faces.store import FaceStore, gather_runs

RUN = 64
"""Successive frames of a run: room for the 60 of P001, and for four snippets at spread places."""
_RUNS, _HELD_OUT_RUNS = 4, 3


def gather_clips(
    dataset: Dataset, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
) -> tuple[FaceStore, FaceStore]:
    """Runs to train on and runs of held-out persons.

    Raises:
        DataError: not one file gives a run, or the cache cannot be written.
        CancelledError: cancelled.
    """
    train, held_out = dataset.part("train"), dataset.part("validation")
    return (
        gather_runs(dataset, train, _RUNS, RUN, cancel=cancel, progress=progress),
        gather_runs(dataset, held_out, _HELD_OUT_RUNS, RUN, cancel=cancel, progress=progress),
    )
