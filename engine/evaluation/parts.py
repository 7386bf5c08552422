"""What is reported apart: the main figure, and by forgery method, kind, compression and size of the face."""

import math
from collections.abc import Callable, Sequence

from engine.evaluation.evaluate import Figure, Judged, Part

DEV = "dev (unseen methods and seen tool)"
"""The part of the dev split whose AUC decides on trust."""
FACE_BINS = (0.0, 80.0, 160.0, 320.0, math.inf)
"""Borders of the sizes of faces that are reported apart, pixels of the larger side of the box."""
FEW = 10
"""With fewer files of a class a figure is reported, and said to mean little."""
FEW_GROUPS = 10
"""With fewer persons (groups of them) in a class, an interval over persons is too narrow."""


def parts_of(judged: Sequence[Judged], main: str) -> list[Part]:
    """The parts of an evaluation, the main one first; all of it hangs on the judged files alone.

    A method's part holds its forgeries and all real ones; the parts by kind of file, compression, size of the
    face and split hold both classes of it.
    """
    if main == DEV:
        made = [Part(DEV, _forged(lambda j: j.sample.protocol in ("unseen", "seen")), frames=True)]
        made += _each("dev,", judged, lambda j: j.sample.protocol, least=1, forged=True)
    else:
        made = [Part(main, lambda _: True, frames=True)]
    made += _each("method", judged, lambda j: j.sample.method, least=1, forged=True)
    made += _each("kind", judged, lambda j: j.sample.kind)
    made += _each("compression", judged, lambda j: j.sample.compression)
    made += _each("face", judged, lambda j: _bin(j.scores.face_px))
    return made + _each("split", judged, lambda j: j.sample.split)


def warnings_of(found: Sequence[Figure], main: str) -> list[str]:
    """What limits the use of the figures, a sentence each."""
    said = []
    if not any(f.protocol == main for f in found):
        said.append("There is no main figure: real or forged files with a face are lacking")
    for name in dict.fromkeys(f.protocol for f in found):
        figure = next(f for f in found if f.protocol == name)
        few = [
            f"{count} {what}"
            for count, what in ((figure.n_real, "real"), (figure.n_fake, "forged"))
            if count < FEW
        ]
        if few:
            said.append(f"{name}: only {' and '.join(few)} files, so that the figures mean little")
        if figure.over == "persons" and min(figure.groups_real, figure.groups_fake) < FEW_GROUPS:
            groups = f"{figure.groups_real} groups of persons with real and {figure.groups_fake} with forged files"
            said.append(f"{name}: only {groups}, so that the intervals are too narrow")
    return said


def _each(
    kind: str,
    judged: Sequence[Judged],
    value: Callable[[Judged], str],
    *,
    least: int = 2,
    forged: bool = False,
) -> list[Part]:
    """A part per value, if there are so many of them at least; `forged`: all real ones belong to each."""
    values = sorted({value(j) for j in judged} - {""})

    def part(name: str) -> Part:
        def takes(j: Judged) -> bool:
            return value(j) == name

        return Part(f"{kind} {name}", _forged(takes) if forged else takes)

    return [part(name) for name in values] if len(values) >= least else []


def _forged(takes: Callable[[Judged], bool]) -> Callable[[Judged], bool]:
    return lambda j: not j.sample.label or takes(j)


def _bin(face_px: float | None) -> str:
    if face_px is None or math.isnan(face_px):
        return ""
    at = sum(face_px >= border for border in FACE_BINS[1:])
    low, high = FACE_BINS[at], FACE_BINS[at + 1]
    if math.isinf(high):
        return f"of {low:.0f} px and more"
    return f"under {high:.0f} px" if not low else f"of {low:.0f} to {high:.0f} px"
