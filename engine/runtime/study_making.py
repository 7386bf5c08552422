"""A study made of pairs of clips: cut alike, explained, overlaid in red, divided into parts, put on the disk."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine import __version__
from engine.errors import StudyError
from engine.evaluation.study.database import SUFFIX
from engine.evaluation.study.definition import (
    MOST_EXPLAINERS,
    Clip,
    Definition,
    Section,
    require_name,
    require_sound,
)
from engine.evaluation.study.pairs import Pair
from engine.evaluation.study.plan import divided
from engine.evaluation.study.study_file import StudyFile, clips_folder
from engine.exports.files import sha256
from engine.exports.study_clips import (
    cut_clip,
    explained_frames,
    face_clips,
    face_window,
    last_frame,
    several_faces,
)
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import Explanation, FaceTrack
from engine.video.media import Media, open_media


@dataclass(frozen=True, slots=True)
class Wanted:
    """An explainer of a detector, and the name under which the study knows it."""

    name: str
    explainer: str
    detector: str


@dataclass(frozen=True, slots=True)
class Choice:
    """How a study is to be made.

    Attributes:
        seconds: of every video, from its start.
        rate: explained frames a second (P002: 10).
        parts: into which the sections are divided; None for as few as have ten sections at most.
    """

    title: str
    seed: int = 0
    seconds: float = 5.0
    rate: float = 10.0
    parts: int | None = None
    wanted: tuple[Wanted, ...] = ()


class Asking(Protocol):
    """What the making of a study asks of the engine. May raise any TellframeError."""

    def faces(
        self, video: Path, detector: str, last: int, every: int
    ) -> tuple[tuple[FaceTrack, ...], float | None]:
        """The faces up to a frame, and the fake probability of that stretch."""
        ...

    def maps(self, video: Path, wanted: Wanted, frames: Sequence[int]) -> Sequence[Explanation]:
        """The maps of all faces on some frames."""
        ...


def make_study(
    pairs: Sequence[Pair],
    out: Path,
    choice: Choice,
    asking: Asking | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> StudyFile:
    """Make the study file `out` and its folder of clips: both, or nothing.

    Args:
        asking: the engine; needed if explanations are to be made.

    Raises:
        StudyError: the protocol is broken (a person or a clip twice, two faces in a clip, no face), no explanation
            is wanted or there, or a study of this name is there already.
        VideoError, ExportError, CancelledError: and whatever the engine raises.
    """
    explainers = _explainers(pairs, choice)
    _require_parts(len(pairs), choice.parts)
    part = divided([pair.name for pair in pairs], choice.seed, choice.parts)
    meter = ProgressMeter("Making the study", len(pairs), "pairs", progress)
    with _appearing(out) as (file, folder):
        maker = _Maker(folder, choice, asking, cancel)
        sections = []
        for done, pair in enumerate(pairs, 1):
            sections.append(maker.section(pair, part[pair.name], explainers))
            meter.update(done)
        definition = Definition(
            choice.title, choice.seed, explainers, tuple(sections), _made(choice, maker.weights)
        )
        require_sound(definition)
        StudyFile.create(file, definition)
    return StudyFile.open(out)


class _Maker:
    """Makes the clips of one section after the other."""

    def __init__(self, folder: Path, choice: Choice, asking: Asking | None, cancel: CancelToken | None) -> None:
        self._folder, self._choice, self._asking, self._cancel = folder, choice, asking, cancel
        self.weights: dict[str, str] = {}

    def section(self, pair: Pair, part: int, explainers: Sequence[str]) -> Section:
        with _opened(pair.real) as real, _opened(pair.fake) as fake:
            clips = {}
            for name, media in (("real", real), ("fake", fake)):
                out = self._folder / f"{pair.name}.{name}.mp4"
                cut_clip(media, out, last_frame(media.index, self._choice.seconds), self._cancel)
                clips[name] = _clip(out)
            made, scores = self._explained(pair, real, fake)
        for name, path in pair.explanations.items():
            with _opened(path):  # a file that is no video is told now, not to the participants
                out = self._folder / f"{pair.name}.{name}{path.suffix.lower()}"
                shutil.copyfile(path, out)
                made[name] = _clip(out)
        shown = made.pop("", clips["fake"])
        explanations = {name: made[name] for name in explainers}
        return Section(pair.name, part, pair.persons, clips["real"], clips["fake"], shown, explanations, scores)

    def _explained(self, pair: Pair, real: Media, fake: Media) -> tuple[dict[str, Clip], dict[str, float]]:
        """Clips of the face by explainer, under "" without an overlay; and what the detectors say of it."""
        wanted = self._choice.wanted
        if not wanted or self._asking is None:
            return {}, {}
        self._one_face(real, wanted[0].detector)
        tracks = self._one_face(fake, wanted[0].detector)
        last = last_frame(fake.index, self._choice.seconds)
        frames = explained_frames(fake.index, last, self._choice.rate)
        outs: dict[Path, Sequence[Explanation]] = {self._folder / f"{pair.name}.face.mp4": ()}
        names = {"": self._folder / f"{pair.name}.face.mp4"}
        for each in wanted:
            maps = self._asking.maps(pair.fake, each, frames)
            if not maps:
                raise StudyError(
                    f"{each.name} gives no map of this clip", advice="Leave the pair out", file=pair.fake
                )
            made_by = maps[0].provenance
            self.weights[each.name] = f"{each.explainer} of {each.detector} {made_by.weights_sha256[:12]}"
            names[each.name] = self._folder / f"{pair.name}.{each.name}.mp4"
            outs[names[each.name]] = maps
        face_clips(fake, outs, frames, last, face_window(tracks, last, fake.width, fake.height), self._cancel)
        scores = {
            d: p for d in dict.fromkeys(w.detector for w in wanted) if (p := self._score(fake, d)) is not None
        }
        return {name: _clip(path) for name, path in names.items()}, scores

    def _one_face(self, media: Media, detector: str) -> tuple[FaceTrack, ...]:
        assert self._asking is not None  # noqa: S101 - for the type checker
        last = last_frame(media.index, self._choice.seconds)
        tracks, _ = self._asking.faces(media.path, detector, last, self._every(media))
        tracks = tuple(track for track in tracks if (track.frames <= last).any())
        if not tracks:
            raise StudyError("No face is found here", advice="Leave the pair out", file=media.path)
        if several_faces(tracks, range(last + 1)):
            raise StudyError(
                "Several faces are seen at a time", advice="Take clips of one person each", file=media.path
            )
        return tracks

    def _score(self, media: Media, detector: str) -> float | None:
        assert self._asking is not None  # noqa: S101 - for the type checker
        last = last_frame(media.index, self._choice.seconds)
        return self._asking.faces(media.path, detector, last, self._every(media))[1]

    def _every(self, media: Media) -> int:
        return max(1, round(media.index.rate / self._choice.rate))


def _explainers(pairs: Sequence[Pair], choice: Choice) -> tuple[str, ...]:
    names = (*(each.name for each in choice.wanted), *pairs[0].explanations)
    if not names:
        raise StudyError(
            "There is nothing that explains the forged clips",
            advice="Name explainers with --explainers, or lay clips beside the pairs, see docs/study.md",
        )
    if len(names) > MOST_EXPLAINERS:
        raise StudyError(
            f"{len(names)} explanations are too many to compare", advice=f"Take {MOST_EXPLAINERS} at most"
        )
    for name in names:
        require_name(name, "an explainer")
        if names.count(name) > 1:
            raise StudyError(f"There are two explanations called {name}", advice="Give one another name")
    return names


def _require_parts(sections: int, parts: int | None) -> None:
    if parts is not None and not 1 <= parts <= sections:
        raise StudyError(
            f"{sections} sections cannot be divided into {parts} parts", advice="Take fewer parts, or more pairs"
        )


def _made(choice: Choice, weights: Mapping[str, str]) -> dict[str, object]:
    made: dict[str, object] = {
        "made with": f"Tellframe {__version__}",
        "videos": f"the first {choice.seconds:g} s, without sound, real and forged ones encoded alike",
    }
    if choice.wanted:
        made |= {
            "explained": f"{choice.rate:g} frames a second, each shown until the next",
            "overlay": "red, as opaque as a value supports fake, the largest of each frame full red; not smoothed",
            "explanations": dict(weights),
        }
    return made


def _clip(path: Path) -> Clip:
    return Clip(path.name, sha256(path))


@contextmanager
def _opened(path: Path) -> Iterator[Media]:
    media = open_media(path)
    try:
        yield media
    finally:
        media.close()


@contextmanager
def _appearing(out: Path) -> Iterator[tuple[Path, Path]]:
    """Provisional names of the file and of its folder, which get their own when all went well, or vanish."""
    folder = clips_folder(out)
    if out.suffix != SUFFIX:
        raise StudyError("This is no name of a study", advice=f"Choose a name that ends in {SUFFIX}", file=out)
    for each in (out, folder):
        if each.exists():
            raise StudyError(
                "This is there already, and may hold answers",
                advice="Choose another name, or remove it",
                file=each,
            )
    file_part, folder_part = (each.with_name(f"{each.name}.part") for each in (out, folder))
    _remove(file_part, folder_part)
    try:
        folder_part.mkdir()
        yield file_part, folder_part
        folder_part.rename(folder)
        try:
            file_part.rename(out)
        except OSError:
            _remove(folder)
            raise
    except OSError as error:
        raise StudyError(
            f"The study cannot be written ({(error.strerror or str(error)).lower()})",
            advice="Choose another folder or check the permissions",
            file=out,
        ) from error
    finally:
        _remove(file_part, folder_part)


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
