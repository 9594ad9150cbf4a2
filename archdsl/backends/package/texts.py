"""Texts that may be a stranger's, for where they stand: a TOML string, a paragraph of Markdown."""

from __future__ import annotations

import json
import re

_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~$&]")
"""What may begin a link, an image, HTML, code, a table or a formula: ASCII, of which a backslash escapes all."""
_START = re.compile(r"^([-+=:.]|[0-9]+[.)])")
"""What makes a list, a heading or a table of a line that begins so."""
LONGEST = 300
"""Characters of a description in one line."""


def one_line(text: str) -> str:
    """A text without line breaks, cut where it is long."""
    words = " ".join(text.split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"


def toml(text: str) -> str:
    """A basic string of TOML, in quotes; JSON's escapes are among TOML's, but for halves of characters."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def markdown(text: str) -> str:
    """A text within a paragraph of Markdown: as it is read, and nothing of it is markup."""
    escaped = _MARKDOWN.sub(lambda found: "\\" + found[0], " ".join(text.split()))
    return _START.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], escaped)


def code(text: str) -> str:
    """A text as code within a paragraph; its backticks become quotes."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


__all__ = ["code", "markdown", "one_line", "toml"]
