"""A clip and stills of scores without some prototypes say so in their sidecars."""

import json
from dataclasses import replace
from pathlib import Path

from exports_scene import make_scene, make_video

from engine.exports.clip import export_clip
from engine.exports.stills import export_stills
from engine.rendering.style import OverlayStyle
from engine.video.media import open_media


def test_sidecars_name_the_excluded_prototypes(tmp_path: Path) -> None:
    media = open_media(make_video(tmp_path / "video.mp4"))
    whole = make_scene(media.width, media.height)
    made = whole.scores[0].provenance
    settings = {**made.settings, "excluded_prototypes": ("b", "a")}
    without = replace(whole, scores=[replace(whole.scores[0], provenance=replace(made, settings=settings))])
    style = OverlayStyle(mask=False, outline=False)
    try:
        for scene, names in ((whole, []), (without, ["b", "a"])):
            clip = export_clip(media, tmp_path / f"{len(names)}.mp4", scene, style)
            told = json.loads(clip.sidecar.read_text())
            assert told["excluded_prototypes"] == names
            assert told["provenance"][0]["settings"].get("excluded_prototypes", []) == names
            folder = tmp_path / f"stills{len(names)}"
            export_stills(media, [2], folder, scene=scene, style=style)
            assert json.loads((folder / "stills.json").read_text())["excluded_prototypes"] == names
    finally:
        media.close()
