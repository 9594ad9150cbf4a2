"""Answers for editors: plain data about texts, saved or not, without I/O.

A `Workspace` holds texts that are edited over those of a `Reader`; each function here asks it one thing about a
document and a place. The language server, the page and the notebook share them. No function raises for a fault of a
text.
"""

from __future__ import annotations

from archdsl.editor.completing import completion, signature
from archdsl.editor.data import (
    Action,
    Change,
    Completion,
    Fact,
    Fold,
    Hint,
    Hover,
    Parameter,
    Place,
    Problem,
    Proposal,
    Refused,
    Related,
    Renamable,
    Signature,
    Symbol,
    Token,
    Total,
    Use,
)
from archdsl.editor.hints import hints, total
from archdsl.editor.hovering import hover
from archdsl.editor.outline import folding, formatted, symbols, tokens
from archdsl.editor.problems import actions, diagnostics
from archdsl.editor.renaming import definition, prepare_rename, references, rename
from archdsl.editor.words import markdown
from archdsl.editor.workspace import Workspace

__all__ = [
    "Action",
    "Change",
    "Completion",
    "Fact",
    "Fold",
    "Hint",
    "Hover",
    "Parameter",
    "Place",
    "Problem",
    "Proposal",
    "Refused",
    "Related",
    "Renamable",
    "Signature",
    "Symbol",
    "Token",
    "Total",
    "Use",
    "Workspace",
    "actions",
    "completion",
    "definition",
    "diagnostics",
    "folding",
    "formatted",
    "hints",
    "hover",
    "markdown",
    "prepare_rename",
    "references",
    "rename",
    "signature",
    "symbols",
    "tokens",
    "total",
]
