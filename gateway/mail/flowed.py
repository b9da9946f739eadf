"""Paragraphs that a mailer cut into short lines, put together again. RFC 3676."""

from __future__ import annotations

SIGNATURE = "-- "


def unflow(text: str, *, delete_space: bool = False) -> str:
    """The lines of a `format=flowed` text with soft breaks undone; quote marks become `> `.

    delete_space: the DelSp parameter, for languages that write without blanks (§4).
    """
    lines: list[str] = []
    pieces: list[str] = []
    depth = -1  # of the paragraph at hand; -1: none is
    for line in text.split("\n"):
        own_depth, content = _parted(line)
        if own_depth != depth or content in ("", SIGNATURE):
            _end(lines, pieces, depth)
        depth = own_depth
        soft = content.endswith(" ") and content != SIGNATURE
        pieces.append(content[:-1] if soft and delete_space else content)
        if not soft:
            _end(lines, pieces, depth)
            depth = -1
    _end(lines, pieces, depth)
    return "\n".join(lines)


def _parted(line: str) -> tuple[int, str]:
    """Quote depth and content of a line, its stuffed space removed (§4.4, §4.5)."""
    content = line.lstrip(">")
    return len(line) - len(content), content.removeprefix(" ")


def _end(lines: list[str], pieces: list[str], depth: int) -> None:
    """Close the paragraph at hand, if there is one."""
    if not pieces:
        return
    marks = "> " * depth
    lines.append(marks + "".join(pieces) if any(pieces) else marks.rstrip())
    pieces.clear()
