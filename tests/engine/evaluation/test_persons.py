"""Groups of videos by the persons in them, against the connected components of a graph."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from engine.evaluation.persons import tied_groups


def test_a_swap_ties_the_persons_whose_faces_it_joins() -> None:
    persons = [("a",), ("b",), ("a", "b"), ("c",), ("d", "e"), ("e", "c")]
    assert tied_groups(persons).tolist() == [0, 0, 0, 1, 1, 1]


def test_groups_are_the_connected_components_of_videos_and_persons() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        videos = [rng.choice(40, rng.integers(1, 4), replace=False).tolist() for _ in range(30)]
        ties = [(row, 30 + person) for row, those in enumerate(videos) for person in those]
        edges = coo_array((np.ones(len(ties)), np.transpose(ties)), shape=(70, 70))
        _, wanted = connected_components(edges, directed=False)
        found = tied_groups([[str(person) for person in those] for those in videos])
        same = wanted[:30, None] == wanted[:30]
        np.testing.assert_array_equal(found[:, None] == found, same)
        assert sorted(set(found.tolist())) == list(range(found.max() + 1))
