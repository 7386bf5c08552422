"""The words that go with a copied frame, so that it can be found again."""

from engine.rendering.layers import timecode
from engine.results import VideoIdentity
from engine.video.frame import Frame


def frame_text(path: str, identity: VideoIdentity | None, frame: Frame, *, adjusted: bool) -> str:
    """File, SHA-256, frame number, pts and time of a frame, a line each."""
    lines = [
        f"File: {path}",
        f"SHA-256: {identity.sha256 if identity else 'not known yet, the file is still being hashed'}",
        f"Frame: {frame.index} (counted from 0, display order)",
        f"pts: {frame.pts}" + (f" (time base {identity.time_base} s)" if identity else ""),
        f"Time: {timecode(frame.seconds)}",
        "Pixels: as decoded, RGB, rotation applied",
    ]
    if adjusted:
        lines.append("The display was adjusted on the screen; the copied pixels are not")
    return "\n".join(lines)
