"""DPNet's detector: its network on flow that OpenCV computes, clips on a grid, exact evidence, its files."""

import copy
import itertools
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from random_weights import card_values, noise_crops, random_dpnet

from engine import paths
from engine.detectors import registry
from engine.detectors.base import Clip
from engine.detectors.cards import load_card, parse_card
from engine.detectors.dpnet import DpnetDetector, grid_clips
from engine.detectors.flow_card import flow_table
from engine.detectors.prototype_evidence import evidence
from engine.detectors.prototypes import MOTIONS, PROTOTYPES, prototype_files
from engine.detectors.weights import save_weights
from engine.errors import WeightsError
from engine.faces.flow import FlowSpec
from engine.networks.dpnet.network import DpNetwork
from engine.results import Prototype, PrototypeSource

ID, SIZE, SIDE = "dpnet-compact", 64, 96
FLOW = FlowSpec(SIZE, SIDE, bound=5.0)
OFFSETS = FLOW.offsets
LENGTH = 11
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> DpNetwork:
    return random_dpnet(ID, SIZE)


def values(network: DpNetwork, flow: FlowSpec = FLOW) -> dict[str, object]:
    return card_values(ID, network) | {"margin": 0.4, "flow": flow_table(flow, 5)}  # type: ignore[arg-type]


def made(network: DpNetwork, flow: FlowSpec = FLOW) -> DpnetDetector:
    card = parse_card(values(network, flow) | {"sha256": "0" * 64})
    return DpnetDetector(ID, copy.deepcopy(network), card, CPU)


def moving(seed: int = 0) -> np.ndarray:
    """(11, SIDE, SIDE, 3): clouds that wander and swell."""
    (large,) = noise_crops(1, 160, seed)
    large = cv2.GaussianBlur(large, (0, 0), 1.5)
    places = [(20 + 1.3 * t, 24 + 3 * np.sin(t)) for t in range(LENGTH)]
    return np.stack([cv2.getRectSubPix(large, (SIDE, SIDE), (x + SIDE / 2, y + SIDE / 2)) for x, y in places])


def by_hand(network: DpNetwork, crops: np.ndarray) -> np.ndarray:
    """(m,) similarities in double precision, of flow computed step by step."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]
    planes = []
    for before, after in itertools.pairwise(grey):
        flow = cv2.resize(dis.calc(before, after, None), (SIZE, SIZE), interpolation=cv2.INTER_AREA) * SIZE / SIDE
        planes += [np.clip(flow[..., axis], -5, 5) / 10 + 0.5 for axis in (0, 1)]
    picture = cv2.resize(crops[0], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    x = np.concatenate([(picture / 255 - 0.5).transpose(2, 0, 1) / 0.5, planes])
    network = copy.deepcopy(network).double()
    with torch.no_grad():
        z = network.features(torch.from_numpy(x)[None])[0].flatten(1).T.numpy()
    prototypes = network.prototypes.vectors.detach().flatten(1).numpy()
    distances = ((z[:, None] - prototypes) ** 2).sum(2).min(0)
    return np.asarray(1 / (1 + distances))


def test_it_says_what_its_network_says_of_the_flow(network: DpNetwork) -> None:
    crops = moving()
    (clip,) = grid_clips(100, 110, OFFSETS, 5)
    scores = made(network).score_clip(clip, crops)
    expected = by_hand(network, crops)
    still = by_hand(network, np.concatenate([crops[:1], moving(1)[1:]]))
    assert np.abs(expected - still).min() > 1e-3, "the motion counts"
    np.testing.assert_allclose(scores.activations["similarity"][0], expected, rtol=1e-3, atol=1e-4)
    own = np.where(np.arange(20) < 10, -1.0, 1.0)
    np.testing.assert_allclose(scores.logits, [1.5 * (own * expected).sum()], rtol=1e-3, atol=2e-3)


def test_evidence_adds_up_exactly(network: DpNetwork) -> None:
    detector = made(network)
    weights = network.weights.numpy()
    for seed in range(3):
        (clip,) = grid_clips(0, 10, OFFSETS, 5)
        scores = detector.score_clip(clip, moving(seed))
        real, fake = evidence(scores.activations["similarity"], weights)[0].sum(1)
        assert np.float32(fake - real) == scores.logits[0]


def test_a_clip_is_cut_with_one_square_and_its_margin(network: DpNetwork) -> None:
    boxes = np.array([[10, 10, 50, 60], [16, 10, 56, 60], [12, 10, 52, 60]], np.float32)
    affines = made(network).affines(boxes, np.zeros((3, 5, 2), np.float32))
    assert (affines == affines[0]).all()
    assert affines[0, 0, 0] * SIDE == pytest.approx((50 + 6) * 1.8)  # the side and the way of its centre, and 0.4


def test_its_settings_are_part_of_the_provenance(network: DpNetwork) -> None:
    one, other = made(network), made(network, FlowSpec(SIZE, SIDE, bound=4.0))
    assert one.provenance().settings_hash != other.provenance().settings_hash
    assert (one.length, one.crop_spec.size) == (LENGTH, SIDE)


@pytest.mark.parametrize("change", [{"flow": None}, {"flow": {"step": 5}, "size": 0}, {"flow": {"steps": 5}}])
def test_a_card_without_flow_is_refused(network: DpNetwork, change: dict[str, object]) -> None:
    raw = {k: v for k, v in (values(network) | {"sha256": "0" * 64} | change).items() if v is not None}
    with pytest.raises((WeightsError, ValueError), match=r"flow|positive"):
        DpnetDetector(ID, copy.deepcopy(network), parse_card(raw), CPU)


def test_other_planes_than_those_of_the_network_are_refused(network: DpNetwork) -> None:
    with pytest.raises(WeightsError, match="21 planes"):
        made(network, FlowSpec(SIZE, SIDE, fields=9))


# Plans


def told(clips: list[Clip]) -> list[int]:
    return [frame for clip in clips for low, high in clip.spans.tolist() for frame in range(low, high + 1)]


@pytest.mark.parametrize("step", [1, 3, 5, 11])
@pytest.mark.parametrize("offsets", [OFFSETS, FlowSpec(fields=3, stride=4).offsets], ids=["dense", "strided"])
def test_every_frame_has_one_score_of_a_clip_that_sees_it(step: int, offsets: tuple[int, ...]) -> None:
    length = offsets[-1] + 1
    for first in range(0, 23, 2):
        for last in range(first, first + 45):
            clips = grid_clips(first, last, offsets, min(step, length))
            assert told(list(clips)) == list(range(first, last + 1))
            for clip in clips:
                assert len(clip.frames) == len(offsets)
                assert first <= clip.frames.min() <= clip.frames.max() <= last
                (span,) = clip.spans.tolist()
                if clip.repeats:
                    assert last - first + 1 < length
                    continue
                assert (clip.frames - clip.frames[0] == offsets).all()
                assert clip.first == span[0]
                assert span[1] <= clip.frames[-1]


def test_clips_far_from_the_ends_do_not_hang_on_them() -> None:
    """The promise on which the analysis of one segment rests; see ClipDetector.plan."""

    def inner(first: int, last: int) -> list[tuple[list[int], list[list[int]]]]:
        clips = grid_clips(first, last, OFFSETS, 5)
        inside = [c for c in clips if c.first >= 40 and c.frames.max() <= 79]
        return [(c.frames.tolist(), c.spans.tolist()) for c in inside]

    expected = inner(0, 200)
    assert len(expected) > 3
    for first in range(41 - LENGTH):
        for last in range(79 + LENGTH, 120):
            assert inner(first, last) == expected


def test_plans_by_hand() -> None:
    clips = grid_clips(7, 27, OFFSETS, 5)
    assert [c.first for c in clips] == [7, 10, 15, 17]
    assert [c.spans.tolist() for c in clips] == [[[7, 9]], [[10, 14]], [[15, 16]], [[17, 27]]]
    assert clips[1].frames.tolist() == list(range(10, 21))
    (short,) = grid_clips(7, 9, OFFSETS, 5)
    assert (short.frames.tolist(), short.spans.tolist(), short.repeats) == (
        [7, 8, 9, 8, 7, 8, 9, 8, 7, 8, 9],
        [[7, 9]],
        True,
    )
    assert [c.first for c in grid_clips(3, 60, OFFSETS, 5, every=7)] == [3, 10, 20, 30, 40, 50]
    sparse = grid_clips(3, 100, OFFSETS, 5, every=30)
    assert [(c.first, c.spans.tolist()) for c in sparse] == [(30, [[30, 40]]), (60, [[60, 70]]), (90, [[90, 100]])]
    assert [c.spans.tolist() for c in grid_clips(3, 29, OFFSETS, 5, every=30)] == [[[3, 13]], [[19, 29]]]


# Files


def prototypes(network: DpNetwork) -> list[Prototype]:
    source = PrototypeSource("real/1.mp4", 7, (1.5, 2.0, 80.0, 81.0), (0, 3), (10.0, 12.0, 30.0, 40.0), 0.25, "")
    labels = ["real"] * 10 + ["fake"] * 10
    weights = network.weights.T.tolist()
    return [
        Prototype(f"{label} {j}", label, (weights[j][0], weights[j][1]), source) for j, label in enumerate(labels)
    ]


@pytest.fixture
def folder(network: DpNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shipped weights are looked for, with some there; the user has none."""
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path / "user")
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path / "weights")
    files = prototype_files(prototypes(network), np.zeros((20, 10, 2, 8, 8), np.float32))
    save_weights(tmp_path / "weights" / ID, network, values(network), torch.float16, files)
    return tmp_path / "weights" / ID


def test_names_classes_and_sources_travel_with_the_weights(network: DpNetwork, folder: Path) -> None:
    info = next(each for each in registry.detector_infos() if each.id == ID)
    assert info.trained, info.problem
    assert info.prototypes == tuple(prototypes(network))
    detector = registry.load_detector(ID, "cpu")
    (clip,) = detector.plan(0, 10)  # type: ignore[attr-defined]
    similarity = detector.score_clip(clip, moving()).activations["similarity"]  # type: ignore[attr-defined]
    np.testing.assert_allclose(
        similarity[0], by_hand(network, moving()), rtol=0.02, atol=0.005
    )  # saved as float16


def test_imported_weights_have_all_their_files(folder: Path, tmp_path: Path) -> None:
    outside = Path(shutil.copytree(folder, tmp_path / "outside"))
    shutil.rmtree(folder)
    info = registry.import_weights(outside)
    assert info.trained
    assert len(info.prototypes) == 20
    kept = Path(info.folder)
    assert {path.name for path in kept.iterdir()} == {path.name for path in outside.iterdir()}
    for name in (PROTOTYPES, MOTIONS):
        assert (kept / name).read_bytes() == (outside / name).read_bytes()


@pytest.mark.parametrize("name", [PROTOTYPES, MOTIONS])
def test_changed_or_missing_files_are_refused(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data.replace(b"fake 13", b"fake 14") if name == PROTOTYPES else data[:-1] + b"\1")
    for change, said in (("changed", "not that of their card"), ("missing", "is missing")):
        if change == "missing":
            (folder / name).unlink()
        with pytest.raises(WeightsError, match=f"{name}.*{said}"):
            registry.load_detector(ID, "cpu")
        with pytest.raises(WeightsError, match=said):
            registry.import_weights(folder)
        info = next(each for each in registry.detector_infos() if each.id == ID)
        assert not info.trained
        assert said in info.problem


@pytest.mark.parametrize("wrong", ["order", "count", "names", "text", "motions", "none"])
def test_prototypes_that_do_not_fit_the_network_are_refused(network: DpNetwork, folder: Path, wrong: str) -> None:
    kept = prototypes(network)
    files = prototype_files(kept, np.zeros((19 if wrong == "motions" else 20, 10, 2, 8, 8), np.float32))
    if wrong in ("order", "count", "names"):
        entries = json.loads(files[PROTOTYPES])
        entries[0], entries[19] = entries[19], entries[wrong != "order" and 19]
        files[PROTOTYPES] = json.dumps(entries[: 19 if wrong == "count" else 20]).encode()
    elif wrong == "text":
        files[PROTOTYPES] = b"[1]"
    save_weights(folder, network, values(network), torch.float16, {} if wrong == "none" else files)
    said = "does not name" if wrong == "none" else "Two prototypes|prototypes are not|cannot be read|not those of"
    with pytest.raises(WeightsError, match=said):
        registry.load_detector(ID, "cpu")


def test_a_card_can_name_files_beside_it_only(network: DpNetwork) -> None:
    for name in ("../x.json", "card.toml", "model.safetensors", "a/b.json"):
        with pytest.raises(ValueError, match="no name"):
            parse_card(values(network) | {"sha256": "0" * 64, "files": {name: "0" * 64}})
    with pytest.raises(ValueError, match="64"):
        parse_card(values(network) | {"sha256": "0" * 64, "files": {"a.json": "0"}})


def test_the_card_holds_the_hashes(folder: Path) -> None:
    assert set(load_card(folder).files) == {PROTOTYPES, MOTIONS}
