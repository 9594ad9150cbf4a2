"""Mistakes in words: misspelled ones, those of other languages, reserved ones as names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from archdsl.diagnostics import Diagnostic, Edit
from archdsl.syntax.faults import (
    BEGINS_VALUE,
    CHARACTER,
    END,
    ENDS_VALUE,
    ITEM_WORDS,
    RESERVED,
    Break,
    Explanation,
    Lexeme,
    Mend,
    reserved_name,
    shown,
)
from archdsl.syntax.mending import begins_line, is_comment, replaced_by

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

_JOINS = {
    **{word: word.upper() for word in ("when", "if", "else", "with", "for", "in", "or", "and", "not", "as", "refines")},
    **dict.fromkeys(("epochs", "steps"), "UNIT"),
}
"""Words between values, or behind one, and their kinds."""

_BEHIND_A_VALUE = ["when", "if", "with", "or", "and"]

_AFTER_KEY = {"COLON", "EQUAL", "TILDE", "LBRACE", "DOT", "LSQB", "COMMA"}
"""What may follow the first word of an entry."""


def word_as_name(at: Break) -> Explanation | None:
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


def misspelled_word(at: Break) -> Explanation | None:
    """`conv(8) wehn deep`, `a fi b else c`, and where a new entry could have begun: `return x -> norm wehn deep`"""
    found, before = at.found, at.before
    if before is None:
        return None
    if found.kind == "NAME":
        words = [word for word, kind in _JOINS.items() if kind in at.accepted]
        if before.kind in ENDS_VALUE and (END in at.accepted or at.inside in {"(", "["}):
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
    if at.earlier.kind in ENDS_VALUE and found.kind in BEGINS_VALUE | {"MINUS"}:
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


def top_level(at: Break) -> Explanation | None:
    """`modle m {`, `def f(x)`, `width: 3` outside every declaration"""
    if at.opened or not {END, "KIND", "MODELS"} <= at.accepted or at.found.kind in {END, CHARACTER}:
        return None
    word, behind = at.found.text, at.source.text[at.found.end : at.found.end + 1]
    if re.fullmatch(r"[A-Za-z_]\w{0,20}", word) and (behind.isspace() or not behind):
        close = get_close_matches(word.lower(), (*ITEM_WORDS, "arch"), n=1, cutoff=0.6)
        meant = _SYNONYMS.get(word) or (close[0] if close else None)
        if meant is not None and at.next_character not in {":", "=", "~", ",", "."}:
            kind = meant.upper() if meant in {"use", "models", "arch"} else "KIND"
            return replaced_by(at, "E101", f"`{word}` begins no declaration: did you mean `{meant}`?", kind, meant)
    if is_comment(at):
        return None
    if begins_line(at.source.text, at.found.start):
        help_ = "a file holds `use`, `models` and declarations: `block`, `fn`, `model`, `scaling`, `recipe`, `space`"
        return Explanation(Diagnostic("E101", f"{at.shown} stands outside every declaration", at.span, help=help_))
    return None


def misspelled_entry(at: Break) -> Explanation | None:
    """`retrun x`"""
    before = at.before
    if at.inside != "{" or before is None or before.kind != "NAME" or at.found.kind not in BEGINS_VALUE | {"MINUS"}:
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


def quoted_key(at: Break) -> Explanation | None:
    """`"width": 3`"""
    if at.found.kind != "STRING" or not {"RBRACE", "KIND"} <= at.accepted or at.next_character != ":":
        return None
    name = at.found.text.strip('"')
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name in RESERVED:
        return None
    return replaced_by(at, "E101", "a name stands without quotes", "NAME", name)
