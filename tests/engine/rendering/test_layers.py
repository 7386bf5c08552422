"""What is drawn on a frame: where, in which words, under which threshold."""

from dataclasses import replace

import numpy as np
import pytest

from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers, timecode
from engine.rendering.palette import face_colour
from engine.rendering.primitives import Fill, Layers, Lines, Mask, Text
from engine.rendering.scene import Scene
from engine.rendering.style import OverlayStyle
from engine.rendering.text import measure
from engine.results import Explanation, FaceTrack, Provenance, Scores
from engine.verdict import Statement

PROVENANCE = Provenance("frame-mobile", "0123456789abcdef" * 4, {}, "cpu", "float32", {})


def track(number: int, frames: list[int], box: tuple[float, ...]) -> FaceTrack:
    n = len(frames)
    boxes = np.tile(np.array(box, np.float32), (n, 1))
    return FaceTrack(
        number,
        np.array(frames),
        boxes,
        np.zeros((n, 5, 2), np.float32),
        np.ones(n, np.float32),
        np.ones(n, bool),
        boxes,
    )


def scores(number: int, spans: list[tuple[int, int]], values: list[float]) -> Scores:
    p = np.array(values, np.float32)
    return Scores("frame-mobile", number, np.array(spans).reshape(-1, 2), p, p, PROVENANCE)


def explanation(frames: list[int]) -> Explanation:
    n = len(frames)
    values = np.tile(np.linspace(-1, 2, 49, dtype=np.float32).reshape(7, 7), (n, 1, 1))
    affine = np.tile(np.array([[20, 0, 300], [0, 20, 100]], np.float32), (n, 1, 1))
    return Explanation(
        "gradcam", "frame-mobile", 0, np.array(frames), np.array(frames), values, affine, np.zeros(n, np.float32),
        True, PROVENANCE,
    )  # fmt: skip


SCENE = Scene(
    1280,
    720,
    100,
    199,
    [track(0, list(range(100, 200)), (300, 100, 440, 240)), track(1, [150, 151], (900, 3, 1278, 400))],
    [scores(0, [(f, f) for f in range(100, 200)], [0.25] * 50 + [0.75] * 50), scores(1, [(150, 157)], [0.5])],
    [explanation([120, 150])],
    "frame-mobile",
    PROVENANCE.weights_sha256,
    "gradcam",
    {1: "Suspect"},
)


def words(layers: Layers) -> str:
    return "\n".join(item.text for item in layers.items if isinstance(item, Text))


def test_the_words_name_frame_time_detector_weights_opacity_and_threshold() -> None:
    text = words(build_layers(SCENE.at(150, 76800, 6.0), OverlayStyle(opacity=0.35, threshold=0.2)))
    for part in ("Frame 150", "0:00:06.000", "pts 76800", "frame-mobile", "0123456789ab", "gradcam", "35%", "20%"):
        assert part in text
    assert "Face 1  0.75" in text
    assert "Suspect  0.50" in text
    assert "supports real" in text
    assert "supports fake" in text


def test_attention_and_smoothing_are_told_and_attention_takes_no_side() -> None:
    made = replace(SCENE.explanations[0], signed=False, title="ltpa c1, where it looks")
    text = words(build_layers(replace(SCENE, explanations=[made]).at(150, 1, 6.0), OverlayStyle()))
    assert "ltpa c1, where it looks" in text
    assert "looks here" in text
    assert "supports" not in text
    made = replace(made, explainer_id="prediction-error", title="prediction-error, how surprised the predictor is")
    text = words(build_layers(replace(SCENE, explanations=[made]).at(150, 1, 6.0), OverlayStyle()))
    assert "foreseen" in text
    assert "surprising" in text
    assert "looks" not in text
    made = replace(SCENE.explanations[0], title="gradcam, smoothed (bilinear)")
    text = words(build_layers(replace(SCENE, explanations=[made]).at(150, 1, 6.0), OverlayStyle()))
    assert "gradcam, smoothed (bilinear)" in text
    assert "supports fake" in text


def test_what_is_said_of_the_whole_video_stands_in_the_labels_alone() -> None:
    scene = replace(SCENE, statement=Statement("log10 LR +0.52 (bounds -1.20 to +1.40)", {}))
    shown = scene.at(150, 1, 1.0)
    assert "Whole video: log10 LR +0.52 (bounds -1.20 to +1.40)" in words(build_layers(shown, OverlayStyle()))
    assert "Whole video" not in words(build_layers(shown, OverlayStyle(labels=False)))
    assert "Whole video" not in words(build_layers(SCENE.at(150, 1, 1.0), OverlayStyle()))


@pytest.mark.parametrize("line", ["", "no LR (only a part was analysed)"])
@pytest.mark.parametrize("width", [1280, 400, 240, 160])
def test_the_words_are_not_cut_off_in_narrow_pictures(width: int, line: str) -> None:
    scene = replace(SCENE, width=width, height=360, statement=Statement(line, {}) if line else None)
    layers = build_layers(scene.at(120, 123456789, 3599.0), OverlayStyle(boxes=False, curve=False))
    labels = [item for item in layers.items if isinstance(item, Text)]
    assert any("123456789" in item.text for item in labels)
    assert any(item.text == "supports fake" for item in labels)
    assert all(item.x >= 0 and item.x + measure(item.text, item.size)[0] <= width for item in labels)


def test_without_maps_nothing_is_said_of_masks() -> None:
    layers = build_layers(SCENE.at(130, 1, 1.0), OverlayStyle())
    assert "gradcam" not in words(layers)
    assert "supports" not in words(layers)
    assert not [item for item in layers.items if isinstance(item, Mask)]


def test_a_frame_without_a_face_shows_no_box() -> None:
    layers = build_layers(replace(SCENE, first=0).at(50, 1, 1.0), OverlayStyle())
    assert "Face" not in words(layers)


def test_the_mask_has_the_explanations_place_and_the_styles_opacity() -> None:
    layers = build_layers(SCENE.at(150, 1, 1.0), OverlayStyle(opacity=0.35))
    mask = next(item for item in layers.items if isinstance(item, Mask))
    assert mask.affine.tolist() == [[20, 0, 300], [0, 20, 100]]
    assert mask.opacity == 0.35
    assert mask.indices.shape == (7, 7)
    assert mask.indices.max() == 255
    assert mask.indices.min() == 128 - round(127 / 2)


def test_fake_has_a_solid_outline_and_real_a_dashed_one() -> None:
    style = OverlayStyle(mask=False, boxes=False, labels=False, curve=False)
    fake_seam, fake, real_seam, real = build_layers(SCENE.at(150, 1, 1.0), style).items
    assert all(isinstance(item, Lines) for item in (fake_seam, fake, real_seam, real))
    # Values rise row by row from -1 to 2: the first rows support real, the last fake, each over all 7 columns.
    assert max(np.abs(path[1] - path[0]).sum() for path in fake.paths) == 140
    assert max(np.abs(path[1] - path[0]).sum() for path in real.paths) < 10
    assert fake.colour[0] > fake.colour[2]
    assert real.colour[2] > real.colour[0]
    assert fake_seam.width > fake.width


@pytest.mark.parametrize("part", ["mask", "outline", "boxes", "labels", "curve"])
def test_every_part_can_be_switched_off(part: str) -> None:
    shown = SCENE.at(150, 1, 1.0)
    everything = build_layers(shown, OverlayStyle()).items
    rest = build_layers(shown, OverlayStyle(**{part: False})).items
    assert len(rest) < len(everything)
    nothing = OverlayStyle(mask=False, outline=False, boxes=False, labels=False, curve=False)
    assert build_layers(shown, nothing).items == ()


@pytest.mark.parametrize("box", [(0, 0, 30, 30), (1200, 2, 1290, 90), (-50, -50, 20, 20), (600, 700, 700, 800)])
def test_names_stay_inside_the_picture(box: tuple[float, ...]) -> None:
    scene = Scene(1280, 720, 0, 9, [track(0, [0], box)], [scores(0, [(0, 0)], [0.123])])
    layers = build_layers(scene.at(0, 0, 0.0), OverlayStyle(labels=False, curve=False))
    (label,) = [item for item in layers.items if isinstance(item, Text)]
    (backdrop,) = [item for item in layers.items if isinstance(item, Fill)]
    width, height = measure(label.text, label.size)
    assert 0 <= backdrop.x0 <= label.x
    assert label.x + width <= backdrop.x1 <= 1280
    assert 0 <= backdrop.y0 == label.y
    assert backdrop.y1 == label.y + height <= 720


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((20, 85, 200, 300), "inside"),  # the words lie where the name would stand above
        ((20, 5, 200, 300), "inside"),  # and over the top of the box
        ((20, 10, 200, 85), "under"),  # and over most of it
        ((20, 10, 200, 60), "under"),  # and over all of it
        ((460, 100, 600, 300), "above"),  # beside the words there is room
        ((20, 410, 200, 470), "above"),
        ((20, 2, 640, 478), "inside"),  # a face as large as the picture
    ],
)
def test_names_are_not_hidden_by_the_words_or_the_curve_of_an_export(box: tuple[float, ...], place: str) -> None:
    """640x480: the words fill the top left corner, the curve the lowest eighth."""
    said = Statement("no LR (weights not trustworthy)", {})
    scene = replace(SCENE, width=640, height=480, tracks=[track(0, [150], box)], statement=said)
    style = OverlayStyle(mask=False, outline=False)
    fills = [item for item in build_layers(scene.at(150, 0, 0.0), style).items if isinstance(item, Fill)]
    name, *over = fills
    assert name.colour[:3] == face_colour(0)
    assert len(over) == 2
    assert not any(
        name.x0 < other.x1 and other.x0 < name.x1 and name.y0 < other.y1 and other.y0 < name.y1 for other in over
    )
    y0, y1 = box[1], box[3]
    found = "above" if name.y1 <= y0 else "under" if name.y0 >= y1 else "inside"
    assert found == place
    assert found != "inside" or y0 <= name.y0 < name.y1 <= y1


def test_without_words_and_curve_names_stand_above_their_boxes() -> None:
    scene = replace(SCENE, width=640, height=480, tracks=[track(0, [150], (20, 100, 200, 300))])
    layers = build_layers(scene.at(150, 0, 0.0), OverlayStyle(labels=False, curve=False))
    (name,) = [item for item in layers.items if isinstance(item, Fill)]
    assert name.y1 == 100


def test_the_curve_lies_at_its_probability() -> None:
    layers = build_layers(
        SCENE.at(150, 1, 1.0), OverlayStyle(labels=False, boxes=False, outline=False, mask=False)
    )
    strip = next(item for item in layers.items if isinstance(item, Fill))
    assert (strip.x0, strip.x1, strip.y1) == (0, 1280, 720)
    curve = next(
        i for i in layers.items if isinstance(i, Lines) and i.colour[:3] == face_colour(0) and len(i.paths)
    )
    (path,) = curve.paths
    assert len(path) == 100
    middle = (strip.y0 + strip.y1) / 2
    assert path[10, 1] - middle == pytest.approx(middle - path[90, 1]), (
        "0.25 as far below the middle as 0.75 above"
    )
    assert path[0, 0] == pytest.approx(0.5 / 100 * 1280)
    cursor = layers.items[-1]
    assert isinstance(cursor, Lines)
    assert cursor.paths[0][0, 0] == pytest.approx(50.5 / 100 * 1280)


def test_the_curve_breaks_where_the_face_was_gone() -> None:
    frames = [*range(10), *range(60, 70)]
    scene = Scene(640, 480, 0, 99, scores=[scores(0, [(f, f) for f in frames], [0.5] * 20)])
    layers = build_layers(scene.at(0, 0, 0.0), OverlayStyle(labels=False))
    curve = next(item for item in layers.items if isinstance(item, Lines) and item.colour[:3] == face_colour(0))
    assert [len(path) for path in curve.paths] == [10, 10]


def test_a_span_of_several_frames_is_level_over_all_of_them_and_ends_with_the_strip() -> None:
    spans = [(6, 9), (10, 13), (14, 17), (18, 21), (40, 43)]
    scene = Scene(1000, 480, 8, 47, scores=[scores(0, spans, [0.2, 0.8, 0.8, 0.4, 0.6])])
    layers = build_layers(scene.at(8, 0, 0.0), OverlayStyle(labels=False))
    strip = next(item for item in layers.items if isinstance(item, Fill))
    curve = next(item for item in layers.items if isinstance(item, Lines) and item.colour[:3] == face_colour(0))
    pixels = 1000 / 40

    def row(probability: float) -> float:
        room = strip.y1 - strip.y0 - 2 * curve.width
        return strip.y0 + curve.width + (1 - probability) * room

    def level(first: int, last: int, probability: float) -> list[tuple[float, float]]:
        """From the left edge of the first frame to the right edge of the last one."""
        return [((first - 8) * pixels, row(probability)), ((last + 1 - 8) * pixels, row(probability))]

    near = [*level(8, 9, 0.2), *level(10, 13, 0.8), *level(14, 17, 0.8), *level(18, 21, 0.4)]
    assert [len(path) for path in curve.paths] == [8, 2]
    np.testing.assert_allclose(curve.paths[0], near, atol=1e-3)
    np.testing.assert_allclose(curve.paths[1], level(40, 43, 0.6), atol=1e-3)


def test_probability_belongs_to_the_span_that_covers_the_frame() -> None:
    scene = Scene(64, 48, 0, 99, scores=[scores(3, [(0, 7), (8, 15), (40, 47)], [0.1, 0.2, 0.3])])
    found = [scene.probability(3, frame) for frame in (0, 7, 8, 15, 16, 39, 40, 47, 48)]
    assert found == pytest.approx([0.1, 0.1, 0.2, 0.2, None, None, 0.3, 0.3, None])
    assert scene.probability(0, 5) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0:00:00.000"),
        (61.0004, "0:01:01.000"),
        (59.9996, "0:01:00.000"),
        (3661.5, "1:01:01.500"),
        (36000.001, "10:00:00.001"),
        (-0.5, "-0:00:00.500"),
        (-0.0001, "0:00:00.000"),
    ],
)
def test_time_codes(seconds: float, text: str) -> None:
    assert timecode(seconds) == text


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (3840, 2160), (101, 75)])
def test_any_size_of_frame_can_be_drawn_on(size: tuple[int, int]) -> None:
    scene = replace(SCENE, width=size[0], height=size[1])
    frame = np.full((size[1], size[0], 3), 90, np.uint8)
    out = render_frame(frame, build_layers(scene.at(150, 1, 1.0), OverlayStyle()))
    assert out.shape == frame.shape
    assert (out != frame).any()
