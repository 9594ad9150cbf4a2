"""Diagnostics as text for a reader.

A source text is shown so that it cannot play tricks with a terminal (`archdsl.visible`), and a long line is cut around
the places that matter. The work for a diagnostic is bounded by the lengths of the lines it names.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.diagnostics import Diagnostic, Diagnostics, Severity
from archdsl.records import dataclass
from archdsl.source import Source, Span
from archdsl.visible import MAX_LETTERS, visible, visible_letter

MAX_COLUMNS = 120
"""More columns than this of one source line are not shown."""
_STYLES = {"error": "1;31", "warning": "1;33", "strong": "1", "gutter": "1;34", "label": "1;34", "help": "1;36"}


# One source line with what is underlined in it.


@dataclass(frozen=True, slots=True)
class _Mark:
    """Characters `start` to `end` of one line, from 0, and the text that stands at them."""

    start: int
    end: int
    primary: bool
    text: str


class _Painter:
    def __init__(self, color: bool, severity: Severity) -> None:
        self.color = color
        self.severity = severity

    def paint(self, text: str, style: str) -> str:
        if not self.color or not text:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def runs(self, columns: Sequence[tuple[str, str]]) -> str:
        """Characters with their styles ("" for none), as text without trailing blanks."""
        last = len(columns)
        while last and columns[last - 1][0] == " ":
            last -= 1
        parts: list[str] = []
        start = 0
        for end in range(1, last + 1):
            if end == last or columns[end][1] != columns[start][1]:
                text = "".join(char for char, _ in columns[start:end])
                parts.append(self.paint(text, columns[start][1]) if columns[start][1] else text)
                start = end
        return "".join(parts)


def _window(line: str, marks: Sequence[_Mark]) -> tuple[int, int]:
    """Which characters of a line are shown: all, or at most `MAX_COLUMNS` around the marks."""
    if len(line) <= MAX_COLUMNS and len("".join(map(visible_letter, line))) <= MAX_COLUMNS:
        return 0, len(line)

    def width(index: int) -> int:
        return len(visible_letter(line[index]))

    primary = next((mark for mark in marks if mark.primary), marks[0])
    start = end = min(primary.start, len(line))
    free = MAX_COLUMNS
    wanted = min(primary.end, len(line))
    while end < wanted and width(end) <= free:
        free -= width(end)
        end += 1
    before = free // 2
    while start > 0 and width(start - 1) <= before:
        before -= width(start - 1)
        free -= width(start - 1)
        start -= 1
    while end < len(line) and width(end) <= free:
        free -= width(end)
        end += 1
    while start > 0 and width(start - 1) <= free:
        free -= width(start - 1)
        start -= 1
    return start, end


def _line_rows(line: str, marks: Sequence[_Mark], painter: _Painter) -> list[str]:
    """A source line, its underlines, and the texts of its marks."""
    first, last = _window(line, marks)
    shown = [visible_letter(char) for char in line[first:last]]
    head = "…" if first > 0 else ""
    text = head + "".join(shown) + ("…" if last < len(line) else "")
    columns = [len(head)]
    for piece in shown:
        columns.append(columns[-1] + len(piece))

    def column(offset: int) -> int:
        return columns[min(max(offset - first, 0), len(columns) - 1)]

    placed: list[tuple[int, int, _Mark]] = []
    for mark in marks:
        if mark.primary or (mark.start <= last and mark.end >= first):
            start = column(mark.start)
            placed.append((start, max(column(mark.end), start + 1), mark))
        else:  # beyond what is shown: it keeps its text, at the end where it would stand
            start = 0 if mark.end < first else max(len(text) - 1, 0)
            placed.append((start, start + 1, mark))
    placed.sort(key=lambda place: (place[0], place[2].primary))

    style = {True: painter.severity, False: "label"}
    width = max(end for _, end, _ in placed)
    under: list[tuple[str, str]] = [(" ", "")] * width
    for start, end, mark in sorted(placed, key=lambda place: place[2].primary):
        under[start:end] = [("^" if mark.primary else "-", style[mark.primary])] * (end - start)
    texts = [place for place in placed if place[2].text]
    row = painter.runs(under)
    if texts and texts[-1][1] == width:
        _, _, mark = texts.pop()
        row += " " + painter.paint(visible(mark.text), style[mark.primary])
    rows = [text.rstrip(), row]

    def bars(places: Sequence[tuple[int, int, _Mark]]) -> list[tuple[str, str]]:
        row: list[tuple[str, str]] = [(" ", "")] * width
        for start, _, mark in places:
            row[start] = ("|", style[mark.primary])
        return row

    if texts:
        rows.append(painter.runs(bars(texts)))
    while texts:
        start, _, mark = texts.pop()
        lead = bars([place for place in texts if place[0] < start])[:start]
        rows.append(painter.runs([*lead, *((char, style[mark.primary]) for char in visible(mark.text))]))
    return rows


# A diagnostic.


def bounded(span: Span) -> tuple[int, int]:
    """Start and end of a span, within its text."""
    start = min(max(span.start, 0), len(span.source.text))
    return start, min(max(span.end, start), len(span.source.text))


def _marks(span: Span, primary: bool, text: str) -> list[tuple[int, _Mark]]:
    """The marks of a span by line: one, or one at its first and one at its last line."""
    start, end = bounded(span)
    first, column = span.source.position(start)
    last, last_column = span.source.position(max(end - 1, start))
    if first == last:
        return [(first, _Mark(column - 1, column - 1 + max(end - start, 1), primary, text))]
    line = span.source.line(last)
    indent = min(len(line) - len(line.lstrip()), last_column - 1)
    rest = max(len(span.source.line(first)), column)
    return [(first, _Mark(column - 1, rest, primary, "")), (last, _Mark(indent, last_column, primary, text))]


def _snippet(
    source: Source, spans: Sequence[tuple[Span, bool, str]], gutter: int, arrow: str, painter: _Painter
) -> list[str]:
    """The lines of one source that matter, under the place of the first span."""
    line, column = source.position(bounded(spans[0][0])[0])
    rows = [f"{' ' * gutter}{painter.paint(arrow, 'gutter')} {visible(source.name)}:{line}:{column}"]
    if not source.text and not any(text for _, _, text in spans):
        return rows
    lines: dict[int, list[_Mark]] = {}
    covered: list[tuple[int, int]] = []
    for span, primary, text in spans:
        placed = _marks(span, primary, text)
        covered.append((placed[0][0], placed[-1][0]))
        for number, mark in placed:
            if mark not in lines.setdefault(number, []):
                lines[number].append(mark)
    bar = painter.paint("|", "gutter")
    rows.append(f"{' ' * gutter} {bar}")
    before = None
    for number in sorted(lines):
        if before is not None and number > before + 1 and any(a <= before and number <= b for a, b in covered):
            rows.append(painter.paint("...", "gutter"))
        before = number
        text, *under = _line_rows(source.line(number), lines[number], painter)
        rows.append(f"{painter.paint(str(number).rjust(gutter), 'gutter')} {bar} {text}".rstrip())
        rows.extend(f"{' ' * gutter} {bar} {row}" for row in under)
    return rows


def render_text(diagnostic: Diagnostic, color: bool) -> str:
    """The diagnostic for a reader, without a line break at the end; ANSI colors only when asked for."""
    painter = _Painter(color, diagnostic.severity)
    groups: dict[Source, list[tuple[Span, bool, str]]] = {
        diagnostic.span.source: [(diagnostic.span, True, diagnostic.label)]
    }
    for label in diagnostic.labels:
        groups.setdefault(label.span.source, []).append((label.span, False, label.text))
    last_line = max(span.source.position(bounded(span)[1])[0] for spans in groups.values() for span, _, _ in spans)
    gutter = len(str(last_line))
    head = painter.paint(f"{diagnostic.severity}[{visible(diagnostic.code)}]", diagnostic.severity)
    rows = [head + painter.paint(f": {visible(diagnostic.message)}", "strong")]
    for index, (source, spans) in enumerate(groups.items()):
        rows += _snippet(source, spans, gutter, ":::" if index else "-->", painter)
    if diagnostic.help is not None:
        first, *more = diagnostic.help[:MAX_LETTERS].split("\n")
        rows.append(f"{painter.paint('help', 'help')}: {visible(first)}")
        rows += [f"      {visible(line)}".rstrip() for line in more]
    return "\n".join(rows)


def render_summary(diagnostics: Diagnostics) -> str:
    """How many there are, for example `2 errors, 1 warning, 37 more not shown`; empty where there is none."""
    errors = diagnostics.errors
    counts = ((errors, "error"), (len(diagnostics) - errors, "warning"))
    parts = [f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts if count]
    if diagnostics.omitted:
        parts.append(f"{diagnostics.omitted} more not shown")
    return ", ".join(parts)


def render_all(diagnostics: Diagnostics, color: bool) -> str:
    """All diagnostics by place, a blank line between, and the summary; empty where there is none."""
    if not len(diagnostics):
        return ""
    parts = [render_text(diagnostic, color) for diagnostic in diagnostics]
    return "\n\n".join([*parts, render_summary(diagnostics)]) + "\n"
