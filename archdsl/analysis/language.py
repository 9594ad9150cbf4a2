"""The language: the rules of all kinds of expressions and declarations, put together."""

from __future__ import annotations

from archdsl.analysis import elaborate
from archdsl.analysis.build import ARROWS, apply
from archdsl.analysis.calls import CALLS
from archdsl.analysis.context import Context, Language, Progress
from archdsl.analysis.evaluate import EXPRESSIONS
from archdsl.analysis.lists import ELEMENTS
from archdsl.analysis.traces import Traces
from archdsl.diagnostics import Diagnostics

LANGUAGE = Language(
    rules={**EXPRESSIONS, **ELEMENTS, **CALLS, **ARROWS},
    declared=elaborate.declared,
    apply=apply,
    lead=elaborate.lead,
    override=elaborate.override,
)


def evaluation(
    diagnostics: Diagnostics | None = None, progress: Progress | None = None, traces: Traces | None = None
) -> Context:
    """An evaluation that begins, with the diagnostics that it adds to: those of nobody where none are given.

    `traces` are blocks that were traced before.
    """
    return Context(LANGUAGE, Diagnostics() if diagnostics is None else diagnostics, progress, traces)


__all__ = ["LANGUAGE", "evaluation"]
