"""What the networks cost on this processor: scoring a crop or a clip of snippets, and training on crops.

    python benchmarks/networks.py [--threads 1] [--seconds 1.0] [--only score onnx snippets] [--detectors ...]

Random weights: they cost what trained ones do. Times are of the processor's threads together, divided by their
number, so that other work on the machine counts little; each is the median of as many passes as fit into the
seconds, three at least. Training is a step of the trainer without the making of its batches: forward, backward,
AdamW, in bf16 with channels last. Scoring is also compared with ONNX Runtime, both in float32 and by turns; there
the times of all threads are added up, and "least" is that of the quickest pass. So it is with snippet networks,
by turns with and without their modules. Prints tables in Markdown.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TRAINED = ("frame-b4", "frame-b4-attention", "frame-b4-ltpa")
BATCH = 8


def seconds_of(work: Callable[[], object], seconds: float, threads: int) -> float:
    """Median time of the processor that `work` takes, per thread."""
    work()
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.process_time()
        work()
        times.append((time.process_time() - before) / threads)
    return statistics.median(times)


def crops(count: int, size: int) -> Any:
    import torch

    return torch.randn(count, 3, size, size).contiguous(memory_format=torch.channels_last)


def score_table(detectors: Sequence[str], seconds: float, threads: int) -> None:
    """Milliseconds a crop, folded as detectors are."""
    import torch

    from engine.detectors.folding import fold_batch_norm
    from engine.detectors.specs import detector_spec

    print("| network | size | parameters | float32, 1 | float32, 8 | bf16, 1 | bf16, 8 |")
    print("|---|---|---|---|---|---|---|")
    for detector_id in detectors:
        spec = detector_spec(detector_id)
        network = spec.build(spec.size).eval()
        parameters = sum(p.numel() for p in network.parameters()) / 1e6
        fold_batch_norm(network)
        network = network.to(memory_format=torch.channels_last)
        row = [detector_id, str(spec.size), f"{parameters:.1f} M"]
        for bf16 in (False, True):
            for batch in (1, BATCH):
                x = crops(batch, spec.size)
                with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    taken = seconds_of(lambda network=network, x=x: network(x), seconds, threads)
                row.append(f"{taken / batch * 1000:.0f} ms")
        print(f"| {' | '.join(row)} |", flush=True)


def onnx_table(detectors: Sequence[str], seconds: float, threads: int) -> None:
    """Milliseconds a crop with torch as detectors use it, and with ONNX Runtime from an export of the same."""
    import torch

    from engine.detectors.folding import fold_batch_norm
    from engine.detectors.specs import detector_spec

    print(
        "| network | crops at a time | torch | ONNX Runtime | ratio | torch, least | ONNX Runtime, least | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for detector_id in detectors:
        spec = detector_spec(detector_id)
        network = spec.build(spec.size).eval()
        fold_batch_norm(network)
        network = network.to(memory_format=torch.channels_last)
        session = onnx_session(network, spec.size, threads)
        for batch in (1, 4, 16):
            x = crops(batch, spec.size)
            fed = {"crops": x.contiguous().numpy()}
            with torch.inference_mode():
                taken = by_turns((partial(network, x), partial(session.run, None, fed)), seconds)
            row = [detector_id, str(batch)]
            for one, other in zip(*taken, strict=True):
                ms = [1000 * each / batch for each in (one, other)]
                row += [f"{ms[0]:.1f} ms", f"{ms[1]:.1f} ms", f"{ms[0] / ms[1]:.2f}"]
            print(f"| {' | '.join(row)} |", flush=True)


def onnx_session(network: Any, size: int, threads: int) -> Any:
    """A network in ONNX Runtime, on so many threads that sleep while they wait, as torch's do."""
    import io
    import warnings

    import onnxruntime
    import torch

    data = io.BytesIO()
    axes = {"crops": {0: "n"}, "logit": {0: "n"}}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, size, size),),
            data,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=17,
            input_names=["crops"],
            output_names=["logit"],
            dynamic_axes=axes,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(data.getvalue(), options, providers=["CPUExecutionProvider"])


def by_turns(works: Sequence[Callable[[], object]], seconds: float) -> list[tuple[float, float]]:
    """Per work the median and the least time of the processor's threads together."""
    spent: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    start = time.perf_counter()
    while len(spent[0]) < 5 or time.perf_counter() - start < seconds:
        for work, times in zip(works, spent, strict=True):
            before = time.process_time()
            work()
            times.append(time.process_time() - before)
    return [(statistics.median(times), min(times)) for times in spent]


def snippet_table(backbones: Sequence[Any], seconds: float) -> None:
    """Seconds a clip of 8 snippets of 4 frames, folded, without modules, with both kinds and with each alone."""
    import torch

    from engine.networks.snippets.config import SnippetConfig

    print("| trunk | alone | with modules | more | Intra-SIM | Inter-SIM | least alone | with modules | more |")
    print("|---|---|---|---|---|---|---|---|---|")
    for backbone in backbones:
        configs = (
            SnippetConfig(backbone, stages=()),
            SnippetConfig(backbone),
            SnippetConfig(backbone, inter=False),
            SnippetConfig(backbone, intra=False),
        )
        size = configs[0].size
        x = crops(32, size).view(1, 8, 4, 3, size, size)
        with torch.inference_mode():
            taken = by_turns([partial(snippet_network(config), x) for config in configs], seconds)
        (alone, least), (both, least_both), (intra, _), (inter, _) = taken
        row = [backbone, f"{alone:.2f} s", f"{both:.2f} s", f"{both / alone - 1:+.0%}"]
        row += [f"{intra / alone - 1:+.0%}", f"{inter / alone - 1:+.0%}"]
        row += [f"{least:.2f} s", f"{least_both:.2f} s", f"{least_both / least - 1:+.0%}"]
        print(f"| {' | '.join(row)} |", flush=True)


def snippet_network(config: Any) -> Any:
    """As a detector would have it."""
    import torch

    from engine.detectors.folding import fold_batch_norm
    from engine.networks.snippets.network import build_snippet_network

    network = build_snippet_network(config).eval()
    fold_batch_norm(network)
    return network.to(memory_format=torch.channels_last)


def train_table(
    detectors: Sequence[str], sizes: Sequence[int], frozen: Sequence[int], seconds: float, threads: int
) -> None:
    """Crops a second of training steps."""
    heads = " | ".join(f"{n} frozen stages" for n in frozen)
    print(f"| network | size | {heads} |\n|---|---|{'---|' * len(frozen)}")
    for detector_id in detectors:
        for size in sizes:
            rates = [BATCH / seconds_of(training_step(detector_id, size, n), seconds, threads) for n in frozen]
            print(f"| {detector_id} | {size} | {' | '.join(f'{rate:.1f}' for rate in rates)} |", flush=True)


def training_step(detector_id: str, size: int, frozen: int) -> Callable[[], None]:
    """One step on a batch that stays the same."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from engine.detectors.specs import detector_spec

    network = detector_spec(detector_id).build(size).to(memory_format=torch.channels_last)
    trunk: Any = network.trunk
    still = [trunk.conv_stem, trunk.bn1, *trunk.blocks[:frozen]] if frozen else []
    network.train()
    for part in still:
        part.eval().requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-5)
    x, labels = crops(BATCH, size), torch.arange(BATCH) % 2 * 1.0

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(x)
        optimiser.zero_grad(set_to_none=True)
        binary_cross_entropy_with_logits(logits.float(), labels).backward()
        optimiser.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure, default: %(default)s")
    parser.add_argument(
        "--only", nargs="+", choices=("score", "train", "onnx", "snippets"), default=("score", "train")
    )
    parser.add_argument(
        "--detectors",
        nargs="+",
        help="default: all to score, three of B4 to train, frame-mobile for onnx, all trunks for snippets",
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=(128, 160, 380), help="of the crops trained on")
    parser.add_argument("--frozen", type=int, nargs="+", default=(0, 3, 5), help="leading stages that stay")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    from engine.runtime.loading import load

    torch = load("torch")  # its threads sleep while they wait, as in the application
    from engine.detectors.specs import SPECS

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(f"{args.threads} thread(s), batches of {BATCH} to train\n")
    if "score" in args.only:
        score_table(args.detectors or tuple(SPECS), args.seconds, args.threads)
        print()
    if "train" in args.only:
        train_table(args.detectors or TRAINED, args.sizes, args.frozen, args.seconds, args.threads)
    if "onnx" in args.only:
        onnx_table(args.detectors or ("frame-mobile",), args.seconds, args.threads)
    if "snippets" in args.only:
        from engine.networks.snippets.config import Backbone

        snippet_table(args.detectors or get_args(Backbone), args.seconds)


if __name__ == "__main__":
    main()
