"""Long lines of emitted Python, broken as ruff and black break them, at 88 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

WIDTH = 88
_OPERATORS = (r" (if|else) ", r" or ", r" and ", r" [+-] ", r" (\*|//?) ", r" \*\* ")
"""Where a long expression is broken: at the operators that bind loosest."""
_OPEN, _CLOSE = "([{", ")]}"


def fold(text: str, indent: int) -> list[str]:
    """One logical line as lines. `indent` counts spaces; `text` has none in front, and no comment."""
    whole = " " * indent + text
    if len(whole) <= WIDTH:
        return [whole]
    choice = _choice(text) if text.endswith(",") else None
    if choice is not None:  # of an argument, which needs no brackets
        return [line for part in choice for line in fold(part, indent)]
    start = _last_group(text)
    if start is None:
        return _in_brackets(text, indent) or [whole]
    end = len(text.rstrip(",:")) if text[-1] in ",:" else len(text)
    if text.startswith(("def ", "class ")):
        start, end = text.index("("), text.rindex(")") + 1
    head, inner, tail = text[: start + 1], text[start + 1 : end - 1], text[end - 1 :]
    bare = not head[:-1] or head[-2] in " ("  # brackets of an expression, not of a call
    if not inner or (bare and text[start] == "(" and _at_top(inner, r",") is None):
        return [whole]
    lines = [" " * indent + head]
    lines += _inside(inner, indent + 4, bare)
    return [*lines, " " * indent + tail]


def _choice(text: str) -> tuple[str, str, str] | None:
    """The parts of a conditional expression, from `if` and from `else` on; none where there is none."""
    condition, other = _at_top(text, r" if "), _at_top(text, r" else ")
    if condition is None or other is None:
        return None
    return text[:condition], text[condition + 1 : other], text[other + 1 :]


def _inside(inner: str, indent: int, bare: bool) -> list[str]:
    """What stands between brackets: on one line if it fits, else each part on its own, as always in a tuple or list."""
    generator = _at_top(inner, r" for \w")
    if generator is not None and _at_top(inner, r", ") is None:
        if indent + len(inner) <= WIDTH:
            return [" " * indent + inner]
        return [*fold(inner[:generator], indent), *fold(inner[generator + 1 :], indent)]
    parts = _parts(inner)
    if not bare and indent + len(inner) <= WIDTH and not inner.endswith(","):
        return [" " * indent + inner]
    return [line for part in parts for line in fold(f"{part},", indent)]


def _parts(inner: str) -> list[str]:
    """The parts of a list of arguments."""
    found, depth, last, quote = [], 0, 0, ""
    for index, char in enumerate(inner):
        if quote:
            quote = "" if char == quote and inner[index - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == "," and depth == 0:
            found.append(inner[last:index].strip())
            last = index + 1
    found.append(inner[last:].strip())
    return [part for part in found if part]


def _at_top(text: str, pattern: str) -> int | None:
    """Where a pattern stands outside all brackets and strings."""
    depth, quote = 0, ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[index - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif depth == 0 and re.match(pattern, text[index:]):
            return index
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
    return None


def _last_group(text: str) -> int | None:
    """Where the bracket opens that closes at the end of the text; none where no bracket does."""
    body = text.rstrip(",:")
    if not body or body[-1] not in _CLOSE:
        return 0 if text.startswith("def ") else None
    if any(_at_top(body, operator) is not None for operator in _OPERATORS):
        return None
    depth, quote = 0, ""
    for index in range(len(body) - 1, -1, -1):
        char = body[index]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in _CLOSE:
            depth += 1
        elif char in _OPEN:
            depth -= 1
            if depth == 0:
                return index
    return None


def _in_brackets(text: str, indent: int) -> list[str] | None:
    """A long sum, product or choice: in brackets of its own, each operand on a line if need be."""
    found = re.match(r"(return |if |[\w.\[\]\", :]+? = )(.*?)(:?)$", text)
    if found is None:
        return None
    head, body, tail = found[1], found[2], found[3]
    lines = [body]
    if indent + 4 + len(body) > WIDTH:
        lines = []
        loosest = next((o for o in _OPERATORS if _at_top(body, o) is not None), _OPERATORS[-1])
        while (cut := _at_top(body[1:], loosest)) is not None:
            lines.append(body[: cut + 1])
            body = body[cut + 2 :]
        lines.append(body)
    inside = [line for part in lines for line in fold(part, indent + 4)]
    return [f"{' ' * indent}{head}(", *inside, f"{' ' * indent}){tail}"]


def docstring(text: str, indent: int) -> list[str]:
    """A one-line docstring, or more lines where it is long; whatever is in the text, it stays a string."""
    clean = " ".join(text.split())
    clean = clean.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if clean.startswith('"'):
        clean = f" {clean}"
    if clean.endswith('"'):
        clean += " "
    space = " " * indent
    if indent + len(clean) + 6 <= WIDTH:
        return [f'{space}"""{clean}"""']
    first, *rest = textwrap.wrap(clean, WIDTH - indent - 6, break_long_words=False, break_on_hyphens=False) or [""]
    first = f" {first}" if clean.startswith(" ") else first
    return [f'{space}"""{line}' if i == 0 else f"{space}{line}" for i, line in enumerate([first, *rest])] + [
        f'{space}"""'
    ]


def comment(text: str, indent: int = 0) -> list[str]:
    """A comment; line breaks of the text begin comment lines of their own."""
    found = []
    for line in text.splitlines() or [""]:
        wrapped = textwrap.wrap(line, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False) or [""]
        found += [f"{' ' * indent}# {part}".rstrip() for part in wrapped]
    return found


def joined(lines: Iterable[str]) -> str:
    """Lines as text."""
    return "".join([f"{line}\n" for line in lines])
