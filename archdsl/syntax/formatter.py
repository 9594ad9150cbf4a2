"""Text to canonical text. What enters is a `Source` that parses; what leaves is its one canonical layout.

The writer decides where lines break and where one blank line stands; everything else has one form, and a line
that is too long is broken where it may be. The formatter works on lexemes, not on the tree, so comments need no
rule of their own and nothing can be lost: the output holds the same lexemes and comments in the same order. Two
things always break a line: an item after another item, and the rows of a table.

It runs in passes over one list of pieces: `frames_of` finds the brackets and what begins an item, an entry or a
row; `lay_tables` and `align_entries` add the spaces that make columns; `_Writer` puts it all down. While that
leaves lines that are too long, `_wrap` breaks them and all but the first pass run again: so the last layout is
that of a text in which somebody wrote these line breaks.
"""

from __future__ import annotations

from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.syntax.columns import align_entries, lay_tables
from archdsl.syntax.parser import parse
from archdsl.syntax.pieces import CHOICE, CLOSING, OPENING, Frame, Kind, Piece, frames_of, gap

LINE = 120
"""Columns of a line, without the comment at its end."""
INDENT = 2
CONTINUATION = 4
"""Indentation of a line that goes on with an entry where nothing better shows where."""
WORTH = 4
"""A break in an expression that moves what follows by fewer columns to the left is none."""


def format_source(source: Source, *, line: int = LINE) -> str:
    """The canonical layout of a text. Raises `Fault` with the first syntax error of one that does not parse.

    Lines with code beyond `line` columns are broken where they may be; the comment at the end of one does not count.

    The result parses to an equal tree with the same documentation, and is its own canonical layout.
    """
    pieces = frames_of(source)
    if not pieces:
        return ""
    frames = list(dict.fromkeys(p.frame for p in pieces))
    while True:
        for piece in pieces:
            piece.extra = 0
        lay_tables(pieces, frames)
        _separate_items(pieces)
        for frame in frames:
            if frame.kind is Kind.BODY:
                align_entries(pieces, frame)
        writer = _Writer(pieces)
        text = writer.write()
        # Each round begins a line with a piece that began none: so the rounds end.
        wrapped = [_wrap(pieces, spots, line) for spots in writer.lines]
        if not any(wrapped):
            return text


def format_checked(source: Source) -> str:
    """The canonical layout, as `format_source` gives it; RuntimeError, a fault of ours, if it would change the meaning.

    Raises `Fault` where the text does not parse.
    """
    text = format_source(source)
    if text != source.text:
        before, _ = parse(source)
        after, faults = parse(Source(source.name, text))
        if faults or before != after:
            raise RuntimeError(f"the layout of {source.name} would change its meaning")
    return text


def _separate_items(pieces: list[Piece]) -> None:
    """One item a line; one blank line between items, but where the writer put one-liners together."""
    items = [i for i, p in enumerate(pieces) if p.begins and p.frame.kind is Kind.FILE]
    ends = [*items[1:], len(pieces)]
    previous_short = True
    for number, (start, end) in enumerate(zip(items, ends, strict=False)):
        code_end = max(i for i in range(start, end) if pieces[i].kind != "COMMENT")
        short = not any(p.breaks for p in pieces[start + 1 : code_end + 1])
        short = short or pieces[start].kind in {"USE", "ARCH"}
        if number:
            pieces[start].breaks = max(pieces[start].breaks, 1)
            first = start
            while pieces[first].breaks == 1 and pieces[first - 1].kind == "COMMENT" and pieces[first - 1].breaks:
                first -= 1
            if not (short and previous_short):
                pieces[first].breaks = 2
        previous_short = short


@dataclass(slots=True, eq=False)
class _Level:
    """The layout within one pair of brackets while it is written."""

    frame: Frame
    content: int
    """Column of its items, entries, rows and elements."""
    closing: int
    """Column of its closing bracket, should that begin a line."""
    base: int
    """Column of the last line that began directly in it."""
    arrow: int | None = None
    """Column of the first `->` of the entry at hand."""
    value: int | None = None
    """Column of the value of the entry at hand."""
    tabled: bool = False
    """Whether a table is around it."""


@dataclass(slots=True, eq=False)
class _Spot:
    """Where a piece that is no comment came to stand."""

    number: int
    column: int
    depth: int
    """Brackets around it."""
    divides: str = ""
    """What a line break in front of it would divide, if one may stand there."""
    target: int = 0
    """The column at which it would then begin the line."""


class _Writer:
    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self._out: list[str] = []
        self._column = 0
        self._indent = 0
        self._levels = [_Level(pieces[0].frame, 0, 0, 0)]
        self._following = _next_code(pieces)
        self.lines: list[list[_Spot]] = []
        """The code of every line, once written."""

    def write(self) -> str:
        before: Piece | None = None
        last: Piece | None = None  # the last piece that is no comment
        for i, piece in enumerate(self._pieces):
            closed = self._levels.pop() if piece.kind in CLOSING else None
            level = self._levels[-1]
            begins_line = before is None or piece.breaks > 0 or before.kind == "COMMENT"
            if before is not None and begins_line:
                blank = piece.breaks > 1 and before.kind not in OPENING and piece.kind not in CLOSING
                self._out.append("\n\n" if blank else "\n")
                self._indent = self._indentation(i, level, last) if closed is None else closed.closing
                self._out.append(" " * self._indent)
                self._column = self._indent
            elif before is not None:
                self._put(" " * (gap(before, piece) + piece.extra))
            if begins_line:
                self.lines.append([])
            if piece.kind != "COMMENT":
                spot = _Spot(i, self._column, len(self._levels))
                if closed is None and not begins_line and not level.tabled and last is not None:
                    spot.divides = _divided(piece, last)
                    spot.target = self._column_of(piece, level, last)
                self.lines[-1].append(spot)
            if piece.kind != "COMMENT" and closed is None:
                self._note(piece, level, last, begins_line)
            self._put(piece.text)
            if piece.opens is not None:
                self._open(i, piece.opens, level)
            before = piece
            last = last if piece.kind == "COMMENT" else piece
        return "".join(self._out) + "\n"

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._column += len(text)

    def _indentation(self, i: int, level: _Level, last: Piece | None) -> int:
        """The column at which a line begins with a piece that is no closing bracket."""
        piece = self._pieces[i]
        if piece.kind == "COMMENT":
            following = self._following[i]
            if following is None or self._pieces[following].kind in CLOSING:
                return level.content
            return self._column_of(self._pieces[following], level, last)
        level.base = self._column_of(piece, level, last)
        return level.base

    def _column_of(self, piece: Piece, level: _Level, last: Piece | None) -> int:
        if _begins(piece, level, last):
            return level.content
        if piece.kind == "LBRACE":
            return level.base
        if piece.kind == "ARROW" and level.arrow is not None:
            return level.arrow
        if piece.kind in CHOICE and level.frame.kind is Kind.LIST and not level.frame.several:
            return level.content  # a choice or comprehension that is all that the brackets hold
        return level.content + CONTINUATION if level.value is None else level.value

    def _note(self, piece: Piece, level: _Level, last: Piece | None, begins_line: bool) -> None:
        """Remember the columns that later lines of the same entry go back to."""
        if _begins(piece, level, last):
            level.arrow = level.value = None
        elif not begins_line and last is not None and last.frame is level.frame and last.precedes_value:
            level.value = self._column
        if piece.kind == "ARROW" and level.arrow is None:
            level.arrow = self._column

    def _open(self, i: int, frame: Frame, level: _Level) -> None:
        """Enter a bracket: its contents are indented, or begin behind it where the line goes on."""
        following = self._pieces[i + 1]
        line = level.base if self._pieces[i].kind == "LBRACE" else self._indent
        content = line + INDENT
        goes_on = not following.breaks and following.kind != "COMMENT"
        if goes_on and frame.kind in {Kind.LIST, Kind.NAMES}:
            content = self._column + gap(self._pieces[i], following)
        tabled = level.tabled or frame.kind is Kind.TABLE
        self._levels.append(_Level(frame, content, line, line, tabled=tabled))


def _begins(piece: Piece, level: _Level, last: Piece | None) -> bool:
    """Whether an item, entry, row or element begins with a piece."""
    if level.frame.kind in {Kind.LIST, Kind.NAMES}:
        return last is None or last.kind in OPENING or last.kind in {"COMMA", "SEMICOLON"}
    return piece.begins


def _next_code(pieces: list[Piece]) -> list[int | None]:
    """For every piece the next that is no comment."""
    following: list[int | None] = [None] * len(pieces)
    for i in range(len(pieces) - 2, -1, -1):
        following[i] = following[i + 1] if pieces[i + 1].kind == "COMMENT" else i + 1
    return following


# Lines that are too long


def _divided(piece: Piece, last: Piece) -> str:
    """What a line break between two pieces of code that are in no table would divide; empty if none may stand there."""
    kind = piece.frame.kind
    if kind is Kind.BODY and piece.begins:
        return "entries"
    if kind in {Kind.LIST, Kind.NAMES} and last.kind in {"COMMA", "SEMICOLON"}:
        return "elements"
    if piece.kind in CHOICE:
        return "choice"
    if piece.kind == "ARROW":
        return "pipe"
    if kind is Kind.FILE and last.separates and last.kind == "EQUAL":
        return "definition"
    return ""


def _wrap(pieces: list[Piece], spots: list[_Spot], line: int) -> bool:
    """Break a line that is too long, in the outermost bracket that goes beyond. Returns whether one could be.

    A body on the line gets a line for each entry. Elsewhere lines are filled: elements of a list first, then the
    parts of a choice or comprehension, then the steps of a pipe, last what defines a whole item.
    """
    ends = {spot.number: spot.column + len(pieces[spot.number].text) for spot in spots}
    if not spots or ends[spots[-1].number] <= line:
        return False
    places: dict[Frame, dict[str, list[_Spot]]] = {}
    for spot in sorted(spots, key=lambda s: s.depth):
        if spot.divides:
            places.setdefault(pieces[spot.number].frame, {}).setdefault(spot.divides, []).append(spot)
    beyond = [frame for frame in places if ends.get(frame.closing, line + 1) > line]
    within = [frame for frame in places if ends.get(frame.closing, line + 1) <= line]
    end = ends[spots[-1].number]
    stops = [(frame, ends.get(frame.closing, end)) for frame in beyond] + [(frame, end) for frame in reversed(within)]
    for frame, stop in stops:
        entries = places[frame].get("entries", [])
        for spot in entries:
            pieces[spot.number].breaks = 1
        if entries:
            pieces[frame.closing].breaks = max(pieces[frame.closing].breaks, 1)
            return True
        for divides in ("elements", "choice", "pipe", "definition"):
            if _fill(pieces, places[frame].get(divides, []), ends, stop, line):
                return True
    return False


def _fill(pieces: list[Piece], spots: list[_Spot], ends: dict[int, int], stop: int, line: int) -> bool:
    """Break in front of what would go beyond the line, and of nothing else. Returns whether that is anything."""
    shift = 0  # how far the breaks so far move what follows to the left
    for spot, following in zip(spots, [*spots[1:], None], strict=False):
        end = stop if following is None else ends[following.number - 1]
        if end - shift > line and spot.column - shift - spot.target >= WORTH:
            pieces[spot.number].breaks = 1
            shift = spot.column - spot.target
    return shift > 0
