"""Columns of a layout: the cells of tables, and the values of neighbouring entries."""

from __future__ import annotations

from archdsl.syntax.pieces import Frame, Kind, Piece, gap

WIDEST_KEY = 24
"""A longer key is not aligned with its neighbours, nor they with it."""


def lay_tables(pieces: list[Piece], frames: list[Frame]) -> None:
    """Give every row a line, and every column a width: the first is aligned to the left, others to the right.

    A table stays as it is written if one of its rows holds a comment or goes over several lines.
    """
    for frame in reversed(frames):  # a table within a cell comes first
        if frame.kind is not Kind.TABLE:
            continue
        rows = [_row_cells(pieces, frame, start) for start in frame.entries]
        if any(p.kind == "COMMENT" or p.breaks for row in rows for i, j in row for p in pieces[i : j + 1]):
            continue
        for start in (*frame.entries, frame.closing):
            pieces[start].breaks = max(pieces[start].breaks, 1)
        widths: list[int] = []
        for row in rows:
            for column, (i, j) in enumerate(row):
                width = _width(pieces, i, j)
                if column < len(widths):
                    widths[column] = max(widths[column], width)
                else:
                    widths.append(width)
        for row in rows:
            for column, (i, j) in enumerate(row):
                pieces[j if column == 0 else i].extra = widths[column] - _width(pieces, i, j)


def _row_cells(pieces: list[Piece], frame: Frame, start: int) -> list[tuple[int, int]]:
    """The cells of the row that begins at a piece: the first of each, and the `|` behind it."""
    cells: list[tuple[int, int]] = []
    first = start + 1
    for i in range(start + 1, frame.closing):
        piece = pieces[i]
        if piece.frame is frame and piece.kind == "VBAR":
            if piece.begins:
                break
            cells.append((first, i))
            first = i + 1
    return cells


def _width(pieces: list[Piece], start: int, stop: int) -> int:
    width = len(pieces[start].text)
    for i in range(start + 1, stop):
        width += gap(pieces[i - 1], pieces[i]) + pieces[i].extra + len(pieces[i].text)
    return width


def align_entries(pieces: list[Piece], frame: Frame) -> None:
    """Align the values of neighbouring `key: value` lines, and the `~` of neighbouring draws.

    A blank line ends a group; an entry of another kind, or one that shares its line, only stands apart.
    """
    group: list[tuple[int, int, int]] = []  # first piece, separator, width of the key
    ends = [*frame.entries[1:], frame.closing]
    for start, end in zip(frame.entries, ends, strict=False):
        if _blank_before(pieces, start):
            _align_group(pieces, group)
            group = []
        if not pieces[start].breaks or (end != frame.closing and not pieces[end].breaks):
            continue
        separator = next((i for i in range(start, end) if pieces[i].separates and pieces[i].frame is frame), None)
        if separator is None or pieces[separator].kind == "EQUAL":
            continue
        key = pieces[start:separator]
        if any(p.breaks or p.kind == "COMMENT" for p in (*key[1:], pieces[separator])):
            continue
        if pieces[separator + 1].kind == "COMMENT":
            continue
        width = _width(pieces, start, separator)
        if width <= WIDEST_KEY and all(p.kind != "LSQB" for p in key):
            group.append((start, separator, width))
    _align_group(pieces, group)


def _blank_before(pieces: list[Piece], start: int) -> bool:
    """Whether a blank line stands before an entry or the comments above it."""
    while pieces[start].breaks == 1 and start and pieces[start - 1].kind == "COMMENT" and pieces[start - 1].breaks:
        start -= 1
    return pieces[start].breaks > 1


def _align_group(pieces: list[Piece], group: list[tuple[int, int, int]]) -> None:
    for kind in ("COLON", "TILDE"):
        members = [(separator, width) for _, separator, width in group if pieces[separator].kind == kind]
        widest = max((width for _, width in members), default=0)
        for separator, width in members:
            padded = separator + 1 if kind == "COLON" else separator
            pieces[padded].extra += widest - width


__all__ = ["align_entries", "lay_tables"]
