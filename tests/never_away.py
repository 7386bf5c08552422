"""Holds that a scene keeps the event loop of the window alive, on a machine that has other work, too."""

from collections.abc import Callable

from benchmarks.event_loop import Gap, LoopWatch

LONGEST = 0.05
"""Seconds that the event loop may be away."""
TRIES = 3


def assert_never_away(scene: Callable[[LoopWatch], None]) -> None:
    """Play a scene until the loop is away in it no longer than LONGEST, TRIES times at most.

    Other programs can spoil the wall clock in ways that the kernel does not tell, and even the processor time of
    one's own work, which swells by two thirds while another virtual machine shares the core. So one clean scene is
    asked for: what the program does to the loop it does in each of them.

    Args:
        scene: starts and stops the watch it is given. It has to begin anew each time, with nothing in hand from
            the time before.
    """
    held = []
    for _ in range(TRIES):
        watch = LoopWatch()
        scene(watch)
        if watch.longest_held().held <= LONGEST:  # no less than its own work
            return
        held.append(shares(watch.gaps))
    raise AssertionError(f"The loop was away in each of {TRIES} scenes: {' | '.join(held)}")


def shares(gaps: list[Gap]) -> str:
    """The longest absences of the loop in words, for the report of a failure."""
    worst = sorted(gaps, key=lambda gap: -gap.wall)[:5]
    return "; ".join(
        f"{g.wall * 1e3:.0f} ms (own work {g.cpu * 1e3:.0f}, queued {g.queued * 1e3:.0f}, "
        f"another thread queued {g.other_queued * 1e3:.0f})"
        for g in worst
    )
