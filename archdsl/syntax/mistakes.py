"""The mistakes that are known: from the place where a text breaks to what is said of it.

Rules stand in a table and are asked in order; the first that knows the mistake speaks. Mistakes that are told
by the state of the parser alone have their sentences beside the grammar, in `grammar/messages.txt`.
"""

# ruff: noqa: RUF001 (the characters that look alike are the point)
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

from archdsl.diagnostics import Diagnostic, Edit, Label
from archdsl.source import Source, Span
from archdsl.syntax.faults import (
    CHARACTER,
    CLOSING,
    END,
    HOLE,
    ITEM_WORDS,
    KINDS,
    RESERVED,
    Break,
    Explanation,
    Lexeme,
    Mend,
    closers,
    left_open,
    reserved_name,
    shown,
)

# What other languages call it.
_SYNONYMS = {
    **dict.fromkeys(("def", "func", "function", "fun", "let", "rule"), "fn"),
    **dict.fromkeys(("import", "from", "include", "using", "require"), "use"),
    **dict.fromkeys(("net", "network", "class", "arch", "architecture"), "model"),
    **dict.fromkeys(("layer", "module", "cell", "op"), "block"),
    **dict.fromkeys(("scale", "scaler"), "scaling"),
    **dict.fromkeys(("train", "training"), "recipe"),
    **dict.fromkeys(("instances", "variants", "family"), "models"),
}

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
_SOFT = {"NAME", "KIND", "ARCH", "USE", "MODELS"}
_BEGINS_VALUE = _SOFT | {"NUMBER", "STRING", "LPAR", "LSQB"}
_ENDS_VALUE = _SOFT | {"NUMBER", "UNIT", "STRING", "RPAR", "RSQB", "RBRACE"}
_JOINS = {
    **{word: word.upper() for word in ("when", "if", "else", "with", "for", "in", "or", "and", "not", "as", "refines")},
    **dict.fromkeys(("epochs", "steps"), "UNIT"),
}
"""Words between values, or behind one, and their kinds."""
_BEHIND_A_VALUE = ["when", "if", "with", "or", "and"]
_AFTER_KEY = {"COLON", "EQUAL", "TILDE", "LBRACE", "DOT", "LSQB", "COMMA"}
"""What may follow the first word of an entry."""
_LOOK_BACK = 2000
"""Characters before a fault in which the beginning of its expression is looked for."""
_NUMBER_LIKE = re.compile(r"[0-9][0-9A-Za-z_.]*")


Sentences = Mapping[tuple[int, str], tuple[str, str | None]]
"""(parser state, kind of lexeme or `*`) -> message and help."""


def explain(at: Break, sentences: Sentences, spellings: Mapping[str, str]) -> Explanation:
    """The diagnostic of a break. `spellings` are the texts of the grammar's lexemes, for what was expected."""
    for rule in _RULES:
        explanation = rule(at)
        if explanation is not None:
            return explanation
    sentence = sentences.get((at.state, at.found.kind)) or sentences.get((at.state, "*"))
    if sentence is not None:
        message, help_ = sentence
        return Explanation(Diagnostic("E101", message.replace("`{token}`", at.shown), at.span, help=help_))
    label = _expected(at.accepted, spellings)
    if at.expects_value:
        return Explanation(Diagnostic("E101", f"a value is missing before {at.shown}", at.span))
    if at.expects_name and "RBRACE" not in at.accepted and len(at.accepted) <= 6:
        return Explanation(Diagnostic("E101", f"a name is missing before {at.shown}", at.span))
    return Explanation(Diagnostic("E101", f"did not expect {at.shown} here", at.span, label=label))


# Rules


def _strange_character(at: Break) -> Explanation | None:
    if at.found.kind != CHARACTER:
        return None
    source, start, character = at.source, at.found.start, at.found.text
    if character == '"':
        end = _line_end(source, start)
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
        return _replace(at, "E105", f"`{source.text[start:end]}` is not in the language", kind, text, end)
    code = f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
    message, edits = f"{code} has no meaning here", (Edit(at.span, ""),)
    diagnostic = Diagnostic("E105", message, at.span, help="remove it", edits=edits)
    return Explanation(diagnostic, Mend((), at.found.end))


def _quoted(at: Break, closing: str) -> Explanation:
    source, start = at.source, at.found.start
    line_end = _line_end(source, start)
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


def _word_as_name(at: Break) -> Explanation | None:
    """`in: 3`, `block if(x) { … }`, `x.with`"""
    word = at.found.text
    if word in RESERVED and "NAME" in at.accepted:
        in_entry = "RBRACE" in at.accepted and "KIND" in at.accepted
        if (at.expects_value or in_entry) and at.next_character not in {":", "=", "~"}:
            return None
        return Explanation(reserved_name(at.source, word, at.found.start), Mend((("NAME", word + "_"),), at.found.end))
    before = at.before
    if before is not None and before.text in RESERVED and at.found.kind in {"COLON", "EQUAL", "TILDE"}:
        return Explanation(reserved_name(at.source, before.text, before.start))
    return None


def _end_left_open(at: Break) -> Explanation | None:
    if at.found.kind != END or not at.opened:
        return None
    return Explanation(left_open(at, at.found.start, "the file ends", None), Mend(closers(at), at.found.start))


def _closer(at: Break) -> Explanation | None:
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


def _separator(at: Break) -> Explanation | None:
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
        return _replace(at, "E101", "values stand between commas", "COMMA", ",")
    return None


def _misspelled_word(at: Break) -> Explanation | None:
    """`conv(8) wehn deep`, `a fi b else c`, and where a new entry could have begun: `return x -> norm wehn deep`"""
    found, before = at.found, at.before
    if before is None:
        return None
    if found.kind == "NAME":
        words = [word for word, kind in _JOINS.items() if kind in at.accepted]
        if before.kind in _ENDS_VALUE and (END in at.accepted or at.inside in {"(", "["}):
            words += _BEHIND_A_VALUE  # the parser has reduced the value by now, and accepts them no more
        if before.kind == "NUMBER":
            words += ["epochs", "steps"]  # likewise
        meant = _meant(found.text, words)
        goes_on = re.compile(r"\{" if meant == "with" else r"[\w(\[\"-]").match(at.next_character)
        if meant is not None and (goes_on or _JOINS[meant] == "UNIT"):
            return _misspelled(at, found, meant, Mend(((_JOINS[meant], meant),), found.end))
    if before.kind != "NAME" or at.earlier is None or at.inside != "{" or found.kind in _AFTER_KEY:
        return None
    words = ["epochs", "steps"] if at.earlier.kind == "NUMBER" else []
    if at.earlier.kind in _ENDS_VALUE and found.kind in _BEGINS_VALUE | {"MINUS"}:
        words += _BEHIND_A_VALUE
    if meant := _meant(before.text, words):
        return _misspelled(at, before, meant, Mend(((_JOINS[meant], meant),), found.start, undo=True))
    if at.earlier.kind == "NAME" and (meant := _meant(at.earlier.text, ["not"])):
        return _misspelled(at, at.earlier, meant)
    return None


def _misspelled(at: Break, lexeme: Lexeme, meant: str, mend: Mend | None = None) -> Explanation:
    span = lexeme.span(at.source)
    message = f"did not expect `{shown(lexeme.text)}`: did you mean `{meant}`?"
    return Explanation(Diagnostic("E101", message, span, help=f"write `{meant}`", edits=(Edit(span, meant),)), mend)


def _meant(text: str, words: Iterable[str]) -> str | None:
    """The word that a text is with two neighbours exchanged, or with one letter more, less or other.

    A word of two letters is known by its two letters alone: `on` and `of` are names.
    """
    for word in words:
        if text == word or abs(len(text) - len(word)) > 1 or (len(word) == 2 and sorted(text) != sorted(word)):
            continue
        first = next((i for i, (a, b) in enumerate(zip(text, word, strict=False)) if a != b), min(len(text), len(word)))
        rest, wanted = text[first:], word[first:]
        exchanged = rest[1::-1] + rest[2:]
        if wanted in {exchanged, rest[1:]} or rest in {wanted[1:]} or rest[1:] == wanted[1:]:
            return word
    return None


def _else_alone(at: Break) -> Explanation | None:
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


def _filter(at: Break) -> Explanation | None:
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


def _several_values(at: Break) -> Explanation | None:
    """`block f(x) = x, x`"""
    if at.found.kind != "COMMA" or at.inside or END not in at.accepted:
        return None
    start, text = _level_before(at)
    head = [*re.finditer(r"^(?:block|fn)\s+\w+\s*(=(?!=))", text, re.MULTILINE)]
    if not head:
        return None
    behind = start + head[-1].end(1)
    line = at.source.text[behind : _line_end(at.source, at.found.start)].partition("#")[0].rstrip()
    message, help_ = "one value stands behind `=`", "write `{ return …, … }`"
    if "\n" in line or line.endswith(","):
        return Explanation(Diagnostic("E101", message, at.span, help=help_))
    written = f"{{ return {line.strip()} }}"
    edits = (Edit(Span(at.source, behind - 1, behind + len(line)), written),)
    help_ = f"write `{written}`" if len(written) <= 60 else help_
    return Explanation(Diagnostic("E101", message, at.span, help=help_, edits=edits))


def _top_level(at: Break) -> Explanation | None:
    """`modle m {`, `def f(x)`, `width: 3` outside every declaration"""
    if at.opened or not {END, "KIND", "MODELS"} <= at.accepted or at.found.kind in {END, CHARACTER}:
        return None
    word, behind = at.found.text, at.source.text[at.found.end : at.found.end + 1]
    if re.fullmatch(r"[A-Za-z_]\w{0,20}", word) and (behind.isspace() or not behind):
        close = get_close_matches(word.lower(), (*ITEM_WORDS, "arch"), n=1, cutoff=0.6)
        meant = _SYNONYMS.get(word) or (close[0] if close else None)
        if meant is not None and at.next_character not in {":", "=", "~", ",", "."}:
            kind = meant.upper() if meant in {"use", "models", "arch"} else "KIND"
            return _replace(at, "E101", f"`{word}` begins no declaration: did you mean `{meant}`?", kind, meant)
    if _is_comment(at):
        return None
    if _begins_line(at.source, at.found.start):
        help_ = "a file holds `use`, `models` and declarations: `block`, `fn`, `model`, `scaling`, `recipe`, `space`"
        return Explanation(Diagnostic("E101", f"{at.shown} stands outside every declaration", at.span, help=help_))
    return None


def _colon_and_equals(at: Break) -> Explanation | None:
    found, before = at.found, at.before
    if found.kind == "EQUAL":
        if before is not None and before.kind == "COLON" and at.touches:
            return _remove(at, "`:=` is not in the language", "write `:` alone")
        if at.inside == "(" and before is not None and before.kind in {"NAME", "KIND"} and "COLON" in at.accepted:
            return _replace(at, "E101", "a value follows its name with `:`", "COLON", ":")
        if at.inside == "{" and "COLON" in at.accepted and "CMP" not in at.accepted:
            return _replace(at, "E101", "`=` binds a plain name; a field inside another takes `:`", "COLON", ":")
        if "CMP" in at.accepted:
            return _replace(at, "E101", "`=` binds a name; `==` compares", "CMP", "==")
    if found.kind == "COLON":
        if not at.opened and {"EQUAL", "LBRACE"} & at.accepted:
            if at.next_character == "{":
                return _remove(at, "a body follows without `:`", "remove the `:`")
            return _replace(at, "E101", "a definition is written with `=`", "EQUAL", "=")
        if at.inside == "{" and "EQUAL" in at.accepted and "COLON" not in at.accepted:
            return _replace(at, "E101", "several names are bound with `=`", "EQUAL", "=")
    if found.text == ">" and before is not None and before.kind == "EQUAL" and at.touches:
        return _remove(at, "`=>` is not in the language", "write `=` alone")
    if found.text == "==" and found.kind == "CMP":
        if "EQUAL" in at.accepted:
            return _replace(at, "E101", "`==` compares; `=` binds a name", "EQUAL", "=")
        if "COLON" in at.accepted:
            return _replace(at, "E101", "`==` compares; a value follows its name with `:`", "COLON", ":")
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


def _row(at: Break) -> Explanation | None:
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
    if row_complete and found.kind not in _BEGINS_VALUE | {"MINUS"}:
        return None
    message = f"a row begins with `|`, before {at.shown}" if row_complete else f"a `|` is missing before {at.shown}"
    place = before.end if found.kind == "RSQB" else found.start
    edit = Edit(Span(at.source, place, place), " |" if found.kind == "RSQB" else "| ")
    return Explanation(Diagnostic("E101", message, at.span, help="write `|`", edits=(edit,)), Mend((bar,), found.start))


def _missing_comma(at: Break) -> Explanation | None:
    if at.found.kind not in _BEGINS_VALUE or "COMMA" not in at.accepted:
        return None
    if at.inside not in {"(", "["} and "AS" not in at.accepted:
        return None
    if at.before is None or at.before.text in RESERVED:
        return None
    here = Span(at.source, at.before.end, at.before.end)
    message = f"a `,` is missing before {at.shown}"
    diagnostic = Diagnostic("E101", message, at.span, help="write `,`", edits=(Edit(here, ","),))
    return Explanation(diagnostic, Mend((("COMMA", ","),), at.found.start))


def _operator(at: Break) -> Explanation | None:
    found, before, text = at.found, at.before, at.source.text
    if _is_comment(at):
        end = _line_end(at.source, found.start)
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
        return _remove(at, "a range is written `..`", "remove one `.`")
    digits = re.compile(r"\.[0-9]+(?:[eE][+-]?[0-9]+)?[KMGT]?\b").match(text, found.start)
    if found.kind == "DOT" and digits and len(digits.group()) <= 40:
        message = "a number begins with a digit"
        return _replace(at, "E105", message, "NUMBER", "0" + digits.group(), digits.end())
    if found.kind == "VBAR" and before.kind == "VBAR" and at.inside != "[" and at.touches:
        message = "`||` is not in the language"
        return Explanation(Diagnostic("E101", message, span, help="write `or`", edits=(Edit(span, "or"),)))
    return None


def _double_bar(at: Break) -> Explanation | None:
    start = at.found.start
    if at.found.kind == "VBAR" and at.source.text.startswith("||", start) and at.inside != "[":
        return _replace(at, "E101", "`||` is not in the language", "OR", "or", start + 2)
    return None


def _misspelled_entry(at: Break) -> Explanation | None:
    """`retrun x`"""
    before = at.before
    if at.inside != "{" or before is None or before.kind != "NAME" or at.found.kind not in _BEGINS_VALUE | {"MINUS"}:
        return None
    if at.found.kind in {"LPAR", "LSQB"} or not {"COLON", "EQUAL"} & at.accepted:
        return None
    meant = get_close_matches(before.text, ("return", "require"), n=1, cutoff=0.75) if len(before.text) < 20 else []
    if not meant:
        return None
    span = before.span(at.source)
    message = f"`{before.text}` begins no entry: did you mean `{meant[0]}`?"
    diagnostic = Diagnostic("E101", message, span, help=f"write `{meant[0]}`", edits=(Edit(span, meant[0]),))
    return Explanation(diagnostic, Mend(((meant[0].upper(), meant[0]),), at.found.start, undo=True))


def _bracket_before(at: Break) -> Explanation | None:
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


def _quoted_key(at: Break) -> Explanation | None:
    """`"width": 3`"""
    if at.found.kind != "STRING" or not {"RBRACE", "KIND"} <= at.accepted or at.next_character != ":":
        return None
    name = at.found.text.strip('"')
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name in RESERVED:
        return None
    return _replace(at, "E101", "a name stands without quotes", "NAME", name)


def _swallowed_key(at: Break) -> Explanation | None:
    """`width: 3 +`, and on the next line `depth: 4`: the name was read as the operand."""
    before, earlier = at.before, at.earlier
    if at.found.kind not in {"COLON", "EQUAL"} or before is None or earlier is None or before.kind not in _SOFT:
        return None
    own = earlier.kind == "COLON" == at.found.kind  # `width: depth: 4`, on one line
    if earlier.kind in _ENDS_VALUE or earlier.kind == "LBRACE" or not (own or _begins_line(at.source, before.start)):
        return None
    if earlier.kind == "DOT":
        gap = Span(at.source, earlier.end, earlier.end)
        message = f"a name is missing behind `.`, before `{shown(before.text)}`"
        return Explanation(Diagnostic("E101", message, gap), Mend(((HOLE, ""),), before.start, undo=True))
    missing = f"a value is missing behind `{shown(earlier.text)}`, before `{shown(before.text)}`"
    gap = Span(at.source, earlier.end, earlier.end)
    return Explanation(Diagnostic("E101", missing, gap), Mend(((HOLE, ""),), before.start, undo=True))


def _missing_brace(at: Break) -> Explanation | None:
    """`model m` and an entry: the body's `{` is missing."""
    if at.opened or not {"LBRACE", "EQUAL"} <= at.accepted or at.before is None:
        return None
    if at.found.kind == "ARROW":
        return _replace(at, "E101", "a definition is written with `=`", "EQUAL", "=")
    word = at.found.text
    if "REFINES" in at.accepted and (word in {"extends", "of", "from"} or get_close_matches(word[:20], ("refines",))):
        return _replace(at, "E101", f"did not expect `{shown(word)}`: did you mean `refines`?", "REFINES", "refines")
    if not _begins_line(at.source, at.found.start):
        return None
    is_entry = at.found.kind == "NAME" and at.next_character in {":", "=", ".", "{", "~"}
    if not is_entry and at.found.text not in {"return", "require"}:
        return None
    here = Span(at.source, at.before.end, at.before.end)
    message = f"the body has no `{{` before {at.shown}"
    diagnostic = Diagnostic("E101", message, at.span, help="write `{`", edits=(Edit(here, " {"),))
    return Explanation(diagnostic, Mend((("LBRACE", "{"),), at.found.start))


_RULES: tuple[Callable[[Break], Explanation | None], ...] = (
    _strange_character,
    _word_as_name,
    _end_left_open,
    _row,
    _swallowed_key,
    _closer,
    _several_values,
    _separator,
    _double_bar,
    _operator,
    _else_alone,
    _filter,
    _misspelled_word,
    _top_level,
    _colon_and_equals,
    _bracket_before,
    _quoted_key,
    _missing_brace,
    _missing_comma,
    _misspelled_entry,
)


def _replace(at: Break, code: str, message: str, kind: str, text: str, end: int | None = None) -> Explanation:
    end = at.found.end if end is None else end
    span = Span(at.source, at.found.start, end)
    written = text
    if text.isidentifier():  # a word keeps its distance from its neighbours
        words = re.compile(r"\w")
        before, after = at.source.text[max(0, span.start - 1) : span.start], at.source.text[end : end + 1]
        written = " " * bool(words.match(before)) + text + " " * bool(words.match(after))
    diagnostic = Diagnostic(code, message, span, help=f"write `{text}`", edits=(Edit(span, written),))
    return Explanation(diagnostic, Mend(((kind, text),), end))


def _remove(at: Break, message: str, help_: str) -> Explanation:
    diagnostic = Diagnostic("E101", message, at.span, help=help_, edits=(Edit(at.span, ""),))
    return Explanation(diagnostic, Mend((), at.found.end))


def _is_comment(at: Break) -> bool:
    return at.found.kind == "OPERATOR" and at.source.text.startswith(("//", "/*"), at.found.start)


def _line_end(source: Source, position: int) -> int:
    end = source.text.find("\n", position)
    return len(source.text) if end == -1 else end


def _begins_line(source: Source, position: int) -> bool:
    start = source.text.rfind("\n", 0, position) + 1
    return not source.text[start:position].strip()


_IN_WORDS = {
    "NAME": "a name",
    "KIND": "a declaration",
    "NUMBER": "a number",
    "STRING": "a string",
    "TIMES": "`x`",
    "CMP": "a comparison",
    END: "the end of the file",
}


def _expected(kinds: frozenset[str], spellings: Mapping[str, str]) -> str:
    """The few lexemes that could stand here, in words; nothing where there are many."""
    if not 0 < len(kinds) <= 4:
        return ""
    words = sorted(_IN_WORDS.get(k) or f"`{spellings.get(k, k)}`" for k in kinds)
    return "expected " + (words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1])
