"""A study made of clips: with an engine that says what the test wants, and with clips that lie there already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.errors import CancelledError, ExportError, StudyError, VideoError
from engine.evaluation.study.pairs import Pair, read_pairs
from engine.evaluation.study.study_file import StudyFile
from engine.progress import CancelToken
from engine.results import Explanation, FaceTrack, Provenance
from engine.runtime.study_making import Choice, Wanted, make_study
from engine.video.media import open_media
from engine.video.writer import ClipWriter

GRADCAM = Wanted("gradcam", "gradcam", "frame-mobile")
LTPA = Wanted("ltpa@frame-b4-ltpa", "ltpa", "frame-b4-ltpa")


def write_clip(path: Path, seed: int, frames: int = 30) -> None:
    blocks = np.random.default_rng(seed).integers(40, 200, (6, 8, 3), dtype=np.uint8)
    picture = np.repeat(np.repeat(blocks, 20, 0), 20, 1)
    with ClipWriter(path, 160, 120, Fraction(1, 25), threads=1) as writer:
        for number in range(frames):
            writer.write(np.roll(picture, number, 1), number, 1)


@pytest.fixture(scope="module")
def pairs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs of 1.2 s, each with an explanation of somebody's own."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed, name in enumerate(("anna", "ben", "carl")):
        (folder / name).mkdir()
        for kind, clip in enumerate(("real", "fake", "mine")):
            write_clip(folder / name / f"{clip}.mp4", 10 * seed + kind)
    return folder


@pytest.fixture
def pairs(pairs_folder: Path) -> tuple[Pair, ...]:
    return read_pairs(pairs_folder)


@pytest.fixture
def bare(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """The same without explanations."""
    return tuple(replace(pair, explanations={}) for pair in pairs)


def face(last: int, left: float = 40) -> FaceTrack:
    n = last + 1
    boxes = np.tile(np.array([left, 30, left + 50, 80], np.float32), (n, 1))
    ones = np.ones(n, np.float32)
    return FaceTrack(0, np.arange(n), boxes, np.zeros((n, 5, 2), np.float32), ones, ones > 0, boxes)


@dataclass
class Saying:
    """An engine that sees what it is told to see, and notes what it was asked."""

    seen: Callable[[int], Sequence[FaceTrack]] = lambda last: (face(last),)
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    def faces(
        self, video: Path, detector: str, last: int, every: int
    ) -> tuple[tuple[FaceTrack, ...], float | None]:
        return tuple(self.seen(last)), 0.9 if detector == "frame-mobile" else None

    def maps(self, video: Path, wanted: Wanted, frames: Sequence[int]) -> Sequence[Explanation]:
        self.asked.append((video.parent.name, wanted.name, len(frames)))
        n = len(frames)
        made_by = Provenance(wanted.explainer, "ab" * 32, {}, "cpu", "float32", {})
        affine = np.tile(np.array([[25, 0, 40], [0, 25, 30]], np.float32), (n, 1, 1))
        values = np.tile(np.array([[1, -1], [0.5, 0]], np.float32), (n, 1, 1))
        return [
            Explanation(
                wanted.explainer, wanted.detector, 0, np.array(frames), np.array(frames), values, affine,
                np.zeros(n, np.float32), True, made_by,
            )
        ]  # fmt: skip


def test_a_study_of_clips_that_lie_there(pairs: tuple[Pair, ...], tmp_path: Path) -> None:
    file = make_study(pairs, tmp_path / "a.tellstudy", Choice("title", seed=4, seconds=0.5))
    definition = file.definition
    assert StudyFile.open(file.path).definition == definition
    assert definition.explainers == ("mine",)
    assert [section.id for section in definition.sections] == ["anna", "ben", "carl"]
    assert all(section.shown == section.fake for section in definition.sections)
    file.check_clips()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.clips", "a.tellstudy"]
    section = definition.section("ben")
    for clip, seconds in ((section.real, 0.5), (section.fake, 0.5), (section.explanations["mine"], 1.2)):
        media = open_media(file.clips / clip.file)
        assert media.index.duration == pytest.approx(seconds, abs=0.05)
        media.close()


def test_a_study_of_overlays(bare: tuple[Pair, ...], tmp_path: Path) -> None:
    engine = Saying()
    choice = Choice("title", seconds=1.0, rate=5, wanted=(GRADCAM, LTPA))
    file = make_study(bare, tmp_path / "a.tellstudy", choice, engine)
    assert file.definition.explainers == ("gradcam", "ltpa@frame-b4-ltpa")
    assert engine.asked[:2] == [("anna", "gradcam", 5), ("anna", "ltpa@frame-b4-ltpa", 5)]
    section = file.definition.section("carl")
    assert section.scores == {"frame-mobile": 0.9}
    assert file.definition.made["explanations"] == {
        "gradcam": "gradcam of frame-mobile abababababab",
        "ltpa@frame-b4-ltpa": "ltpa of frame-b4-ltpa abababababab",
    }
    lengths = set()
    for clip in (section.shown, *section.explanations.values()):
        media = open_media(file.clips / clip.file)
        lengths.add((len(media.index), media.width, media.height))
        media.close()
    assert lengths == {(5, 80, 80)}  # the face of 50 px with 15 on each side
    assert section.shown.sha256 != section.explanations["gradcam"].sha256


def test_both_kinds_may_stand_side_by_side(pairs: tuple[Pair, ...], tmp_path: Path) -> None:
    file = make_study(
        pairs, tmp_path / "a.tellstudy", Choice("t", seconds=0.2, rate=5, wanted=(GRADCAM,)), Saying()
    )
    assert file.definition.explainers == ("gradcam", "mine")


def test_the_same_words_make_the_same_study(pairs: tuple[Pair, ...], tmp_path: Path) -> None:
    made = [
        make_study(pairs, tmp_path / f"{n}.tellstudy", Choice("t", seed=1, seconds=0.1, parts=2)) for n in range(2)
    ]
    assert [s.part for s in made[0].definition.sections] == [s.part for s in made[1].definition.sections]
    assert made[0].definition.parts == 2


def nobody(_: int) -> Sequence[FaceTrack]:
    return ()


def two(last: int) -> Sequence[FaceTrack]:
    return (face(last), face(last, left=100))


@pytest.mark.parametrize(("seen", "said"), [(nobody, "No face"), (two, "Several faces")])
def test_clips_of_nobody_or_of_several_are_refused(
    bare: tuple[Pair, ...], tmp_path: Path, seen: Callable[[int], Sequence[FaceTrack]], said: str
) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        make_study(bare, tmp_path / "a.tellstudy", Choice("t", wanted=(GRADCAM,)), Saying(seen))
    assert caught.value.file == bare[0].real
    assert list(tmp_path.iterdir()) == []


def test_an_explainer_without_a_map_is_told(bare: tuple[Pair, ...], tmp_path: Path) -> None:
    engine = Saying()
    engine.maps = lambda *_: []  # type: ignore[method-assign]
    with pytest.raises(StudyError, match="gradcam gives no map"):
        make_study(bare, tmp_path / "a.tellstudy", Choice("t", seconds=0.2, wanted=(GRADCAM,)), engine)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice("t"), "nothing that explains"),
        (Choice("t", wanted=tuple(Wanted(f"e{n}", "e", "d") for n in range(9))), "too many"),
        (Choice("t", wanted=(Wanted("other", "e", "d"),)), "cannot be the name"),
        (Choice("t", wanted=(GRADCAM,), parts=4), "4 parts"),
        (Choice("t", wanted=(GRADCAM,), parts=0), "0 parts"),
    ],
)
def test_choices_that_make_no_study(bare: tuple[Pair, ...], tmp_path: Path, choice: Choice, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        make_study(bare, tmp_path / "a.tellstudy", choice, Saying())


def test_a_study_is_never_replaced(pairs: tuple[Pair, ...], tmp_path: Path) -> None:
    out = tmp_path / "a.tellstudy"
    make_study(pairs[:1], out, Choice("t", seconds=0.2))
    before = out.read_bytes()
    with pytest.raises(StudyError, match="may hold answers"):
        make_study(pairs[:1], out, Choice("t", seconds=0.2))
    assert out.read_bytes() == before
    with pytest.raises(StudyError, match="no name of a study"):
        make_study(pairs[:1], tmp_path / "a.db", Choice("t"))


def test_the_same_clip_twice_is_told(pairs: tuple[Pair, ...], tmp_path: Path) -> None:
    twice = (pairs[0], replace(pairs[1], fake=pairs[0].fake))
    with pytest.raises(StudyError, match="very same clip"):
        make_study(twice, tmp_path / "a.tellstudy", Choice("t", seconds=0.2))
    same = (replace(pairs[0], fake=pairs[0].real),)
    with pytest.raises(StudyError, match="same file"):
        make_study(same, tmp_path / "a.tellstudy", Choice("t", seconds=0.2))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_after_a_broken_clip_or_a_cancel(pairs: tuple[Pair, ...], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(VideoError):
        make_study((replace(pairs[0], explanations={"mine": broken}),), out / "a.tellstudy", Choice("t"))
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        make_study(pairs, out / "a.tellstudy", Choice("t"), cancel=token)
    assert list(out.iterdir()) == []
    with pytest.raises((StudyError, ExportError)):
        make_study(pairs, tmp_path / "gone" / "a.tellstudy", Choice("t"))
