"""The only place that knows where files live."""

from pathlib import Path

import platformdirs

PROJECT = Path(__file__).resolve().parent.parent
RESOURCES = PROJECT / "resources"
WEIGHTS = PROJECT / "weights"


def config_dir() -> Path:
    """Where settings and the key map of the user live; made on demand."""
    return Path(platformdirs.user_config_dir("tellframe", appauthor=False, ensure_exists=True))


def data_dir() -> Path:
    """Where cases without a place of their own and the user's own weights live; made on demand."""
    return Path(platformdirs.user_data_dir("tellframe", appauthor=False, ensure_exists=True))


def cache_dir() -> Path:
    """Where anything that can be computed again lives (frame indexes, crops); made on demand."""
    return Path(platformdirs.user_cache_dir("tellframe", appauthor=False, ensure_exists=True))


def weights_dirs() -> tuple[Path, ...]:
    """Folders searched for `ID/model.safetensors`, the user's own first."""
    return (data_dir() / "weights", WEIGHTS)
