"""How long the specifications of P000 take on large traces, and how much memory.

    python benchmarks/temporal_logic.py [--steps 1000] [--prototypes 100]

Random similarities; half of the prototypes are fake, half real. The formulas are those of resources/specifications
with every variable and parameter renamed and every threshold changed, so that no name and no number can matter.
Each runs in a process of its own, witness included; its value is compared with the closed form. Prints a table in
Markdown.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

FORMULAS = {
    "phi_1": """parameter slack = 0.01 "" Class = own -> F(now. E mine@now, mine in P_own and
        H(then. A theirs@then, theirs in P_other -> S(now, mine) > S(then, theirs) + slack) and
        G(then. A theirs@then, theirs in P_other -> S(now, mine) > S(then, theirs) + slack))""",
    "phi_1, other order": """parameter slack = 0.01 "" F(now. E mine@now in P_own, not (
        O(then. E theirs@then in P_other, S(now, mine) - slack <= S(then, theirs)) or
        F(then. E theirs@then in P_other, S(now, mine) - slack <= S(then, theirs)))) or Class = other""",
    "phi_2": """parameter top = 0.55 "" parameter move = 0.2 "" parameter ahead = 5 ""
        G(now. A one@now, Class = own and one in P_other -> S(now, one) < top and
        G(then. now <= then and then <= now + ahead -> |S(then, one) - S(now, one)| < move))""",
    "phi_3": """parameter top = 0.55 "" G(now. A one@now, Class = own and one in P_other -> S(now, one) < top)""",
    "phi_1 as printed": """F(now. E mine@now, Class = own and mine in P_own -> G(then. 0 < then and then < T ->
        A theirs@then, theirs in P_other and S(now, mine) > S(then, theirs)))""",
}


def measured(name: str, steps: int, prototypes: int) -> dict[str, Any]:
    """In a process of its own: value, seconds and the growth of the process' memory."""
    import numpy as np

    from engine.temporal_logic.specification import parse_specification
    from engine.temporal_logic.trace import make_trace
    from engine.temporal_logic.verification import verify

    rng = np.random.default_rng(0)
    names = {kind: [f"{kind}{k}" for k in range(prototypes // 2)] for kind in ("fake", "real")}
    similarity = {each: rng.random(steps) for each in names["fake"] + names["real"]}
    trace = make_trace("a trace", range(steps), "fake", {}, similarity, names)
    fake, real = (np.stack([similarity[each] for each in names[kind]], axis=1) for kind in ("fake", "real"))
    wanted = {
        "phi_1": fake.max() - (real.max() + 0.01),
        "phi_1, other order": (fake.max() - 0.01) - real.max(),
        "phi_2": min(
            min((0.55 - real[t]).min(), (0.2 - np.abs(real[t : t + 6] - real[t])).min()) for t in range(steps)
        ),
        "phi_3": (0.55 - real).min(),
        "phi_1 as printed": np.inf,
    }
    specification = parse_specification(FORMULAS[name], name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor = time.perf_counter(), time.process_time()
    found = verify(specification, trace)
    return {
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "grown": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        "value": found.robustness,
        "right": found.robustness == wanted[name],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--prototypes", type=int, default=100)
    args = parser.parse_args()
    print("| formula | wall | processor | peak memory | grown by | value | as the closed form |")
    print("|---|---|---|---|---|---|---|")
    for name in FORMULAS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measured, (name, args.steps, args.prototypes))
        print(
            f"| {name} | {found['wall']:.2f} s | {found['processor']:.2f} s | {found['memory']:.0f} MiB "
            f"| {found['grown']:.0f} MiB | {found['value']:.6f} | {'yes' if found['right'] else 'NO'} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
