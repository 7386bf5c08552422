"""What a protocol judges: the files of a data set that `evaluate` takes, and copies that it forges itself."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.cli.session import ProgressBar
from engine.errors import DataError
from engine.progress import CancelToken

if TYPE_CHECKING:
    from engine.detectors.base import AnyDetector
    from engine.evaluation.evaluate import Sample
    from engine.evaluation.partial import PartialCopy
    from engine.evaluation.protocols import Protocol
    from engine.runtime.measuring import SampleSet
    from engine.training.datasets.base import Dataset, Item


def chosen_items(dataset: "Dataset", protocol: "Protocol") -> "tuple[str, list[Item]]":
    """Name of the split and items of a protocol, but for kinds (clips, stills, ...) of which there is one class.

    Operators make their own forgeries: for them it is the real ones.

    Raises:
        DataError: there is no such split, or it lacks a class.
    """
    from engine.evaluation.protocols import split_for

    split = split_for({item.split for item in dataset.items}, protocol)
    items = [item for item in dataset.items if item.split == split or (not split and item.split != "dev")]
    if protocol.judging in ("operators", "partial"):
        return split, [item for item in items if not item.label]
    both = {item.kind for item in items if item.label} & {item.kind for item in items if not item.label}
    items = [item for item in items if item.kind in both] or items
    if len({item.label for item in items}) < 2:
        what = f"The protocol {protocol.name} needs real and forged files"
        raise DataError(what, advice="Choose another protocol or data set", file=dataset.root)
    return split or "all but dev", items


def sample_set(
    args: argparse.Namespace, dataset: "Dataset", split: str, items: "Sequence[Item]", detector: "AnyDetector"
) -> "SampleSet":
    from engine.evaluation.protocols import limited
    from engine.runtime.measuring import SampleSet

    samples = [_sample(item) for item in items]
    moving = "" if detector.length == 1 else ", clips alone"
    if moving:  # it needs successive frames
        samples = [sample for sample in samples if sample.kind in ("clip", "sequence")]
    if args.limit is not None:
        samples = limited(samples, args.limit, args.seed)
    scheme = "" if dataset.scheme == "official" else f", split {dataset.scheme}"
    at_most = "" if args.limit is None else f", at most {args.limit} files of each class"
    known = training_of(detector)
    trained = " ".join(map(str, known.get("data", [])))
    return SampleSet(
        name=dataset.root.name or dataset.layout,
        data=f"{dataset.layout}{scheme}: {split}{moving}{at_most}",
        samples=samples,
        trained_on=any(sample.source and f" {sample.source}: " in trained for sample in samples)
        if known
        else None,
    )


def training_of(detector: "AnyDetector") -> Mapping[str, Any]:
    """What the card says of its training; nothing is known of a foreign model's."""
    from engine.detectors.own import OwnDetector

    return detector.card.training if isinstance(detector, OwnDetector) else {}


def operator_sets(
    args: argparse.Namespace, dataset: "Dataset", items: "Sequence[Item]", token: CancelToken, bar: ProgressBar
) -> "list[SampleSet]":
    """Per operator the copies of real clips and the forged ones."""
    from engine.runtime.measuring import SampleSet
    from engine.training.pseudo_fakes.operator_clips import SHORTEST, forged_copies

    copies = forged_copies(_reals(args, items), args.seed, cancel=token, progress=bar.show)
    if not copies:
        raise _no_clips(dataset, SHORTEST)
    return [
        SampleSet(operator, f"{dataset.layout}: copies of validation reals", samples, trained_on=None)
        for operator, samples in copies.items()
    ]


def partial_copies_of(
    args: argparse.Namespace,
    chosen: "Sequence[tuple[Dataset, str, list[Item]]]",
    token: CancelToken,
    bar: ProgressBar,
) -> "list[PartialCopy]":
    """Copies of real clips with a forged run, of all data sets."""
    from engine.training.pseudo_fakes.partial_clips import SHORTEST, partial_copies

    found = []
    for dataset, _, items in chosen:
        copies = partial_copies(_reals(args, items), args.seed, cancel=token, progress=bar.show)
        if not copies:
            raise _no_clips(dataset, SHORTEST)
        found += copies
    return found


def _reals(args: argparse.Namespace, items: "Sequence[Item]") -> "list[Item]":
    """Real clips with landmarks, at most as many as are asked."""
    from engine.evaluation.protocols import limited

    reals = [item for item in items if not item.label and item.kind == "clip" and item.points is not None]
    if args.limit is None:
        return reals
    kept = {sample.name for sample in limited([_sample(item) for item in reals], args.limit, args.seed)}
    return [item for item in reals if item.name in kept]


def _no_clips(dataset: "Dataset", shortest: int) -> DataError:
    what = f"No real clip of held-out persons comes with landmarks of {shortest} successive frames"
    return DataError(what, advice="Choose another protocol or data set", file=dataset.root)


def _sample(item: "Item") -> "Sample":
    from engine.evaluation.evaluate import Sample

    return Sample(
        name=item.name,
        path=item.path,
        label=item.label,
        split=item.split,
        protocol=item.protocol,
        method=item.method,
        kind=item.kind,
        persons=item.persons,
        compression=item.compression,
        source=item.source,
    )
