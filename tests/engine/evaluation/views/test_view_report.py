"""Record and report of views: everything that is told can be made again from the numbers, and nothing else is."""

import base64
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import cv2
import numpy as np
import pytest
from observed_samples import faceless, observed, some_videos

from engine.errors import DataError, UsageError
from engine.evaluation.evaluate import Settings
from engine.evaluation.record import Header, measured_run, recompute
from engine.evaluation.views.made import Views, make_views
from engine.evaluation.views.observed import Observed
from engine.evaluation.views.projection import project
from engine.evaluation.views.record import as_arrays, as_data
from engine.evaluation.views.report import report_files
from engine.exports.files import json_text

SVG = "{http://www.w3.org/2000/svg}"
SETTINGS = Settings(draws=100, seed=2)
HEADER = Header(
    {"id": "lps", "weights_sha256": "ab" * 32, "device": "cpu", "precision": "float32"},
    "validation", "held-out persons", 5, SETTINGS, "python main.py views lps", "2026-01-01",
)  # fmt: skip


def made(videos: list[Observed], **more: object) -> Views:
    run = measured_run("set", "folder", "held-out persons", [each.judged for each in videos], SETTINGS)
    return make_views(HEADER, run, videos, most_clips=2, most_errors=2, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def views() -> Views:
    videos = [*some_videos(), faceless("nobody.mp4", 0)]
    before = [
        replace(
            each.judged,
            scores=replace(
                each.judged.scores,
                tracks=tuple(replace(t, probability=1 - t.probability) for t in each.judged.scores.tracks),
            ),
        )
        for each in videos
    ]
    return made(videos, before=("before (0123)", before))


def pictures_of(views: Views) -> list[tuple[Observed, list[int], list[np.ndarray]]]:
    return [(each, [1, 4], [np.full((8, 8, 3), 40 * at, np.uint8)] * 2) for at, each in enumerate(views.worst)]


def drawn(svg: str) -> np.ndarray:
    """The picture in a drawing, RGB."""
    data = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", svg)
    assert data is not None
    return cv2.imdecode(np.frombuffer(base64.b64decode(data[1]), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_all_views_are_there_and_well_formed(views: Views) -> None:
    files = report_files(views, pictures_of(views))
    assert set(files) == {
        "report.html", "report.md", "roc-0.svg", "scores-0.svg", "tsne-features.svg", "tsne-similarity.svg",
        "tsne-spatial.svg", "tsne-context.svg", "similarity.svg", "probabilities-before.svg",
        "probabilities-now.svg", "prediction-error-over-time.svg", "prediction-error-by-example.svg",
        "second-difference.svg", "second-difference-size.svg",
        *(f"worst-{at}.svg" for at in range(len(views.worst))),
    }  # fmt: skip
    for name, text in files.items():
        if name.endswith(".svg"):
            ET.fromstring(text)  # noqa: S314 - our own
            assert f"({name})" in files["report.md"]
            assert text in files["report.html"]
        assert "nan" not in re.sub(r"base64,[^\"]*", "", text), name
    assert len(views.worst) > 1
    for each in views.worst:
        assert each.judged.sample.name in files["report.html"]
    assert "nobody.mp4" in files["report.html"]
    assert "perplexity" in files["report.md"]
    assert "seed 2" in files["report.md"]


def test_what_a_detector_does_not_offer_is_left_out() -> None:
    files = report_files(made([observed("a", 0, [0.2, 0.3]), observed("b", 1, [0.8])]), [])
    assert {name for name in files if name.endswith(".svg")} == {
        "roc-0.svg", "scores-0.svg", "probabilities-now.svg",
    }  # fmt: skip
    assert "no file is misjudged" in files["report.md"]
    with pytest.raises(DataError, match="No face was found"):
        made([faceless("a", 0), faceless("b", 1)])


def test_signs_tell_classes_and_methods_apart(views: Views) -> None:
    root = ET.fromstring(report_files(views, [])["tsne-spatial.svg"])  # noqa: S314 - our own
    clips = [views.seen[at].judged.sample for at in views.clips.video]
    shapes = [path.get("d") or "" for path in root.iter(f"{SVG}path")]
    crosses = [d for d in shapes if "m0 -8.0" in d]
    circles = list(root.iter(f"{SVG}circle"))
    squares = [d for d in shapes if d.endswith("h7v7h-7z")]
    # One more of each beside the picture, for the key.
    assert len(crosses) == 1 + sum(not sample.label for sample in clips)
    assert len(circles) == 1 + sum(sample.method == "lips" for sample in clips)
    assert len(squares) == 1 + sum(sample.method == "swap" for sample in clips)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert [text.split(" (")[0] for text in texts if text] == ["real", "1 lips", "2 swap"]


def test_the_heat_picture_has_a_cell_for_each_number(views: Views) -> None:
    heat = views.heat
    assert heat is not None
    picture = drawn(report_files(views, [])["similarity.svg"]).astype(int).sum(axis=2)
    rows, columns = heat.values.shape
    assert picture.shape[0] % rows == picture.shape[1] % columns == 0
    cells = picture[:: picture.shape[0] // rows, :: picture.shape[1] // columns]
    assert np.unravel_index(cells.argmax(), cells.shape) == np.unravel_index(heat.values.argmax(), cells.shape)
    assert np.corrcoef(cells.ravel(), heat.values.ravel())[0, 1] > 0.9


def test_the_numbers_draw_the_projection_again(views: Views) -> None:
    packed = io.BytesIO()
    np.savez_compressed(packed, **as_arrays(views))  # type: ignore[arg-type]
    arrays = np.load(io.BytesIO(packed.getvalue()), allow_pickle=False)
    data = json.loads(json_text(as_data(views)))
    for entry in data["views"]["t_sne"]:
        name = entry["embedding"]
        again = project(name, arrays[f"clip.{name}"], entry["seed"])
        assert again is not None
        assert again.perplexity == entry["perplexity"]
        np.testing.assert_array_equal(again.places, arrays[f"tsne.{name}"])
    for row, (at, span) in enumerate(zip(arrays["clip.video"], arrays["clip.span"], strict=True)):
        face = next(each.face for each in views.seen if each.judged.sample.name == arrays["video.name"][at])
        (clip,) = np.flatnonzero((face.scores.spans == span).all(axis=1))
        np.testing.assert_array_equal(arrays["clip.features"][row], face.series["features"][clip])
    np.testing.assert_array_equal(arrays["heat.values"], arrays["clip.similarity"][arrays["heat.order"]].T)
    windows = arrays["window.video"]
    for at, each in enumerate(views.seen):
        np.testing.assert_array_equal(arrays["window.probability"][windows == at], each.face.scores.probability)
        np.testing.assert_allclose(
            arrays["window.probability_before"][windows == at], 1 - each.face.scores.probability
        )


def test_the_figures_follow_from_the_record(views: Views) -> None:
    data = json.loads(json_text(as_data(views)))
    assert recompute(data) == [data["measures"]]
    before, now = data["views"]["steadiness"][1], data["views"]["steadiness"][0]
    assert before["weights"] == "before (0123)"
    real = [each.face.scores.probability.mean() for each in views.seen if not each.judged.sample.label]
    assert now["mean"]["real"]["value"][0] == pytest.approx(np.mean(real))
    assert before["mean"]["real"]["value"][0] == pytest.approx(1 - np.mean(real))
    assert [entry["name"] for entry in data["views"]["worst"]] == [v.judged.sample.name for v in views.worst]


def test_no_face_is_in_the_numbers(views: Views) -> None:
    assert not any(array.dtype == np.uint8 for array in as_arrays(views).values())
    assert "base64" not in json_text(as_data(views))


def test_weights_that_see_other_clips_are_refused() -> None:
    videos = [observed("a", 0, [0.2, 0.3]), observed("b", 1, [0.8])]
    other = [observed("a", 0, [0.2]).judged, videos[1].judged]
    with pytest.raises(UsageError, match="other clips of a"):
        made(videos, before=("x", other))
