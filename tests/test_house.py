"""Rules of the house that no linter knows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {
    "main.py", "gui", "engine", "weights", "resources", "tests", "pyproject.toml",
    "README.md", "LICENSE", ".ci", ".gitignore", "docs", "benchmarks",
}  # fmt: skip


def _tracked() -> list[str]:
    try:
        done = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return done.stdout.splitlines()


def test_only_the_agreed_names_lie_at_the_top() -> None:
    assert {name.split("/")[0] for name in _tracked()} <= TOP_LEVEL


def test_main_stays_under_60_lines() -> None:
    assert len((PROJECT / "main.py").read_text().splitlines()) < 60


@pytest.mark.parametrize("pattern", [r"\bprocessEvents\b", r"\btime\.sleep\(", r"\.readline\(", r"\bmsleep\("])
def test_the_window_never_waits(pattern: str) -> None:
    hits = [p for p in (PROJECT / "gui").rglob("*.py") if re.search(pattern, p.read_text(encoding="utf-8"))]
    assert not hits


@pytest.mark.parametrize(
    "pattern",
    [r"\bimport pickle\b", r"(?<!safetensors\.)\btorch\.load\(", r"\beval\(\s*['\"f]", r"allow_pickle=True"],
)
def test_loading_a_file_never_runs_code(pattern: str) -> None:
    hits = [p for p in (PROJECT / "engine").rglob("*.py") if re.search(pattern, p.read_text(encoding="utf-8"))]
    assert not hits


def test_importing_the_window_imports_no_torch() -> None:
    code = "import sys, gui.app, gui.main_window; sys.exit(any(m.split('.')[0] == 'torch' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


def test_importing_the_engine_imports_no_qt() -> None:
    code = (
        "import sys, engine.runtime.worker, engine.cli, engine.exports.clip;"
        "sys.exit(any(m.split('.')[0] in ('PySide6', 'pyqtgraph') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
