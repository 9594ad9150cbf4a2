"""What stands behind the lines of a text: output shapes and costs of stages, totals of models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.analysis.program import Definition, Instance
from archdsl.compiler import Compiled
from archdsl.editor.data import MAX_HINTS, Hint, Place, Total
from archdsl.editor.models import Built, Part, compiled_models, declaration_of
from archdsl.editor.words import amount, bounded, shape
from archdsl.editor.workspace import Document, Workspace
from archdsl.graph.cost import Cost
from archdsl.source import Source, Span

_SHOWN = 12
"""Stages of one place that a hint's detail lists."""


def hints(workspace: Workspace, path: str, start: int = 0, end: int | None = None) -> tuple[Hint, ...]:
    """The hints of the lines between two places.

    A declaration that several models are made of shows one: the one of its name, or else the first.
    """
    document = workspace.document(path)
    if document is None or document.library:
        return ()
    last = len(document.source.text) if end is None else end
    every = sorted(_hints(document), key=lambda hint: (hint.offset, hint.text))
    return tuple([hint for hint in every if start <= hint.offset <= last][:MAX_HINTS])


def _hints(document: Document) -> Iterator[Hint]:
    for built in document.built:
        yield from _parts(document, built)
    for compiled in compiled_models(document.checked.compilations):
        span = name_span(document, compiled.name)
        if span is not None:
            cost = document.counts.of(compiled).cost
            text = f"{_counts(cost)} · {amount(int(cost.acts))} acts"
            yield Hint(_line_end(document.source, span.end), text, total_text(compiled, cost), compiled.name)


def name_span(document: Document, name: str) -> Span | None:
    """Where a model of the document is declared."""
    named = document.program.entry.names.get(name)
    if isinstance(named, Instance):
        return named.span
    return named.declaration.name.span if isinstance(named, Definition) else None


def _parts(document: Document, built: Built) -> Iterator[Hint]:
    for name in ("stem", "head"):
        span, part = built.part(name), built.parts.get(name)
        if span is not None and part is not None:
            yield _hint(document.source, span.start, built, [part])
    for (start, _), indices in built.stages_in(document.source).items():
        parts = [part for i in indices if (part := built.parts.get(f"stages.{i}")) is not None]
        if parts:
            yield _hint(document.source, start, built, parts)


def _hint(source: Source, start: int, built: Built, parts: Sequence[Part]) -> Hint:
    shown = [f"{len(parts)} stages"] if len(parts) > 1 else []
    shown += [_outputs(parts[-1])]
    for measure in ("flops", "params"):
        amounts = [getattr(part, measure) for part in parts]
        shown += [f"{amount(sum(amounts))} {measure}"] if None not in amounts else []
    shown += [built.name] if built.made > 1 else []
    sure = all(part.sure for part in parts)
    of = f"of `{built.name}`" + (f", one of {built.made} models that are made here" if built.made > 1 else "")
    of += "" if sure else "; an estimate: something before or in it has a fault, and is taken as if it were filled in"
    lines = [of, *[part_text(part) for part in parts[:_SHOWN]]]
    lines += [f"and {len(parts) - _SHOWN} more"] if len(parts) > _SHOWN else []
    text = ("" if sure else "≈ ") + " · ".join(shown)
    return Hint(_line_end(source, start), text, bounded("\n".join(lines)), built.name)


def part_text(part: Part) -> str:
    """`stages.2: 7 blocks of y_block, 512 x 14 x 14, 1,234 flops, 56 params, 78 acts`"""
    blocks = f"{part.depth} {'block' if part.depth == 1 else 'blocks'} of " if part.depth is not None else ""
    said = [f"{blocks}{part.block}"] if part.block is not None else []
    said += [_outputs(part)]
    said += [f"{n:,} {m}" for m in ("flops", "params", "acts") if (n := getattr(part, m)) is not None]
    return f"{part.path}: {'' if part.sure else '≈ '}{', '.join(said)}"


def _outputs(part: Part) -> str:
    shown = [shape(extents) for extents in part.outputs[:3]]
    return " and ".join(shown) + (f" and {len(part.outputs) - 3} more" if len(part.outputs) > 3 else "")


def _counts(cost: Cost) -> str:
    return f"{amount(int(cost.flops))} flops · {amount(int(cost.params))} params"


def total_text(compiled: Compiled, cost: Cost) -> str:
    """The exact total of a model."""
    counted = f"{int(cost.flops):,} flops, {int(cost.params):,} params, {int(cost.acts):,} acts"
    return f"`{compiled.name}` at {shape(compiled.model.shape)}: {counted}"


def _line_end(source: Source, offset: int) -> int:
    end = source.text.find("\n", offset)
    end = len(source.text) if end == -1 else end
    return end - 1 if end > 0 and source.text[end - 1 : end] == "\r" else end


def total(workspace: Workspace, path: str, offset: int) -> Total | None:
    """The cost of the model at a place, or of the file's first model."""
    document = workspace.document(path)
    if document is None or document.library:
        return None
    found = _at(document, offset)
    span = name_span(document, found.name) if found is not None else None
    if found is None or span is None:
        return None
    cost = document.counts.of(found).cost
    extents = tuple([int(extent) for extent in found.network.input])
    place = Place(path, span.start, span.end)
    return Total(found.name, extents, int(cost.flops), int(cost.params), int(cost.acts), place)


def _at(document: Document, offset: int) -> Compiled | None:
    first: Compiled | None = None
    of_family: Compiled | None = None
    for compiled in compiled_models(document.checked.compilations):
        named = document.program.entry.names.get(compiled.name)
        span = named.row.span if isinstance(named, Instance) else None
        span = named.declaration.span if isinstance(named, Definition) else span
        if span is not None and span.start <= offset <= span.end:
            return compiled
        declaration = declaration_of(document.program, compiled.name)
        if declaration is not None and declaration.span.start <= offset <= declaration.span.end:
            of_family = of_family or compiled
        first = first or compiled
    return of_family or first


__all__ = ["hints", "name_span", "part_text", "total", "total_text"]
