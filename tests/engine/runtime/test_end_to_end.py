"""A real face, the real face detector, a real network with random weights, the real Grad-CAM, one real thread."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from inbox import Inbox
from random_weights import random_network, write_random_weights

from engine import paths
from engine.case.case_file import CaseFile
from engine.detectors import registry
from engine.errors import CancelledError, UsageError, WeightsError
from engine.explainers import gradcam, kernel_shap
from engine.explainers.kernel_shap import KernelShap
from engine.faces.crops import crop_affine, cut_crop
from engine.results import CropSpec, Explanation, FaceTrack
from engine.runtime.engine import Engine
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    DetectorsListed,
    DetectorsRequest,
    DeviceStatus,
    ExplainRequest,
    ExplanationGrew,
    ExplanationMade,
    Failed,
    Finished,
    ImportWeightsRequest,
    Notice,
    Priority,
    Progressed,
    SegmentAnalyzed,
)
from engine.video.media import open_media

FRAMES, WIDTH, HEIGHT = 80, 480, 360


def left_edge(frame: int) -> int:
    """Where the picture with the face is pasted."""
    return 20 + 2 * frame


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from skimage.data import astronaut

    head = cv2.resize(astronaut()[0:250, 100:350], (220, 220), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("face") / "face.mp4"
    ramp = np.linspace(60, 160, WIDTH).astype(np.uint8)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "12", "g": "24"}
        for frame in range(FRAMES):
            pixels = np.repeat(np.tile(ramp, (HEIGHT, 1))[..., None], 3, 2)
            pixels[60:280, left_edge(frame) : left_edge(frame) + 220] = head
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_weights(tmp_path_factory.mktemp("weights"), "frame-mobile")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def engine(inbox: Inbox, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path / "none shipped")
    registry.import_weights(weights)
    engine = Engine(inbox, "cpu")
    yield engine
    assert engine.stop(20)


def explained(engine: Engine, inbox: Inbox, request: ExplainRequest) -> list[Explanation]:
    job = engine.submit(request, Priority.VISIBLE)
    assert isinstance(inbox.last(job), Finished), inbox.of(job)
    return [event.explanation for event in inbox.kind(job, ExplanationMade)]


def crop_of(path: Path, track: FaceTrack, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The crop by hand: exact frame, the track's box, no margin."""
    row = track.row(frame)
    assert row is not None
    affine = crop_affine(track.boxes[row], track.landmarks[row], CropSpec(224))
    media = open_media(path)
    reader = media.reader(stepping=True)
    pixels = reader.read(frame).pixels
    reader.close()
    media.close()
    return cut_crop(pixels, affine, 224), affine


def test_a_real_face_is_found_scored_and_explained(
    engine: Engine, inbox: Inbox, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = tmp_path / "case.tell"
    job = engine.submit(AnalyzeRequest(clip, "frame-mobile", case=case))
    assert isinstance(inbox.last(job), Finished), inbox.of(job)
    (done,) = inbox.kind(job, AnalysisDone)
    assert inbox.kind(job, DeviceStatus)[0].device.startswith("CPU")
    assert inbox.kind(job, DeviceStatus)[0].memory_used > 50e6
    assert any("not trustworthy" in warning for warning in done.warnings)

    # The face
    (track,) = done.tracks
    assert track.frames.tolist() == list(range(FRAMES))
    middles = (track.boxes[:, 0] + track.boxes[:, 2]) / 2
    np.testing.assert_allclose(middles - middles[0], 2.0 * track.frames, atol=6)
    assert left_edge(0) < middles[0] < left_edge(0) + 220

    # Its scores are those of the network on the crops cut by hand
    (scores,) = done.scores
    assert scores.spans.tolist() == [[f, f] for f in range(FRAMES)]
    network = random_network("frame-mobile").half().float()
    frames = [0, 13, 63, 64, 79]
    for frame in frames:
        crop, _ = crop_of(clip, track, frame)
        with torch.no_grad():
            x = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
            assert float(scores.logits[frame]) == pytest.approx(float(network(x)), abs=1e-3)
    assert done.fake_probability == pytest.approx(float(scores.fake_probability.mean(dtype=np.float64)))

    # Its maps
    (explanation,) = explained(
        engine, inbox, ExplainRequest(clip, "frame-mobile", "gradcam", tuple(frames), case=case)
    )
    assert (explanation.track_id, explanation.frames.tolist()) == (track.id, frames)
    assert explanation.signed
    media = open_media(clip)
    np.testing.assert_array_equal(explanation.pts, media.index.pts[frames])
    media.close()
    np.testing.assert_allclose(explanation.logits, scores.logits[frames], atol=1e-4)
    for row, frame in enumerate(frames):
        crop, affine = crop_of(clip, track, frame)
        x = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
        expected, _ = gradcam.gradcam(network, network.get_submodule(network.gradcam_layer), x)
        scale = float(expected.abs().max())
        np.testing.assert_allclose(explanation.values[row], expected[0].numpy(), atol=2e-3 * scale)
        corner = affine @ [0, 0, 1], affine @ [224, 224, 1]
        np.testing.assert_allclose(explanation.affine[row] @ [0, 0, 1], corner[0], atol=1e-2)
        np.testing.assert_allclose(explanation.affine[row] @ [7, 7, 1], corner[1], atol=1e-2)

    # Once made they are kept
    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(gradcam, "gradcam", never)
    (again,) = explained(engine, inbox, ExplainRequest(clip, "frame-mobile", "gradcam", (13, 64), case=case))
    np.testing.assert_array_equal(again.values, explanation.values[[1, 3]])
    with CaseFile.open(case) as stored:
        keys = {key.component for key in stored.keys(stored.videos()[0].id)}
    assert keys == {"faces", "frame-mobile", "gradcam"}


def test_the_volumes_of_a_clip_are_explained_together_and_kept(
    engine: Engine, inbox: Inbox, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ExplainRequest(
        clip,
        "frame-mobile",
        "kernel-shap",
        (60, 62, 66),  # over the border of two segments
        settings={"segmentation": "3d", "scope": "video", "samples": 4, "segments": 6},
        case=tmp_path / "case.tell",
    )
    (explanation,) = explained(engine, inbox, request)
    assert explanation.frames.tolist() == [60, 62, 66]
    assert len(set(explanation.logits.tolist())) == 1
    assert set(np.unique(explanation.values[0])) == set(np.unique(explanation.values[2]))
    assert explanation.provenance.settings["frames"] == [60, 62, 66]

    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(KernelShap, "estimates", never)
    (again,) = explained(engine, inbox, request)
    np.testing.assert_array_equal(again.values, explanation.values)


def test_only_what_is_stored_is_told_where_nothing_is_to_be_made(
    engine: Engine, inbox: Inbox, clip: Path, tmp_path: Path
) -> None:
    request = ExplainRequest(
        clip,
        "frame-mobile",
        "kernel-shap",
        (60, 62),
        settings={"samples": 4, "segments": 6},
        case=tmp_path / "case.tell",
    )
    stored = replace(request, frames=(60, 61, 62), stored=True)
    job = engine.submit(stored)
    assert isinstance(inbox.last(job), Finished)
    assert not inbox.kind(job, ExplanationMade)
    assert not inbox.kind(job, Notice)
    with CaseFile.open(tmp_path / "case.tell") as case:
        assert not list(case.keys(case.videos()[0].id)), "not even faces were looked for"

    made = explained(engine, inbox, replace(request, at_once=True))
    assert [each.frames.tolist() for each in made] == [[60], [62]]
    (again,) = explained(engine, inbox, stored)
    assert again.frames.tolist() == [60, 62]
    np.testing.assert_array_equal(again.values, np.concatenate([each.values for each in made]))
    assert not explained(engine, inbox, replace(stored, settings={"samples": 6, "segments": 6}))


def test_a_growing_map_is_told_and_a_cancelled_one_gone_on_with(
    engine: Engine, inbox: Inbox, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_shap, "TELL_SECONDS", 0)
    monkeypatch.setattr(kernel_shap, "TELL_SHARE", 0)
    settings = {"samples": 60, "segments": 20, "tolerance": 0}
    request = ExplainRequest(clip, "frame-mobile", "kernel-shap", (70,), settings=settings, growing=True)
    job = engine.submit(replace(request, case=tmp_path / "case.tell"))
    inbox.wait(lambda event: isinstance(event, ExplanationGrew) and event.job == job)
    engine.cancel(job)
    last = inbox.last(job)
    assert isinstance(last, Failed)
    assert isinstance(last.error, CancelledError)
    grown = inbox.kind(job, ExplanationGrew)
    assert 0 < grown[-1].samples < grown[-1].most == 60
    assert [each.samples for each in grown] == [4 * (number + 1) for number in range(len(grown))]

    again = engine.submit(replace(request, case=tmp_path / "case.tell"))
    whole = engine.submit(replace(request, case=tmp_path / "other.tell", growing=False))
    assert isinstance(inbox.last(again), Finished)
    assert isinstance(inbox.last(whole), Finished)
    # A batch that was asked while the cancelling was on its way is kept, whether it was still told of or not.
    assert inbox.kind(again, ExplanationGrew)[0].samples - grown[-1].samples in (4, 8)
    assert not inbox.kind(whole, ExplanationGrew)
    (one,), (other,) = (inbox.kind(each, ExplanationMade) for each in (again, whole))
    shown = inbox.kind(again, ExplanationGrew)[-1].explanation
    for made in (one.explanation, shown):
        assert made.frames.tolist() == [70]
        np.testing.assert_array_equal(made.values, other.explanation.values)
        np.testing.assert_array_equal(made.affine, other.explanation.affine)
        assert made.errors is not None
        assert made.cost is not None
        assert made.cost.passes.tolist() == [62]


def test_the_values_of_volumes_have_a_mean_and_a_variance(
    engine: Engine, inbox: Inbox, clip: Path, tmp_path: Path
) -> None:
    settings = {"segmentation": "3d", "samples": 6, "segments": 6}
    request = ExplainRequest(
        clip, "frame-mobile", "kernel-shap", (60, 62), settings=settings, case=tmp_path / "case.tell"
    )
    (made,) = explained(engine, inbox, request)
    (again,) = explained(engine, inbox, request)
    for explanation in (made, again):
        assert explanation.volumes is not None
        labels = explanation.volumes.labels
        assert labels.shape == explanation.values.shape
        for volume in np.unique(labels):
            shown = [v[n == volume].mean() for v, n in zip(explanation.values, labels, strict=True) if volume in n]
            assert explanation.volumes.frames[volume] == len(shown)
            assert explanation.volumes.mean[volume] == pytest.approx(np.mean(shown), abs=1e-5)
            assert explanation.volumes.variance[volume] == pytest.approx(np.var(shown), abs=1e-5)


def test_the_samples_of_several_frames_and_faces_are_told_as_one_work(
    engine: Engine, inbox: Inbox, clip: Path
) -> None:
    settings = {"samples": 12, "segments": 4}
    job = engine.submit(ExplainRequest(clip, "frame-mobile", "kernel-shap", (60, 61, 62), settings=settings))
    assert isinstance(inbox.last(job), Finished)
    told = [e.progress for e in inbox.kind(job, Progressed) if e.progress.label == "Explaining"]
    shares = [progress.fraction for progress in told]
    assert shares == sorted(shares)
    assert any(0 < share < 0.34 for share in shares)
    assert shares[-1] == 1


def test_settings_reach_the_explainer_and_stand_once_in_the_key(
    engine: Engine, inbox: Inbox, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(**settings: object) -> Explanation:
        request = ExplainRequest(clip, "frame-mobile", "gradcam", (70,), settings=settings)
        (explanation,) = explained(engine, inbox, request)
        return explanation

    plain, fine = of(), of(layer="trunk.blocks.2")
    assert (plain.values.shape, fine.values.shape) == ((1, 7, 7), (1, 28, 28))
    assert fine.provenance.settings["layer"] == "trunk.blocks.2"
    assert plain.cost is not None
    assert plain.cost.passes.tolist() == [1]
    assert plain.cost.seconds[0] > 0
    assert plain.sanity.verdict == "not measured"

    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(gradcam, "gradcam", never)
    np.testing.assert_array_equal(of(layer="trunk.bn2", smoothing="none").values, plain.values)
    np.testing.assert_array_equal(of(layer="trunk.blocks.2").values, fine.values)


def test_a_frame_is_explained_before_any_analysis(engine: Engine, inbox: Inbox, clip: Path) -> None:
    (explanation,) = explained(engine, inbox, ExplainRequest(clip, "frame-mobile", "gradcam", (70,)))
    assert explanation.frames.tolist() == [70]
    job = engine.submit(ExplainRequest(clip, "frame-mobile", "gradcam", (70,), track_id=5))
    assert isinstance(inbox.last(job), Finished)
    assert not inbox.kind(job, ExplanationMade)
    assert "no such face" in inbox.kind(job, Notice)[0].text


def test_the_visible_frame_is_explained_while_the_analysis_runs_under_its_ids(
    engine: Engine, inbox: Inbox, clip: Path
) -> None:
    analysis = engine.submit(AnalyzeRequest(clip, "frame-mobile"), Priority.ANALYSIS)
    segment = inbox.wait(lambda e: isinstance(e, SegmentAnalyzed))
    assert isinstance(segment, SegmentAnalyzed)
    (explanation,) = explained(engine, inbox, ExplainRequest(clip, "frame-mobile", "gradcam", (segment.first,)))
    assert explanation.track_id == segment.tracks[0].id
    made = next(i for i, e in enumerate(inbox.events) if isinstance(e, ExplanationMade))
    inbox.last(analysis)
    ended = next(i for i, e in enumerate(inbox.events) if isinstance(e, Finished) and e.job == analysis)
    assert made < ended


def test_requests_that_make_no_sense_are_refused(engine: Engine, inbox: Inbox, clip: Path) -> None:
    for request, words in (
        (ExplainRequest(clip, "frame-mobile", "gradcam", (80,)), "80 frames"),
        (ExplainRequest(clip, "frame-mobile", "gradcam", ()), "No frame"),
        (ExplainRequest(clip, "frame-mobile", "shap", (1,)), "shap"),
        (ExplainRequest(clip, "frame-mobile", "gradcam", (1,), settings={"samples": 3}), "samples"),
        (AnalyzeRequest(clip, "frame-x"), "frame-x"),
        (AnalyzeRequest(clip, "frame-mobile", precision="fp8"), "fp8"),
    ):
        last = inbox.last(engine.submit(request))
        assert isinstance(last, Failed)
        assert isinstance(last.error, UsageError)
        assert words in last.error.message
        assert last.details == ""


def test_an_untrained_detector_is_listed_and_refused(engine: Engine, inbox: Inbox, clip: Path) -> None:
    job = engine.submit(DetectorsRequest())
    inbox.last(job)
    (listed,) = inbox.kind(job, DetectorsListed)
    assert {d.id for d in listed.detectors if d.trained} == {"frame-mobile"}
    assert {"frame-b4", "frame-b4-ltpa", "frame-b7-ltpa"} <= {d.id for d in listed.detectors}
    last = inbox.last(engine.submit(AnalyzeRequest(clip, "frame-b4")))
    assert isinstance(last, Failed)
    assert isinstance(last.error, WeightsError)
    assert "not trained" in last.error.message


def test_weights_imported_while_the_engine_runs_score_from_then_on(
    engine: Engine, inbox: Inbox, clip: Path, tmp_path: Path
) -> None:
    request = AnalyzeRequest(clip, "frame-mobile", first=0, last=7)
    job = engine.submit(request)
    inbox.last(job)
    (before,) = inbox.kind(job, AnalysisDone)
    other = write_random_weights(tmp_path, "frame-mobile", seed=3)
    job = engine.submit(ImportWeightsRequest(other))
    assert isinstance(inbox.last(job), Finished)
    (listed,) = inbox.kind(job, DetectorsListed)
    job = engine.submit(request)
    inbox.last(job)
    (after,) = inbox.kind(job, AnalysisDone)
    assert after.scores[0].provenance.weights_sha256 == listed.detectors[0].weights_sha256
    assert after.scores[0].provenance.weights_sha256 != before.scores[0].provenance.weights_sha256
    assert not np.allclose(after.scores[0].logits, before.scores[0].logits)


def test_the_engine_is_the_only_thread_that_is_left_running(engine: Engine, inbox: Inbox, clip: Path) -> None:
    inbox.last(engine.submit(AnalyzeRequest(clip, "frame-mobile", first=0, last=7)))
    names = {t.name for t in threading.enumerate()} - {"MainThread", "engine"}
    assert not {name for name in names if name in {"pictures", "open", "hash"}}
