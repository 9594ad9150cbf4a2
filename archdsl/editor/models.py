"""The models of a document as they were compiled, with the places of their parts in its text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from threading import Lock

from archdsl.analysis.model import Model
from archdsl.analysis.parts import Parts
from archdsl.analysis.program import Definition, Instance, Program, walk
from archdsl.compiler import Compilation, Compiled
from archdsl.editor.parts import model_of
from archdsl.graph.cost import Cost, count
from archdsl.graph.network import Network
from archdsl.once import cached_property
from archdsl.parts import rows_of
from archdsl.records import dataclass
from archdsl.source import Source, Span
from archdsl.syntax import ast

Extents = tuple["int | None", ...]
MAX_COUNTED = 256
"""Networks whose counts are kept."""


@dataclass(frozen=True)
class Part:
    """The stem, a stage or the head: what it gives and costs. None where that is not known."""

    path: str
    block: str | None
    depth: int | None
    outputs: tuple[Extents, ...]
    flops: int | None
    params: int | None
    acts: int | None
    sure: bool = True
    """Whether it is exact; else it is what it would be if what is missing were filled in plainly."""


@dataclass(frozen=True)
class Counted:
    """A network's exact counts, and those of its parts by path."""

    model: Model
    cost: Cost

    @cached_property
    def parts(self) -> dict[str, Part]:
        parts = {}
        for row in rows_of(self.model, self.cost, "stage"):
            outputs = tuple([tuple(extents) for extents in row.outputs])
            parts[row.path] = Part(row.path, row.block, row.depth, outputs, row.flops, row.params, row.acts)
        return parts


def counted(compiled: Compiled) -> Counted:
    """What a network costs."""
    return Counted(compiled.model, count(compiled.network))


class Counts:
    """What networks cost, counted once as long as they are the same objects."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[int, tuple[Network, Counted]] = OrderedDict()

    def of(self, compiled: Compiled) -> Counted:
        """What a network costs."""
        key = id(compiled.network)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known[1]
        found = counted(compiled)
        with self._lock:
            self._kept[key] = compiled.network, found  # kept too, so that its identity is nobody else's
            while len(self._kept) > MAX_COUNTED:
                self._kept.popitem(last=False)
        return found


@dataclass(frozen=True)
class Built:
    """A model, or as much of it as is known, and the declaration of this text that gives its parts."""

    compilation: Compilation
    model: Model
    declaration: ast.Declaration
    made: int
    """How many models of the file are made by that declaration."""
    counts: Counts

    @cached_property
    def parts(self) -> dict[str, Part]:
        """What each part gives and costs, by its path."""
        if isinstance(self.compilation, Compiled):
            return self.counts.of(self.compilation).parts
        known = self.compilation.parts
        return _partial(self.model, known) if known is not None else {}

    @property
    def compiled(self) -> Compiled | None:
        return self.compilation if isinstance(self.compilation, Compiled) else None

    @property
    def name(self) -> str:
        return self.compilation.name

    def part(self, name: str) -> Span | None:
        """The field of the declaration that gives the stem, the stages or the head."""
        for entry in self.declaration.body.entries if self.declaration.body is not None else ():
            if isinstance(entry, ast.Field) and entry.path.text == name:
                return entry.span
        return None

    def stages_in(self, source: Source) -> dict[tuple[int, int], list[int]]:
        """The places of stages in a text, with their settings, each with the stages that stand there."""
        configured = [node for node in walk(self.declaration) if isinstance(node, ast.Configured)]
        whole = {(n.function.span.start, n.function.span.end): (n.span.start, n.span.end) for n in configured}
        found: dict[tuple[int, int], list[int]] = {}
        for index, stage in enumerate(self.model.stages):
            span = self.compilation.here(stage.span)
            if span.source.key == source.key:
                place = span.start, span.end
                found.setdefault(whole.get(place, place), []).append(index)
        return found


def _partial(model: Model, known: Parts) -> dict[str, Part]:
    found = {}
    for path, outputs in known.shapes.items():
        cost = known.costs.get(path)
        if cost is None:
            continue
        block, depth = None, None
        if path.startswith("stages."):
            stage = model.stages[int(path.split(".")[1])]
            block, depth = stage.block.name if stage.block is not None else None, stage.length or None
        sure = path in known.sure
        found[path] = Part(path, block, depth, outputs, cost.flops, cost.params, cost.acts, sure)
    return found


def built_models(program: Program, compilations: Iterable[Compilation], counts: Counts) -> tuple[Built, ...]:
    """One model for each declaration that gives parts: itself, or else the first of those that are made of it."""
    made: dict[int, list[Compilation]] = {}
    declarations: dict[int, ast.Declaration] = {}
    for compilation in compilations:
        declaration = declaration_of(program, compilation.name)
        if declaration is not None:
            made.setdefault(id(declaration), []).append(compilation)
            declarations[id(declaration)] = declaration
    found = []
    for key, several in made.items():
        declaration = declarations[key]
        own, rows = declaration.name.text, program.entry.names
        ordered = sorted(several, key=lambda c: (c.name != own, not isinstance(rows.get(c.name), Instance)))
        first = next((c for c in ordered if c.model is not None), None)
        if first is not None and first.model is not None:
            found.append(Built(first, first.model, declaration, len(several), counts))
    return tuple(found)


def declaration_of(program: Program, name: str) -> ast.Declaration | None:
    """The declaration of the entry that gives the parts of a model."""
    entry = program.entry
    if not isinstance(entry.names.get(name), Definition | Instance):
        return None
    found = model_of(entry, ast.Reference(Span(entry.source, 0, 0), name))
    return found[1] if found is not None and found[0] is entry else None


def compiled_models(compilations: Iterable[Compilation]) -> Iterator[Compiled]:
    """The models that have a network."""
    return (c for c in compilations if isinstance(c, Compiled))


def within(places: Iterable[tuple[int, int]], offset: int) -> tuple[int, int] | None:
    """The smallest place that holds an offset."""
    around = [place for place in places if place[0] <= offset <= place[1]]
    return min(around, key=lambda place: place[1] - place[0], default=None)


__all__ = [
    "Built",
    "Counted",
    "Counts",
    "Part",
    "built_models",
    "compiled_models",
    "counted",
    "declaration_of",
    "within",
]
