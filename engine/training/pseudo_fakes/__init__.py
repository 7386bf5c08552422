"""The generator TPF: forgeries made from real faces, single frames and clips (SPEC section 6)."""

from engine.training.pseudo_fakes.frames import (
    Forgery,
    ForgeryConfig,
    disturb,
    draw_forgery,
    forge,
    pose_distance,
)

__all__ = ["Forgery", "ForgeryConfig", "disturb", "draw_forgery", "forge", "pose_distance"]
