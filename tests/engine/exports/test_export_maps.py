"""maps.npz, overlays and summary of explanations."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from exports_scene import PROVENANCE, PTS, make_explanation

from engine.errors import UsageError
from engine.exports.maps import export_maps
from engine.results import Cost, Sanity, Volumes
from engine.video.media import Media


def test_the_maps_are_the_explanations_untouched(tmp_path: Path, media: Media) -> None:
    given = make_explanation([3, 8])
    export_maps(media, [given], tmp_path / "out")
    with np.load(tmp_path / "out" / "maps.npz", allow_pickle=False) as bundle:
        assert bundle["frames"].tolist() == [3, 8]
        assert bundle["values"].dtype == np.float32
        assert (bundle["values"] == given.values).all()
        assert (bundle["affine"] == given.affine).all()
        assert bundle["affine"].shape == (2, 2, 3)
        assert bundle["pts"].tolist() == [PTS[3], PTS[8]]


def test_several_faces_are_rows_sorted_by_frame_and_face(tmp_path: Path, media: Media) -> None:
    one, two = make_explanation([3, 8], 0), make_explanation([3, 5], 1)
    written = export_maps(media, [two, one], tmp_path)
    with np.load(tmp_path / "maps.npz", allow_pickle=False) as bundle:
        assert list(zip(bundle["frames"].tolist(), bundle["track"].tolist(), strict=True)) == [
            (3, 0), (3, 1), (5, 1), (8, 0),
        ]  # fmt: skip
        assert (bundle["values"][1] == two.values[0]).all()
        assert (bundle["values"][3] == one.values[1]).all()
    assert len([p for p in written if p.suffix == ".png"]) == 3


def test_overlays_show_the_mask_and_nothing_far_from_it(tmp_path: Path, media: Media) -> None:
    written = export_maps(media, [make_explanation([3])], tmp_path)
    overlay = next(p for p in written if p.suffix == ".png")
    assert overlay.name == f"overlay_0000003_pts_{media.index.pts[3]}.png"
    picture = cv2.imread(str(overlay))[..., ::-1].astype(int)
    reader = media.reader()
    source = reader.read(3).pixels
    reader.close()
    changed = (picture != source).any(axis=2)
    assert changed[65:175, 105:195].mean() > 0.5
    assert not changed[190:, :].any()
    assert not changed[:, 260:][100:].any()


def test_the_summary_says_what_was_measured(tmp_path: Path, media: Media) -> None:
    given = make_explanation([3, 8])
    export_maps(media, [given], tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["explainer"] == "gradcam"
    assert summary["provenance"][0]["weights_sha256"] == PROVENANCE.weights_sha256
    for row, values, logit in zip(summary["maps"], given.values, given.logits, strict=True):
        positive = sum(float(v) for v in values.ravel() if v > 0)
        whole = sum(abs(float(v)) for v in values.ravel())
        assert row["share_supporting_fake"] == pytest.approx(positive / whole)
        assert row["largest"] == pytest.approx(max(abs(float(v)) for v in values.ravel()))
        assert row["logit"] == pytest.approx(float(logit))


def test_cost_and_standard_errors_stand_beside_the_maps(tmp_path: Path, media: Media) -> None:
    bare = make_explanation([3, 8])
    errors = np.arange(98, dtype=np.float32).reshape(2, 7, 7)
    cost = Cost(np.array([40, 60]), np.array([0.5, 1.0], np.float32))
    export_maps(media, [replace(bare, cost=cost, errors=errors)], tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["cost"] == {"forward_passes": 100, "seconds": 1.5}
    assert [row["forward_passes"] for row in summary["maps"]] == [40, 60]
    assert [row["seconds"] for row in summary["maps"]] == [0.5, 1.0]
    assert [row["largest_standard_error"] for row in summary["maps"]] == [48, 97]
    with np.load(tmp_path / "maps.npz") as bundle:
        np.testing.assert_array_equal(bundle["errors"], errors)
        assert bundle["passes"].tolist() == [40, 60]
    export_maps(media, [bare], tmp_path / "bare")
    summary = json.loads((tmp_path / "bare" / "summary.json").read_text())
    assert summary["cost"] is None
    assert "forward_passes" not in summary["maps"][0]


def test_the_moments_of_volumes_stand_beside_the_maps(tmp_path: Path, media: Media) -> None:
    labels = np.zeros((2, 7, 7), np.int32)
    labels[0, :, 4:], labels[1, :, :2] = 1, 3
    moments = Volumes(
        labels, np.array([2, 1, 0, 1]), np.array([0.5, -1.0, 0.0, 2.0]), np.array([0.25, 0.0, 0.0, 0.0])
    )
    other = replace(moments, labels=np.full((1, 7, 7), 1, np.int32), mean=np.array([0, 7.0, 0, 0]))
    one, two = make_explanation([3, 8], 0), make_explanation([5], 1)
    export_maps(media, [replace(two, volumes=other), replace(one, volumes=moments)], tmp_path)
    with np.load(tmp_path / "maps.npz") as bundle:
        np.testing.assert_array_equal(bundle["volume"], [labels[0], other.labels[0], labels[1]])
        assert bundle["volume_mean"][0, 0].tolist() == [0.5] * 4 + [-1] * 3
        assert bundle["volume_mean"][1].tolist() == [[7] * 7] * 7
        assert bundle["volume_mean"][2, 6].tolist() == [2, 2] + [0.5] * 5
        assert bundle["volume_variance"][0, 3].tolist() == [0.25] * 4 + [0] * 3
        assert bundle["volume_variance"].dtype == np.float32
    told = json.loads((tmp_path / "summary.json").read_text())["volumes"]
    assert told[-3:] == [
        {"track": 0, "volume": 0, "frames": 2, "mean": 0.5, "variance": 0.25},
        {"track": 0, "volume": 1, "frames": 1, "mean": -1.0, "variance": 0.0},
        {"track": 0, "volume": 3, "frames": 1, "mean": 2.0, "variance": 0.0},
    ]
    export_maps(media, [one], tmp_path / "bare")
    assert json.loads((tmp_path / "bare" / "summary.json").read_text())["volumes"] == []
    with np.load(tmp_path / "bare" / "maps.npz") as bundle:
        assert "volume_mean" not in bundle


def test_smoothed_maps_are_told_in_the_summary(tmp_path: Path, media: Media) -> None:
    bare = make_explanation([3])
    export_maps(media, [bare], tmp_path / "bare")
    assert json.loads((tmp_path / "bare" / "summary.json").read_text())["style"]["smoothing"].startswith("none")
    made_by = replace(bare.provenance, settings={"smoothing": "bilinear"})
    smooth = replace(bare, provenance=made_by, title="gradcam, smoothed (bilinear)")
    export_maps(media, [smooth], tmp_path / "smooth")
    summary = json.loads((tmp_path / "smooth" / "summary.json").read_text())
    assert summary["style"]["smoothing"] == "bilinear, by the explainer"
    assert (summary["explainer"], summary["title"]) == ("gradcam", "gradcam, smoothed (bilinear)")


def test_the_summary_of_attention_says_nothing_of_fake_or_real(tmp_path: Path, media: Media) -> None:
    bare = make_explanation([3])
    made = replace(bare, values=np.abs(bare.values), signed=False, title="ltpa sum, where it looks")
    export_maps(media, [made], tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert "not what is fake" in summary["convention"]
    assert "supports" not in summary["convention"]
    assert summary["maps"][0]["share_supporting_fake"] is None


def test_the_summary_carries_the_sanity_badge(tmp_path: Path, media: Media) -> None:
    bare = make_explanation([3])
    export_maps(media, [bare], tmp_path / "bare")
    summary = json.loads((tmp_path / "bare" / "summary.json").read_text())
    assert summary["sanity"]["verdict"] == "not measured"
    export_maps(media, [replace(bare, sanity=Sanity("weak", "measured on 8 videos"))], tmp_path / "weak")
    summary = json.loads((tmp_path / "weak" / "summary.json").read_text())
    assert summary["sanity"] == {"verdict": "weak", "reason": "measured on 8 videos"}


def test_nothing_to_explain_is_told_and_nothing_written(tmp_path: Path, media: Media) -> None:
    for given in ([], [make_explanation([])]):
        with pytest.raises(UsageError, match="None of these frames shows a face"):
            export_maps(media, given, tmp_path / "out")
    with pytest.raises(UsageError, match="several explainers"):
        export_maps(media, [make_explanation([3]), make_explanation([3], 0, "shap")], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
