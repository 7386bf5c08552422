"""The trainer: bit for bit the same by seed, exact after a resume, stopped when nothing improves."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.errors import CancelledError, DataError
from engine.networks.frame import FrameNetwork
from engine.networks.mobilenet import build_mobilenet
from engine.progress import CancelToken
from engine.training.batches import MixConfig
from engine.training.checkpoint import load_checkpoint
from engine.training.faces import FaceStore
from engine.training.trainer import TrainConfig, Trainer

Stores = tuple[FaceStore, FaceStore]
CONFIG = TrainConfig(
    mix=MixConfig(genuine={"drawn": 0.5, "alone": 0.2}, pseudo={"drawn": 0.3}),
    size=48,
    pairs=4,
    steps=6,
    warm_up=2,
    cool_down=0.5,
    frozen_stages=1,
    validate_every=3,
    validation_pairs=8,
    workers=0,
    seed=5,
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def trainer(stores: Stores, folder: Path, config: TrainConfig = CONFIG) -> Trainer:
    torch.manual_seed(config.seed)
    return Trainer(build_mobilenet(config.size), *stores, config, folder)


def weights(network: FrameNetwork) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_seed_determines_the_weights_and_a_resume_changes_nothing(stores: Stores, tmp_path: Path) -> None:
    whole = trainer(stores, tmp_path / "whole")
    start = weights(whole.network)
    outcome = whole.run()
    again = trainer(stores, tmp_path / "again", replace(CONFIG, workers=1))  # another process makes the batches
    again.run()
    assert same(weights(whole.network), weights(again.network))
    assert same(weights(whole.average), weights(again.average))

    broken = trainer(stores, tmp_path / "broken")
    token = CancelToken()
    real_step = broken._train_step

    def step(batch: object) -> float:
        loss = real_step(batch)  # type: ignore[arg-type]
        if broken.step == 3:  # after the first validation, in the middle of the fall
            token.cancel()
        return loss

    broken._train_step = step  # type: ignore[method-assign, assignment]
    with pytest.raises(CancelledError):
        broken.run(cancel=token)
    resumed = trainer(stores, tmp_path / "broken")
    assert resumed.resume()
    assert resumed.step == 4
    after = resumed.run()
    assert same(weights(whole.network), weights(resumed.network))
    assert same(weights(whole.average), weights(resumed.average))
    assert after.history == outcome.history
    assert same(after.weights, outcome.weights)
    assert not same(start, weights(whole.network))

    other = trainer(stores, tmp_path / "other", replace(CONFIG, seed=6))
    other.run()
    assert not same(weights(whole.network), weights(other.network))


def test_frozen_stages_stay_and_the_rest_moves(stores: Stores, tmp_path: Path) -> None:
    run = trainer(stores, tmp_path)
    before = weights(run.network)
    run.run()
    after = weights(run.network)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = {name for name in before if name.startswith(("trunk.conv_stem", "trunk.bn1", "trunk.blocks.0"))}
    assert not moved & frozen
    assert {name for name in before if name.endswith("weight")} - frozen <= moved


def test_checkpoints_of_other_runs_and_broken_ones_are_refused(stores: Stores, tmp_path: Path) -> None:
    run = trainer(stores, tmp_path)
    assert not run.resume()
    run.save()
    with pytest.raises(DataError, match="other settings"):
        trainer(stores, tmp_path, replace(CONFIG, learning_rate=1.0)).resume()
    assert trainer(stores, tmp_path, replace(CONFIG, steps=60)).resume()  # nothing has fallen yet
    run.step = 5
    run.save()
    with pytest.raises(DataError, match="other settings"):
        trainer(stores, tmp_path, replace(CONFIG, steps=60)).resume()
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match="cannot be read") as caught:
        trainer(stores, tmp_path).resume()
    assert caught.value.file == file
    assert not list(tmp_path.glob("*.part"))


def test_the_checkpoint_is_safetensors_alone(stores: Stores, tmp_path: Path) -> None:
    trainer(stores, tmp_path).save()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found.state["step"] == 0
    assert set(found.part("average")) == set(build_mobilenet(48).state_dict())


def test_the_learning_rate_rises_stays_and_falls() -> None:
    config = replace(CONFIG, steps=100, warm_up=10, cool_down=0.3, learning_rate=2.0)
    rates = [config.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert set(rates[10:70]) == {2.0}
    assert all(a > b for a, b in itertools.pairwise(rates[70:]))
    assert 0 < rates[-1] < 0.1


def test_it_stops_when_validation_no_longer_improves(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = iter([0.5, 0.7, 0.6, 0.65, 0.7, 0.9])
    monkeypatch.setattr("engine.training.trainer.validate", lambda *_, **__: {"mean": next(means)})
    run = trainer(stores, tmp_path, replace(CONFIG, steps=50, validate_every=1, patience=3))
    outcome = run.run()
    assert (outcome.steps, outcome.best_step) == (5, 2)
    assert [record["best"] for record in outcome.history] == [True, True, False, False, False]


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
    )
    outcome = trainer(stores, tmp_path, config).run()
    assert outcome.aucs["genuine pairs"] > 0.8
