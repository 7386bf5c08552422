"""The frame detectors' task: what stays frozen, what its loss is, that it learns; two processes follow one."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shared_run
import torch
from safetensors.torch import load_file

from engine.errors import DataError
from engine.networks.mobilenet import build_mobilenet
from engine.training.faces.store import FaceStore
from engine.training.frames.batches import MixConfig
from engine.training.frames.task import FrameConfig, FrameTask
from engine.training.loop.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")
Stores = tuple[FaceStore, FaceStore]
PROJECT = Path(__file__).resolve().parents[4]
CARTOONS = Path(__file__).resolve().parents[1]
CONFIG = FrameConfig(
    mix=MixConfig(genuine={"drawn": 0.5, "alone": 0.2}, pseudo={"drawn": 0.3}),
    size=48,
    pairs=4,
    steps=4,
    warm_up=2,
    frozen_stages=1,
    validate_every=4,
    validation_pairs=8,
    workers=0,
    seed=5,
)


def task(stores: Stores, config: FrameConfig = CONFIG) -> FrameTask:
    torch.manual_seed(config.seed)
    return FrameTask(build_mobilenet(config.size), *stores, config)


def test_frozen_stages_stay_and_the_rest_moves(stores: Stores, tmp_path: Path) -> None:
    run = Trainer(task(stores), CONFIG, tmp_path)
    before = {name: value.clone() for name, value in run.task.network.state_dict().items()}
    run.run()
    after = run.task.network.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = {name for name in before if name.startswith(("trunk.conv_stem", "trunk.bn1", "trunk.blocks.0"))}
    assert not moved & frozen
    assert {name for name in before if name.endswith("weight")} - frozen <= moved


def test_a_resume_changes_no_bit(stores: Stores, tmp_path: Path) -> None:
    whole = Trainer(task(stores), CONFIG, tmp_path / "whole")
    whole.run()
    part = Trainer(task(stores), CONFIG, tmp_path / "part")
    for number in range(2):
        part._train_step(part.task.batches()[number], None)
    part.save()
    resumed = Trainer(task(stores), CONFIG, tmp_path / "part")
    assert resumed.resume()
    resumed.run()
    for name, value in whole.task.module.state_dict().items():
        assert torch.equal(value, resumed.task.module.state_dict()[name]), name


def test_the_loss_is_the_formula_in_numpy(stores: Stores) -> None:
    t = task(stores)
    t.module.eval()
    batch = t.batches()[0]
    assert np.isnan(batch.masks).any()  # one pair has no mask
    with torch.no_grad():
        parts = t.loss(batch)
        x = torch.from_numpy(batch.pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        features = t.network.features(x)
        logits = t.network.classify(features).double().numpy()
        cells = torch.nn.functional.interpolate(t.mask_head(features.map), (7, 7), mode="bilinear")[:, 0]
    wanted = np.where(batch.labels == 1, 0.95, 0.05)
    label = np.logaddexp(0, logits) - wanted * logits
    assert float(parts["label"].total) == pytest.approx(label.sum(), rel=1e-5)
    known = ~np.isnan(batch.masks)
    cell = cells.double().numpy()[known]
    mask = np.logaddexp(0, cell) - batch.masks[known] * cell
    assert float(parts["mask"].total) == pytest.approx(mask.sum(), rel=1e-5)
    assert (parts["label"].count, parts["mask"].count, parts["mask"].weight) == (8, known.sum(), 0.3)


def test_without_a_mask_there_is_one_loss(stores: Stores) -> None:
    t = task(stores, replace(CONFIG, mask_weight=0.0))
    assert t.loss(t.batches()[0]).keys() == {"label"}


def test_data_that_do_not_suffice_are_refused(stores: Stores) -> None:
    with pytest.raises(DataError, match="do not suffice"):
        task(stores, replace(CONFIG, mix=MixConfig(genuine={"elsewhere": 1.0})))
    network = build_mobilenet(48)
    with pytest.raises(DataError, match="No held-out faces"):
        FrameTask(network, stores[0], FaceStore([]), CONFIG)


def test_two_processes_follow_one(tmp_path: Path) -> None:
    """Five steps in float64 with frozen statistics and without drop-out, started as torchrun starts them."""
    script = str(Path(__file__).with_name("shared_run.py"))
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{CARTOONS}", "OMP_NUM_THREADS": "1"}
    together = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        script,
        str(tmp_path / "together"),
    ]
    done = subprocess.run(together, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shared_run.main(tmp_path / "alone")
    one, two = (load_file(tmp_path / name / "result.safetensors") for name in ("alone", "together"))
    assert one.keys() == two.keys()
    assert float(two["processes"]) == 2
    for name in one.keys() - {"processes", "start"}:
        torch.testing.assert_close(one[name], two[name], rtol=0, atol=1e-6, msg=name)
        assert one[name].dtype != torch.float32
    moved = one["network.head.weight"] - one["start"]
    assert float(moved.abs().max()) > 1e-4  # it did learn
    assert float(one["mean loss"]) == pytest.approx(float(two["mean loss"]), abs=1e-9)
    assert sorted(path.name for path in (tmp_path / "together").iterdir() if path.is_file()) == [
        "checkpoint.safetensors",
        "log.jsonl",
        "result.safetensors",
    ]


@pytest.mark.long
def test_it_learns_to_see_smoothed_faces(stores: Stores, tmp_path: Path) -> None:
    config = replace(
        CONFIG,
        mix=MixConfig(genuine={"drawn": 1.0}),
        steps=80,
        validate_every=40,
        frozen_stages=0,
        learning_rate=2e-3,
        average=0.9,
        size=64,
        pairs=8,
        bf16=False,  # which a processor without it only imitates
    )
    outcome = Trainer(task(stores, config), config, tmp_path).run()
    assert outcome.aucs["genuine pairs"] > 0.8
