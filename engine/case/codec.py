"""Results as plain arrays and plain data, and back: how the case file stores what the engine found.

Reading never runs code: arrays are npz without objects, everything else is JSON.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.results import NOT_MEASURED, Cost, Explanation, FaceTrack, Provenance, Scores, Volumes, canonical

AnyArray = npt.NDArray[Any]

TRACK_ARRAYS = ("frames", "boxes", "landmarks", "scores", "detected", "raw_boxes")
SCORE_ARRAYS = ("spans", "fake_probability", "logits")
EXPLANATION_ARRAYS = ("frames", "pts", "values", "affine", "logits")
VOLUME_ARRAYS = ("labels", "frames", "mean", "variance")


@dataclass(frozen=True, slots=True)
class Encoded:
    """The two things that `CaseFile.put_result` takes."""

    arrays: Mapping[str, AnyArray]
    meta: Mapping[str, Any]


def pack(arrays: Mapping[str, AnyArray]) -> bytes:
    """Arrays as the bytes of an npz file.

    Raises:
        ValueError: an array holds Python objects.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"the array {name} holds Python objects")
    buffer = io.BytesIO()
    # A loop of our own: `np.savez` gives special meaning to names such as `file`.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")  # with the zip epoch as its date: same arrays, same bytes
            info.compress_type = zipfile.ZIP_DEFLATED
            with bundle.open(info, "w") as entry:
                np.lib.format.write_array(entry, np.asarray(array, order="C"), allow_pickle=False)
    return buffer.getvalue()


def unpack(blob: bytes) -> dict[str, AnyArray]:
    """The arrays that `pack` made, read-only.

    Raises:
        ValueError: the bytes are no npz file, are damaged, or hold Python objects.
    """
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as bundle:
            arrays = {name: bundle[name] for name in bundle.files}
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"no readable npz: {error}") from error
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def encode_tracks(tracks: Sequence[FaceTrack]) -> Encoded:
    """Any number of tracks (none, too)."""
    arrays = {f"{i}.{name}": getattr(track, name) for i, track in enumerate(tracks) for name in TRACK_ARRAYS}
    return Encoded(arrays, {"tracks": [track.id for track in tracks]})


def decode_tracks(arrays: Mapping[str, AnyArray], meta: Mapping[str, Any]) -> tuple[FaceTrack, ...]:
    """What `encode_tracks` was given."""
    return tuple(
        FaceTrack(id=number, **{name: arrays[f"{i}.{name}"] for name in TRACK_ARRAYS})
        for i, number in enumerate(meta["tracks"])
    )


def encode_scores(scores: Sequence[Scores]) -> Encoded:
    """Any number of scores (none, too), with their provenance."""
    arrays: dict[str, AnyArray] = {}
    entries = []
    for i, score in enumerate(scores):
        arrays |= {f"{i}.{name}": getattr(score, name) for name in SCORE_ARRAYS}
        arrays |= {f"{i}.activations.{k}": series for k, series in enumerate(score.activations.values())}
        entries.append(
            {
                "detector": score.detector_id,
                "track": score.track_id,
                "activations": list(score.activations),
                "provenance": encode_provenance(score.provenance),
            }
        )
    return Encoded(arrays, {"scores": entries})


def decode_scores(arrays: Mapping[str, AnyArray], meta: Mapping[str, Any]) -> tuple[Scores, ...]:
    """What `encode_scores` was given."""
    return tuple(
        Scores(
            detector_id=entry["detector"],
            track_id=entry["track"],
            provenance=decode_provenance(entry["provenance"]),
            activations=MappingProxyType(
                {name: arrays[f"{i}.activations.{k}"] for k, name in enumerate(entry["activations"])}
            ),
            **{name: arrays[f"{i}.{name}"] for name in SCORE_ARRAYS},
        )
        for i, entry in enumerate(meta["scores"])
    )


def encode_explanation(explanation: Explanation) -> Encoded:
    """One explanation with its provenance."""
    arrays = {name: getattr(explanation, name) for name in EXPLANATION_ARRAYS}
    if explanation.cost is not None:
        arrays |= {"passes": explanation.cost.passes, "seconds": explanation.cost.seconds}
    if explanation.errors is not None:
        arrays["errors"] = explanation.errors
    if explanation.volumes is not None:
        arrays |= {f"volumes.{name}": getattr(explanation.volumes, name) for name in VOLUME_ARRAYS}
    meta = {
        "explainer": explanation.explainer_id,
        "detector": explanation.detector_id,
        "track": explanation.track_id,
        "signed": explanation.signed,
        "title": explanation.title,
        "provenance": encode_provenance(explanation.provenance),
    }
    return Encoded(arrays, meta)


def decode_explanation(arrays: Mapping[str, AnyArray], meta: Mapping[str, Any]) -> Explanation:
    """What `encode_explanation` was given."""
    return Explanation(
        explainer_id=meta["explainer"],
        detector_id=meta["detector"],
        track_id=meta["track"],
        signed=meta["signed"],
        provenance=decode_provenance(meta["provenance"]),
        cost=Cost(arrays["passes"], arrays["seconds"]) if "passes" in arrays else None,
        errors=arrays.get("errors"),
        title=meta.get("title", ""),
        sanity=NOT_MEASURED,  # as it was then is not as it is now
        volumes=Volumes(*(arrays[f"volumes.{n}"] for n in VOLUME_ARRAYS)) if "volumes.labels" in arrays else None,
        **{name: arrays[name] for name in EXPLANATION_ARRAYS},
    )


def encode_provenance(provenance: Provenance) -> dict[str, Any]:
    """As plain data, for the case file and for sidecars."""
    return {
        "component": provenance.component,
        "weights_sha256": provenance.weights_sha256,
        "settings": json.loads(canonical(provenance.settings)),
        "settings_hash": provenance.settings_hash,
        "device": provenance.device,
        "precision": provenance.precision,
        "versions": dict(provenance.versions),
        "seed": provenance.seed,
    }


def decode_provenance(data: Mapping[str, Any]) -> Provenance:
    """What `encode_provenance` was given."""
    return Provenance(
        component=data["component"],
        weights_sha256=data["weights_sha256"],
        settings=MappingProxyType(data["settings"]),
        device=data["device"],
        precision=data["precision"],
        versions=MappingProxyType(data["versions"]),
        seed=data["seed"],
    )
