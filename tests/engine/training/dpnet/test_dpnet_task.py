"""DPNet's task on drawn clips: its loss by hand, prototypes that are patches, names, exact resume, files."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.numpy
import torch
from random_weights import card_values

from engine.cli import run
from engine.detectors.cards import load_card
from engine.detectors.flow_card import flow_of
from engine.detectors.prototypes import MOTIONS, PROTOTYPES, read_prototypes
from engine.detectors.specs import detector_spec
from engine.detectors.weights import load_state, save_weights
from engine.errors import CancelledError, DataError
from engine.networks.dpnet.network import DpNetwork, build_dpnet
from engine.networks.mobilenet import build_mobile_ltpa
from engine.progress import CancelToken
from engine.results import PrototypeSource
from engine.training.clips.batches import ClipBatches
from engine.training.clips.mix import ClipMix
from engine.training.datasets.base import Dataset
from engine.training.dpnet.config import DpnetConfig
from engine.training.dpnet.names import named
from engine.training.dpnet.task import DpnetTask
from engine.training.faces.store import FaceStore
from engine.training.kinds import trunk_weights
from engine.training.loop.run_log import NAME
from engine.training.loop.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")
Stores = tuple[FaceStore, FaceStore]
PER_CLASS = 3
CONFIG = DpnetConfig(
    mix=ClipMix(genuine={"drawn": 0.3}, pseudo={"drawn": 0.7}),
    size=32,
    side=48,
    bound=4.0,
    pairs=2,
    steps=4,
    warm_up=1,
    warm_epochs=1,
    push_every=2,
    projection_pairs=5,
    validate_every=2,
    validation_pairs=1,
    workers=0,
    seed=5,
)


def network(config: DpnetConfig = CONFIG) -> DpNetwork:
    torch.manual_seed(config.seed)
    return build_dpnet("mobilenet", 23, PER_CLASS, size=config.size)


def task(stores: Stores, config: DpnetConfig = CONFIG) -> DpnetTask:
    return DpnetTask(network(config), *stores, config)


@pytest.fixture(scope="module")
def done(clip_stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> tuple[DpnetTask, Trainer, Path]:
    """A whole small run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    made = task(clip_stores)
    trainer = Trainer(made, CONFIG, folder)
    trainer.run()
    torch.set_num_threads(before)
    return made, trainer, folder


def test_the_trunk_is_trained_at_a_fifth_of_the_rate_as_p000_has_it(
    done: tuple[DpnetTask, Trainer, Path],
) -> None:
    made, trainer, _ = done
    rates = {p: group["lr"] for group in trainer.optimiser.param_groups for p in group["params"]}
    found = {name: rates[p] for name, p in made.network.named_parameters()}
    trunk = {rate for name, rate in found.items() if name.startswith("trunk.")}
    others = {rate for name, rate in found.items() if not name.startswith("trunk.")}
    assert len(trunk) == len(others) == 1
    assert trunk.pop() == pytest.approx(0.2 * others.pop())


def test_inputs_are_flow_of_the_very_crops(clip_stores: Stores) -> None:
    config = replace(CONFIG, flow_stride=2)
    made = task(clip_stores, config)
    batch = made.batches()[1]
    form = made.config.form(made.flow)
    assert form.frames == 20
    pictures = ClipBatches(clip_stores[0], CONFIG.mix, form, pairs=2, seed=5)[1].pictures
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for x, crops in zip(batch.inputs, pictures, strict=True):
        picture = cv2.resize(crops[0], (32, 32), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(x[:3], (picture / 127.5 - 1).transpose(2, 0, 1), atol=1e-3)
        grey = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]
        for field in range(10):
            flow = dis.calc(grey[2 * field], grey[2 * field + 1], None)
            flow = cv2.resize(flow, (32, 32), interpolation=cv2.INTER_AREA) * 32 / 48
            expected = np.clip(flow, -4, 4).transpose(2, 0, 1) / 8 + 0.5
            np.testing.assert_allclose(x[3 + 2 * field : 5 + 2 * field], expected, atol=1e-3)
    assert batch.labels.tolist() == [0, 0, 1, 1]


def test_the_loss_is_the_formula_in_numpy(clip_stores: Stores) -> None:
    made = task(clip_stores)
    made.before_step(0, None)
    made.module.eval()
    batch = made.batches()[made.warm]
    with torch.no_grad():
        parts = made.loss(batch)
        z = made.network.features(made.inputs(batch.inputs)).double().flatten(2).transpose(1, 2).numpy()
    p = made.network.prototypes.vectors.detach().double().flatten(1).numpy()
    distances = ((z[:, :, None] - p) ** 2).sum(3).min(1)
    similar = 1 / (1 + distances)
    real, fake = similar[:, :PER_CLASS].sum(1), similar[:, PER_CLASS:].sum(1)
    margin = np.where(batch.labels == 1, 1.5, -1.5) * (fake - real)
    own = (np.arange(2 * PER_CLASS) // PER_CLASS) == batch.labels[:, None]
    cosines = (p @ p.T) / np.linalg.norm(p, axis=1) / np.linalg.norm(p, axis=1)[:, None]
    blocks = np.kron(np.eye(2), np.ones((PER_CLASS, PER_CLASS))) - np.eye(2 * PER_CLASS)
    expected = {
        "label": np.log1p(np.exp(-margin)).mean(),
        "clustering": np.where(own, distances, np.inf).min(1).mean(),
        "separation": np.minimum(np.where(own, np.inf, distances).min(1), 256).mean(),
        "diversity": (np.maximum(cosines - 0.3, 0) * blocks).sum() / blocks.sum(),
    }
    for name, value in expected.items():
        assert float(parts[name].total) / parts[name].count == pytest.approx(value, rel=1e-3, abs=1e-4), name
    weights = {name: part.weight for name, part in parts.items()}
    assert weights == {"label": 1.0, "clustering": 0.2, "separation": -0.02, "diversity": 0.1}


def test_the_trunk_stays_as_it_was_in_the_warm_epoch_and_moves_behind_it(
    clip_stores: Stores, tmp_path: Path
) -> None:
    made = task(clip_stores, replace(CONFIG, steps=3, warm_epochs=1, push_every=100, validate_every=100))
    assert made.warm == made.batches_per_epoch == 2
    trainer = Trainer(made, made.config, tmp_path)
    states = []
    for step in range(3):
        made.before_step(step, None)
        trainer._train_step(made.batches()[step], None)
        states.append({k: v.clone() for k, v in made.network.state_dict().items() if "num_batches" not in k})
    start = dict(network().named_parameters())
    trunk = [name for name in start if name.startswith("trunk.")]
    assert all(torch.equal(states[1][name], start[name]) for name in trunk)
    assert not any(
        torch.equal(states[2][name], start[name]) for name in trunk if name.endswith("conv_stem.weight")
    )
    for name in ("add_on.0.weight", "prototypes.vectors"):
        assert not torch.equal(states[1][name], states[0][name])
    assert torch.equal(states[2]["weights"], network().weights), "the last layer is never trained"


def test_normalisations_are_settled_on_the_footage(clip_stores: Stores) -> None:
    made = task(clip_stores)
    made.before_step(0, None)
    twin, seen = network(), []
    twin.add_on[1].register_forward_pre_hook(lambda _, args: seen.append(args[0].double()))
    with torch.no_grad():
        for x, _ in made.footage.labelled():
            twin.train().features(x)
    norm = made.network.add_on[1]
    assert norm.momentum == 0.1
    expected = torch.stack([z.var((0, 2, 3)) for z in seen]).mean(0)
    torch.testing.assert_close(norm.running_var.double(), expected, rtol=0.02, atol=1e-3)
    means = torch.stack([z.mean((0, 2, 3)) for z in seen]).mean(0)
    torch.testing.assert_close(norm.running_mean.double(), means, rtol=0.02, atol=1e-3)


def test_what_is_kept_are_patches_of_clips_that_can_be_found_again(
    done: tuple[DpnetTask, Trainer, Path], clip_stores: Stores
) -> None:
    made, trainer, _ = done
    net = trainer.average.eval()
    assert isinstance(net, DpNetwork)
    entries, files = made.belongings(net)
    found = json.loads(files[PROTOTYPES])
    motions = safetensors.numpy.load(files[MOTIONS])["flow"]
    assert motions.shape == (2 * PER_CLASS, 10, 2, 16, 16)
    store = clip_stores[0]
    for j, prototype in enumerate(found):
        source = prototype["source"]
        assert prototype["label"] == ("real" if j < PER_CLASS else "fake")
        assert prototype["weights"] == ([1.0, -0.5] if j < PER_CLASS else [-0.5, 1.0])
        row = made.footage.row(prototype["label"], source["clip"], source["frame"])
        x = torch.from_numpy(made.footage.inputs[row].astype(np.float32))[None]
        with torch.no_grad():
            output = net(x)
            cell = net.features(x)[0, :, source["cell"][0], source["cell"][1]]
        np.testing.assert_allclose(cell, net.prototypes.vectors[j, :, 0, 0].detach(), rtol=1e-3, atol=1e-4)
        assert float(output.distances[0, j]) < 1e-4
        assert motions[j].min() >= x[0, 3:].min() * 8 - 4 - 1e-2
        assert motions[j].max() <= x[0, 3:].max() * 8 - 4 + 1e-2
        # the clip's crop lies around the face: these are drawn at the same place in all videos
        x0, y0, x1, y1 = source["crop"]
        (face,) = (f for f in store.faces if (f.item.name, f.frame) == (source["clip"], source["frame"]))
        points = face.item.points[face.frame] if face.item.points is not None else np.empty((0, 2))
        assert ((points > (x0, y0)) & (points < (x1, y1))).all()
        assert x0 - 1e-3 <= source["box"][0] < source["box"][2] <= x1 + 1e-3
        assert x1 - x0 == pytest.approx(y1 - y0)
    assert len({p["name"] for p in found}) == 2 * PER_CLASS
    assert {p["name"] for p in found[:PER_CLASS]} == {"real 1", "real 2", "real 3"}
    assert all(p["source"]["operator"] for p in found[PER_CLASS:])
    assert entries["prototypes"]["clips"] == len(made.footage.labels)


def test_the_crop_of_a_prototype_is_where_the_network_looked(done: tuple[DpnetTask, Trainer, Path]) -> None:
    """Of a real clip the frame itself, cut there, is what the network was shown."""
    import av

    made, *_ = done
    real = int(np.flatnonzero(made.footage.labels == 0)[0])
    origin = made.footage.origins[real]
    (path,) = {f.item.path for f in made.batches()._clips._store.faces if f.item.name == origin.clip}
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    frame, affine = frames[origin.frame], origin.affine.astype(np.float64)
    affine[:, 2] += affine[:, :2] @ (0.5, 0.5) - 0.5
    cut = cv2.warpAffine(frame, affine, (32, 32), flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP)
    shown = (made.footage.inputs[real][:3].astype(np.float32).transpose(1, 2, 0) + 1) * 127.5
    inner = np.s_[4:-4, 4:-4]
    moved = np.roll(cut, 3, axis=1)
    assert np.abs(cut[inner] - shown[inner]).mean() < 0.5 * np.abs(moved[inner] - shown[inner]).mean()


def test_projections_are_logged_where_they_are_due(done: tuple[DpnetTask, Trainer, Path]) -> None:
    *_, folder = done
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    pushed = [line for line in lines if line["event"] == "projection"]
    assert [line["step"] for line in pushed] == [0, 2]
    for line in pushed:
        assert line["change"] == pytest.approx(line["after"]["total"] - line["before"]["total"])
    assert {line["step"] for line in lines if line["event"] == "validation"} == {2, 4}


def test_a_resumed_run_is_the_same_bit_for_bit(
    done: tuple[DpnetTask, Trainer, Path], clip_stores: Stores, tmp_path: Path
) -> None:
    _, whole, _ = done
    token = CancelToken()
    first = Trainer(task(clip_stores), CONFIG, tmp_path)
    step = first.task.loss

    def stop(batch: object) -> object:
        if batch.number == 2:  # type: ignore[attr-defined]
            token.cancel()  # in a step before which prototypes were put onto patches
        return step(batch)

    first.task.loss = stop  # type: ignore[method-assign]
    with pytest.raises(CancelledError):
        first.run(cancel=token)
    assert first.step == 2
    second = Trainer(task(clip_stores), CONFIG, tmp_path)
    assert second.resume()
    second.run()
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, second.average.state_dict()[name]), name
    for name, value in whole.task.network.state_dict().items():
        assert torch.equal(value, second.task.network.state_dict()[name]), name


def test_prototypes_of_one_kind_are_numbered() -> None:
    source = PrototypeSource("a", 0, (0, 0, 1, 1), (0, 0), (0, 0, 1, 1), 0.0, "")
    operators = ["", "", "jitter of the eyes", "FaceSwap", "jitter of the eyes"]
    made = named([replace(source, operator=o) for o in operators], [0, 0, 1, 1, 1], [(1.0, -0.5)] * 5)
    assert [each.name for each in made] == [
        "real 1",
        "real 2",
        "jitter of the eyes 1",
        "FaceSwap 1",
        "jitter of the eyes 2",
    ]
    assert [each.label for each in made] == ["real", "real", "fake", "fake", "fake"]


def test_pseudo_fakes_are_named_after_operator_and_part(clip_stores: Stores) -> None:
    mix = ClipMix(pseudo={"drawn": 1.0}, operators=("flicker",), without=0.0, swapped=0.0)
    made = task(clip_stores, replace(CONFIG, mix=mix))
    operators = {origin.operator for origin in made.footage.origins}
    parts = ("face", "mouth", "eyes", "nose and mouth")
    assert operators - {""} <= {f"flicker of the {part}" for part in parts}
    assert operators - {""}
    assert (np.array([not o.operator for o in made.footage.origins]) == (made.footage.labels == 0)).all()


def test_the_trunk_of_a_frame_detector_sees_motion_as_the_mean_of_its_colours() -> None:
    torch.manual_seed(3)
    pupil, teacher = detector_spec("dpnet-compact"), build_mobile_ltpa(64)
    taken = trunk_weights(pupil.build(32), teacher.state_dict())
    assert all(name.startswith("trunk.") for name in taken)
    assert set(taken) == {name for name in network().state_dict() if name.startswith("trunk.")}
    stem, before = taken["trunk.net.conv_stem.weight"], teacher.state_dict()["trunk.conv_stem.weight"]
    assert torch.equal(stem[:, :3], before)
    for plane in range(3, 23):
        torch.testing.assert_close(stem[:, plane], before.mean(1))
    torch.testing.assert_close(
        taken["trunk.net.blocks.6.0.conv_pw.weight"], teacher.trunk.blocks[6][0].conv_pw.weight
    )


def test_too_few_videos_for_the_prototypes_are_told(clip_stores: Stores) -> None:
    made = task(clip_stores, replace(CONFIG, projection_pairs=1, per_clip=1))
    with pytest.raises(DataError, match=r"patches of .* clips for 3 prototypes"):
        made.before_step(0, None)


@pytest.mark.parametrize("wrong", [{"smoothing": 0.1}, {"frozen_stages": 1}, {"bf16": True}, {"bound": 0.0}])
def test_settings_without_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(CONFIG, **wrong)


def test_the_command_trains_from_a_frame_detector(
    drawn_clips: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.train.paths", __import__("engine.paths").paths)
    monkeypatch.setattr("engine.training.datasets.read_dataset", lambda *_: drawn_clips)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    teacher = build_mobile_ltpa(32)
    save_weights(tmp_path / "teacher", teacher, card_values("frame-mobile-ltpa", teacher), torch.float16)
    settings = tmp_path / "small.toml"
    settings.write_text(
        "size = 32\nside = 48\nbound = 4.0\npairs = 2\nsteps = 3\nwarm_up = 1\npush_every = 2\n"
        "validate_every = 3\nprojection_pairs = 8\nvalidation_pairs = 1\nworkers = 0\n"
    )
    out = tmp_path / "out"
    words = ["train", "dpnet-compact", "--data", str(drawn_clips.root), "--out", str(out)]
    assert run([*words, "--config", str(settings), "--from", str(tmp_path / "teacher"), "--device", "cpu"]) == 0
    card = load_card(out)
    spec, step = flow_of(card)
    assert (spec.size, spec.side, spec.bound, spec.channels, step) == (32, 48, 4.0, 23, 5)
    assert "trunk of frame-mobile-ltpa" in card.training["initialisation"]
    net = detector_spec("dpnet-compact").build(32)
    load_state(out, card, net)
    assert len(read_prototypes(out, card, len(net.prototypes.vectors))) == 20
