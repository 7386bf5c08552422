"""The papers' ablations at a small scale, and the document of what they gave.

    python benchmarks/ablations.py {dpnet,lps,snippet} --data DIR --out DIR [--only NAME ...] [--steps N]
    python benchmarks/ablations.py {dpnet,lps,snippet} --list
    python benchmarks/ablations.py document --out DIR

Each configuration of a table is trained by the application's own training, with the same seed and the same clips,
and judged on the same clips of held-out persons. One that is finished is not run again; one that is stopped
(Ctrl+C, SIGTERM) goes on from its checkpoint when the same command is given. `document` writes docs/ablations.md
and docs/ablations.json from what lies in --out, and says what was not run. Set OMP_NUM_THREADS=1: it is made for
one core.
"""

import argparse
import signal
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("dpnet", "lps", "snippet", "document"))
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data set; its dev split is never opened")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of results and weights")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="configurations, see --list")
    parser.add_argument("--steps", type=int, default=0, metavar="N", help="of each phase, instead of its own")
    parser.add_argument("--list", action="store_true", help="name the configurations and end")
    args = parser.parse_args()

    from benchmarks.ablation.configurations import TABLES

    if args.what == "document":
        from benchmarks.ablation.document import write_document

        if args.out is None:
            parser.error("document needs --out")
        print(f"Written: {', '.join(map(str, write_document(args.out, PROJECT / 'docs')))}")
        return 0
    table = TABLES[args.what]
    if args.list:
        print("\n".join(f"{one.name}: {one.stands_for}" for one in table.configurations))
        return 0
    if args.data is None or args.out is None or args.steps < 0:
        parser.error("a table needs --data and --out, and --steps, if given, above 0")
    unknown = set(args.only) - {one.name for one in table.configurations}
    if unknown:
        parser.error(f"there is no configuration {unknown.pop()!r}; --list names them")

    import cv2
    import torch

    from benchmarks.ablation.running import Run, run_table
    from engine.cli.session import say, signals_cancel
    from engine.errors import CancelledError, TellframeError
    from engine.progress import CancelToken
    from engine.training.datasets import read_dataset

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    token = CancelToken()
    try:
        with signals_cancel(token, signal.SIGINT, signal.SIGTERM):
            run_table(Run(table, read_dataset(args.data), args.out, args.steps), args.only, token, say)
    except CancelledError:
        print("Stopped; the same command goes on")
        return 1
    except TellframeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
