"""The models of a document as they were compiled, with the places of their parts in its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from archdsl.analysis.model import Stage
from archdsl.analysis.program import Definition, Instance
from archdsl.compiler import Compilation, Compiled
from archdsl.editor.parts import model_of
from archdsl.editor.workspace import Document
from archdsl.graph.cost import Cost, count
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast
from archdsl.views.parts import RowReport, rows_of


@dataclass(frozen=True)
class Built:
    """A model with its network, and the declaration in this text that gives its parts."""

    compiled: Compiled
    declaration: ast.Declaration | None
    made: int
    """How many models of the file are made by that declaration."""

    @cached_property
    def cost(self) -> Cost:
        """Exact counts, in the convention of the papers."""
        return count(self.compiled.network)

    @cached_property
    def rows(self) -> dict[str, RowReport]:
        """What each part has and costs, by its path."""
        return {row.path: row for row in rows_of(self.compiled.model, self.cost, "stage")}

    @property
    def name(self) -> str:
        return self.compiled.name

    def part(self, name: str) -> Span | None:
        """The field of the declaration that gives the stem, the stages or the head."""
        body = self.declaration.body if self.declaration is not None else None
        for entry in body.entries if body is not None else ():
            if isinstance(entry, ast.Field) and entry.path.text == name:
                return entry.span
        return None

    def stages_at(self, document: Document) -> dict[tuple[int, int], list[int]]:
        """The places of stages in the text, each with the stages that stand there."""
        found: dict[tuple[int, int], list[int]] = {}
        for index, stage in enumerate(self.compiled.model.stages):
            span = self.span_of(stage)
            if span.source.key == document.source.key:
                found.setdefault((span.start, span.end), []).append(index)
        return found

    def span_of(self, stage: Stage) -> Span:
        """Where a stage stands."""
        return stage.span


def built_models(document: Document) -> tuple[Built, ...]:
    """One model for each declaration that gives parts: itself, or else the first of those made of it; with it all that
    are another's instances."""
    made: dict[int, list[Compilation]] = {}
    declarations: dict[int, ast.Declaration] = {}
    for compilation in document.checked.compilations:
        declaration = declaration_of(document, compilation.name)
        if declaration is not None:
            made.setdefault(id(declaration), []).append(compilation)
            declarations[id(declaration)] = declaration
    found = []
    for key, compilations in made.items():
        declaration = declarations[key]
        known = [c for c in compilations if isinstance(c, Compiled)]
        plain = sorted(known, key=lambda c: (c.name != declaration.name.text, not _is_row(document, c.name)))
        found += [Built(plain[0], declaration, len(compilations))] if plain else []
    return tuple(found)


def _is_row(document: Document, name: str) -> bool:
    return isinstance(document.program.entry.names.get(name), Instance)


def declaration_of(document: Document, name: str) -> ast.Declaration | None:
    """The declaration of this text that gives the parts of a model."""
    entry = document.program.entry
    named = entry.names.get(name)
    if not isinstance(named, Definition | Instance):
        return None
    found = model_of(entry, ast.Reference(Span(document.source, 0, 0), name))
    return found[1] if found is not None and found[0] is entry else None


def compiled_models(document: Document) -> Iterator[Compiled]:
    """The models of a document that have a network."""
    return (c for c in document.checked.compilations if isinstance(c, Compiled))


def within(spans: Iterable[tuple[int, int]], offset: int) -> tuple[int, int] | None:
    """The smallest place that holds an offset."""
    around = [place for place in spans if place[0] <= offset <= place[1]]
    return min(around, key=lambda place: place[1] - place[0], default=None)


__all__ = ["Built", "built_models", "compiled_models", "declaration_of", "within"]
