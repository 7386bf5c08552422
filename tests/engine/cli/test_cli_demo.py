"""`demo` makes the clip where it is told and opens the window on it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine import cli, paths
from engine.exports import demo_clip


@pytest.mark.parametrize(("extra", "folder"), [([], "demo"), (["--out", "{tmp}/mine"], "mine")])
@pytest.mark.parametrize("window", [True, False])
def test_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: list[str], folder: str, window: bool
) -> None:
    monkeypatch.setattr(demo_clip, "FRAMES", 4)
    monkeypatch.setattr(demo_clip, "FORGED", (1, 2))
    opened: list[Path] = []

    def show(files: Sequence[Path]) -> int:
        opened.extend(files)
        return 0

    words = ["demo", *(word.format(tmp=tmp_path) for word in extra), *([] if window else ["--no-window"])]
    assert cli.run(words, show) == 0
    place = (tmp_path if extra else paths.data_dir()) / folder
    assert sorted(p.name for p in place.iterdir()) == ["demo.json", "demo.mp4", "demo_mask.npz"]
    assert opened == ([place / "demo.mp4"] if window else [])
