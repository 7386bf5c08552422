"""Our Kernel SHAP against the shap package: passes for an equal error, the network's share of the time, the cost.

    python benchmarks/shap.py CLIP [--keep DIR] [--frames 20] [--seeds 5] [--segments 12] [--size 96]
        [--many-frames 3] [--many-segments 100] [--reference 200000] [--only ratio many cost]
        [--detector frame-mobile]

CLIP is a video with a face, such as the one that `python main.py demo --no-window --out DIR` makes.

ratio: exact Shapley values on frames with few segments, from a table of all coalitions of the real network. Both
estimators then play the same tables, which changes nothing but the time. The error is the mean absolute difference
over segments, averaged over seeds; the passes that ours needs for the error that shap has at 2000 samples are read
off the curve of its error (straight lines in the logarithms). The interval is a bootstrap over frames, and over
seeds within each.
many: the same with more segments, against a reference by shap, which has an error of its own. Every value of the
network is kept in the cache folder of Tellframe, so that a run that was broken off goes on where it was.
cost: time, passes and the network's share at full size and by default settings.

Tables take long (2 ** segments passes a frame); --keep keeps them, and a kept one is held against the network on
some coalitions before it is used.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import comb
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, whose shap.py is not the package

import numpy as np  # noqa: E402

BUDGETS = (250, 350, 500, 700, 1000, 1400, 2000)
WANTED = 2000
Values = Callable[[Any], Any]


def detector_of(detector_id: str, size: int | None) -> Any:
    """The shipped weights, with crops of `size` pixels."""
    import torch

    from engine.detectors.cards import load_card
    from engine.detectors.frame import FrameDetector
    from engine.detectors.registry import weights_folder
    from engine.detectors.specs import SPECS
    from engine.detectors.weights import load_state

    folder = weights_folder(detector_id)
    if folder is None:
        raise SystemExit(f"{detector_id} has no weights")
    card = load_card(folder)
    network = SPECS[detector_id].build(size or card.size)
    load_state(folder, card, network)
    card = replace(card, size=size or card.size)
    return FrameDetector(detector_id, network, card, torch.device("cpu"), "float32")


def face_crops(clip: Path, detector: Any, count: int) -> tuple[Any, list[int]]:
    """Crops of the face on spread frames of even number, as `analyze` cuts them."""
    from contextlib import closing

    from engine.faces.crops import crop_affine, cut_crop
    from engine.faces.detector import FaceDetector
    from engine.progress import CancelToken
    from engine.runtime.protocol import AnalyzeRequest
    from engine.runtime.scoring import analysed
    from engine.runtime.session import VideoSession
    from engine.video.media import open_media

    with closing(VideoSession(open_media(clip))) as session:
        request = AnalyzeRequest(clip, detector.id, device="cpu")
        done = analysed(session, request, detector, FaceDetector("cpu"), CancelToken())
        track = max(done.tracks, key=lambda each: len(each.frames))
        rows = 2 * np.linspace(0, len(track.frames) // 2 - 1, count).round().astype(int)
        crops = []
        with closing(session.media.reader()) as reader:
            for row in rows:
                affine = crop_affine(track.boxes[row], track.landmarks[row], detector.crop_spec)
                crops.append(cut_crop(reader.read(int(track.frames[row])).pixels, affine, detector.crop_spec.size))
    return np.stack(crops), track.frames[rows].tolist()


def segments_of(crop: Any, most: int) -> Any:
    """SLIC superpixels (1, S, S), of which the smallest are joined to a neighbour until there are `most`."""
    from engine.explainers.superpixels import frame_superpixels

    labels = frame_superpixels(crop[None], most + most // 3)[0]
    while labels.max() + 1 > most:
        least = np.bincount(labels.ravel()).argmin()
        sides = [(labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])]
        touching = np.concatenate([part[other == least] for a, b in sides for part, other in ((a, b), (b, a))])
        labels[labels == least] = np.bincount(touching[touching != least]).argmax()
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    return labels[None]


def table_of(game: Any, path: Path | None) -> Any:
    """(2**M,) values; bit i of the number is player i."""
    masks = (np.arange(2**game.players)[:, None] >> np.arange(game.players) & 1).astype(bool)
    if path is not None and path.is_file():
        values = np.load(path)
        at = np.random.default_rng(0).choice(len(masks), 64, replace=False)
        if np.abs(values[at] - game(masks[at])[:, 0]).max() > 1e-3:
            raise SystemExit(f"{path} is of another game: remove it")
        return values
    values = game(masks)[:, 0]
    if path is not None:
        np.save(path, values)
    return values


def exact(values: Any, players: int) -> Any:
    """Shapley values by their definition."""
    number = np.arange(len(values))
    sizes = (number[:, None] >> np.arange(players) & 1).sum(1)
    weights = np.array([1 / (players * comb(players - 1, s)) for s in range(players)])
    found = np.zeros(players)
    for i in range(players):
        without = number[number >> i & 1 == 0]
        found[i] = (weights[sizes[without]] * (values[without | 1 << i] - values[without])).sum()
    return found


def by_shap(value: Values, players: int, budget: int, seed: int) -> Any:
    import shap

    np.random.seed(seed)  # noqa: NPY002 - shap draws from it
    explainer = shap.KernelExplainer(value, np.zeros((1, players)))
    return explainer.shap_values(np.ones((1, players)), nsamples=budget, l1_reg=False, silent=True)[0]


def by_us(value: Values, players: int, budget: int, seed: int) -> tuple[Any, Any]:
    from engine.explainers.attribution import attribute
    from engine.explainers.coalitions import choose_coalitions

    chosen = choose_coalitions(players, budget, seed)
    nobody, everybody = value(np.array([np.zeros(players), np.ones(players)]))
    found = attribute(chosen, value(chosen.masks), nobody, everybody)
    return found.values, found.errors


def errors_of(value: Values, reference: Any, seeds: int) -> tuple[Any, Any, list[float]]:
    """Mean absolute errors (seeds, budgets) of ours and of shap; our squared error over the told one."""
    players = len(reference)
    ours, theirs = np.zeros((2, seeds, len(BUDGETS)))
    told = []
    for seed in range(seeds):
        for column, budget in enumerate(BUDGETS):
            found, errors = by_us(value, players, budget, seed)
            ours[seed, column] = np.abs(found - reference).mean()
            theirs[seed, column] = np.abs(by_shap(value, players, budget, seed) - reference).mean()
            if np.isfinite(errors).all() and errors.any():
                told.append(float(((found - reference) ** 2).mean() / (errors**2).mean()))
    return ours, theirs, told


def passes_for(curve: Any, wanted: float) -> float:
    """Samples at which a falling curve of errors reaches `wanted`, held within the measured budgets."""
    falling = np.minimum.accumulate(curve)[::-1]
    return float(np.exp(np.interp(np.log(wanted), np.log(falling), np.log(BUDGETS[::-1]))))


def ratio_of(ours: Any, theirs: Any) -> tuple[float, float]:
    """Of arrays (frames, budgets): passes of ours to those of shap, and errors at equal passes."""
    ours, theirs = (np.exp(np.log(each).mean(0)) for each in (ours, theirs))
    return passes_for(ours, theirs[-1]) / WANTED, ours[-1] / theirs[-1]


def show_ratio(ours: Any, theirs: Any, told: Sequence[float], what: str) -> None:
    """ours, theirs: (frames, seeds, budgets)."""
    rng = np.random.default_rng(0)
    frames, seeds, _ = ours.shape
    drawn = []
    for _ in range(2000):
        frame = rng.integers(0, frames, frames)
        seed = rng.integers(0, seeds, (frames, seeds))
        pick = [each[frame[:, None], seed].mean(1) for each in (ours, theirs)]
        drawn.append(ratio_of(*pick))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    passes, error = ratio_of(ours.mean(1), theirs.mean(1))
    print(
        f"\n{what}\n\n| samples | shap, mean absolute error | ours | ours / shap | frames where ours is nearer |"
    )
    print("|---|---|---|---|---|")
    for column, budget in enumerate(BUDGETS):
        a, b = ours[..., column].mean(1), theirs[..., column].mean(1)
        print(
            f"| {budget} | {b.mean():.5f} | {a.mean():.5f} | {np.exp(np.log(a / b).mean()):.2f} "
            f"| {(a < b).sum()} of {frames} |"
        )
    print(f"\nPasses for the error of shap at {WANTED}: {passes:.2f} (95 % {low[0]:.2f} to {high[0]:.2f})")
    print(f"Error at {WANTED} samples, ours / shap: {error:.2f} (95 % {low[1]:.2f} to {high[1]:.2f})")
    print(f"Squared error / told squared standard error: mean {np.mean(told):.2f}, median {np.median(told):.2f}")


def few(args: argparse.Namespace) -> None:
    from engine.explainers.games import FrameGame

    detector = detector_of(args.detector, args.size)
    crops, numbers = face_crops(args.clip, detector, args.frames)
    rows = []
    for crop, number in zip(crops, numbers, strict=True):
        game = FrameGame(detector, crop[None], segments_of(crop, args.segments))
        path = args.keep and args.keep / f"{args.detector}-{args.size}-{game.players}-{number}.npy"
        values = table_of(game, path)
        powers = 2 ** np.arange(game.players)

        def value(masks: Any, values: Any = values, powers: Any = powers) -> Any:
            return values[(np.asarray(masks) > 0.5) @ powers]

        rows.append(errors_of(value, exact(values, game.players), args.seeds))
        print(f"frame {number}: {game.players} segments", file=sys.stderr, flush=True)
    told = [each for row in rows for each in row[2]]
    what = f"{args.detector} at {args.size} px, {args.frames} frames x {args.seeds} seeds, exact values"
    show_ratio(np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows]), told, what)


def many(args: argparse.Namespace) -> None:
    """More segments than can be tabled; tells after each frame how it stands with those so far."""
    import hashlib

    from benchmarks.kept_game import KeptGame
    from engine.explainers.games import FrameGame
    from engine.paths import cache_dir

    detector = detector_of(args.detector, args.size)
    crops, numbers = face_crops(args.clip, detector, args.many_frames)
    folder = cache_dir() / "benchmarks" / "shap"
    folder.mkdir(parents=True, exist_ok=True)
    rows, players = [], []
    for crop, number in zip(crops, numbers, strict=True):
        labels = segments_of(crop, args.many_segments)
        named = (detector.weights_sha256, str(detector.device), crop.tobytes(), labels.tobytes())
        name = hashlib.sha256(b"".join(part if isinstance(part, bytes) else part.encode() for part in named))
        value = KeptGame(FrameGame(detector, crop[None], labels), folder / f"{name.hexdigest()[:24]}.samples")
        reference = by_shap(value, value.players, args.reference, 10_000)
        rows.append(errors_of(value, reference, args.seeds))
        players.append(value.players)
        print(f"frame {number}: {players[-1]} segments, {len(value.known)} passes", file=sys.stderr, flush=True)
        what = (
            f"{args.detector} at {args.size} px, {min(players)} to {max(players)} segments, {len(rows)} frames x "
            f"{args.seeds} seeds, reference: shap with {args.reference} samples"
        )
        told = [each for row in rows for each in row[2]]
        show_ratio(np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows]), told, what)


def cost(args: argparse.Namespace) -> None:
    """One frame at full size."""
    from engine.explainers.kernel_shap import KernelShap, KernelShapSettings

    detector = detector_of(args.detector, None)
    crops, _ = face_crops(args.clip, detector, 1)
    spent = [0.0, 0.0]
    network = detector.network.forward

    def watched(x: Any) -> Any:
        start, processor = time.perf_counter(), time.process_time()
        try:
            return network(x)
        finally:
            spent[0] += time.perf_counter() - start
            spent[1] += time.process_time() - processor

    detector.network.forward = watched
    print(
        "\n| settings | samples | passes | wall | processor | network, of wall | of processor |\n|---"
        + "|---" * 6
        + "|"
    )
    for name, chosen in (
        ("samples=1000, as in figure 5 of P002", KernelShapSettings(samples=1000)),
        ("default", KernelShapSettings()),
    ):
        spent[:] = [0.0, 0.0]
        start, processor = time.perf_counter(), time.process_time()
        maps = KernelShap(chosen).explain(detector, crops)
        wall, used = time.perf_counter() - start, time.process_time() - processor
        passes = int(maps.passes.sum())
        print(
            f"| {name} | {passes - 2} | {passes} | {wall:.1f} s | {used:.1f} s | {spent[0] / wall:.1%} "
            f"| {spent[1] / used:.1%} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the tables of all coalitions")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--segments", type=int, default=12)
    parser.add_argument("--size", type=int, default=96, help="side of the crops for the ratios")
    parser.add_argument("--many-frames", type=int, default=3)
    parser.add_argument("--many-segments", type=int, default=100)
    parser.add_argument("--reference", type=int, default=200_000)
    parser.add_argument("--detector", default="frame-mobile")
    parser.add_argument("--only", nargs="+", choices=("ratio", "many", "cost"), default=("ratio", "many", "cost"))
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
    for name, work in (("cost", cost), ("ratio", few), ("many", many)):
        if name in args.only:
            work(args)


if __name__ == "__main__":
    main()
