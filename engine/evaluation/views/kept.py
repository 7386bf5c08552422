"""What was observed of files before, kept between runs: a second run is immediate, a broken one goes on.

One NPZ file per observed file, named by its SHA-256, in a folder per observer. No pickle is read or written.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.evaluate import Judged, Sample
from engine.evaluation.video_scores import TrackScores, VideoScores
from engine.evaluation.views.observed import Glimpse, Observed, ObservedFace
from engine.paths import cache_dir
from engine.results import frozen

_VERSION = 1
_SERIES = "series:"

Arrays = dict[str, npt.NDArray[Any]]


class KeptViews:
    """For one thread."""

    def __init__(self, key: str, *, fresh: bool = False) -> None:
        """`key` names all on which observations depend besides the file; `fresh` knows none of before."""
        self._folder = cache_dir() / "views" / f"{key[:32]}-{_VERSION}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._fresh = fresh

    def get(self, sample: Sample, sha256: str) -> Observed | None:
        """What is known of a file, None if it was never observed."""
        path = self._path(sha256)
        if self._fresh or not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return _unpacked(sample, sha256, dict(stored))
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):  # a damaged file: observe again
            return None

    def put(self, observed: Observed) -> None:
        """Keep it, on disk before this returns."""
        path = self._path(observed.judged.sha256)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, **_packed(observed))  # type: ignore[arg-type] # names are never its options
        part.replace(path)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.npz"


def _packed(observed: Observed) -> Arrays:
    arrays: Arrays = {"tracks": np.array(len(observed.judged.scores.tracks))}
    for at, track in enumerate(observed.judged.scores.tracks):
        arrays |= {f"{at}.spans": track.spans, f"{at}.probability": track.probability}
        arrays[f"{at}.face_px"] = np.array(track.face_px)
    face = observed.face
    if face is not None:
        arrays["place"] = np.array(face.place)
        arrays |= {_SERIES + name: values for name, values in face.series.items()}
        for name, glimpse in (("most_real", face.most_real), ("most_fake", face.most_fake)):
            arrays |= {f"{name}.frames": glimpse.frames, f"{name}.boxes": glimpse.boxes}
            arrays[f"{name}.landmarks"] = glimpse.landmarks
    return arrays


def _unpacked(sample: Sample, sha256: str, arrays: Arrays) -> Observed:
    def of(name: str) -> npt.NDArray[Any]:
        return frozen(arrays[name])

    tracks = tuple(
        TrackScores(of(f"{at}.spans"), of(f"{at}.probability"), float(arrays[f"{at}.face_px"]))
        for at in range(int(arrays["tracks"]))
    )
    judged = Judged(sample, VideoScores(tracks), sha256)
    if "place" not in arrays:
        return Observed(judged, None)
    place = int(arrays["place"])
    series = {name.removeprefix(_SERIES): of(name) for name in arrays if name.startswith(_SERIES)}
    real, fake = (
        Glimpse(of(f"{name}.frames"), of(f"{name}.boxes"), of(f"{name}.landmarks"))
        for name in ("most_real", "most_fake")
    )
    return Observed(judged, ObservedFace(place, tracks[place], series, real, fake))
