"""Mistakes in values: `when` with an `else`, filters of lists, several values."""

from __future__ import annotations

import re

from archdsl.diagnostics import Diagnostic, Edit, Label
from archdsl.source import Span
from archdsl.syntax.faults import END, Break, Explanation
from archdsl.syntax.mending import end_of_line

_LOOK_BACK = 2000
"""Characters before a fault in which the beginning of its expression is looked for."""


def else_alone(at: Break) -> Explanation | None:
    """`x -> norm when deep else x`"""
    if at.found.kind != "ELSE":
        return None
    start, text = _level_before(at)
    last = next((m for m in reversed([*re.finditer(r"\b(when|if)\b", text)])), None)
    if last is None or last.group() == "if":
        help_ = "write `a if condition else b`"
        return Explanation(Diagnostic("E101", "`else` has no `if` before it", at.span, help=help_))
    span = Span(at.source, start + last.start(), start + last.end())
    message = "`when` leaves a step away and has no `else`"
    help_ = "write `if` for `when`: `a if condition else b`"
    labels = (Label(span, "the `when`"),)
    return Explanation(Diagnostic("E101", message, at.span, labels=labels, help=help_, edits=(Edit(span, "if"),)))


def filtered_list(at: Break) -> Explanation | None:
    """`[a for a in list if c]`"""
    if at.found.kind != "RSQB" or "ELSE" not in at.accepted:
        return None
    start, text = _level_before(at)
    found = re.search(r"\bfor\b.*\bin\b.*(\bif\b)(?!.*\belse\b)", text, re.DOTALL)
    if found is None:
        return None
    span = Span(at.source, start + found.start(1), start + found.end(1))
    message = "a list has no filter: `if` chooses between two values, and has no `else`"
    help_ = "leave elements out where the list is made, or put `… if condition else …` in front of the `for`"
    return Explanation(Diagnostic("E101", message, span, help=help_))


def _level_before(at: Break) -> tuple[int, str]:
    """The text between the innermost open bracket and a fault, without what is in brackets or quotes; its offset."""
    start = max(at.opened[-1].end if at.opened else 0, at.found.start - _LOOK_BACK)
    text = at.source.text[start : at.found.start]
    blank = lambda found: " " * len(found.group())  # noqa: E731
    text = re.sub(r'"[^"\n]*"|#[^\n]*', blank, text)
    inner = re.compile(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}")
    while inner.search(text):
        text = inner.sub(blank, text)
    return start, text


def several_values(at: Break) -> Explanation | None:
    """`block f(x) = x, x`"""
    if at.found.kind != "COMMA" or at.inside or END not in at.accepted:
        return None
    start, text = _level_before(at)
    head = [*re.finditer(r"^(?:block|fn)\s+\w+\s*(=(?!=))", text, re.MULTILINE)]
    if not head:
        return None
    behind = start + head[-1].end(1)
    line = at.source.text[behind : end_of_line(at.source, at.found.start)].partition("#")[0].rstrip()
    message, help_ = "one value stands behind `=`", "write `{ return …, … }`"
    if "\n" in line or line.endswith(","):
        return Explanation(Diagnostic("E101", message, at.span, help=help_))
    written = f"{{ return {line.strip()} }}"
    edits = (Edit(Span(at.source, behind - 1, behind + len(line)), written),)
    help_ = f"write `{written}`" if len(written) <= 60 else help_
    return Explanation(Diagnostic("E101", message, at.span, help=help_, edits=edits))
