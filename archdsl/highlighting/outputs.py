"""The highlighters that are made of the contexts, and where each stands in a checkout."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.highlighting.codemirror import codemirror
from archdsl.highlighting.contexts import machine
from archdsl.highlighting.pygments_lexer import pygments_lexer
from archdsl.highlighting.textmate import textmate

TEXTMATE = "editors/vscode/syntaxes/arch.tmLanguage.json"
CODEMIRROR = "web/src/arch-mode.js"
PYGMENTS = "archdsl/highlighting/lexer.py"


def outputs() -> Mapping[str, str]:
    """Path below a checkout -> text."""
    lines = machine(by_lines=True)
    return {
        TEXTMATE: textmate(lines),
        CODEMIRROR: codemirror(lines),
        PYGMENTS: pygments_lexer(machine(by_lines=False)),
    }


__all__ = ["CODEMIRROR", "PYGMENTS", "TEXTMATE", "outputs"]
