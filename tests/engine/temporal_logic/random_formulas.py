"""Random traces and random formulas that are closed and mean something on them."""

import numpy as np

from engine.temporal_logic import syntax as s
from engine.temporal_logic.trace import Trace, make_trace

SERIES = ("a", "b")
PARAMETERS = {"c": 0.25, "d": -0.5}
SETS = ("fake", "real", "all", "own", "other", "jitter")


def random_trace(rng: np.random.Generator, steps: int | None = None, each: int | None = None) -> Trace:
    """Values on a coarse grid, so that equal ones are common."""
    steps = int(rng.integers(1, 7)) if steps is None else steps
    fakes, reals = (int(rng.integers(0, 3)), int(rng.integers(1, 3))) if each is None else (each, each)
    names = {"fake": [f"f{n}" for n in range(fakes)], "real": [f"r{n}" for n in range(reals)]}
    jitter = [name for name in names["fake"] + names["real"] if rng.random() < 0.5]
    return make_trace(
        "a random trace",
        np.cumsum(rng.integers(1, 4, steps)),
        str(rng.choice(["fake", "real"])),
        {name: rng.integers(-4, 5, steps) / 4 for name in SERIES},
        {name: rng.integers(0, 9, steps) / 8 for name in names["fake"] + names["real"]},
        {**names, "jitter": jitter},
    )


class Formulas:
    """Draws formulas.

    Args:
        plain: only what signal temporal logic has, too: no classes, prototypes, frozen times or constraints.
    """

    def __init__(self, rng: np.random.Generator, *, plain: bool = False) -> None:
        self._rng, self._plain = rng, plain

    def formula(self, depth: int, times: tuple[str, ...] = (), prototypes: tuple[str, ...] = ()) -> s.Formula:
        if depth == 0 or self._rng.random() < 0.08:
            return self._atom(times, prototypes)

        def inner(more_times: tuple[str, ...] = (), more_prototypes: tuple[str, ...] = ()) -> s.Formula:
            # A name that is bound again means the innermost.
            return self.formula(
                depth - 1,
                tuple(dict.fromkeys(n for n in times + more_times if n not in more_prototypes)),
                tuple(dict.fromkeys(n for n in prototypes + more_prototypes if n not in more_times)),
            )

        kinds = [s.Not, s.And, s.Or, s.Implies, s.Until, s.Since, s.Eventually, s.Always, s.Once, s.Historically]
        if not self._plain:
            kinds += [s.Freeze, s.Freeze, s.Freeze, s.Exists, s.Exists, s.ForAll, s.ForAll]
        kind = kinds[int(self._rng.integers(len(kinds)))]
        if kind in (s.And, s.Or):
            return kind(tuple(inner() for _ in range(int(self._rng.integers(2, 4)))))
        if kind in (s.Implies, s.Until, s.Since):
            return kind(inner(), inner())
        if kind is s.Freeze:
            name = str(self._rng.choice(["t", "u", "t'"]))
            return s.Freeze(name, inner((name,)))
        if kind in (s.Exists, s.ForAll):
            name = str(self._rng.choice(["p", "q", "t"]))
            at = str(self._rng.choice(times)) if times and self._rng.random() < 0.5 else None
            return kind(name, inner((), (name,)), at, str(self._rng.choice(SETS)))
        return kind(inner())

    def crossing(self) -> s.Formula:
        """Two frozen times and two prototypes, compared with each other under conditions, as in P000."""
        times, prototypes = ("t", "u"), ("p", "q")
        body: s.Formula = self._predicate(times, prototypes, depth=3)
        for _ in range(int(self._rng.integers(0, 3))):
            other = self._atom(times, prototypes) if self._rng.random() < 0.6 else self._window()
            kinds = (s.And((body, other)), s.Or((body, other)), s.Implies(other, body))
            body = kinds[int(self._rng.integers(3))]
        for time, prototype in (("u", "q"), ("t", "p")):
            quantifier = (s.Exists, s.ForAll)[int(self._rng.integers(2))]
            body = quantifier(prototype, body, None, str(self._rng.choice(SETS)))
            if self._rng.random() < 0.3:
                body = s.Not(body)
            operator = (s.Eventually, s.Always, s.Once, s.Historically)[int(self._rng.integers(4))]
            body = operator(s.Freeze(time, body))
        return body

    def _window(self) -> s.Formula:
        near = s.Arithmetic("+", s.TimeVariable("t"), s.Number(float(self._rng.integers(0, 3))))
        return s.Comparison(s.TimeVariable("u"), s.RELATIONS[int(self._rng.integers(6))], near)

    def _atom(self, times: tuple[str, ...], prototypes: tuple[str, ...]) -> s.Formula:
        draw = self._rng.random()
        if self._plain or draw < 0.55:
            return self._predicate(times, prototypes)
        if draw < 0.7 and times:
            relation = s.RELATIONS[int(self._rng.integers(6))]
            return s.Comparison(self._time(times), relation, self._time(times))
        if draw < 0.85 and prototypes:
            name = str(self._rng.choice(prototypes))
            return s.Member(name, str(self._rng.choice(SETS)), bool(self._rng.random() < 0.3))
        if draw < 0.93:
            return s.ClassIs(
                str(self._rng.choice(["fake", "real", "own", "other"])), bool(self._rng.random() < 0.3)
            )
        return s.Truth(bool(self._rng.random() < 0.5))

    def _predicate(self, times: tuple[str, ...], prototypes: tuple[str, ...], depth: int = 2) -> s.Comparison:
        relations = s.RELATIONS[:4] if self._rng.random() < 0.8 else s.RELATIONS
        while True:
            found = s.Comparison(
                self._term(times, prototypes, depth),
                relations[int(self._rng.integers(len(relations)))],
                self._term(times, prototypes, 1),
            )
            if found.is_predicate:
                return found

    def _term(self, times: tuple[str, ...], prototypes: tuple[str, ...], depth: int) -> s.Term:
        draw = self._rng.random()
        if depth and draw < 0.08:
            factor: s.Term = s.Number(float(self._rng.integers(0, 4)) / 2)
            if not self._plain and self._rng.random() < 0.5:
                factor = s.Negative(factor)
            return s.Arithmetic("*", self._term(times, prototypes, depth - 1), factor)
        if depth and draw < 0.38:
            operator = "+-*/"[int(self._rng.integers(3 if self._plain else 4))]
            right = s.Number(2.0) if operator == "/" else self._term(times, prototypes, depth - 1)
            return s.Arithmetic(operator, self._term(times, prototypes, depth - 1), right)
        if depth and draw < 0.53:
            return s.Absolute(self._term(times, prototypes, depth - 1))
        if depth and draw < 0.58 and not self._plain:
            return s.Negative(self._term(times, prototypes, depth - 1))
        if prototypes and times and draw < 0.85:
            return s.Similarity(str(self._rng.choice(times)), str(self._rng.choice(prototypes)))
        if draw < 0.9:
            time = str(self._rng.choice(times)) if times and self._rng.random() < 0.7 else None
            return s.Series(str(self._rng.choice(SERIES)), time)
        if draw < 0.95 or self._plain:
            return s.Number(float(self._rng.integers(0, 5)) / 4)
        return s.Parameter(str(self._rng.choice(list(PARAMETERS))))

    def _time(self, times: tuple[str, ...]) -> s.Term:
        draw = self._rng.random()
        variable = str(self._rng.choice(times))
        if draw < 0.5:
            return s.TimeVariable(variable)
        if draw < 0.7:
            return s.Arithmetic("+", s.TimeVariable(variable), s.Number(float(self._rng.integers(0, 3))))
        if draw < 0.8:
            return s.FrameOf(variable)
        return s.Length() if draw < 0.9 else s.Arithmetic("*", s.Stride(), s.Number(2.0))
