"""The JSON of an evaluation holds all from which its figures follow; reports say what they must."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from judged_samples import judged, many
from sklearn.metrics import roc_auc_score

from engine.evaluation.document import Paragraph, Table, as_html, as_markdown
from engine.evaluation.evaluate import Settings
from engine.evaluation.parts import DEV
from engine.evaluation.perturbations import LEVELS
from engine.evaluation.record import Header, Run, as_data, measured_run, recompute
from engine.evaluation.report import report_files

SETTINGS = Settings(threshold=0.6, draws=200, seed=3)
HEADER = Header(
    {"id": "frame-mobile", "weights_sha256": "ab" * 32, "device": "cpu", "precision": "float32"},
    "validation",
    "held-out persons of the training data",
    5,
    SETTINGS,
    "python main.py evaluate frame-mobile --data <here>",
    "2026-11-21",
    ("Leaks persons: on purpose",),
)


def run(name: str = "set", seed: int = 0, main: str = "held-out persons", **facts: object) -> Run:
    return measured_run(name, "made: validation", main, many(seed), SETTINGS, {"bad.mp4": "It is empty"}, facts)


def test_all_figures_follow_from_the_json_alone() -> None:
    data = json.loads(json.dumps(as_data(HEADER, [run()]), allow_nan=False))
    assert recompute(data) == [data["measures"]]
    assert len(data["measures"]) > 50
    several = json.loads(json.dumps(as_data(HEADER, [run("a"), run("b", 1)]), allow_nan=False))
    assert recompute(several) == [each["measures"] for each in several["runs"]]
    assert several["runs"][0]["measures"] != several["runs"][1]["measures"]
    data["videos"][3]["scores"][0]["probability"][0] = 0.987
    assert recompute(data) != [data["measures"]]


def test_the_json_states_what_was_done() -> None:
    data = as_data(HEADER, [run()])
    assert data["detector"]["weights_sha256"] == "ab" * 32
    assert (data["threshold"], data["bootstrap"]) == (0.6, {"draws": 200, "seed": 3, "level": 0.95})
    assert data["unread"] == {"bad.mp4": "It is empty"}
    assert data["without_a_face"] == ["blank"]
    assert "Leaks persons: on purpose" in data["warnings"]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(data["roc"], data["roc"][1:], strict=False))
    seen = [v for v in data["videos"] if v["fake_probability"] is not None]
    expected = roc_auc_score([v["label"] for v in seen], [v["fake_probability"] for v in seen])
    assert area == pytest.approx(expected)
    auc = next(m for m in data["measures"] if m["metric"] == "AUC")
    assert auc["value"] == pytest.approx(expected)


def test_a_report_states_figures_warnings_and_origin() -> None:
    data = as_data(HEADER, [run()])
    files = report_files(HEADER, [run()])
    assert set(files) == {"report.html", "report.md", "roc-0.svg", "scores-0.svg"}
    auc = next(m for m in data["measures"] if m["metric"] == "AUC")
    for text in (files["report.html"], files["report.md"]):
        assert f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})" in text
        for words in ("ab" * 32, "Leaks persons: on purpose", "seed 3", "2026-11-21", "bad.mp4", "method swap"):
            assert words in text
    assert "--data &lt;here&gt;" in files["report.html"]
    assert "src=" not in files["report.html"]  # nothing from outside
    assert "](roc-0.svg)" in files["report.md"]
    for name, content in files.items():
        if name.endswith(".svg"):
            ET.fromstring(content)  # noqa: S314 - it was made here
            assert "nan" not in content


def test_accuracy_alone_where_a_protocol_says_so() -> None:
    text = report_files(HEADER, [run()], only_accuracy=True)["report.md"]
    (head,) = re.findall(r"^\|  \| real .*$", text, re.MULTILINE)
    assert "accuracy" in head
    assert "AUC" not in head


def test_a_ladder_draws_one_curve_per_kind() -> None:
    runs = [run("clean")]
    runs += [run(f"{k} {n}", n, kind=k, level=n) for k in ("blur", "noise") for n in (1, 2, 3, 4, 5)]
    files = report_files(HEADER, runs)
    assert set(files) == {"report.html", "report.md", "ladder.svg"}
    drawn = files["ladder.svg"]
    assert [kind for kind in LEVELS if f">{kind}<" in drawn] == ["noise", "blur"]
    assert len(re.findall(r'<polyline[^>]*stroke-width="2"', drawn)) == 2


def test_a_look_at_dev_comes_with_rows_for_its_log() -> None:
    clips = [judged(f"{k}", k % 2, 0.1 + 0.02 * k, protocol="unseen" if k % 2 else "") for k in range(30)]
    text = report_files(HEADER, [measured_run("set", "made: dev", DEV, clips, SETTINGS)])["report.md"]
    row = next(line for line in text.splitlines() if line.startswith("| 2026-11-21 | abababababab | dev (unseen"))
    assert row.count("|") == 10
    assert "| 15 | 15 |" in row


def test_texts_cannot_become_marks() -> None:
    blocks = [Table(["a|b"], [["<script>", "x"]]), Paragraph("1 * 2 [link](x)", warning=True)]
    assert "<script>" not in as_html("<t>", blocks)
    marked = as_markdown("t", blocks)
    assert r"a\|b" in marked
    assert r"\<script\>" in marked
    assert r"\[link\]" in marked
