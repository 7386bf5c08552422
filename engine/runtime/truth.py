"""The ground-truth mask of a clip that Tellframe forged itself, by the JSON file that lies beside the clip."""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engine.errors import DataError
from engine.exports.files import sha256
from engine.results import BoolArray, IntArray, Picture
from engine.video.media import open_media


class Truth(Protocol):
    """Where the forged pixels of a clip are.

    Attributes:
        name: of the file with the masks.
    """

    name: str

    def levels(self, frame: int) -> Picture | None:
        """(H, W) uint8, how much of each pixel is forged; None where nothing is.

        Raises:
            VideoError: a frame of a mask video cannot be read.
        """

    def close(self) -> None: ...


class _Masks:
    """As `demo` writes them."""

    def __init__(self, name: str, frames: IntArray, masks: BoolArray) -> None:
        self.name, self._frames, self._masks = name, frames, masks

    def levels(self, frame: int) -> Picture | None:
        found = np.flatnonzero(self._frames == frame)
        return self._masks[found[0]].astype(np.uint8) * np.uint8(255) if len(found) else None

    def close(self) -> None:
        pass


class _MaskVideo:
    """As `pseudo-fake` writes it: frame by frame that of the clip."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._media = open_media(path)
        self._reader = self._media.reader()

    def levels(self, frame: int) -> Picture | None:
        levels = self._reader.read(frame).pixels[..., 0]
        return levels if levels.any() else None

    def close(self) -> None:
        self._reader.close()
        self._media.close()


def forged_pixels(levels: Picture) -> BoolArray:
    """Of soft levels those of at least half of the largest one."""
    found: BoolArray = levels >= max(1.0, levels.max() / 2)
    return found


def find_truth(clip: Path, clip_sha256: str) -> Truth | None:
    """The masks of the demonstration clip or of a clip by `pseudo-fake`; None if nothing of the kind lies there.

    Raises:
        DataError: there is such a file, but it belongs to another clip or its masks are missing or changed.
    """
    beside = clip.with_suffix(".json")
    try:
        words: Any = json.loads(beside.read_text(encoding="utf-8"))
        if isinstance(words["clip"], str):  # of `demo`
            digest, mask, mask_sha256 = words["sha256"], words["mask"], None
        else:
            digest, mask, mask_sha256 = words["clip"]["sha256"], words["mask"]["path"], words["mask"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # some other JSON file: an export's sidecar, say
    if digest != clip_sha256:
        raise _unfit(beside, "This belongs to another clip than the one beside it")
    path = clip.parent / Path(mask).name
    try:
        if mask_sha256 is not None:
            if sha256(path) != mask_sha256:
                raise _unfit(path, "This mask is not the one that was written with the clip")
            return _MaskVideo(path)
        with np.load(path, allow_pickle=False) as file:
            return _Masks(path.name, np.asarray(file["frames"], np.int64), np.asarray(file["masks"], np.bool_))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise _unfit(path, "The clip's mask cannot be read") from error


def _unfit(path: Path, what: str) -> DataError:
    return DataError(what, advice=f"Make the clip anew, or move {path.name} away", file=path)
