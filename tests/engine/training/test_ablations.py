"""benchmarks/ablations.py: settings that the training takes, runs that go on, a document that holds figures."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from benchmarks.ablation import running
from benchmarks.ablation.configurations import LPS, SNIPPET, TABLES, Configuration, Table
from benchmarks.ablation.document import write_document
from benchmarks.ablation.judging import Judged, gain_interval, loss_interval, support_vectors
from benchmarks.ablation.running import Run, machine_of, phases_of, run_table
from engine.detectors.specs import detector_spec
from engine.errors import CancelledError, UsageError
from engine.evaluation.bootstrap import draw, units
from engine.networks.dpnet.network import DpNetwork
from engine.networks.lps.inception import Inception3d
from engine.networks.lps.network import Lps
from engine.networks.snippets.inter_sim import InterSim
from engine.networks.snippets.intra_sim import IntraSim
from engine.networks.snippets.network import SnippetNetwork
from engine.progress import CancelToken
from engine.training.card import Origin
from engine.training.clips.batches import ClipBatches
from engine.training.datasets.base import Dataset
from engine.training.faces.store import FaceStore
from engine.training.loop.distributed import ALONE
from engine.training.loop.trainer import Trainer
from engine.training.session import Job, _phase, _Start

pytestmark = pytest.mark.usefixtures("one_thread")
ROWS = [
    pytest.param(table, one, id=f"{table.id}-{one.name}")
    for table in TABLES.values()
    for one in table.configurations
]
SMALL = replace(
    SNIPPET,
    start="",
    settings={
        **SNIPPET.settings,
        "size": 32,
        "pairs": 1,
        "snippets": 1,
        "frozen_stages": 0,
        "warm_up": 1,
        "treatment": "flip",
    },
)


@cache
def networks(table_id: str, name: str, dataset: Dataset) -> list[torch.nn.Module]:
    """Of each phase, without weights."""
    table = TABLES[table_id]
    one = table.named(name)
    run = Run(replace(table, settings={**table.settings, "size": 32}), dataset, Path("nowhere"))
    spec = detector_spec(one.detector or table.detector)
    with torch.device("meta"):
        return [phase.build(spec) for phase in phases_of(run, one)]


@pytest.mark.parametrize(("table", "one"), ROWS)
def test_the_training_takes_the_settings_of_every_configuration(
    table: Table, one: Configuration, drawn_clips: Dataset
) -> None:
    built = networks(table.id, one.name, drawn_clips)
    assert built
    assert one.svm == (one.name == "svm")
    assert not one.after or one.after == table.configurations[0].name


def test_configurations_lack_what_their_names_say(drawn_clips: Dataset) -> None:
    def sims(name: str) -> tuple[list[bool], int]:
        """For each block with a place whether it has Intra-SIM, and how many have Inter-SIM."""
        (network,) = networks("snippet", name, drawn_clips)
        assert isinstance(network, SnippetNetwork)
        parts = [part for part in network.modules() if isinstance(part, IntraSim | InterSim)]
        return [isinstance(p, IntraSim) for p in parts], len(parts)

    # MobileNetV2 has 2, 3, 7 and 4 blocks in its stages; Intra and Inter take turns in each.
    counts = {
        name: (sum(kinds := sims(name)[0]), len(kinds) - sum(kinds))
        for name in (
            "whole",
            "intra alone",
            "inter alone",
            "without modules",
            "stages 1-2",
            "stages 3-4",
            "stages 2-3",
        )
    }
    assert counts == {
        "whole": (9, 7),
        "intra alone": (9, 0),
        "inter alone": (0, 7),
        "without modules": (0, 0),
        "stages 1-2": (3, 2),
        "stages 3-4": (6, 5),
        "stages 2-3": (6, 4),
    }

    def shape(name: str) -> tuple[int, int, int]:
        (network,) = networks("dpnet", name, drawn_clips)
        assert isinstance(network, DpNetwork)
        return len(network.prototypes.vectors), network.channels, network.trunk.net.conv_stem.in_channels

    assert shape("m_k = 10") == (20, 23, 23)
    assert shape("m_k = 100") == (200, 23, 23)
    assert shape("0 fields") == (20, 3, 3)
    assert shape("15 fields") == (20, 33, 33)
    for name, lacks in {"LPS": "", "without aggregator": "aggregator", "without memory": "memory"}.items():
        for network in networks("lps", name, drawn_clips):
            assert isinstance(network, Lps)
            assert network.config.aggregator == (lacks != "aggregator")
            assert network.config.memory == (lacks != "memory")
    assert all(isinstance(network.encoder, Inception3d) for network in networks("lps", "inception", drawn_clips))
    run = Run(LPS, drawn_clips, Path("nowhere"))
    distilled = {(p.share, p.temperature) for one in LPS.configurations if one.after for p in phases_of(run, one)}
    assert {(0.7, 1.0), (0.1, 1.0), (0.7, 10.0)} <= distilled
    assert [phase.stage for phase in phases_of(run, LPS.named("ri"))] == ["finetune"]
    assert [phase.aligned for phase in phases_of(run, LPS.named("without alignment"))] == [False, False]


def test_weights_of_a_whole_network_do_not_begin_one_that_lacks_a_part(drawn_clips: Dataset) -> None:
    phases = phases_of(Run(SMALL, drawn_clips, Path("nowhere")), SMALL.named("intra alone"))
    spec = detector_spec(SNIPPET.detector)
    job = Job(spec, drawn_clips, phases, Path("nowhere"), "", device="cpu")
    whole = _Start(Origin("", ""), "", None, spec.build(32).state_dict())
    with pytest.raises(UsageError, match="do not fit the network"):
        _phase(job, 0, whole, (FaceStore([]), FaceStore([])), ALONE, None)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that are trained, by number."""
    done: list[int] = []
    step = Trainer._train_step

    def counted(self: Trainer, *args: object) -> None:
        step(self, *args)
        done.append(self.step)

    monkeypatch.setattr(Trainer, "_train_step", counted)
    return done


def test_a_stopped_configuration_goes_on_and_a_finished_one_is_not_run_again(
    drawn_clips: Dataset, tmp_path: Path, steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["without modules"]
    run = Run(SMALL, drawn_clips, tmp_path / "stopped", steps=2, held_out=1)
    token, told = CancelToken(), list[str]()
    before = ClipBatches.pair

    def stopping(self: ClipBatches, number: int, place: int) -> object:
        if steps:  # while the batch of the second step is made
            token.cancel()
        return before(self, number, place)

    with monkeypatch.context() as patched:
        patched.setattr(ClipBatches, "pair", stopping)
        with pytest.raises(CancelledError):
            run_table(run, names, token, told.append)
    assert steps == [1]
    assert not run.result(SMALL.named(names[0])).exists()
    run_table(run, names, CancelToken(), told.append)
    assert steps == [1, 2]
    run_table(run, names, CancelToken(), told.append)
    assert steps == [1, 2]
    assert [line.split(": ")[1].split(" in ")[0] for line in told] == [
        "begins",
        "goes on",
        "finished",
        "finished before",
    ]
    whole = replace(run, out=tmp_path / "whole")
    run_table(whole, names, CancelToken(), told.append)
    results = [json.loads(each.result(SMALL.named(names[0])).read_text()) for each in (run, whole)]
    assert results[0]["parts"] == results[1]["parts"]
    assert results[0]["pairs"] == 2
    assert set(results[0]["parts"]) == {"genuine pairs", "trained operators", "held-out operators"}
    assert not running.is_finished(replace(run, steps=1), SMALL.named(names[0])), "other settings are another run"


def test_no_clip_is_made_twice_and_none_for_another(clip_stores: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int, int]] = []

    def pair(self: ClipBatches, number: int, place: int) -> tuple[int, int, int]:
        made.append((self._seed, number, place))
        return self._seed, number, place

    monkeypatch.setattr(ClipBatches, "pair", pair)
    form = SimpleNamespace(frames=4)
    mix = SimpleNamespace(genuine={}, pseudo={"drawn": 1.0})
    batches = [ClipBatches(store, mix, form, pairs=2, seed=seed) for store in clip_stores for seed in (1, 2)]
    with running.clips_once():
        for _ in range(2):
            for each in batches:
                assert each.pair(3, 1) == (each._seed, 3, 1)
    assert made == [(1, 3, 1), (2, 3, 1)] * 2, "once for each store and seed"
    assert ClipBatches.pair is pair


def judged(rng: np.random.Generator, shift: float, clips: str = "the same") -> Judged:
    """Twelve videos of six persons."""
    labels = np.arange(12) % 2
    scores = (rng.normal(size=12) + shift * labels).round(1)
    names = tuple(f"video of somebody {k}" for k in range(12))
    persons = tuple((f"person {k // 2}",) for k in range(12))
    return Judged(tuple(scores.tolist()), tuple(labels.tolist()), names, persons, clips)


def area(one: Judged, counts: np.ndarray) -> float:
    """Mann-Whitney's, of clips drawn so many times."""
    real = [(s, c) for s, y, c in zip(one.scores, one.labels, counts, strict=True) if not y]
    fake = [(s, c) for s, y, c in zip(one.scores, one.labels, counts, strict=True) if y]
    won = sum(a * b * ((x > y) + (x == y) / 2) for x, a in fake for y, b in real)
    return won / (sum(a for _, a in fake) * sum(b for _, b in real))


def test_differences_are_of_the_same_resamples() -> None:
    rng = np.random.default_rng(4)
    one, other = judged(rng, 1.0), judged(rng, 0.0)
    unit = units(one.labels, one.videos, one.persons)
    assert unit.over == "persons"
    drawn = draw(unit, one.labels, 2000, np.random.default_rng(0))[:, unit.group]
    gains = [area(one, counts) - area(other, counts) for counts in drawn]
    found = gain_interval(one, other)
    assert found is not None
    value = roc_auc_score(one.labels, one.scores) - roc_auc_score(other.labels, other.scores)
    wanted = (value, *np.quantile(gains, (0.025, 0.975)))
    assert (found.value, found.low, found.high) == pytest.approx(wanted)
    assert gain_interval(one, replace(other, clips="others")) is None
    losses = [-np.log(1 / (1 + np.exp(-s if y else s))) for s, y in zip(one.scores, one.labels, strict=True)]
    lost = loss_interval(one)
    wanted = (np.mean(losses), *np.quantile([np.average(losses, weights=c) for c in drawn], (0.025, 0.975)))
    assert (lost.value, lost.low, lost.high) == pytest.approx(wanted)


def test_the_document_holds_figures_and_names_nobody(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    parts = {}
    for name, shift in (("whole", 1.0), ("intra alone", 0.0)):
        parts[name] = {kind: judged(rng, shift) for kind in ("genuine pairs", "trained operators")}
        result = {
            "name": name,
            "settings": {
                "svm": name == "whole",
                "phases": [{"pairs": 2, "optimiser": "adamw", "learning_rate": 6e-4}],
            },
            "steps": [60],
            "pairs": 120,
            "seconds": 71.3,
            "seed": 1,
            "size": 64,
            "parameters": 1234,
            "code": "abc",
            "torch": "2",
            "parts": {kind: part.plain() for kind, part in parts[name].items()},
        }
        path = tmp_path / "out" / "snippet" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result))
    (tmp_path / "docs").mkdir()
    markdown, table = write_document(tmp_path / "out", tmp_path / "docs")
    text, rows = markdown.read_text(), json.loads(table.read_text())
    assert [row["name"] for row in rows["snippet"]] == ["whole", "intra alone"]
    assert rows["lps"] == rows["dpnet"] == []
    aucs = {}
    for row in rows["snippet"]:
        mine = parts[row["name"]]
        labels = [y for part in mine.values() for y in part.labels]
        scores = [s for part in mine.values() for s in part.scores]
        aucs[row["name"]] = roc_auc_score(labels, scores)
        assert row["auc"]["all"]["value"] == pytest.approx(aucs[row["name"]], abs=1e-4)
        for kind, part in mine.items():
            figure = row["auc"][kind]
            assert figure["value"] == pytest.approx(roc_auc_score(part.labels, part.scores), abs=1e-4)
            assert figure["low"] < figure["value"] < figure["high"]
            assert {name: figure[name] for name in ("over", "groups", "real", "fake")} == {
                "over": "persons",
                "groups": 6,
                "real": 6,
                "fake": 6,
            }
    assert rows["snippet"][0]["difference"] is None
    difference = rows["snippet"][1]["difference"]
    assert difference["value"] == pytest.approx(aucs["intra alone"] - aucs["whole"], abs=1e-4)
    lines = [line for line in text.splitlines() if line.startswith("| intra alone |")]
    assert len(lines) == 1
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert cells[1:7] == ["P003 table 4 row 2", "60", "120", "1", "1234", "71"]
    shown = "{value:+.3f} ({low:+.3f} to {high:+.3f})".format(**difference)
    assert cells[-2] == shown
    assert rows["snippet"][0]["loss"] is None, "a machine's scores are no logits"
    assert cells[-1].startswith(f"{rows['snippet'][1]['loss']['value']:.3f} (")
    missing = {line[2:].split(": ")[0] for line in text.splitlines() if line.startswith("- ")}
    every = {one.name for each in TABLES.values() for one in each.configurations}
    assert missing == every - {"whole", "intra alone"}
    for published in (text, table.read_text()):
        assert "somebody" not in published
        assert "person 0" not in published


def test_the_support_vector_machine_is_scikit_learns() -> None:
    rng = np.random.default_rng(6)
    labels = np.arange(40) % 2
    features = rng.normal(3, 5, size=(40, 8)) + labels[:, None]
    asked = rng.normal(3, 5, size=(10, 8))
    mean, deviation = features.mean(0), features.std(0)
    scaled = (features - mean) / deviation
    machine = SVC(C=1.0, kernel="rbf", gamma=1 / (8 * scaled.var())).fit(scaled, labels)
    wanted = machine.decision_function((asked - mean) / deviation)
    np.testing.assert_allclose(support_vectors(features, labels, asked), wanted)

    class Halves(torch.nn.Module):
        """What it sees of a number is its half and its square."""

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return x / 2

        def descriptors(self, z: torch.Tensor) -> torch.Tensor:
            return torch.stack([z, 4 * z * z], 1)

    batches = [SimpleNamespace(pictures=np.array([k, k + 10.0]), labels=np.array([0.0, 1.0])) for k in range(8)]
    task = SimpleNamespace(batches=lambda: batches, inputs=torch.from_numpy)
    judge = machine_of(task, Halves(), batches=8)
    scores, frames = judge(np.array([2.5, 13.5]))
    assert frames is None
    numbers = np.concatenate([batch.pictures for batch in batches])
    seen = np.stack([numbers / 2, numbers**2], 1)
    asked = np.stack([np.array([2.5, 13.5]) / 2, np.array([2.5, 13.5]) ** 2], 1)
    wanted = support_vectors(seen, np.tile([0.0, 1.0], 8), asked)
    np.testing.assert_allclose(scores, wanted)
    assert scores[0] < 0 < scores[1]
