"""What the checks of one module share: where faults are told, and what the declaration binds that is being checked."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.analysis.program import Module, unfinished
from archdsl.diagnostics import Diagnostic
from archdsl.source import Span
from archdsl.syntax import ast

Names = frozenset[str]
"""The names that an expression sees beside those of its module."""
Offering = Callable[[str], str | None]
"""The module of the library that has a name, where one has."""


class Checking:
    """The checking of one module."""

    def __init__(self, module: Module, report: Callable[[Diagnostic], None], offering: Offering) -> None:
        self.module, self._report, self.offering = module, report, offering
        self.told = 0
        self.patched: tuple[Span, ...] = ()
        self.complete = True
        """Whether no syntax error left anything out."""
        self.bindings: dict[str, Span] = {}
        """Names that the declaration's body binds, above or below where one is asked for."""
        self.drawn: Names = frozenset()
        """Those of them that a space draws."""

    def report(self, diagnostic: Diagnostic) -> None:
        self.told += 1
        self._report(diagnostic)

    def begin(self, tree: ast.File) -> None:
        self.complete, self.patched = tree.complete, tree.patched

    def enter(self, item: ast.Declaration) -> None:
        """The declaration that is checked from now on."""
        entries = item.body.entries if item.body is not None else ()
        bound = [n for e in entries if isinstance(e, ast.Binding | ast.Element | ast.Draw) for n in e.names]
        self.bindings = {name.text: name.span for name in reversed(bound)}
        self.drawn = frozenset([name.text for e in entries if isinstance(e, ast.Draw) for name in e.names])

    def whole(self, item: ast.Declaration) -> bool:
        """Whether what an item has not is not what a syntax error took from it."""
        if not self.module.broken:
            return True
        within = [span for span in self.patched if item.span.start <= span.start <= item.span.end]
        return self.complete and not within and not unfinished(item)

    def bound(self, entry: ast.Binding | ast.Element, local: Names) -> Names:
        for name in entry.names:
            if name.text in local:
                message = f"`{name.text}` has a value already; a name keeps its value"
                self.report(Diagnostic("E203", message, name.span, help="choose another name"))
        return local | {name.text for name in entry.names}
