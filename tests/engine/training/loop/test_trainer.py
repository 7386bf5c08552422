"""The training loop on a task of its own: bit for bit by seed, exact after a resume, stopped at once."""

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from clip_task import ClipTask
from torch import nn

from engine.errors import CancelledError, DataError
from engine.progress import CancelToken, Progress
from engine.training.loop.checkpoint import load_checkpoint
from engine.training.loop.config import LoopConfig
from engine.training.loop.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = LoopConfig(
    steps=6, warm_up=2, cool_down=0.5, validate_every=3, workers=0, seed=5, bf16=False, learning_rate=1e-2
)
State = dict[str, torch.Tensor]


def trainer(folder: Path, config: LoopConfig = CONFIG) -> Trainer:
    return Trainer(ClipTask(config.seed), config, folder)


def state(module: nn.Module) -> State:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a: State, b: State) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def cancel_at(run: Trainer, step: int) -> CancelToken:
    """A token that is cancelled when `step` steps are done."""
    token, one_step = CancelToken(), run._train_step

    def counted(batch: Any, cancel: CancelToken | None) -> None:
        one_step(batch, cancel)
        if run.step == step:
            token.cancel()

    run._train_step = counted  # type: ignore[method-assign]
    return token


def test_the_same_loop_learns_another_kind_of_sample(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=100, validate_every=50, average=0.9, cool_down=0.3)
    outcome = trainer(tmp_path, config).run()
    assert outcome.aucs["held-out clips"] > 0.95
    assert outcome.history[0]["losses"].keys() == {"label", "size"}


def test_the_loss_is_the_weighted_sum_of_its_parts(tmp_path: Path) -> None:
    record = trainer(tmp_path).run().history[-1]
    assert record["loss"] == pytest.approx(record["losses"]["label"] + 1e-3 * record["losses"]["size"], rel=1e-5)


def test_a_seed_determines_the_weights(tmp_path: Path) -> None:
    first, again, other = (
        trainer(tmp_path / name, replace(CONFIG, seed=seed, workers=workers))
        for name, seed, workers in (("a", 5, 0), ("b", 5, 1), ("c", 6, 0))
    )
    for run in (first, again, other):
        run.run()
    assert same(state(first.task.network), state(again.task.network))
    assert same(state(first.average), state(again.average))
    assert not same(state(first.task.network), state(other.task.network))


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "plateau", "constant"])
def test_a_resume_changes_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimiser: Any, schedule: Any
) -> None:
    config = replace(
        CONFIG, optimiser=optimiser, schedule=schedule, plateau_patience=1, steps=12, validate_every=2
    )
    if schedule == "plateau":  # nothing ever gets better
        monkeypatch.setattr(ClipTask, "validate", lambda *_: {"mean": 0.5})
    whole = trainer(tmp_path / "whole", config)
    outcome = whole.run()
    broken = trainer(tmp_path / "broken", config)
    with pytest.raises(CancelledError):
        broken.run(cancel=cancel_at(broken, 7))
    resumed = trainer(tmp_path / "broken", config)
    assert resumed.resume()
    assert resumed.step == 7
    after = resumed.run()
    assert same(state(whole.task.module), state(resumed.task.module))
    assert same(state(whole.average), state(resumed.average))
    assert after.history == outcome.history
    assert same(after.weights, outcome.weights)
    if schedule == "plateau":
        assert outcome.history[-1]["learning_rate"] < config.learning_rate


def test_a_run_that_was_done_gives_its_outcome_again(tmp_path: Path) -> None:
    outcome = trainer(tmp_path).run()
    again = trainer(tmp_path)
    assert again.resume()
    assert again.finished
    after = again.run()
    assert after.history == outcome.history
    assert same(after.weights, outcome.weights)


def test_the_average_follows_its_closed_form(tmp_path: Path) -> None:
    """After n steps: sum over k of (1 - d_k) * prod_{j > k} d_j * w_k, plus the share of the start."""
    run = trainer(tmp_path, replace(CONFIG, average=0.6, validate_every=100))
    name = "0.weight"
    seen = [run.task.network.state_dict()[name].double().clone()]
    one_step = run._train_step

    def step(batch: Any, cancel: CancelToken | None) -> None:
        one_step(batch, cancel)
        seen.append(run.task.network.state_dict()[name].double().clone())

    run._train_step = step  # type: ignore[method-assign]
    run.run()
    decays = [min(0.6, (1 + k) / (10 + k)) for k in range(6)]
    expected = torch.zeros_like(seen[0])
    for k, weight in enumerate(seen):
        share = 1.0 if k == 0 else 1 - decays[k - 1]
        for decay in decays[k:]:
            share *= decay
        expected += share * weight
    torch.testing.assert_close(run.average.state_dict()[name].double(), expected, rtol=0, atol=1e-6)


def test_without_an_average_the_last_weights_are_kept(tmp_path: Path) -> None:
    run = trainer(tmp_path, replace(CONFIG, average=0.0))
    run.run()
    assert same(state(run.average), state(run.task.network))


def test_frozen_statistics_stay(tmp_path: Path) -> None:
    for frozen in (True, False):
        run = trainer(tmp_path / str(frozen), replace(CONFIG, frozen_statistics=frozen))
        before = state(run.task.network)
        run.run()
        after = state(run.task.network)
        assert torch.equal(before["1.running_mean"], after["1.running_mean"]) == frozen
        assert not torch.equal(before["1.weight"], after["1.weight"])


def test_long_gradients_are_cut(tmp_path: Path) -> None:
    """A step of plain gradient descent is no longer than rate times the norm that gradients are cut to."""
    config = replace(
        CONFIG, optimiser="sgd", momentum=0.0, weight_decay=0.0, schedule="constant", warm_up=0, steps=1
    )
    for norm in (1e-3, 0.0):
        run = trainer(tmp_path / str(norm), replace(config, gradient_norm=norm))
        before = torch.cat([p.detach().clone().flatten() for p in run.task.network.parameters()])
        run.run()
        moved = torch.cat([p.detach().flatten() for p in run.task.network.parameters()]) - before
        if norm:
            assert float(moved.norm()) == pytest.approx(config.learning_rate * norm, rel=1e-2)
        else:
            assert float(moved.norm()) > config.learning_rate * 1e-2


def test_epochs_count_in_batches(tmp_path: Path) -> None:
    assert trainer(tmp_path, replace(CONFIG, epochs=3)).config.steps == 12


class Slow(nn.Module):
    """A layer that takes a second."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(1.0)
        return x


def test_a_cancel_in_the_middle_of_a_step_leaves_the_last_whole_step(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    layers = list(run.task.network)
    for _ in range(4):
        layers.insert(3, Slow())  # four seconds, behind the normalisation, whose statistics have then moved
    run.task.module["network"] = run.task.network = nn.Sequential(*layers)  # type: ignore[index, misc]
    before = state(run.task.network)
    token = CancelToken()
    timer = threading.Timer(0.3, token.cancel)
    timer.start()
    begun = time.monotonic()
    run.average = nn.Sequential(*layers)
    with pytest.raises(CancelledError):
        run.run(cancel=token)
    timer.join()
    assert time.monotonic() - begun < 2.3
    assert run.step == 0
    assert same(before, state(run.task.network))
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert same({k.removeprefix("network."): v for k, v in found.part("module").items()}, before)


def test_a_cancel_in_a_validation_leads_to_that_validation_after_a_resume(tmp_path: Path) -> None:
    outcome = trainer(tmp_path / "whole").run()
    run = trainer(tmp_path / "broken")
    with pytest.raises(CancelledError):
        run.run(cancel=cancel_at(run, 3))
    resumed = trainer(tmp_path / "broken")
    assert resumed.resume()
    assert (resumed.step, resumed.history) == (3, [])
    assert resumed.run().history == outcome.history


def test_checkpoints_of_other_runs_and_broken_ones_are_refused(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    assert not run.resume()
    run.save()
    with pytest.raises(DataError, match="other settings"):
        trainer(tmp_path, replace(CONFIG, learning_rate=1.0)).resume()
    with pytest.raises(DataError, match="other settings"):
        Trainer(ClipTask(5), CONFIG, tmp_path, origin="other weights").resume()
    assert trainer(tmp_path, replace(CONFIG, steps=60)).resume()  # nothing has fallen yet
    run.step = 5
    run.save()
    with pytest.raises(DataError, match="other settings"):
        trainer(tmp_path, replace(CONFIG, steps=60)).resume()
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match="cannot be read") as caught:
        trainer(tmp_path).resume()
    assert caught.value.file == file
    assert not list(tmp_path.glob("*.part"))


def test_it_stops_when_validation_no_longer_improves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    means = iter([0.5, 0.7, 0.6, 0.65, 0.7, 0.9])
    run = trainer(tmp_path, replace(CONFIG, steps=50, validate_every=1, patience=3))
    monkeypatch.setattr(run.task, "validate", lambda _: {"mean": next(means)})
    outcome = run.run()
    assert (outcome.steps, outcome.best_step) == (5, 2)
    assert [record["best"] for record in outcome.history] == [True, True, False, False, False]


def test_a_loss_that_is_no_number_ends_the_run_and_spares_the_checkpoint(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.save()
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with torch.no_grad():
        run.task.network[0].weight.fill_(torch.nan)  # type: ignore[index]
    with pytest.raises(DataError, match="no number"):
        run.run()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_the_log_holds_every_validation_and_where_a_run_began(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    with pytest.raises(CancelledError):
        run.run(cancel=cancel_at(run, 4))
    resumed = trainer(tmp_path)
    assert resumed.resume()
    outcome = resumed.run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["event"], line["step"]) for line in lines] == [
        ("begin", 0),
        ("validation", 3),
        ("begin", 4),
        ("validation", 6),
    ]
    for line, record in zip(lines[1::2], outcome.history, strict=True):
        assert record.items() <= line.items()
        assert line["clips per second"] > 0


def test_tensorboard_finds_the_same_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    outcome = trainer(tmp_path).run()
    files = list((tmp_path / "tensorboard").iterdir())
    assert len(files) == 1
    data, at, seen = files[0].read_bytes(), 0, {}
    while at < len(data):  # length (8 bytes), its checksum (4), the event, its checksum (4)
        length = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + length])
        seen |= {(event.step, value.tag): value.simple_value for value in event.summary.value}
        at += length + 16
    for record in outcome.history:
        assert seen[record["step"], "loss/all"] == pytest.approx(record["loss"])
        assert seen[record["step"], "validation/mean"] == pytest.approx(record["aucs"]["mean"])


def test_progress_shows_loss_and_speed(tmp_path: Path) -> None:
    shown: list[Progress] = []
    trainer(tmp_path).run(progress=shown.append)
    assert shown[-1].done == 6
    assert any("loss" in each.note and "clips/s" in each.note for each in shown)
