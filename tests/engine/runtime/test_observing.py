"""Videos observed with embeddings: the scores of `evaluate`, kept between runs, on a clip that is known."""

from pathlib import Path

import numpy as np
import pytest
import toy

from engine.detectors.base import Clip, ClipScores
from engine.errors import CancelledError
from engine.evaluation.evaluate import Sample, Unread, judge
from engine.paths import cache_dir
from engine.progress import CancelToken
from engine.results import Picture
from engine.runtime.found_faces import FoundFaces
from engine.runtime.observing import Observer
from engine.runtime.scoring import AnalysisScorer

EVERY = 8


class EmbeddingToy(toy.ToyClipDetector):
    """Its embedding of a span is the mean blue of the whole clip and the span's first frame."""

    id = "lps-toy"

    def embed_clip(self, clip: Clip, crops: Picture) -> ClipScores:
        scores = self.score_clip(clip, crops)
        blue = crops[:, 12:20, 12:20, 2].mean()
        rows = [[blue, first] for first, _ in clip.spans.tolist()]
        return ClipScores(scores.logits, {**scores.activations, "blue": np.array(rows, np.float32)})


def observer(**more: bool) -> Observer:
    return Observer(EmbeddingToy(), toy.ToyFaces(), EVERY, FoundFaces(), **more)  # type: ignore[arg-type]


def observe(samples: list[Sample], unread: Unread | None = None, **more: bool):
    return observer(**more).observe(samples, unread or Unread(), cancel=CancelToken())


def test_scores_are_those_of_evaluate_and_embeddings_stand_beside_them(clip: Path, settings: toy.Settings) -> None:
    (found,) = observe([Sample("toy", clip, 1)])
    (judged,) = judge([Sample("toy", clip, 1)], AnalysisScorer(EmbeddingToy(), toy.ToyFaces(), EVERY))  # type: ignore[arg-type]
    assert found.judged.sha256 == judged.sha256
    for mine, theirs in zip(found.judged.scores.tracks, judged.scores.tracks, strict=True):
        np.testing.assert_array_equal(mine.spans, theirs.spans)
        np.testing.assert_array_equal(mine.probability, theirs.probability)
    face = found.face
    assert face is not None
    means = [track.mean for track in judged.scores.tracks]
    assert face.place == means.index(max(means))
    assert face.scores.mean == pytest.approx(judged.scores.fake_probability)
    np.testing.assert_array_equal(face.series["blue"][:, 1], face.scores.spans[:, 0])
    low = face.scores.spans[face.scores.probability.argmin()].tolist()
    high = face.scores.spans[face.scores.probability.argmax()].tolist()
    for glimpse, (first, last) in ((face.most_real, low), (face.most_fake, high)):
        assert (glimpse.frames[0], glimpse.frames[-1]) == (first, last)
        assert len(glimpse.frames) == min(6, last - first + 1)


def test_the_pictures_show_the_face_on_these_frames(clip: Path, settings: toy.Settings) -> None:
    watching = observer()
    (found,) = watching.observe([Sample("toy", clip, 1)], Unread(), cancel=CancelToken())
    assert found.face is not None
    glimpse = found.face.most_real
    pictures = watching.pictures(found.judged.sample, glimpse, CancelToken())
    for frame, picture in zip(glimpse.frames.tolist(), pictures, strict=True):
        assert picture.shape == (32, 32, 3)
        colour = picture[12:20, 12:20].mean((0, 1))
        blue = frame if colour[0] > colour[1] else 250 - frame
        assert colour[2] == pytest.approx(blue, abs=2)


def test_a_second_run_is_immediate_and_equal_and_a_fresh_one_looks_again(
    clip: Path, settings: toy.Settings
) -> None:
    (first,) = observe([Sample("toy", clip, 1)])
    settings.looked = 0
    (again,) = observe([Sample("other name", clip, 0)])
    assert settings.looked == 0
    assert again.judged.sample.name == "other name"
    assert first.face is not None
    assert again.face is not None
    assert again.judged.scores.fake_probability == first.judged.scores.fake_probability
    assert again.face.series.keys() == first.face.series.keys()
    for name, values in first.face.series.items():
        np.testing.assert_array_equal(again.face.series[name], values)
    for mine, theirs in (
        (again.face.most_real, first.face.most_real),
        (again.face.most_fake, first.face.most_fake),
    ):
        np.testing.assert_array_equal(mine.boxes, theirs.boxes)
        np.testing.assert_array_equal(mine.landmarks, theirs.landmarks)
    observe([Sample("toy", clip, 1)], fresh=True)
    assert settings.looked > 0


def test_a_damaged_keepsake_is_made_again(clip: Path, settings: toy.Settings) -> None:
    observe([Sample("toy", clip, 1)])
    (kept,) = (cache_dir() / "views").rglob("*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    settings.looked = 0
    (found,) = observe([Sample("toy", clip, 1)])
    assert settings.looked > 0
    assert found.face is not None


def test_files_that_cannot_be_read_are_named_and_the_rest_is_observed(
    clip: Path, settings: toy.Settings, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    unread = Unread()
    samples = [Sample("broken", broken, 1), Sample("gone", tmp_path / "gone.mp4", 1), Sample("toy", clip, 0)]
    found = observe(samples, unread)
    assert [each.judged.sample.name for each in found] == ["toy"]
    assert set(unread.reasons) == {"broken", "gone"}


def test_cancelling_keeps_what_was_observed(clip: Path, settings: toy.Settings, tmp_path: Path) -> None:
    token = CancelToken()
    samples = [Sample("toy", clip, 1), Sample("never", tmp_path / "never.mp4", 1)]
    with pytest.raises(CancelledError):
        observer().observe(samples, Unread(), cancel=token, progress=lambda _: token.cancel())
    settings.looked = 0
    observe(samples[:1])
    assert settings.looked == 0
