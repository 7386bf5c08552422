"""The sanity badge: its thresholds and interval by hand, and a file that only counts for the weights it names."""

from pathlib import Path

import pytest
from scipy import stats

from engine.errors import WeightsError
from engine.evaluation.explanations.badge import (
    EXPLANATIONS,
    OTHER_SETTINGS,
    Measured,
    find_sanity,
    read_measured,
    record_measured,
    sanity_of,
)
from engine.explainers.registry import load_explainer
from engine.results import NOT_MEASURED, canonical

SHA = "ab" * 32
GRADCAM = load_explainer("gradcam", "frame-mobile")


def measured(*videos: float, explainer: str = "gradcam", settings: str | None = None) -> Measured:
    text = canonical(GRADCAM.settings) if settings is None else settings
    return Measured(explainer, text, videos, 4 * len(videos), 3, "2025-01-31")


def test_the_interval_is_students() -> None:
    values = (0.1, 0.2, 0.4, 0.15, 0.3)
    low, high = stats.t.interval(0.95, 4, loc=stats.tmean(values), scale=stats.sem(values))
    assert measured(*values).upper == pytest.approx(high)
    assert measured(*values).mean == pytest.approx((low + high) / 2)


@pytest.mark.parametrize(
    ("videos", "verdict"),
    [
        ((0.1, 0.12, 0.08, 0.1), "passes"),
        ((0.2, 0.2, 0.2, 0.2), "passes"),
        ((0.3, 0.3, 0.3, 0.3), "weak"),
        ((0.05, 0.05, 0.05, 0.6), "weak"),  # a mean of 0.19 that four videos do not make sure
        ((0.49, 0.49, 0.49, 0.49), "weak"),
        ((0.5, 0.5, 0.5, 0.5), "fails"),
        ((1.0, 0.9, 0.8, 0.1), "fails"),
        ((0.1, 0.1, 0.1), "not measured"),
        ((), "not measured"),
    ],
)
def test_the_verdict_and_its_reason(videos: tuple[float, ...], verdict: str) -> None:
    found = sanity_of(measured(*videos))
    assert found.verdict == verdict
    assert f"{len(videos)} videos" in found.reason
    if verdict != "not measured":
        assert f"{sum(videos) / len(videos):.2f} on average" in found.reason


def test_it_is_found_for_the_same_weights_explainer_and_settings_alone(tmp_path: Path) -> None:
    assert find_sanity(None, SHA, GRADCAM) == NOT_MEASURED
    assert find_sanity(tmp_path, SHA, GRADCAM) == NOT_MEASURED
    record_measured(tmp_path, SHA, [measured(0.1, 0.1, 0.1, 0.1)])
    assert find_sanity(tmp_path, SHA, GRADCAM).verdict == "passes"
    assert find_sanity(tmp_path, "cd" * 32, GRADCAM) == NOT_MEASURED, "of other weights"
    other = load_explainer("gradcam", "frame-mobile", {"layer": "trunk.blocks.2"})
    assert find_sanity(tmp_path, SHA, other) == OTHER_SETTINGS
    assert find_sanity(tmp_path, SHA, load_explainer("kernel-shap", "frame-mobile")) == NOT_MEASURED


def test_recording_replaces_the_same_keeps_others_and_drops_stale_ones(tmp_path: Path) -> None:
    record_measured(tmp_path, "cd" * 32, [measured(0.9, 0.9, 0.9, 0.9, explainer="old")])
    one, two = measured(0.1, 0.2, 0.3, 0.4), measured(0.5, explainer="kernel-shap", settings='{"a":"ü \\" x"}')
    record_measured(tmp_path, SHA, [one, two])
    assert read_measured(tmp_path, SHA) == (one, two)
    assert read_measured(tmp_path, "cd" * 32) == ()
    newer = measured(0.6, 0.6, 0.6, 0.6)
    record_measured(tmp_path, SHA, [newer])
    assert read_measured(tmp_path, SHA) == (newer, two)
    assert [path.name for path in tmp_path.iterdir()] == [EXPLANATIONS]


def row(explainer: str = '"gradcam"', videos: str = "[0.5]") -> str:
    return (
        f'weights_sha256 = "{SHA}"\n[[sanity]]\nexplainer = {explainer}\nsettings = ""\nvideos = {videos}\n'
        'frames = 1\ndraws = 1\ndate = "x"'
    )


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        "",
        f'weights_sha256 = "{SHA}"',
        f'weights_sha256 = "{SHA}"\nsanity = 3',
        f'weights_sha256 = "{SHA}"\n[[sanity]]\nexplainer = "gradcam"',
        row(videos="[2.0]"),
        row(videos="[nan]"),
        row(videos="0.5"),
        row(explainer="7"),
    ],
)
def test_a_broken_file_is_told_and_counts_as_not_measured(tmp_path: Path, text: str) -> None:
    (tmp_path / EXPLANATIONS).write_text(text)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_measured(tmp_path, SHA)
    found = find_sanity(tmp_path, SHA, GRADCAM)
    assert found.verdict == "not measured"
    assert EXPLANATIONS in found.reason


def test_a_whole_row_is_read(tmp_path: Path) -> None:
    (tmp_path / EXPLANATIONS).write_text(row())
    assert len(read_measured(tmp_path, SHA)) == 1
