"""Mistakes of place: brackets, separators, rows of tables, what begins and what is missing."""

from __future__ import annotations

import re
from difflib import get_close_matches

from archdsl.diagnostics import Diagnostic, Edit, Label
from archdsl.source import Span
from archdsl.syntax.faults import (
    BEGINS_VALUE,
    CHARACTER,
    CLOSING,
    END,
    ENDS_VALUE,
    HOLE,
    KINDS,
    RESERVED,
    SOFT,
    Break,
    Explanation,
    Mend,
    closers,
    left_open,
    shown,
)
from archdsl.syntax.mending import begins_line, removed, replaced_by


def end_left_open(at: Break) -> Explanation | None:
    """The file ends within brackets."""
    if at.found.kind != END or not at.opened:
        return None
    return Explanation(left_open(at, at.found.start, "the file ends", None), Mend(closers(at), at.found.start))


def closer(at: Break) -> Explanation | None:
    """A bracket that closes nothing, another one, or one further out: `conv(8]`"""
    found = at.found
    if found.text not in KINDS or (at.inside and CLOSING[at.inside] == found.text):
        return None
    if not at.opened:
        message, help_ = f"`{found.text}` closes nothing", "remove it"
        diagnostic = Diagnostic("E103", message, at.span, help=help_, edits=(Edit(at.span, ""),))
        return Explanation(diagnostic, Mend((), found.end))
    depth = next((i for i, o in enumerate(reversed(at.opened)) if CLOSING[o.text] == found.text), None)
    if depth is not None:
        diagnostic = left_open(at, found.start, f"`{found.text}` closes a bracket further out", depth)
        return Explanation(diagnostic, Mend(closers(at, depth), found.start))
    wanted = CLOSING[at.inside]
    diagnostic = Diagnostic(
        "E103",
        f"`{found.text}` does not close `{at.inside}`",
        at.span,
        labels=(Label(at.opened[-1].span(at.source), "opened here"),),
        help=f"write `{wanted}`",
        edits=(Edit(at.span, wanted),),
    )
    return Explanation(diagnostic, Mend(((KINDS[wanted], wanted),), found.end))


def separator(at: Break) -> Explanation | None:
    """`width: 1, depth: 2`, `input: x;`"""
    found = at.found
    if found.kind not in {"COMMA", "SEMICOLON"}:
        return None
    complete = "RBRACE" in at.accepted if at.inside == "{" else not at.inside and END in at.accepted
    if complete:
        message = f"entries stand one after the other, without `{found.text}`"
        diagnostic = Diagnostic("E101", message, at.span, help=f"remove the `{found.text}`", edits=(Edit(at.span, ""),))
        return Explanation(diagnostic, Mend((), found.end))
    if found.kind == "SEMICOLON" and "COMMA" in at.accepted:
        return replaced_by(at, "E101", "values stand between commas", "COMMA", ",")
    return None


def colon_and_equals(at: Break) -> Explanation | None:
    """`width := 3`, `conv(kernel = 3)`, `a = 3 == b`, `input = {`: one sign for another."""
    found, before = at.found, at.before
    if found.kind == "EQUAL":
        if before is not None and before.kind == "COLON" and at.touches:
            return removed(at, "`:=` is not in the language", "write `:` alone")
        if at.inside == "(" and before is not None and before.kind in {"NAME", "KIND"} and "COLON" in at.accepted:
            return replaced_by(at, "E101", "a value follows its name with `:`", "COLON", ":")
        if at.inside == "{" and "COLON" in at.accepted and "CMP" not in at.accepted:
            return replaced_by(at, "E101", "`=` binds a plain name; a field inside another takes `:`", "COLON", ":")
        if "CMP" in at.accepted:
            return replaced_by(at, "E101", "`=` binds a name; `==` compares", "CMP", "==")
    if found.kind == "COLON":
        if not at.opened and {"EQUAL", "LBRACE"} & at.accepted:
            if at.next_character == "{":
                return removed(at, "a body follows without `:`", "remove the `:`")
            return replaced_by(at, "E101", "a definition is written with `=`", "EQUAL", "=")
        if at.inside == "{" and "EQUAL" in at.accepted and "COLON" not in at.accepted:
            return replaced_by(at, "E101", "several names are bound with `=`", "EQUAL", "=")
    if found.text == ">" and before is not None and before.kind == "EQUAL" and at.touches:
        return removed(at, "`=>` is not in the language", "write `=` alone")
    if found.text == "==" and found.kind == "CMP":
        if "EQUAL" in at.accepted:
            return replaced_by(at, "E101", "`==` compares; `=` binds a name", "EQUAL", "=")
        if "COLON" in at.accepted:
            return replaced_by(at, "E101", "`==` compares; a value follows its name with `:`", "COLON", ":")
    if found.kind == "LBRACE" and before is not None and before.kind in {"COLON", "EQUAL"} and at.expects_value:
        mark, span = before.text, before.span(at.source)
        diagnostic = Diagnostic(
            "E101",
            f"a body follows its name without `{mark}`",
            span,
            help=f"remove the `{mark}`",
            edits=(Edit(span, ""),),
        )
        return Explanation(diagnostic, Mend((), found.start, undo=True))
    return None


def row(at: Break) -> Explanation | None:
    """A missing `|` or `]` of a table."""
    before = at.before
    if at.inside != "[" or before is None or before.kind == "LSQB" or at.found.kind in {END, CHARACTER}:
        return None
    if at.found.kind in {"COLON", "EQUAL"} and before.kind in {"NAME", "KIND"} and at.earlier is not None:
        if at.earlier.kind != "VBAR":
            return None
        diagnostic = left_open(at, before.start, "the next entry begins here")
        return Explanation(diagnostic, Mend(closers(at, 1), before.start, undo=True))
    if "VBAR" not in at.accepted:
        if at.found.kind == "VBAR" and at.expects_value and before.kind == "VBAR":
            here = Span(at.source, at.found.start, at.found.start)
            diagnostic = Diagnostic("E101", "a cell is empty", at.span, help="write `-`", edits=(Edit(here, "- "),))
            return Explanation(diagnostic, Mend((("MINUS", "-"),), at.found.start))
        return None
    found, row_complete = at.found, before.kind == "VBAR"
    bar = ("VBAR", "|")
    if (found.kind in {"NAME", "KIND"} and at.next_character in {":", "="}) or found.text in {"require", "return"}:
        lexemes = (() if row_complete else (bar,)) + closers(at, 1)
        return Explanation(left_open(at, found.start, "the next entry begins here"), Mend(lexemes, found.start))
    if row_complete and found.kind not in BEGINS_VALUE | {"MINUS"}:
        return None
    message = f"a row begins with `|`, before {at.shown}" if row_complete else f"a `|` is missing before {at.shown}"
    place = before.end if found.kind == "RSQB" else found.start
    edit = Edit(Span(at.source, place, place), " |" if found.kind == "RSQB" else "| ")
    return Explanation(Diagnostic("E101", message, at.span, help="write `|`", edits=(edit,)), Mend((bar,), found.start))


def missing_comma(at: Break) -> Explanation | None:
    """`conv(8 kernel: 3)`"""
    if at.found.kind not in BEGINS_VALUE or "COMMA" not in at.accepted:
        return None
    if at.inside not in {"(", "["} and "AS" not in at.accepted:
        return None
    if at.before is None or at.before.text in RESERVED:
        return None
    here = Span(at.source, at.before.end, at.before.end)
    message = f"a `,` is missing before {at.shown}"
    diagnostic = Diagnostic("E101", message, at.span, help="write `,`", edits=(Edit(here, ","),))
    return Explanation(diagnostic, Mend((("COMMA", ","),), at.found.start))


def bracket_before(at: Break) -> Explanation | None:
    """A `)` or `]` is missing right here: `block b(x { …`, `stages[0: 3`"""
    opened = at.opened[-1] if at.opened else None
    if opened is None:
        return None
    header = opened.text == "(" and at.found.kind == "LBRACE" and "RPAR" in at.accepted
    touches = opened.text == "[" and re.match(r"\w", at.source.text[opened.start - 1 : opened.start])
    path = touches and at.found.kind in {"COLON", "EQUAL", "TILDE", "LBRACE"} and "RSQB" in at.accepted
    if not header and not path:
        return None
    diagnostic = left_open(at, at.found.start, f"{at.shown} stands outside it")
    return Explanation(diagnostic, Mend(closers(at, 1), at.found.start))


def swallowed_key(at: Break) -> Explanation | None:
    """`width: 3 +`, and on the next line `depth: 4`: the name was read as the operand."""
    before, earlier = at.before, at.earlier
    if at.found.kind not in {"COLON", "EQUAL"} or before is None or earlier is None or before.kind not in SOFT:
        return None
    own = earlier.kind == "COLON" == at.found.kind  # `width: depth: 4`, on one line
    if earlier.kind in ENDS_VALUE or earlier.kind == "LBRACE" or not (own or begins_line(at.source.text, before.start)):
        return None
    if earlier.kind == "DOT":
        gap = Span(at.source, earlier.end, earlier.end)
        message = f"a name is missing behind `.`, before `{shown(before.text)}`"
        return Explanation(Diagnostic("E101", message, gap), Mend(((HOLE, ""),), before.start, undo=True))
    missing = f"a value is missing behind `{shown(earlier.text)}`, before `{shown(before.text)}`"
    gap = Span(at.source, earlier.end, earlier.end)
    return Explanation(Diagnostic("E101", missing, gap), Mend(((HOLE, ""),), before.start, undo=True))


def missing_brace(at: Break) -> Explanation | None:
    """`model m` and an entry: the body's `{` is missing."""
    if at.opened or not {"LBRACE", "EQUAL"} <= at.accepted or at.before is None:
        return None
    if at.found.kind == "ARROW":
        return replaced_by(at, "E101", "a definition is written with `=`", "EQUAL", "=")
    word = at.found.text
    if "REFINES" in at.accepted and (word in {"extends", "of", "from"} or get_close_matches(word[:20], ("refines",))):
        return replaced_by(at, "E101", f"did not expect `{shown(word)}`: did you mean `refines`?", "REFINES", "refines")
    if not begins_line(at.source.text, at.found.start):
        return None
    is_entry = at.found.kind == "NAME" and at.next_character in {":", "=", ".", "{", "~"}
    if not is_entry and at.found.text not in {"return", "require"}:
        return None
    here = Span(at.source, at.before.end, at.before.end)
    message = f"the body has no `{{` before {at.shown}"
    diagnostic = Diagnostic("E101", message, at.span, help="write `{`", edits=(Edit(here, " {"),))
    return Explanation(diagnostic, Mend((("LBRACE", "{"),), at.found.start))
