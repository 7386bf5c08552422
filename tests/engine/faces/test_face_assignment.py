"""The cheapest assignment, against every assignment there is."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from engine.faces.assignment import cheapest_pairs


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_no_assignment_is_cheaper(rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows * 10 + columns)
    few = min(rows, columns)
    for _ in range(20):
        cost = rng.normal(size=(rows, columns))
        pairs = cheapest_pairs(cost)
        assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == few
        every = (
            sum(cost[a, b] for a, b in zip(some_rows, some_columns, strict=True))
            for some_rows in itertools.combinations(range(rows), few)
            for some_columns in itertools.permutations(range(columns), few)
        )
        assert sum(cost[pair] for pair in pairs) == pytest.approx(min(every))


def test_the_solver_is_not_loaded_for_one_face() -> None:
    code = (
        "import sys, numpy as np\n"
        "import engine.faces.tracking, engine.faces.linking\n"
        "from engine.faces.assignment import cheapest_pairs\n"
        "cheapest_pairs(np.zeros((1, 3))), cheapest_pairs(np.zeros((3, 1)))\n"
        "sys.exit('scipy.optimize' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
