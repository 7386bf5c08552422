"""The annotated clip: the same pictures as the renderer's, at the same times, and a sidecar that tells all."""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from exports_scene import BASE, PROVENANCE, PTS, make_scene

from engine.errors import CancelledError, ExportError, UsageError
from engine.exports.clip import export_clip
from engine.progress import CancelToken, Progress
from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.style import OverlayStyle
from engine.rendering.text import measure
from engine.verdict import Statement
from engine.video.media import Media

STYLE = OverlayStyle(opacity=0.5)


def decoded(path: Path) -> list[tuple[Fraction, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(f.pts * f.time_base, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def test_the_clip_shows_what_the_renderer_draws_at_the_times_of_the_source(tmp_path: Path, media: Media) -> None:
    scene = make_scene(media.width, media.height)
    made = export_clip(media, tmp_path / "a.mp4", scene, STYLE)
    frames = decoded(made.clip)
    # The source itself was padded to even by the writer that made it, so ours is not padded again.
    assert [time for time, _ in frames] == [(PTS[i] - PTS[2]) * BASE for i in range(2, 10)]
    reader = media.reader()
    expected = []
    for number in range(2, 10):
        source = reader.read(number)
        layers = build_layers(scene.at(number, source.pts, source.seconds), STYLE)
        expected.append(render_frame(source.pixels, layers).astype(int))
    reader.close()
    for number, (_, picture) in enumerate(frames):
        errors = [np.abs(picture - other).mean() for other in expected]
        assert errors[number] < 6, "what the codec and half as many colour samples cost"
        assert min(errors[:number] + errors[number + 1 :], default=99) > 3 * errors[number]


def test_the_clip_and_its_sidecar_say_what_is_said_of_the_whole_video(tmp_path: Path, media: Media) -> None:
    scene = make_scene(media.width, media.height)
    entry = {"log10_likelihood_ratio": 0.52, "likelihood_ratio": {"log10_low": -1.2}, "text": "in full"}
    plain = export_clip(media, tmp_path / "a.mp4", scene, STYLE)
    said = export_clip(media, tmp_path / "b.mp4", replace(scene, statement=Statement("short", entry)), STYLE)
    assert json.loads(said.sidecar.read_text())["likelihood"] == entry
    (_, without), (_, with_line) = decoded(plain.clip)[0], decoded(said.clip)[0]
    row = measure("", 12)[1]
    here = np.abs(without.astype(int) - with_line)[2 * row + 4 : 3 * row + 4, :140]
    assert (here.max(axis=2) > 60).mean() > 0.2, "a line more, on its backdrop"


def test_the_sidecar_names_everything(tmp_path: Path, media: Media, odd_video: Path) -> None:
    made = export_clip(media, tmp_path / "a.mp4", make_scene(media.width, media.height), STYLE)
    side = json.loads(made.sidecar.read_text())
    assert side["source"]["sha256"] == hashlib.sha256(odd_video.read_bytes()).hexdigest()
    assert side["source"]["variable_rate"] is True
    assert side["clip"]["sha256"] == hashlib.sha256(made.clip.read_bytes()).hexdigest()
    assert side["range"] == {"first": 2, "last": 9}
    assert side["missing_frames"] == []
    assert side["likelihood"] is None
    assert side["style"]["opacity"] == 0.5
    (provenance,) = side["provenance"]
    assert provenance["weights_sha256"] == PROVENANCE.weights_sha256
    assert provenance["settings"] == {"every": 1, "crop": {"size": 224}}
    assert provenance["settings_hash"] == PROVENANCE.settings_hash
    assert {"python", "av", "numpy"} <= set(side["versions"])
    rows = side["frames"]
    assert [(r["index"], r["clip_pts"], r["clip_pts"] + side["clip"]["pts_shift"]) for r in rows] == [
        (i, media.index.pts[i] - media.index.pts[2], media.index.pts[i]) for i in range(2, 10)
    ]
    with av.open(str(made.clip)) as container:
        times = [f.pts * f.time_base for f in container.decode(video=0)]
    assert times == [r["clip_pts"] * Fraction(side["source"]["time_base"]) for r in rows]
    assert [len(r["faces"]) for r in rows] == [1, 1, 1, 1, 0, 1, 1, 1]
    assert rows[0]["faces"][0]["fake_probability"] == pytest.approx(0.2, abs=1e-6)
    assert rows[0]["faces"][0]["box"] == [102, 62, 202, 182]


def test_odd_sizes_come_out_padded_and_said_so(tmp_path: Path, odd_video: Path, media: Media) -> None:
    class Odd:
        """The same video as if a rotation or a crop had left an odd size."""

        def __getattr__(self, name: str) -> Any:
            return getattr(media, name)

        width, height = media.width - 1, media.height - 1

        def reader(self) -> Any:
            inner = media.reader()
            whole = inner.frames
            inner.frames = lambda *args, **more: (
                replace(f, pixels=f.pixels[: self.height, : self.width]) for f in whole(*args, **more)
            )
            return inner

    odd = Odd()
    made = export_clip(odd, tmp_path / "a.mp4", make_scene(odd.width, odd.height), STYLE)  # type: ignore[arg-type]
    assert decoded(made.clip)[0][1].shape[:2] == (media.height, media.width)
    assert json.loads(made.sidecar.read_text())["clip"]["padding"] == {"right": 1, "bottom": 1}


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_cancel_leaves_nothing(tmp_path: Path, media: Media, after: int) -> None:
    token = CancelToken()
    (tmp_path / "a.mp4").write_bytes(b"earlier")

    def progress(now: Progress) -> None:
        if now.label == "Writing the clip" and now.done >= after:
            token.cancel()

    if after == 0:
        token.cancel()
    with pytest.raises(CancelledError):
        export_clip(
            media, tmp_path / "a.mp4", make_scene(media.width, media.height, 0, 11), STYLE, cancel=token,
            progress=progress,
        )  # fmt: skip
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"earlier"


def test_evidence_is_never_written_over(media: Media, odd_video: Path, tmp_path: Path) -> None:
    before = odd_video.read_bytes()
    link = tmp_path / "link.mp4"
    link.symlink_to(odd_video)
    for out in (odd_video, link):
        with pytest.raises(UsageError, match="evidence itself"):
            export_clip(media, out, make_scene(media.width, media.height), STYLE)
    assert odd_video.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "first", "last", "message"),
    [
        ("a.avi", 0, 5, "written as .mp4"),
        ("a.mp4", 0, 12, "no frames 0 to 12"),
        ("a.mp4", 5, 4, "no frames 5 to 4"),
        ("no/a.mp4", 0, 5, "no such folder"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, media: Media, name: str, first: int, last: int, message: str
) -> None:
    with pytest.raises((UsageError, ExportError), match=message):
        export_clip(media, tmp_path / name, make_scene(media.width, media.height, first, last), STYLE)
    assert list(tmp_path.iterdir()) == []


def test_sound_is_asked_for_in_vain(tmp_path: Path, media: Media) -> None:
    with pytest.raises(UsageError, match="There is no sound"):
        export_clip(media, tmp_path / "a.mp4", make_scene(media.width, media.height), STYLE, audio=True)
    assert list(tmp_path.iterdir()) == []


def test_a_sidecar_that_does_not_fit_takes_the_clip_with_it(
    tmp_path: Path, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ExportError, match=r"a\.json: The disk is full"):
        export_clip(media, tmp_path / "a.mp4", make_scene(media.width, media.height), STYLE)
    assert list(tmp_path.iterdir()) == []
