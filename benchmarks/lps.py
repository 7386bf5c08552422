"""What the parts of LPS cost on this processor for a face of 180 frames: P001's efficiency analysis, on a CPU.

    python benchmarks/lps.py [--threads 1 2] [--runs 3] [--networks full compact]

180 frames are 36 examples, each encoded once and by itself with batch normalisation folded, and 5 windows that
begin every 30 frames. The aggregator goes over all windows in both directions, the predictor foretells 9 examples
of each window in both. Random weights, float32. Per part the least time of the wall clock and the median time of
the processor's threads together, over the runs; the load average stands below. Prints a table in Markdown.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

FRAMES = 180


def times_of(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Least wall time and median processor time of `work`, milliseconds."""
    work()
    wall, processor = [], []
    for _ in range(runs):
        before = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - before[0])
        processor.append(time.process_time() - before[1])
    return 1000 * min(wall), 1000 * statistics.median(processor)


def parts_of(name: str) -> dict[str, Callable[[], object]]:
    """The parts of a network, each on what the one before it would give."""
    import torch

    from engine.detectors.folding import fold_batch_norm
    from engine.detectors.lps_windows import EXAMPLE_FRAMES, STRIDE, window_clips
    from engine.networks.lps.config import COMPACT, LpsConfig
    from engine.networks.lps.network import Lps

    network = Lps({"full": LpsConfig(), "compact": COMPACT}[name]).eval()
    fold_batch_norm(network)
    example = torch.randn(1, 1, 3, EXAMPLE_FRAMES, network.config.size, network.config.size)
    step, count = STRIDE // EXAMPLE_FRAMES, network.config.examples
    windows = len(window_clips(0, FRAMES - 1))

    def encoded() -> torch.Tensor:
        z = torch.cat([network.encode(example)[0] for _ in range(FRAMES // EXAMPLE_FRAMES)])
        return torch.stack([z[at : at + count] for at in range(0, windows * step, step)])

    z = encoded()
    contexts = [network.contexts(z, reverse=reverse) for reverse in (False, True)]
    seen = [context[:, 2:-1].flatten(0, 1) for context in contexts]
    descriptors = network.descriptors(z)
    return {
        "encoder": encoded,
        "aggregator": lambda: [network.contexts(z, reverse=reverse) for reverse in (False, True)],
        "classifier": lambda: network.classifier(descriptors),
        "predictor": lambda: [network.predictor(context) for context in seen],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--networks", nargs="+", choices=("full", "compact"), default=("full", "compact"))
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(max(args.threads))
    from engine.runtime.loading import load

    torch = load("torch")  # its threads sleep while they wait, as in the application
    torch.manual_seed(0)
    load_before = os.getloadavg()[0]
    print("| network | threads | part | wall, least | processor, median |\n|---|---|---|---|---|")
    with torch.inference_mode():
        for name in args.networks:
            parts = parts_of(name)
            for threads in args.threads:
                torch.set_num_threads(threads)
                for part, work in parts.items():
                    wall, processor = times_of(work, args.runs)
                    print(f"| {name} | {threads} | {part} | {wall:.2f} ms | {processor:.2f} ms |", flush=True)
    print(f"\nLoad average {load_before:.1f} before and {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
