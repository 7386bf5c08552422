"""Likelihood ratios in words."""

SOURCE = "verbal scale of the ENFSI Guideline for Evaluative Reporting in Forensic Science, 2015"
"""Its ranges agree with AFSP 2009 (Science and Justice 49, 161-164), which calls the first one weak or limited."""

_RANGES = (
    (6.0, "extremely strong"),
    (4.0, "very strong"),
    (3.0, "strong"),
    (2.0, "moderately strong"),
    (1.0, "moderate"),
    (0.30102999566398, "weak"),
)
"""From this log10 LR on; ENFSI's first range begins at an LR of 2."""


def support(log10_lr: float) -> str:
    """What an LR supports, for LR = 10**log10_lr; below 2 either way nothing."""
    strength = next((word for start, word in _RANGES if abs(log10_lr) >= start), "")
    if not strength:
        return "no support for either side"
    return f"{strength} support for {'a forgery' if log10_lr > 0 else 'an authentic video'}"


def times(log10_lr: float) -> str:
    """How many times more probable the score is on one side than on the other, in a sentence."""
    factor = 10 ** abs(log10_lr)
    shown = f"{factor:.2g}" if factor < 100 else f"{factor:,.0f}"
    sides = ("forged by a method of the calibration pool", "authentic")
    here, there = sides if log10_lr >= 0 else sides[::-1]
    return f"The score is {shown} times as probable if the video is {here} as if it is {there}"
