"""Readers of data sets, one per layout; `read_dataset` recognises which one a folder has."""

from pathlib import Path

from engine.errors import DataError
from engine.training.datasets.base import Dataset
from engine.training.datasets.catalogue import read_catalogue
from engine.training.datasets.folder import read_folder


def read_dataset(root: Path) -> Dataset:
    """Read a data set, whatever its layout.

    Raises:
        DataError: the folder is missing or of no known layout, or the data are incomplete or mixed up.
    """
    if not root.is_dir():
        raise DataError("There is no such folder", advice="Name the folder of a data set with --data", file=root)
    if (root / "catalogue.jsonl").is_file():
        return read_catalogue(root)
    if (root / "real").is_dir() and (root / "fake").is_dir():
        return read_folder(root)
    raise DataError(
        "This is no data set of a known layout",
        advice="Give a folder with catalogue.jsonl, or one with real/ and fake/",
        file=root,
    )
