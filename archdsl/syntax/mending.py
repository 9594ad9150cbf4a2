"""What rules for mistakes share: places in a text, and what is said of one lexeme that stands for another."""

from __future__ import annotations

import re

from archdsl.diagnostics import Diagnostic, Edit
from archdsl.source import Source, Span
from archdsl.syntax.faults import Break, Explanation, Mend


def replaced_by(at: Break, code: str, message: str, kind: str, text: str, end: int | None = None) -> Explanation:
    """What was found stands for a lexeme of another kind and text, which the edit writes; it ends at `end`."""
    end = at.found.end if end is None else end
    span = Span(at.source, at.found.start, end)
    written = text
    if text.isidentifier():  # a word keeps its distance from its neighbours
        words = re.compile(r"\w")
        before, after = at.source.text[max(0, span.start - 1) : span.start], at.source.text[end : end + 1]
        written = " " * bool(words.match(before)) + text + " " * bool(words.match(after))
    diagnostic = Diagnostic(code, message, span, help=f"write `{text}`", edits=(Edit(span, written),))
    return Explanation(diagnostic, Mend(((kind, text),), end))


def removed(at: Break, message: str, help_: str) -> Explanation:
    """What was found does not belong here, and the edit removes it."""
    diagnostic = Diagnostic("E101", message, at.span, help=help_, edits=(Edit(at.span, ""),))
    return Explanation(diagnostic, Mend((), at.found.end))


def is_comment(at: Break) -> bool:
    """Whether a comment of another language begins here."""
    return at.found.kind == "OPERATOR" and at.source.text.startswith(("//", "/*"), at.found.start)


def end_of_line(source: Source, position: int) -> int:
    """The offset of the next line break, or of the end."""
    end = source.text.find("\n", position)
    return len(source.text) if end == -1 else end


def begins_line(text: str, position: int) -> bool:
    """Whether nothing but blanks stands before a place in its line."""
    while position and text[position - 1] in " \t\r":  # and no line is gone through: it may be long
        position -= 1
    return position == 0 or text[position - 1] == "\n"
