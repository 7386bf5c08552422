"""The stored results of one piece of evidence as faces, scores and maps, each under its key."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.case.codec import AnyArray, decode_scores, decode_tracks, encode_scores, encode_tracks
from engine.errors import DataError
from engine.explainers.samples import Samples
from engine.faces.detector import MIN_FACE
from engine.faces.segments import EVERY, FaceSegment
from engine.results import FloatArray, Provenance, Scores, frozen, settings_hash
from engine.runtime.plan import Span
from engine.runtime.store import ResultStore

FACES = "faces"
SAMPLE_BYTES = 16 << 20
"""Of samples that are kept for one frame, or for a clip that is one game: about a million of 100 players."""


def face_settings(length: int) -> Mapping[str, object]:
    """All on which the faces of a segment depend."""
    return {
        "detector": f"mtcnn, facenet-pytorch {importlib.metadata.version('facenet-pytorch')}",
        "every": EVERY,
        "min_face": MIN_FACE,
        "segment": length,
    }


@dataclass(frozen=True, slots=True)
class FaceMap:
    """The explanation of one crop.

    Attributes:
        affine: (2, 3) float32, crop to frame.
        values: (h, w) float32.
        passes, seconds: what it took to make it.
        errors: (h, w) float32, None where nothing was drawn.
        volumes: (h, w) int32, the region through a clip of each cell, None where there is none.
    """

    affine: FloatArray
    values: FloatArray
    logit: float
    passes: int
    seconds: float
    errors: FloatArray | None = None
    volumes: npt.NDArray[np.int32] | None = None


class Shelf:
    """Reads and writes results of one piece of evidence. For the engine thread."""

    def __init__(self, store: ResultStore, video_id: int, length: int) -> None:
        """`length` is that of the segments of this evidence."""
        self._store, self._video = store, video_id
        self._faces = store.note_settings(face_settings(length))
        self._noted: set[str] = set()
        self._spans = {(s.first, s.last) for s in store.list_results(video_id, FACES, "", self._faces)}

    def faces(self, span: Span) -> FaceSegment | None:
        found = self._store.get_result(self._video, FACES, "", self._faces, *span) if span in self._spans else None
        if found is None:
            return None
        cuts = tuple(int(cut) for cut in found.meta["cuts"])
        return FaceSegment(*span, decode_tracks(found.arrays, found.meta), cuts)

    def keep_faces(self, segment: FaceSegment) -> None:
        """Store the faces of a segment, once."""
        if (segment.first, segment.last) in self._spans:
            return
        encoded = encode_tracks(segment.tracklets)
        meta = {**encoded.meta, "cuts": list(segment.cuts)}
        self._store.put_result(
            self._video, FACES, "", self._faces, segment.first, segment.last, encoded.arrays, meta
        )
        self._spans.add((segment.first, segment.last))

    def has_faces(self, span: Span) -> bool:
        return span in self._spans

    def spans_with_faces(self) -> set[Span]:
        return set(self._spans)

    def scores(self, made_by: Provenance, span: Span) -> tuple[Scores, ...] | None:
        """Scores of the segment's tracklets, under their ids local to the segment; None if it was never scored."""
        found = self._store.get_result(self._video, *_key(made_by), *span)
        return None if found is None else decode_scores(found.arrays, found.meta)

    def keep_scores(self, made_by: Provenance, span: Span, scores: Sequence[Scores]) -> None:
        encoded = encode_scores(scores)
        self._note(made_by)
        self._store.put_result(self._video, *_key(made_by), *span, encoded.arrays, encoded.meta)

    def maps(self, made_by: Provenance, frame: int) -> tuple[FaceMap, ...]:
        """All that were made of one frame."""
        found = self._store.get_result(self._video, *_key(made_by), frame, frame)
        if found is None:
            return ()
        stored = found.arrays
        errors, volumes = stored.get("errors"), stored.get("volumes")
        return tuple(
            FaceMap(
                stored["affine"][row],
                stored["values"][row],
                float(stored["logits"][row]),
                int(stored["passes"][row]),
                float(stored["seconds"][row]),
                None if errors is None else errors[row],
                None if volumes is None else volumes[row],
            )
            for row in range(len(stored["logits"]))
        )

    def keep_maps(self, made_by: Provenance, frame: int, maps: Sequence[FaceMap]) -> None:
        """Store all maps of one frame, one at least."""
        self._note(made_by)
        arrays: dict[str, AnyArray] = {
            "affine": np.stack([each.affine for each in maps]),
            "values": np.stack([each.values for each in maps]),
            "logits": np.array([each.logit for each in maps], np.float32),
            "passes": np.array([each.passes for each in maps], np.int64),
            "seconds": np.array([each.seconds for each in maps], np.float32),
        }
        errors = [each.errors for each in maps if each.errors is not None]
        if errors:
            arrays["errors"] = np.stack(errors)
        volumes = [each.volumes for each in maps if each.volumes is not None]
        if volumes:
            arrays["volumes"] = np.stack(volumes)
        self._store.put_result(
            self._video, *_key(made_by), frame, frame, {name: frozen(array) for name, array in arrays.items()}, {}
        )

    def samples(self, made_by: Provenance, span: Span) -> dict[str, Samples]:
        """By the name of a game, those from which maps of these frames can be gone on with."""
        found = self._store.get_result(self._video, *_key(made_by), *span)
        kept: dict[str, dict[str, AnyArray]] = {}
        for name, array in ({} if found is None else found.arrays).items():
            game, _, part = name.rpartition(".")
            kept.setdefault(game, {})[part] = array
        try:
            return {game: Samples.of_arrays(arrays) for game, arrays in kept.items()}
        except DataError:  # laid down otherwise by another version: asking again is never wrong
            return {}

    def keep_samples(self, made_by: Provenance, span: Span, kept: Mapping[str, Samples]) -> None:
        """Store samples in the place of all of these frames; of too many the last game keeps the most."""
        self._note(made_by)
        left = SAMPLE_BYTES
        arrays: dict[str, AnyArray] = {}
        for game, samples in reversed(list(kept.items())):
            each = (samples.masks.shape[1] + 7) // 8 + samples.everybody.nbytes
            part = samples.first(min(len(samples.values), left // each))
            left -= each * len(part.values)
            if len(part.values):
                arrays |= {f"{game}.{name}": frozen(array) for name, array in part.arrays().items()}
        self._store.put_result(self._video, *_key(made_by), *span, arrays, {})

    def _note(self, made_by: Provenance) -> None:
        if made_by.settings_hash not in self._noted:
            self._noted.add(self._store.note_settings(made_by.settings))


def face_key(length: int) -> str:
    """Short name of the faces on which scores depend, for their settings."""
    return settings_hash(face_settings(length))


def _key(made_by: Provenance) -> tuple[str, str, str]:
    return made_by.component, made_by.weights_sha256, made_by.settings_hash
