"""A comparison as one picture: the pixels of its panes, its words, and what lies beside it."""

import hashlib
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exports_scene import PROVENANCE, make_explanation
from PIL import Image

from engine.errors import UsageError
from engine.exports.comparison import (
    PANE,
    Scale,
    Sheet,
    SheetPane,
    export_comparison,
    render_pane,
    render_sheet,
    wrapped,
)
from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.scene import FrameShown, MapShown, Scene
from engine.rendering.style import OverlayStyle
from engine.rendering.text import measure
from engine.results import frozen
from engine.video.frame import Frame
from engine.video.media import Media

STYLE = OverlayStyle(labels=False, boxes=False, curve=False)


@pytest.fixture
def sheet(media: Media) -> Sheet:
    with closing(media.reader()) as reader:
        frame = reader.read(3)
    made = make_explanation([3])
    panes = [
        SheetPane("A", MapShown(made.values[0], made.affine[0]), STYLE, ("V 0.1",), {"x": 1}, PROVENANCE),
        SheetPane("B", None, STYLE, ("No mask on this frame",)),
    ]
    area = (0.0, 0.0, float(media.width), float(media.height))
    scales = [Scale("blue-orange", "-1: supports real", "+1: supports fake"), Scale("red", "0", "1", half=True)]
    return Sheet(media.identity(), frame, area, 1.0, panes, 2, None, scales, ["A note"])


def wide(sheet: Sheet) -> Sheet:
    """With a frame that is exactly as wide as a pane: nothing is scaled."""
    rng = np.random.default_rng(0)
    pixels = frozen(rng.integers(0, 256, (300, PANE, 3), np.uint8))
    return replace(sheet, frame=Frame(3, 140, 0.14, pixels), area=(0.0, 0.0, float(PANE), 300.0))


def test_a_pane_is_the_frame_with_the_overlay_of_every_other_export(sheet: Sheet) -> None:
    same = wide(sheet)
    frame, shown = same.frame, same.panes[0].shown
    assert shown is not None
    whole = FrameShown(3, 140, 0.14, Scene(PANE, 300, 3, 3), (), (shown,))
    expected = render_frame(frame.pixels, build_layers(whole, STYLE))
    assert np.array_equal(render_pane(same, same.panes[0], 300), expected)
    assert np.array_equal(render_pane(same, same.panes[1], 300), frame.pixels)


def test_a_part_of_the_frame_is_moved_with_its_mask(sheet: Sheet) -> None:
    same = wide(sheet)
    whole = render_pane(same, same.panes[0], 300)
    # Half the frame in the same scale cannot fill the pane: the rest lies outside of the frame.
    moved = render_pane(replace(same, area=(100.0, 50.0, 100.0 + PANE, 250.0)), same.panes[0], 200)
    inside = np.abs(moved[:, : PANE - 100].astype(int) - whole[50:250, 100:])
    assert (inside > 2).mean() < 0.01
    assert (moved[:, PANE - 100 :] == (11, 13, 16)).all()


def test_left_of_the_wipe_are_the_decoded_pixels(sheet: Sheet) -> None:
    same = replace(wide(sheet), wipe=0.5)
    found, whole = render_pane(same, same.panes[0], 300), render_pane(wide(sheet), same.panes[0], 300)
    half = PANE // 2
    assert np.array_equal(found[:, : half - 1], same.frame.pixels[:, : half - 1])
    assert np.array_equal(found[:, half + 1 :], whole[:, half + 1 :])


def test_the_picture_and_its_sidecar_say_where_they_come_from(
    tmp_path: Path, sheet: Sheet, media: Media, odd_video: Path
) -> None:
    out = export_comparison(sheet, tmp_path / "new" / "compared")
    assert out.name == "compared.png"
    picture = Image.open(out)
    assert picture.text["Frame"] == "3"
    assert picture.text["Source SHA-256"] == hashlib.sha256(odd_video.read_bytes()).hexdigest()
    assert np.array_equal(np.asarray(picture), render_sheet(sheet))
    side = json.loads(out.with_suffix(".json").read_text())
    assert side["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert side["frame"] == {"index": 3, "pts": sheet.frame.pts, "seconds": sheet.frame.seconds}
    assert [pane["title"] for pane in side["panes"]] == ["A", "B"]
    assert side["panes"][0]["x"] == 1
    assert len(side["provenance"]) == 1
    assert sorted(path.name for path in out.parent.iterdir()) == ["compared.json", "compared.png"]


def test_the_evidence_is_never_replaced(tmp_path: Path, sheet: Sheet) -> None:
    evidence = tmp_path / "still.png"
    evidence.write_bytes(b"evidence")
    own = replace(sheet, identity=replace(sheet.identity, path=str(evidence)))
    with pytest.raises(UsageError, match="evidence"):
        export_comparison(own, evidence)
    assert evidence.read_bytes() == b"evidence"
    with pytest.raises(UsageError, match="no pane"):
        export_comparison(replace(sheet, panes=[]), tmp_path / "none.png")


def test_three_panes_in_two_columns_need_two_rows(sheet: Sheet) -> None:
    two = render_sheet(sheet)
    three = render_sheet(replace(sheet, panes=[*sheet.panes, sheet.panes[0]]))
    assert two.shape[1] == three.shape[1]
    assert three.shape[0] > two.shape[0] + PANE // 2


@pytest.mark.parametrize("line", ["some words that go on and on", "e38edcb15afe398cb008226bc0b4db52a9c231c7", ""])
def test_no_line_is_wider_than_its_room(line: str) -> None:
    parts = wrapped(line, 13, 90)
    assert max(measure(part, 13)[0] for part in parts) <= 90
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")
