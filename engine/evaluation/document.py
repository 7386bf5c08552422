"""A report of headings, paragraphs, tables and drawings: one HTML file, or Markdown with SVG beside it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`warning`: shown so that nobody overlooks it."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Plain texts; the first column names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG document and what it shows; `name` is that of its file beside the Markdown."""

    name: str
    caption: str
    svg: str


Block = Heading | Paragraph | Table | Drawing

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2128; max-width: 64rem; margin: 2rem auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #c9d1d9; padding: .25rem .6rem; text-align: left; vertical-align: top; }
th { background: #f0f3f6; }
.warning { border-left: 4px solid #b35900; background: #fff3e0; padding: .4rem .8rem; }
figure { display: inline-block; margin: 1rem 1rem 1rem 0; }
figcaption { max-width: 30rem; font-size: .9em; color: #57606a; }
"""


def as_html(title: str, blocks: Sequence[Block]) -> str:
    """One file without anything from outside."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def as_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Text that refers to `Drawing.name` for the drawings."""
    return "\n\n".join([f"# {_marked(title)}", *(_markdown(block) for block in blocks)]) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{html.escape(block.text)}</h{block.level}>"
        case Paragraph():
            kind = ' class="warning"' if block.warning else ""
            return f"<p{kind}>{html.escape(block.text)}</p>"
        case Table():
            head = "".join(f"<th>{html.escape(cell)}</th>" for cell in block.head)
            rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in block.rows)
            body = "\n".join(f"<tr>{row}</tr>" for row in rows)
            return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"
        case Drawing():
            return f"<figure>{block.svg}<figcaption>{html.escape(block.caption)}</figcaption></figure>"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_marked(block.text)}"
        case Paragraph():
            return f"> **Warning.** {_marked(block.text)}" if block.warning else _marked(block.text)
        case Table():
            lines = [block.head, ["---"] * len(block.head), *block.rows]
            return "\n".join("| " + " | ".join(_marked(cell) for cell in line) + " |" for line in lines)
        case Drawing():
            return f"![{_marked(block.caption)}]({block.name})"


def _marked(text: str) -> str:
    """Text without what Markdown or HTML would take for marks of their own."""
    plain = " ".join(text.split())
    for mark in "\\`*_[]<>|":
        plain = plain.replace(mark, "\\" + mark)
    return plain
