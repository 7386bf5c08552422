"""What is wrong with the text of a specification, and where."""

from collections.abc import Sequence
from pathlib import Path

from engine.errors import SpecificationError


class FormulaError(SpecificationError):
    """A text that is no specification, with the place at fault.

    Attributes:
        line, column: from 1.
        expected: what could have stood there, in plain words; empty where the words are right but mean nothing.
        excerpt: the line at fault.
    """

    def __init__(
        self,
        message: str,
        *,
        advice: str,
        text: str,
        place: int,
        expected: Sequence[str] = (),
        file: Path | None = None,
    ) -> None:
        place = min(max(place, 0), len(text))
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        self.line = text.count("\n", 0, place) + 1
        self.column = place - start + 1
        self.expected = tuple(expected)
        self.excerpt = text[start : len(text) if end < 0 else end].rstrip("\r")
        self._reason = message
        before, after = self.excerpt[: self.column - 1], self.excerpt[self.column - 1 :]
        marked = f"{before[-40:]}^{after[:40]}".strip()
        super().__init__(
            f"Line {self.line}, column {self.column}: {message} (at the ^ in: {marked})", advice=advice, file=file
        )

    def pointed(self) -> str:
        """The line at fault, a caret under the place, and the reason: three lines for a fixed-width font."""
        gap = "".join("\t" if letter == "\t" else " " for letter in self.excerpt[: self.column - 1])
        return f"{self.excerpt}\n{gap}^\n{self._reason}"
