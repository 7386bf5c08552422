"""Projection to patches against a brute force over all patches of all clips."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from engine.detectors.prototype_evidence import activation_box
from engine.errors import CancelledError, DataError
from engine.networks.dpnet.network import DpNetwork, build_dpnet
from engine.progress import CancelToken
from engine.training.dpnet.candidates import Candidates, joined
from engine.training.dpnet.losses import LossConfig, mean_losses
from engine.training.dpnet.projection import ClipBatch, ClipOrigin, project

PER_CLASS = 5


@dataclass
class Footage:
    """Clips of four videos of each class, two clips a video, one video with all that is nearest."""

    x: torch.Tensor
    labels: torch.Tensor
    origins: list[ClipOrigin]

    def batches(self, size: int) -> list[ClipBatch]:
        return [
            (self.x[at : at + size], self.labels[at : at + size], self.origins[at : at + size])
            for at in range(0, len(self.x), size)
        ]


@pytest.fixture(scope="module")
def footage() -> Footage:
    x = torch.randn(16, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1] * 8)
    origins = [
        ClipOrigin(
            f"{'fake' if k % 2 else 'real'}/{k // 4}.mp4",
            10 * (k // 2 % 2),
            np.array([[0.5 + k, 0, 3 * k], [0, 0.5 + k, 7]], np.float32),
            f"operator-{k // 4}" if k % 2 else "",
        )
        for k in range(16)
    ]
    return Footage(x, labels, origins)


def fresh() -> DpNetwork:
    torch.manual_seed(0)
    net = build_dpnet("mobilenet", 3, PER_CLASS, size=64)
    net.add_on[3].weight.data.mul_(0.3)
    with torch.no_grad():
        net.prototypes.vectors.mul_(0.1)
    return net


def judge(footage: Footage):  # type: ignore[no-untyped-def]
    return lambda net: mean_losses(net, [(footage.x, footage.labels)], LossConfig())


def by_force(net: DpNetwork, footage: Footage, per_clip: int) -> dict[int, tuple[int, int, int, float]]:
    """All pairs of prototypes and patches in one table, the least entry again and again: clip, row, column, d."""
    with torch.no_grad():
        z = net.features(footage.x)
    h, w = z.shape[2:]
    cells = z.permute(0, 2, 3, 1).reshape(-1, 256).double().numpy()
    table = cdist(net.prototypes.vectors.detach().flatten(1).double().numpy(), cells, "sqeuclidean")
    clip = np.arange(len(cells)) // (h * w)
    own = (np.arange(len(table)) // PER_CLASS)[:, None] == footage.labels.numpy()[clip]
    table[~own] = np.inf
    chosen: dict[int, tuple[int, int, int, float]] = {}
    videos = np.array([origin.clip for origin in footage.origins])[clip]
    while np.isfinite(table).any():
        j, patch = np.unravel_index(table.argmin(), table.shape)
        chosen[int(j)] = (int(clip[patch]), *divmod(int(patch) % (h * w), w), float(table[j, patch]))
        table[j], table[:, patch] = np.inf, np.inf
        used = sum(footage.origins[c].clip == videos[patch] for c, *_ in chosen.values())
        if used == per_clip:
            table[:, videos == videos[patch]] = np.inf
    return chosen


@pytest.mark.parametrize("per_clip", [2, 3, 50])
@pytest.mark.parametrize("batch", [3, 16])
def test_projection_is_the_brute_force(footage: Footage, per_clip: int, batch: int) -> None:
    net = fresh().eval()
    expected = by_force(net, footage, per_clip)
    with torch.no_grad():
        z = net.features(footage.x)
    result = project(net, footage.batches(batch), judge(footage), per_clip=per_clip)
    assert len(expected) == len(result.sources) == 2 * PER_CLASS
    for j, source in enumerate(result.sources):
        clip, row, column, distance = expected[j]
        origin = footage.origins[clip]
        assert (source.clip, source.frame, source.cell) == (origin.clip, origin.frame, (row, column))
        assert source.operator == origin.operator
        assert source.distance == pytest.approx(distance, rel=1e-3)
        vector = net.prototypes.vectors[j, :, 0, 0].detach()
        torch.testing.assert_close(vector, z[clip, :, row, column], rtol=1e-3, atol=1e-4)
        scale, x0 = float(origin.affine[0, 0]), float(origin.affine[0, 2])
        assert source.crop == pytest.approx((x0, 7, x0 + 64 * scale, 7 + 64 * scale))
        similarity = 1 / (1 + ((z[clip] - vector[:, None, None]) ** 2).sum(0))
        box = activation_box(similarity.numpy(), 64)
        assert source.box == pytest.approx(tuple(o + scale * v for o, v in zip((x0, 7) * 2, box, strict=True)))
    patches = {(source.clip, source.frame, source.cell) for source in result.sources}
    assert len(patches) == 2 * PER_CLASS
    if per_clip == 50:  # one and the same patch is the nearest of several here, or the test would show nothing
        assert _nearest_patches(fresh().eval(), footage) < 2 * PER_CLASS


def _nearest_patches(net: DpNetwork, footage: Footage) -> int:
    with torch.no_grad():
        out = net(footage.x)
    own = footage.labels[:, None] == net.prototypes.classes
    best = out.maps.masked_fill(~own[:, :, None, None], -1).transpose(0, 1).flatten(1).argmax(1)
    return len(set(best.tolist()))


def test_afterwards_a_prototype_finds_itself_and_the_loss_is_told(footage: Footage) -> None:
    net = fresh().train()
    ask = judge(footage)
    before = ask(net.eval())
    net.train()
    result = project(net, footage.batches(4), ask)
    assert net.training
    with torch.no_grad():
        out = net.eval()(footage.x)
    after = ask(net)
    assert result.before == pytest.approx(before)
    assert result.after == pytest.approx(after)
    assert result.change == pytest.approx(after["total"] - before["total"])
    assert abs(result.change) > 1e-4
    for j, source in enumerate(result.sources):
        clip = next(k for k, o in enumerate(footage.origins) if (o.clip, o.frame) == (source.clip, source.frame))
        assert out.similarities[clip, j] > 0.999
        assert out.maps[clip, j].argmax() == source.cell[0] * out.maps.shape[3] + source.cell[1]
        assert footage.labels[clip] == j // PER_CLASS


def test_a_clip_that_comes_twice_counts_once(footage: Footage) -> None:
    once, twice = fresh(), fresh()
    first = project(once, footage.batches(4), judge(footage))
    second = project(twice, footage.batches(4) * 2, judge(footage))
    assert [s.cell for s in first.sources] == [s.cell for s in second.sources]
    torch.testing.assert_close(once.prototypes.vectors, twice.prototypes.vectors)


def test_too_few_patches_and_a_cancelled_search_change_nothing(footage: Footage) -> None:
    net = fresh().train()
    vectors = net.prototypes.vectors.detach().clone()
    with pytest.raises(DataError, match="Only 4 patches of real clips for 5 prototypes"):
        project(net, footage.batches(4), judge(footage), per_clip=1)
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(CancelledError):
        project(net, footage.batches(4), judge(footage), cancel=stopped)
    assert torch.equal(net.prototypes.vectors, vectors)
    assert net.training


def test_short_lists_choose_as_if_all_patches_were_known() -> None:
    """Many small random tables, with prototypes that all want the same few patches of the same few videos."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        count, per_clip, clips = rng.integers(2, 7), int(rng.integers(1, 5)), int(rng.integers(2, 9))
        wanted = rng.integers(0, 40, (clips, 3, 3))  # alike for all prototypes, with ties
        tables = [(wanted + rng.integers(0, 6, wanted.shape)).astype(np.float32) for _ in range(count)]
        short = [Candidates(int(count), per_clip) for _ in range(count)]
        long = [Candidates(10**6, 10**6) for _ in range(count)]
        for clip in rng.permutation(clips):
            for j, table in enumerate(tables):
                for lists in (short, long):
                    lists[j].offer(f"video {clip // 2}", int(clip), table[clip])
        chosen = joined({j: one.kept for j, one in enumerate(short)}, per_clip)
        assert chosen == joined({j: one.kept for j, one in enumerate(long)}, per_clip)
        assert all(len(one.kept) <= count for one in short)


def test_a_forgery_of_a_clip_is_another_clip_than_the_real_one(footage: Footage) -> None:
    """Pseudo-fakes bear the name and frame of what they were made of."""
    both = Footage(footage.x, footage.labels, [replace(footage.origins[k - k % 2]) for k in range(16)])
    net = fresh().eval()
    with torch.no_grad():
        z = net.features(both.x)
    result = project(net, both.batches(4), judge(both))
    for j, source in enumerate(result.sources):
        clips = [k for k, o in enumerate(both.origins) if (o.clip, o.frame) == (source.clip, source.frame)]
        (own,) = (k for k in clips if both.labels[k] == j // PER_CLASS)
        cell = z[own, :, source.cell[0], source.cell[1]]
        torch.testing.assert_close(net.prototypes.vectors[j, :, 0, 0].detach(), cell, rtol=1e-3, atol=1e-4)


def test_a_cancel_in_the_judgement_puts_the_prototypes_back(footage: Footage) -> None:
    net = fresh()
    learnt = net.prototypes.vectors.detach().clone()
    asked = []

    def stop(_: DpNetwork) -> dict[str, float]:
        asked.append(net.prototypes.vectors.detach().clone())
        if len(asked) == 2:
            raise CancelledError
        return {"total": 0.0}

    with pytest.raises(CancelledError):
        project(net, footage.batches(4), stop)
    assert not torch.equal(asked[1], learnt)
    assert torch.equal(net.prototypes.vectors, learnt)
