from pathlib import Path

import pytest
from random_weights import write_random_weights


@pytest.fixture(scope="session")
def mobile_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random weights of frame-mobile; not to be changed."""
    return write_random_weights(tmp_path_factory.mktemp("weights"), "frame-mobile")
