"""The protocols of `evaluate`: which files are judged, and what the report must say of that choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.errors import DataError
from engine.evaluation.evaluate import Sample
from engine.evaluation.parts import DEV

Judging = Literal["files", "perturbations", "operators", "partial", "shortcuts"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to measure.

    Attributes:
        name: as given on the command line.
        text: what it measures, for the list and the report.
        main: name of its main part.
        splits: of these splits of a data set the first one that is there; empty: all but dev.
        scheme: way to split the data set anew before, empty for its own.
        judging: what is done with the files.
        only_accuracy: whether the table gives accuracies alone.
        every: each n-th frame is scored where nobody chose.
        warning: what must stand beside every figure.
    """

    name: str
    text: str
    main: str
    splits: tuple[str, ...]
    scheme: str = ""
    judging: Judging = "files"
    only_accuracy: bool = False
    every: int = 5
    warning: str = ""


_LEAKS = "Leaks persons: the same persons are in training and test, so that the figures are too good"

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("validation", "held-out persons of the training data", "held-out persons", ("validation",)),
        Protocol("dev", "clips kept for reporting: only for weights that are to ship", DEV, ("dev",)),
        Protocol(
            "all",
            "every file but those of dev",
            "all but dev",
            (),
            warning="Training files are among those judged, so that the figures are too good",
        ),
        Protocol("intra", "the test split of the set", "test split", ("test",)),
        Protocol(
            "cross",
            "the test (else validation) split of every --data, a row each (P000 table 3, P001 table 2, P003 3)",
            "cross-set",
            ("test", "validation"),
        ),
        Protocol(
            "video-accuracy",
            "accuracy by video and method on the test (else validation) split, as P003 tables 1 and 2",
            "video-wise accuracy",
            ("test", "validation"),
            only_accuracy=True,
        ),
        Protocol(
            "person-split", "the test part of a split by persons, dealt out anew", "held-out test part", ("test",),
            scheme="persons",
        ),
        Protocol(
            "p001-random", "P001's random split by file, 6:2:2: its test part", "random test part", ("test",),
            scheme="p001-random", warning=_LEAKS,
        ),
        Protocol(
            "p002-random", "P002's random split by file: its test part", "random test part", ("test",),
            scheme="p002-random", warning=_LEAKS,
        ),
        Protocol(
            "perturbations",
            "the ladder of DeeperForensics: seven perturbations, five levels; test (else validation) split",
            "perturbed",
            ("test", "validation"),
            judging="perturbations",
        ),
        Protocol(
            "operators",
            "every operator of the pseudo-fakes by itself, on real clips of held-out persons (validation)",
            "operator",
            ("validation",),
            judging="operators",
        ),
        Protocol(
            "partial",
            "finding the forged run in copies of real clips of held-out persons (validation), frame by frame",
            "partial",
            ("validation",),
            judging="partial",
            every=1,
        ),
        Protocol(
            "shortcuts",
            "whether border, file facts or blurred crops alone tell the classes apart, on the validation split",
            "shortcuts",
            ("validation",),
            judging="shortcuts",
        ),
    )
}  # fmt: skip


def listing() -> str:
    """The protocols, a line each."""
    width = max(map(len, PROTOCOLS))
    lines = []
    for protocol in PROTOCOLS.values():
        marked = " (leaks persons)" if protocol.warning == _LEAKS else ""
        lines.append(f"{protocol.name:{width}}  {protocol.text}{marked}")
    return "\n".join(lines)


def split_for(present: set[str], protocol: Protocol) -> str:
    """The split of a data set that a protocol judges; empty for all but dev.

    Raises:
        DataError: the data set has none of them.
    """
    if not protocol.splits:
        return ""
    for split in protocol.splits:
        if split in present:
            return split
    wanted = " or ".join(protocol.splits)
    raise DataError(
        f"The protocol {protocol.name} needs a {wanted} split; here are {', '.join(sorted(present)) or 'none'}",
        advice="Choose another protocol (see evaluate --protocols) or data set",
    )


def limited(samples: Sequence[Sample], most: int, seed: int) -> list[Sample]:
    """At most so many files of each class, drawn at random and kept in their order."""
    rng = np.random.default_rng(seed)
    keep: set[int] = set()
    for label in (0, 1):
        rows = [at for at, sample in enumerate(samples) if sample.label == label]
        keep.update(rng.permutation(rows)[:most].tolist())
    return [sample for at, sample in enumerate(samples) if at in keep]
