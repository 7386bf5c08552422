"""Readers of data sets, one per layout; `read_dataset` recognises which one a folder has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import DataError
from engine.training.datasets import celeb_df, deeperforensics, dfdc, faceforensics, wild_deepfake
from engine.training.datasets.base import Dataset
from engine.training.datasets.catalogue import read_catalogue
from engine.training.datasets.files import subfolders
from engine.training.datasets.folder import read_folder
from engine.training.datasets.schemes import OFFICIAL, require_scheme, resplit

_UPWARDS = 5  # folders between a root and the deepest one that a user may name


@dataclass(frozen=True)
class Layout:
    """A published layout.

    Attributes:
        name: of the data set.
        holds: whether a folder is its root.
        within: whether a path below a folder, as parts, would lead into it.
        read: its reader: root, scheme of the splits.
    """

    name: str
    holds: Callable[[Path], bool]
    within: Callable[[tuple[str, ...]], bool]
    read: Callable[[Path, str], Dataset]


LAYOUTS = (
    Layout(
        "FaceForensics++",
        faceforensics.holds_faceforensics,
        faceforensics.within_faceforensics,
        faceforensics.read_faceforensics,
    ),
    Layout(
        "DeepFakeDetection",
        faceforensics.holds_deepfakedetection,
        faceforensics.within_deepfakedetection,
        faceforensics.read_deepfakedetection,
    ),
    Layout("Celeb-DF", celeb_df.holds_celeb_df, celeb_df.within_celeb_df, celeb_df.read_celeb_df),
    Layout(
        "DeeperForensics-1.0",
        deeperforensics.holds_deeperforensics,
        deeperforensics.within_deeperforensics,
        deeperforensics.read_deeperforensics,
    ),
    Layout("DFDC preview", dfdc.holds_dfdc_preview, dfdc.within_dfdc_preview, dfdc.read_dfdc_preview),
    Layout(
        "WildDeepfake",
        wild_deepfake.holds_wild_deepfake,
        wild_deepfake.within_wild_deepfake,
        wild_deepfake.read_wild_deepfake,
    ),
    Layout("DFDC", dfdc.holds_dfdc, lambda _: False, dfdc.read_dfdc),  # a part of it is read by itself
)


def read_dataset(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """Read a data set, whatever its layout: the folder itself, the one it lies in, or the only one in it.

    Args:
        scheme: how to split it: as published, or one of `schemes.SCHEMES`.

    Raises:
        DataError: the folder is missing or of no known layout, or the data are incomplete or mixed up.
        UsageError: there is no such scheme.
    """
    require_scheme(scheme)
    if not root.is_dir():
        raise DataError("There is no such folder", advice="Name the folder of a data set with --data", file=root)
    if (root / "catalogue.jsonl").is_file():
        return resplit(read_catalogue(root), scheme)
    if (root / "real").is_dir() and (root / "fake").is_dir():
        return resplit(read_folder(root), scheme)
    try:
        place, layout = _locate(root)
        return layout.read(place, scheme)
    except OSError as error:
        raise DataError(
            f"The data set cannot be read ({error.strerror})",
            advice="Check the permissions and the disk",
            file=error.filename or root,
        ) from error


def _locate(root: Path) -> tuple[Path, Layout]:
    """The root of the data set that is meant, and its layout."""
    here = _layout_of(root)
    if here is not None:
        return root, here
    whole = root.resolve()
    for above in list(whole.parents)[:_UPWARDS]:
        for layout in LAYOUTS:
            if layout.within(whole.relative_to(above).parts) and layout.holds(above):
                return above, layout
    recognised = [(child, _layout_of(child)) for child in subfolders(root)]
    inside = [(child, layout) for child, layout in recognised if layout is not None]
    if len(inside) == 1:
        return inside[0]
    if inside:
        there = ", ".join(f"{layout.name} in {child.name}" for child, layout in inside)
        raise DataError(f"Several data sets are here: {there}", advice="Name the folder of one of them", file=root)
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise DataError(
        "This is no data set of a known layout",
        advice=f"Give a folder with catalogue.jsonl, one with real/ and fake/, or one as published of {known}",
        file=root,
    )


def _layout_of(folder: Path) -> Layout | None:
    return next((layout for layout in LAYOUTS if layout.holds(folder)), None)
