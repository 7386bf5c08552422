"""Samples of Kernel SHAP: kept while a map grows, and gone on with to the bits of a run without a break."""

import json
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from random_weights import card_values, random_network

from engine.case.case_file import CaseFile
from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.errors import CancelledError, DataError
from engine.explainers import kernel_shap
from engine.explainers.attribution import attribute
from engine.explainers.base import Maps, Watch, finished
from engine.explainers.coalitions import choose_coalitions, whole_sizes
from engine.explainers.kernel_shap import KernelShap, KernelShapSettings, game_name
from engine.explainers.samples import Growth, Samples
from engine.explainers.sampling import sample
from engine.progress import CancelToken
from engine.results import Provenance, VideoIdentity
from engine.runtime import shelf as shelf_module
from engine.runtime.growing import KeptSamples
from engine.runtime.shelf import Shelf
from engine.runtime.store import MemoryStore, ResultStore

IDENTITY = VideoIdentity("/clip.mp4", "ab" * 32, 1, 9, 1.0, False, 96, 96, Fraction(1, 25))
FEW = {"samples": 150, "segments": 30, "tolerance": 0}


@pytest.fixture(scope="module")
def detector() -> FrameDetector:
    network = random_network("frame-mobile", 96)
    card = parse_card(card_values("frame-mobile", network) | {"sha256": "0" * 64})
    return FrameDetector("frame-mobile", network, card, torch.device("cpu"))


@pytest.fixture
def every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Growth is told and kept after each batch."""
    monkeypatch.setattr(kernel_shap, "TELL_SECONDS", 0)
    monkeypatch.setattr(kernel_shap, "TELL_SHARE", 0)


def squares(count: int = 1) -> np.ndarray:
    """Crops on which SLIC finds about as many superpixels as are asked for."""
    plain = np.random.default_rng(6).integers(0, 255, (count, 6, 6, 3))
    return np.kron(plain, np.ones((1, 16, 16, 1))).astype(np.uint8)


def provenance(explainer: KernelShap) -> Provenance:
    return Provenance("kernel-shap", "cd" * 32, explainer.settings, "cpu", "float32", {})


def memory(store: ResultStore, explainer: KernelShap, frames: int = 1) -> KeptSamples:
    shelf = Shelf(store, store.put_video(IDENTITY), 8)
    return KeptSamples(shelf, provenance(explainer), explainer, range(frames))


def explained(detector: FrameDetector, store: ResultStore, **settings: object) -> Maps:
    explainer = KernelShap(KernelShapSettings(**{**FEW, **settings}))  # type: ignore[arg-type]
    return explainer.explain(detector, squares(), Watch(memory=memory(store, explainer)))


def counted(detector: FrameDetector, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The crops of every pass through the network from now on."""
    crops: list[int] = []
    forward = detector.network.forward

    def count(x: torch.Tensor) -> torch.Tensor:
        crops.append(len(x))
        return forward(x)

    monkeypatch.setattr(detector.network, "forward", count)
    return crops


# Coalitions


def test_a_larger_budget_goes_on_where_a_smaller_one_ended() -> None:
    small, large = choose_coalitions(60, 700, 3), choose_coalitions(60, 2000, 3)
    assert small.whole == large.whole == 120
    np.testing.assert_array_equal(large.masks[:700], small.masks)
    assert len({row.tobytes() for row in large.masks}) == 2000
    exhausted = choose_coalitions(7, 100, 3).masks
    np.testing.assert_array_equal(choose_coalitions(7, 110, 3).masks[:90], exhausted[:90])


def test_budgets_that_take_other_sizes_whole_ask_in_another_order() -> None:
    assert [whole_sizes(60, budget) for budget in (500, 700, 2000, 30_000)] == [0, 1, 1, 2]
    assert whole_sizes(5, 30) == 2
    labels = np.arange(60).repeat(3).reshape(1, 12, 15)
    crops = np.zeros((1, 12, 15, 3), np.uint8)
    names = [game_name(crops, labels, budget) for budget in (500, 700, 2000)]
    assert names[0] != names[1] == names[2]
    assert game_name(crops + 1, labels, 700) != names[1] != game_name(crops, labels[:, ::-1], 700)


def test_samples_are_stored_in_a_bit_per_player_and_four_bytes() -> None:
    masks = np.random.default_rng(0).random((50, 13)) < 0.5
    values = np.linspace(0, 1, 50 * 3, dtype=np.float32).reshape(50, 3)
    given = Samples(masks, values, np.float32([0.25, 0, 1]), np.float32([-3.5, 2, 0]), 1.5)
    arrays = given.arrays()
    assert arrays["masks"].nbytes + arrays["values"].nbytes == 50 * (2 + 3 * 4)
    again = Samples.of_arrays(arrays)
    np.testing.assert_array_equal(again.masks, masks)
    np.testing.assert_array_equal(again.values, given.values)
    assert (again.nobody.tolist(), again.everybody.tolist(), again.seconds) == ([0.25, 0, 1], [-3.5, 2, 0], 1.5)


def test_samples_that_were_stored_with_one_value_each_are_still_read() -> None:
    given = Samples(np.eye(9, dtype=bool), np.arange(9, dtype=np.float32)[:, None], *np.float32([[0.25], [-3.5]]))
    arrays = given.arrays()
    older = {**arrays, "values": arrays["values"].ravel(), "ends": arrays["ends"].ravel()}
    again = Samples.of_arrays(older)
    np.testing.assert_array_equal(again.values, given.values)
    assert (again.nobody.tolist(), again.everybody.tolist()) == ([0.25], [-3.5])
    with pytest.raises(DataError, match="no samples"):
        Samples.of_arrays({**arrays, "ends": arrays["ends"].ravel()})


# Growing


@pytest.mark.usefixtures("every_batch")
def test_growth_is_what_the_samples_so_far_say_and_they_are_kept_already(detector: FrameDetector) -> None:
    explainer = KernelShap(KernelShapSettings(**FEW))
    kept = memory(MemoryStore(), explainer)
    told: list[tuple[Growth, int]] = []

    def grow(growth: Growth) -> None:
        (samples,) = kept._of((0, 0)).values()
        told.append((growth, len(samples.values)))

    crops = squares()
    maps = explainer.explain(detector, crops, Watch(memory=kept, grow=grow))
    assert [growth.samples for growth, _ in told] == [*range(21, 150, 21), 150, 150]
    assert all(growth.samples == stored for growth, stored in told)
    assert {growth.most for growth, _ in told} == {150}
    (samples,) = kept._of((0, 0)).values()
    labels = kernel_shap.frame_superpixels(crops, 30)
    for growth, _ in told[:-1]:
        chosen = choose_coalitions(int(labels.max()) + 1, 150, 0)
        values = samples.values[: growth.samples, 0].astype(np.float64)
        expected = attribute(chosen, values, float(samples.nobody[0]), float(samples.everybody[0]))
        np.testing.assert_allclose(growth.values, expected.values[labels], atol=1e-6)
        np.testing.assert_allclose(growth.errors, expected.errors[labels], atol=1e-6)
        assert growth.passes.tolist() == [growth.samples + 2]
    np.testing.assert_array_equal(told[-1][0].values, maps.values)


@pytest.mark.usefixtures("every_batch")
def test_a_cancelled_map_goes_on_to_the_bits_of_one_without_a_break(
    detector: FrameDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = explained(detector, MemoryStore())
    store, token = MemoryStore(), CancelToken()
    explainer = KernelShap(KernelShapSettings(**FEW))

    def grow(growth: Growth) -> None:
        if growth.samples == 63:
            token.cancel()

    with pytest.raises(CancelledError):
        explainer.explain(detector, squares(), Watch(token, memory=memory(store, explainer), grow=grow))
    crops = counted(detector, monkeypatch)
    again = explained(detector, store)
    assert sum(crops) == 150 - 63
    np.testing.assert_array_equal(again.values, whole.values)
    np.testing.assert_array_equal(again.errors, whole.errors)
    assert again.passes.tolist() == whole.passes.tolist() == [152]
    assert again.seconds is not None
    assert again.seconds[0] > 0


def test_what_was_asked_after_the_last_telling_is_kept_when_the_steps_are_closed(detector: FrameDetector) -> None:
    explainer = KernelShap(KernelShapSettings(**FEW))
    store = MemoryStore()
    steps = explainer.steps(detector, squares(), Watch(memory=memory(store, explainer)))
    for _ in range(3):
        next(steps)
    steps.close()
    (samples,) = memory(store, explainer)._of((0, 0)).values()
    assert len(samples.values) == 63


def test_more_samples_go_on_from_fewer_and_fewer_leave_more_alone(
    detector: FrameDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal to the last bit: the last batch of the smaller one, which was not full, is asked again."""
    alone = explained(detector, MemoryStore(), samples=260)
    store = MemoryStore()
    small = explained(detector, store, samples=200)
    crops = counted(detector, monkeypatch)
    large = explained(detector, store, samples=260)
    assert sum(crops) == 260 - 189
    np.testing.assert_array_equal(large.values, alone.values)
    np.testing.assert_array_equal(large.errors, alone.errors)
    crops.clear()
    again = explained(detector, store, samples=200)
    assert sum(crops) == 200 - 189
    np.testing.assert_array_equal(again.values, small.values)
    crops.clear()
    explained(detector, store, samples=260)
    assert not sum(crops)
    explained(detector, store, samples=260, seed=1)
    assert sum(crops) == 262, "another seed has samples of its own"


KILLED = """
import json, os, signal, sys
sys.path[:0] = json.loads(sys.argv[1])
from pathlib import Path
import torch
from engine.explainers import kernel_shap
from engine.explainers.base import Watch
from engine.case.case_file import CaseFile
import test_samples as here
from random_weights import card_values, random_network
from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector

kernel_shap.TELL_SECONDS = kernel_shap.TELL_SHARE = 0
torch.set_num_threads(int(sys.argv[3]))
explainer = kernel_shap.KernelShap(kernel_shap.KernelShapSettings(**here.FEW))
def grow(growth):
    if growth.samples == 84:
        os.kill(os.getpid(), signal.SIGKILL)
network = random_network("frame-mobile", 96)
card = parse_card(card_values("frame-mobile", network) | {"sha256": "0" * 64})
detector = FrameDetector("frame-mobile", network, card, torch.device("cpu"))
watch = Watch(memory=here.memory(CaseFile.create(Path(sys.argv[2])), explainer), grow=grow)
explainer.explain(detector, here.squares(), watch)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_after_a_kill_it_goes_on_from_what_was_told(
    detector: FrameDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = tmp_path / "case.tell"
    words = [sys.executable, "-c", KILLED, json.dumps(sys.path), str(case), str(torch.get_num_threads())]
    killed = subprocess.run(words, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    crops = counted(detector, monkeypatch)
    with CaseFile.open(case) as store:
        again = explained(detector, store)
    assert sum(crops) == 150 - 84
    np.testing.assert_array_equal(again.values, explained(detector, MemoryStore()).values)


# The store


def test_the_samples_of_two_faces_on_a_frame_are_kept_apart() -> None:
    explainer = KernelShap(KernelShapSettings(**FEW))
    store = MemoryStore()
    kept = memory(store, explainer)
    one, two = (finished(sample(Plain(seed), 40, 0, 0)).samples for seed in (1, 2))
    kept.keep(range(1), "one", one)
    kept.keep(range(1), "two", two)
    kept.keep(range(1), "two", two.first(10))
    again = memory(store, explainer)
    for name, samples in (("one", one), ("two", two)):
        found = again.recall(range(1), name)
        assert found is not None
        np.testing.assert_array_equal(found.values, samples.values)
        np.testing.assert_array_equal(found.masks, samples.masks)
    assert again.recall(range(1), "three") is None


def test_the_store_is_bounded_and_the_newest_game_is_kept_first(monkeypatch: pytest.MonkeyPatch) -> None:
    explainer = KernelShap(KernelShapSettings(**FEW))
    store = MemoryStore()
    kept = memory(store, explainer)
    monkeypatch.setattr(shelf_module, "SAMPLE_BYTES", 6 * 50)
    kept.keep(range(1), "old", finished(sample(Plain(1), 40, 0, 0)).samples)
    kept.keep(range(1), "new", finished(sample(Plain(2), 30, 0, 0)).samples)
    again = memory(store, explainer)
    lengths = [len(found.values) for name in ("old", "new") if (found := again.recall(range(1), name))]
    assert lengths == [20, 30]


class Plain:
    """A sum with one interaction."""

    players, passes, batch = 9, 1, 10

    def __init__(self, seed: int) -> None:
        self._weights = np.random.default_rng(seed).normal(size=9)

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        found: np.ndarray = masks @ self._weights + masks[:, 0] * masks[:, 1]
        return found[:, None]
