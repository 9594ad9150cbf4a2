"""The mistakes that are known: from the place where a text breaks to what is said of it.

Rules stand in a table and are asked in order; the first that knows the mistake speaks. Mistakes that are told
by the state of the parser alone have their sentences beside the grammar, in `grammar/messages.txt`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.diagnostics import Diagnostic
from archdsl.syntax.faults import END, Break, Explanation
from archdsl.syntax.mistaken_characters import double_bar, operator, strange_character
from archdsl.syntax.mistaken_places import (
    bracket_before,
    closer,
    colon_and_equals,
    end_left_open,
    missing_brace,
    missing_comma,
    row,
    separator,
    swallowed_key,
)
from archdsl.syntax.mistaken_values import else_alone, filtered_list, several_values
from archdsl.syntax.mistaken_words import misspelled_entry, misspelled_word, quoted_key, top_level, word_as_name

Sentences = Mapping[tuple[int, str], tuple[str, str | None]]
"""(parser state, kind of lexeme or `*`) -> message and help."""

_IN_WORDS = {
    "NAME": "a name",
    "KIND": "a declaration",
    "NUMBER": "a number",
    "STRING": "a string",
    "TIMES": "`x`",
    "CMP": "a comparison",
    END: "the end of the file",
}

_RULES: tuple[Callable[[Break], Explanation | None], ...] = (
    strange_character,
    word_as_name,
    end_left_open,
    row,
    swallowed_key,
    closer,
    several_values,
    separator,
    double_bar,
    operator,
    else_alone,
    filtered_list,
    misspelled_word,
    top_level,
    colon_and_equals,
    bracket_before,
    quoted_key,
    missing_brace,
    missing_comma,
    misspelled_entry,
)


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


def _expected(kinds: frozenset[str], spellings: Mapping[str, str]) -> str:
    """The few lexemes that could stand here, in words; nothing where there are many."""
    if not 0 < len(kinds) <= 4:
        return ""
    words = sorted(_IN_WORDS.get(k) or f"`{spellings.get(k, k)}`" for k in kinds)
    return "expected " + (words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1])
