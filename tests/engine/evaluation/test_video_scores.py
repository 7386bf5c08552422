"""Scores of whole videos against what is known of a clip made here."""

from pathlib import Path

import av
import numpy as np
import pytest
import skimage.data
import torch

from engine.detectors.base import Detector, Sampling
from engine.errors import CancelledError
from engine.evaluation.evaluate import Sample, figures, judge
from engine.evaluation.video_scores import SEGMENT, VideoScores, score_video
from engine.faces.detector import FaceDetector
from engine.progress import CancelToken
from engine.results import CropSpec, FloatArray, Picture, Provenance

FRAMES = 2 * SEGMENT + 17
EVERY = 7


class Brightness(Detector):
    """Takes bright faces for forged: logit 0 at grey 110, 1 more for each 10 levels."""

    id = "brightness"
    crop_spec = CropSpec(64)
    sampling = Sampling(1)
    weights_sha256 = "0" * 64
    device = "cpu"
    precision = "float32"

    def score_crops(self, crops: Picture, **_: object) -> FloatArray:  # type: ignore[override]
        assert crops.shape[1:] == (64, 64, 3)
        return ((crops.mean(axis=(1, 2, 3)) - 110) / 10).astype(np.float32)

    def provenance(self, **settings: object) -> Provenance:
        raise NotImplementedError


@pytest.fixture(scope="module")
def two_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One picture twice side by side, the right one half as bright; the right one leaves after 60 frames."""
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("clip") / "two.mp4"
    face = np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])
    dark = (face * 0.6).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 520, 260, "yuv420p"
        for number in range(FRAMES):
            right = dark if number < 60 else np.full_like(dark, 90)
            frame = np.ascontiguousarray(np.hstack([face, right]))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))
    return path


def test_mean_over_a_track_and_maximum_over_tracks(two_people: Path) -> None:
    scores = score_video(two_people, Brightness(), FaceDetector(), EVERY)
    assert len(scores.tracks) == 2
    assert scores.frames[0] == len(range(0, FRAMES, EVERY))  # joined over the borders of segments
    assert scores.frames[1] == len(range(0, 60, EVERY))
    bright, dim = scores.tracks
    assert scores.fake_probability == max(bright, dim)

    # The same by hand: one still of each face, its box found by the detector.
    face = np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])
    box = FaceDetector().detect([face], 1.0)[0][0].box
    side = (box[2:] - box[:2]).max()
    x0, y0 = np.round((box[:2] + box[2:]) / 2 - side / 2).astype(int)
    inside = face[max(y0, 0) : y0 + int(side), max(x0, 0) : x0 + int(side)]
    for found, gain in ((bright, 1.0), (dim, 0.6)):
        expected = 1 / (1 + np.exp(-(inside.mean() * gain - 110) / 10))
        assert found == pytest.approx(expected, abs=0.05)


def test_a_video_without_a_face_has_no_probability(tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 90, np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    judged = judge([Sample("grey", path, 0)], Brightness(), 1)
    assert judged[0].scores == VideoScores((), ())
    assert judged[0].scores.fake_probability is None
    assert figures(judged, [("all", lambda _: True)]) == []


def test_it_can_be_cancelled(two_people: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        score_video(two_people, Brightness(), FaceDetector(), 1, cancel=token)


def test_groups_take_their_forgeries_and_all_reals() -> None:
    from engine.evaluation.evaluate import Judged

    def judged(name: str, label: int, protocol: str, probability: float | None) -> Judged:
        tracks = () if probability is None else (probability,)
        return Judged(Sample(name, Path(name), label, "dev", protocol), VideoScores(tracks, (1,) * len(tracks)))

    every = [
        judged("r1", 0, "", 0.1),
        judged("r2", 0, "", 0.6),
        judged("r3", 0, "", None),
        judged("u1", 1, "unseen", 0.5),
        judged("u2", 1, "unseen", 0.9),
        judged("s1", 1, "seen", 0.05),
    ]
    found = {
        (f.protocol, f.metric): f
        for f in figures(
            every,
            [
                ("unseen", lambda s: s.protocol == "unseen"),
                ("seen", lambda s: s.protocol == "seen"),
                ("generated", lambda s: s.protocol == "generated"),
            ],
        )
    }
    assert {protocol for protocol, _ in found} == {"unseen", "seen"}
    assert found["unseen", "AUC"].value == pytest.approx(0.75)
    assert found["seen", "AUC"].value == 0.0
    assert (found["unseen", "AUC"].n_real, found["unseen", "AUC"].n_fake) == (2, 2)
