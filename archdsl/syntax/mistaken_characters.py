"""Mistakes in single lexemes: characters of no meaning, quotes, numbers, operators of other languages."""

# ruff: noqa: RUF001, RUF002 (the characters that look alike are the point)
from __future__ import annotations

import re

from archdsl.diagnostics import Diagnostic, Edit
from archdsl.source import Span
from archdsl.syntax.faults import CHARACTER, Break, Explanation, Mend, shown
from archdsl.syntax.mending import end_of_line, is_comment, removed, replaced_by

# Characters that look like or stand for a lexeme of the language.
_MEANT = {
    "×": ("TIMES", "x"),
    "−": ("MINUS", "-"),
    "–": ("MINUS", "-"),
    "—": ("MINUS", "-"),
    "·": ("OPERATOR", "*"),
    "÷": ("OPERATOR", "/"),
    "→": ("ARROW", "->"),
    "≤": ("CMP", "<="),
    "≥": ("CMP", ">="),
    "≠": ("CMP", "!="),
    "…": ("DOTS", ".."),
    "∼": ("TILDE", "~"),
    "!": ("NOT", "not"),
    "&": ("AND", "and"),
}

_QUOTES = {"'": "'", "`": "`", "“": "”", "”": "”", "„": "“", "‘": "’", "«": "»"}

_NUMBER_LIKE = re.compile(r"[0-9][0-9A-Za-z_.]*")


def strange_character(at: Break) -> Explanation | None:
    """`8 × 8`, `'relu'`, `3x224`, `"relu`"""
    if at.found.kind != CHARACTER:
        return None
    source, start, character = at.source, at.found.start, at.found.text
    if character == '"':
        end = end_of_line(source, start)
        help_ = 'write `"` at its end; a string stands on one line'
        span = Span(source, start, end)
        edits = (Edit(Span(source, end, end), '"'),)
        diagnostic = Diagnostic("E104", "the string is not closed", span, help=help_, edits=edits)
        swallows = re.search(r"[)}\]]", span.text) is not None
        return Explanation(diagnostic, None if swallows else Mend((("STRING", span.text + '"'),), end))
    if character in _QUOTES:
        return _quoted(at, _QUOTES[character])
    number = _NUMBER_LIKE.match(source.text, start)
    if number:
        return _bad_number(at, number.group())
    if character in _MEANT:
        kind, text = _MEANT[character]
        end = start + (2 if source.text.startswith(character * 2, start) and character in "&" else 1)
        if source.text.startswith("!=", start):
            return None
        return replaced_by(at, "E105", f"`{source.text[start:end]}` is not in the language", kind, text, end)
    code = f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
    message, edits = f"{code} has no meaning here", (Edit(at.span, ""),)
    diagnostic = Diagnostic("E105", message, at.span, help="remove it", edits=edits)
    return Explanation(diagnostic, Mend((), at.found.end))


def _quoted(at: Break, closing: str) -> Explanation:
    source, start = at.source, at.found.start
    line_end = end_of_line(source, start)
    end = source.text.find(closing, start + 1, line_end)
    message = f'a string stands between `"`, not between `{at.found.text}`'
    if end == -1:
        return Explanation(Diagnostic("E105", message, at.span, help='write `"…"`'))
    text = '"' + source.text[start + 1 : end].replace('"', "") + '"'
    span = Span(source, start, end + 1)
    diagnostic = Diagnostic("E105", message, span, help=f"write `{shown(text)}`", edits=(Edit(span, text),))
    return Explanation(diagnostic, Mend((("STRING", text),), end + 1))


def _bad_number(at: Break, text: str) -> Explanation:
    source, start = at.source, at.found.start
    end = start + len(text)
    span = Span(source, start, end)
    message = f"`{shown(text)}` is not a number"
    size = re.fullmatch(r"[0-9]+(?:x[0-9]+){0,9}(x?)", text)
    if size and "x" in text:
        parts = [p for p in text.split("x") if p]
        written = " x ".join(parts) + (" x" if size.group(1) else "")
        lexemes: list[tuple[str, str]] = []
        for part in parts:
            lexemes += [("NUMBER", part), ("TIMES", "x")]
        if not size.group(1):
            lexemes.pop()
        diagnostic = Diagnostic(
            "E105",
            f"the parts of a size stand apart: `{shown(text)}` is not a number",
            span,
            help=f"write `{written}`",
            edits=(Edit(span, written),),
        )
        return Explanation(diagnostic, Mend(tuple(lexemes), end))
    if len(text) <= 40:
        plain = text.replace("_", "")
        suffix = re.sub(r"([0-9])([kmgtbB])[A-Za-z]*$", lambda m: m[1] + m[2].upper().replace("B", "G"), plain)
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?([eE]-?[0-9]+)?[KMGT]?", suffix):
            edits = (Edit(span, suffix),)
            diagnostic = Diagnostic("E105", message, span, help=f"write `{suffix}`", edits=edits)
            return Explanation(diagnostic, Mend((("NUMBER", suffix),), end))
    help_ = "a number may end in K, M, G or T; a name begins with a letter"
    return Explanation(Diagnostic("E105", message, span, help=help_))


def operator(at: Break) -> Explanation | None:
    """`// comment`, `w ** 2`, `1...4`, `.5`"""
    found, before, text = at.found, at.before, at.source.text
    if is_comment(at):
        end = end_of_line(at.source, found.start)
        message, help_ = "a comment begins with `#`", "write `#`"
        diagnostic = Diagnostic("E101", message, at.span, help=help_, edits=(Edit(at.span, "#"),))
        return Explanation(diagnostic, Mend((), end) if text.startswith("//", found.start) else None)
    if before is None or not at.expects_value:
        return None
    span = Span(at.source, before.start, found.end)
    if found.text == "*" == before.text and at.touches:
        diagnostic = Diagnostic("E101", "a power is written `^`", span, help="write `^`", edits=(Edit(span, "^"),))
        return Explanation(diagnostic, Mend((("CIRCUMFLEX", "^"),), found.end, undo=True))
    if found.kind == "DOT" and before.kind == "DOTS" and at.touches:
        return removed(at, "a range is written `..`", "remove one `.`")
    digits = re.compile(r"\.[0-9]+(?:[eE][+-]?[0-9]+)?[KMGT]?\b").match(text, found.start)
    if found.kind == "DOT" and digits and len(digits.group()) <= 40:
        message = "a number begins with a digit"
        return replaced_by(at, "E105", message, "NUMBER", "0" + digits.group(), digits.end())
    if found.kind == "VBAR" and before.kind == "VBAR" and at.inside != "[" and at.touches:
        message = "`||` is not in the language"
        return Explanation(Diagnostic("E101", message, span, help="write `or`", edits=(Edit(span, "or"),)))
    return None


def double_bar(at: Break) -> Explanation | None:
    """`a || b`"""
    start = at.found.start
    if at.found.kind == "VBAR" and at.source.text.startswith("||", start) and at.inside != "[":
        return replaced_by(at, "E101", "`||` is not in the language", "OR", "or", start + 2)
    return None
