"""Explainers compared on a clip with known faces and known maps, under a network with random weights."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from random_weights import card_values, random_network

from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.errors import CancelledError, DataError, UsageError
from engine.evaluation.explanations.badge import measured_of
from engine.evaluation.explanations.faithfulness import STEPS
from engine.evaluation.explanations.record import KINDS, Header, as_data
from engine.evaluation.explanations.report import report_files
from engine.evaluation.explanations.sanity import SHARES
from engine.explainers.base import UNWATCHED, Explainer, Maps
from engine.explainers.gradcam import GradCam
from engine.exports.files import json_text, sha256
from engine.progress import CancelToken
from engine.runtime.comparing import Choice, Comparing
from engine.runtime.truth import find_truth, forged_pixels
from engine.video.mask_writer import MaskWriter

SIZE = 64
CHOICE = Choice(0, 30, 10, checks=2, seed=3)


class Corner(Explainer):
    """A map that is always the same: `sign` in the upper left of 2 x 2 cells. Takes two passes a crop."""

    id, signed, precision = "corner", True, "float32"

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        self.sign = sign
        self.hashes: list[str] = []

    def steps(self, detector, crops, watch=UNWATCHED):  # type: ignore[no-untyped-def]
        yield None
        self.hashes.append(detector.weights_sha256)
        detector.score_crops(crops, cancel=watch.cancel)
        logits = detector.score_crops(crops, cancel=watch.cancel)
        values = np.tile(np.array([[self.sign, 0], [0, 0]], np.float32), (len(crops), 1, 1))
        return Maps(values, logits, np.full(len(crops), 2))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_clip(tmp_path_factory.mktemp("toy") / "toy.mkv")


@pytest.fixture(scope="module")
def detector() -> FrameDetector:
    network = random_network("frame-mobile", SIZE)
    card = parse_card(card_values("frame-mobile", network) | {"sha256": "0" * 64})
    return FrameDetector("frame-mobile", network, card, torch.device("cpu"), "float32")


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    toy.reset()
    yield
    toy.reset()


def comparing(
    detector: FrameDetector,
    explainers: dict[str, Explainer],
    choice: Choice = CHOICE,
    token: CancelToken | None = None,
) -> Comparing:
    return Comparing(detector, toy.ToyFaces(), explainers, choice, token or CancelToken())  # type: ignore[arg-type]


def explainer_facts(*, signed: bool) -> dict[str, object]:
    sanity = {"verdict": "weak", "reason": "Measured."}
    return {"signed": signed, "precision": "float32", "settings": {"layer": "last"}, "sanity": sanity}


def header(detector: FrameDetector, *names: str) -> Header:
    facts = {"id": detector.id, "weights_sha256": detector.weights_sha256, "device": "CPU", "precision": "float32"}
    explainers = {name: explainer_facts(signed=True) for name in names}
    return Header(facts, explainers, "0:30", 2, 3, "compare", "2025-01-31", {"numpy": "2"})


def test_all_measures_of_one_video(clip: Path, detector: FrameDetector) -> None:
    before = {name: tensor.clone() for name, tensor in detector.network.state_dict().items()}
    corner = Corner()
    explainers = {"corner": corner, "opposite": Corner(-1.0), "gradcam": GradCam()}
    found = comparing(detector, explainers).video(clip)
    assert (found.frames, found.step, found.seconds_apart) == ((0, 10, 20), 10, 0.4)
    assert found.sha256 == sha256(clip)
    assert found.checked == (0, 20)
    # The square moves 2 or 3 pixels of 320 to the right in 10 frames: two of four edges.
    assert found.motion == pytest.approx(2.5 / 320 / 2, abs=5e-4)
    assert not found.stable
    out = found.outcomes["corner"]
    assert out.passes == 2 * 3
    assert out.measures.variance == pytest.approx(3 / 16)
    assert out.measures.inter_frame == pytest.approx(1)
    assert out.measures.counts == (3, 2, 3, 3)
    assert out.native_size == (2, 2)
    assert (out.noise_mean, out.noise_max) == (0.0, 0.0)
    assert out.randomised == pytest.approx([1.0] * len(SHARES)), "this map does not hang on the network"
    assert len(set(corner.hashes)) == 1 + len(SHARES), "a random network must not pass for the trained one"
    assert found.outcomes["opposite"].measures.variance == 0.0
    assert found.outcomes["gradcam"].passes == 3
    assert found.outcomes["gradcam"].noise_mean > 0
    assert found.outcomes["gradcam"].randomised[-1] < 0.9
    assert found.agreement["corner, opposite"] == pytest.approx(-1)
    assert set(found.agreement) == {"corner, opposite", "corner, gradcam", "opposite, gradcam"}
    for faithful in (*(each.faithfulness for each in found.outcomes.values()), found.chance):
        assert set(faithful) == set(KINDS)
        for each in faithful.values():
            assert len(each.deletion) == len(each.insertion) == STEPS + 1
            assert each.deletion[0] == pytest.approx(each.insertion[-1])
            assert each.deletion[-1] == pytest.approx(each.insertion[0])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in detector.network.modules())
    for name, tensor in detector.network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_the_badge_is_measured_under_wholly_random_networks(clip: Path, detector: FrameDetector) -> None:
    corner = Corner()
    choice = replace(CHOICE, draws=3)
    found = comparing(detector, {"corner": corner, "opposite": Corner(-1.0), "gradcam": GradCam()}, choice).video(
        clip
    )
    assert found.outcomes["corner"].untaught == pytest.approx(1), "this map does not hang on the network"
    assert found.outcomes["opposite"].untaught == pytest.approx(1)
    assert 0 <= found.outcomes["gradcam"].untaught < 0.9
    drawn = {name for name in corner.hashes if "layers random" in name}
    assert len(drawn) == len(SHARES) + 2, "the first draw is that of the cascade"
    without = replace(found, outcomes={"corner": replace(found.outcomes["corner"], untaught=math.nan)})
    kept = measured_of("corner", corner, [found, without])
    assert (kept.explainer, kept.videos, kept.frames, kept.draws) == ("corner", (1.0,), 2, 3)


def test_the_same_seed_gives_the_same_figures_and_a_report(clip: Path, detector: FrameDetector) -> None:
    texts = []
    for _ in range(2):
        found = comparing(detector, {"gradcam": GradCam()}, replace(CHOICE, checks=1)).video(clip)
        data = as_data(header(detector, "gradcam"), [found], {"other.mp4": "why"})
        del data["videos"][0]["outcomes"]["gradcam"]["seconds"]
        texts.append(json_text(data))
    assert texts[0] == texts[1]
    files = report_files(header(detector, "gradcam"), [found], {"other.mp4": "why"})
    assert {"report.html", "report.md", "randomised.svg", "deletion-pixels.svg"} <= set(files)
    row = next(line for line in files["report.md"].splitlines() if line.startswith("| gradcam | ") and "7" in line)
    assert f"{found.outcomes['gradcam'].measures.variance:.4f}" in files["report.md"], row
    assert found.sha256[:12] in files["report.html"]


def test_without_checks_only_the_maps_are_measured(clip: Path, detector: FrameDetector) -> None:
    corner = Corner()
    found = comparing(detector, {"corner": corner}, replace(CHOICE, checks=0)).video(clip)
    assert len(corner.hashes) == 1
    assert not found.chance
    assert not found.checked
    files = report_files(header(detector, "corner"), [found], {})
    assert set(files) == {"report.html", "report.md"}
    assert "not what is fake" not in files["report.md"]
    looks = replace(header(detector), explainers={"corner": explainer_facts(signed=False)})
    assert "where the network looks, not what is fake" in report_files(looks, [found], {})["report.md"]


def test_one_frame_has_no_tau_and_no_motion(clip: Path, detector: FrameDetector) -> None:
    found = comparing(detector, {"corner": Corner()}, Choice(0, 1, checks=0)).video(clip)
    assert np.isnan(found.motion)
    assert not found.stable
    assert found.outcomes["corner"].measures.counts == (1, 0, 1, 1)
    data = as_data(header(detector, "corner"), [found], {})
    assert data["table"]["all"]["corner"]["tau"] == {"mean": None, "deviation": None, "videos": 0}
    assert "not stable" not in report_files(header(detector, "corner"), [found], {})["report.md"]


def test_at_most_a_hundred_frames_by_default(clip: Path, detector: FrameDetector) -> None:
    found = comparing(detector, {"corner": Corner()}, Choice(checks=0)).video(clip)
    assert found.step == 2
    assert len(found.frames) <= 100
    assert found.faces >= 2


def test_with_a_mask_the_map_is_held_against_the_forgery(
    clip: Path, detector: FrameDetector, tmp_path: Path
) -> None:
    """The forged pixels are the upper left quarter of A's square on frame 10: where the map points."""
    copy = tmp_path / "toy.mkv"
    copy.write_bytes(clip.read_bytes())
    masks = np.zeros((1, toy.HEIGHT, toy.WIDTH), bool)
    masks[0, 20:52, 12:44] = True
    np.savez(tmp_path / "mask.npz", frames=np.array([10]), masks=masks)
    words = {"clip": "toy.mkv", "sha256": sha256(copy), "mask": "mask.npz"}
    (tmp_path / "toy.json").write_text(json.dumps(words))
    found = comparing(detector, {"corner": Corner(), "not": Corner(-1)}, replace(CHOICE, checks=0)).video(copy)
    located = found.outcomes["corner"].located
    assert located is not None
    assert located.frames == 1
    assert located.chance == pytest.approx(0.25, abs=0.02)
    assert located.relevance_mass == pytest.approx(1, abs=0.06)
    assert located.pointing == pytest.approx(1, abs=0.06)
    opposite = found.outcomes["not"].located
    assert opposite is not None
    assert np.isnan(opposite.relevance_mass)
    assert found.truth == "mask.npz"
    assert "mask.npz" in report_files(header(detector, "corner", "not"), [found], {})["report.html"]
    (tmp_path / "toy.json").write_text(json.dumps(words | {"sha256": "0" * 64}))
    with pytest.raises(DataError, match="another clip"):
        comparing(detector, {"corner": Corner()}).video(copy)


def test_a_mask_video_is_read_level_by_level(tmp_path: Path) -> None:
    clip, mask = tmp_path / "a_forged.mp4", tmp_path / "a_forged_mask.mp4"
    clip.write_bytes(b"any")
    levels = np.zeros((3, 48, 64), np.uint8)
    levels[1, 10:20, 10:20], levels[1, 14, 14], levels[1, 11, 11] = 60, 128, 64
    with MaskWriter(mask, 64, 48, Fraction(1, 25)) as writer:
        for number, each in enumerate(levels):
            writer.write(each, number, 1)
        writer.complete()
    words = {
        "clip": {"path": clip.name, "sha256": sha256(clip)},
        "mask": {"path": mask.name, "sha256": sha256(mask)},
    }
    clip.with_suffix(".json").write_text(json.dumps(words))
    truth = find_truth(clip, sha256(clip))
    assert truth is not None
    try:
        assert truth.levels(0) is None
        read = truth.levels(1)
        assert read is not None
        np.testing.assert_array_equal(read, levels[1])
        assert np.argwhere(forged_pixels(read)).tolist() == [[11, 11], [14, 14]]
    finally:
        truth.close()
    mask.write_bytes(mask.read_bytes() + b"x")
    with pytest.raises(DataError, match="not the one"):
        find_truth(clip, sha256(clip))
    mask.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        find_truth(clip, sha256(clip))


@pytest.mark.parametrize("text", [None, "", "[]", '{"clip": 3}', '{"clip": {"path": "x"}}'])
def test_any_other_file_beside_a_clip_is_no_truth(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "a.json").write_text(text)
    assert find_truth(tmp_path / "a.mp4", "0" * 64) is None


def test_cancelling_ends_it_at_once(clip: Path, detector: FrameDetector) -> None:
    token = CancelToken()
    when: list[float] = []

    class Slow(Corner):
        def steps(self, detector, crops, watch=UNWATCHED):  # type: ignore[no-untyped-def]
            token.cancel()
            when.append(time.monotonic())
            return (yield from super().steps(detector, crops, watch))

    with pytest.raises(CancelledError):
        comparing(detector, {"slow": Slow()}, token=token).video(clip)
    assert time.monotonic() - when[0] < 1


@pytest.mark.parametrize("choice", [Choice(0, 300), Choice(250, None), Choice(3, 7, 9)])
def test_frames_that_are_not_there(clip: Path, detector: FrameDetector, choice: Choice) -> None:
    with pytest.raises(UsageError):
        comparing(detector, {"corner": Corner()}, choice).video(clip)
