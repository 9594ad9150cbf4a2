"""Tracing: a configured block on inputs of some shapes to its subgraph.

A block says nothing of where it stands. So one with the same settings, on inputs of the same shapes, is traced once:
the subgraph is kept in `Traces` by what it was made of, and every network that has such a block places it. Of blocks
that differ in their widths alone, the third is traced with symbols for them: what follows for others is arithmetic.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

from archdsl import limits
from archdsl.analysis.build import build
from archdsl.analysis.context import AlreadyReported, Context, Language
from archdsl.analysis.program import Definition, Primitive
from archdsl.analysis.traces import Family, Traced, Traces
from archdsl.analysis.values import Block, Building, Environment, Function, Sequence, Setting, Tensor, Value, tensors_of
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.initializers import Initializer
from archdsl.graph.network import Builder
from archdsl.graph.network import Value as Place
from archdsl.graph.operations import Operation
from archdsl.graph.shapes import Range, Shape
from archdsl.graph.subgraph import Subgraph
from archdsl.graph.symbolic import Symbolic
from archdsl.graph.tape import Program, Tape
from archdsl.records import dataclass
from archdsl.syntax import ast

LEAST_WIDTH = 8
"""From here on a whole number among a block's settings is taken for a width: it is a symbol in a program, as the
channels of the inputs are. Smaller ones are kernels, strides and factors, by which blocks are built otherwise."""
MAX_PROGRAMS = 8
"""Programs of one block: each holds for widths by which the same is decided."""
MAX_PROGRAM_NODES = 1_000
"""Operations of a block of which there is a program."""
PATIENCE = 2
"""So many blocks that differ in their widths alone are traced one by one."""


def trace(
    ctx: Context,
    block: Block | Sequence,
    shapes: tuple[Shape, ...],
    path: str,
    site: ast.Node,
    env: Environment,
    *,
    fitted: bool,
    anew: bool = False,
    flowing: int | None = None,
    alike: Alike | None = None,
) -> Traced:
    """A block on inputs of some shapes. Raises `Fault` or `AlreadyReported`.

    Path, site and environment are those of faults. `anew`: it is neither looked up nor kept. `flowing`: so many of the
    inputs flow into the block, where the others are held by its settings, as `Value(-1 - index)`. `alike` are the
    blocks of a network with symbols so far; they are kept nowhere else, for their decisions are that network's.
    """
    asked = _Asked(block, shapes, path, site, env, fitted, flowing)
    if alike is not None:
        return _alike(ctx, asked, alike)
    if anew or ctx.ties is not None:
        return _traced(ctx, asked, None if anew else ctx.traces.bound)
    definitions: list[Any] = []
    widths: list[int] = []
    try:
        key = _key_of(block, shapes, definitions, widths)
    except _NoKey:
        return _traced(ctx, asked, ctx.traces.bound)
    # An operation that no block's text names has the place where it stands.
    place = None if isinstance(block, Block) and isinstance(block.of, Definition) else site.span
    family = ctx.traces.family((key, fitted, ctx.nesting, place), definitions)
    numbers = tuple(widths)
    found = family.traced.get(numbers) or _worked_out(ctx, family, numbers, asked)
    if found is not None:
        ctx.spend(found.steps, site, env)
        return found
    told = len(ctx.diagnostics)
    found = _traced(ctx, asked, ctx.traces.bound)
    if len(ctx.diagnostics) == told:
        ctx.traces.keep(family, numbers, found)
        if PATIENCE < len(family.traced) <= PATIENCE + MAX_PROGRAMS:
            program = _program(ctx, asked, numbers, found.subgraph)
            if program is not None:
                family.programs.append((program, found))
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """A block on inputs of some shapes, and where it stands, for faults."""

    block: Block | Sequence
    shapes: tuple[Shape, ...]
    path: str
    site: ast.Node
    env: Environment
    fitted: bool
    flowing: int | None = None


def _traced(ctx: Context, asked: _Asked, bound: dict[Any, Operation] | None) -> Traced:
    """A block, traced. `bound` are operations with their settings so far; none where none may be taken twice."""
    before = ctx.steps
    builder = Builder(*asked.shapes, max_nodes=limits.MAX_NODES)
    inputs = tuple([Tensor(Place(-1 - index), shape) for index, shape in enumerate(asked.shapes)])
    building = Building(builder, bound)
    value = build(
        ctx, building, asked.block, inputs[: asked.flowing], asked.path, asked.site, asked.env, fitted=asked.fitted
    )
    subgraph = builder.subgraph(asked.path, [tensor.place for tensor in tensors_of(value) or ()])
    return Traced(subgraph, ctx.steps - before, isinstance(value, tuple))


# Blocks with symbols


Alike: TypeAlias = dict[Any, tuple[Traced, tuple[Any, ...]]]
"""Blocks of one network with symbols, by their settings and the formulas in them, with the definitions that the keys
name by their identities."""


def _alike(ctx: Context, asked: _Asked, alike: Alike) -> Traced:
    """A block with symbols, traced where none of the same formulas was: what it decides is noted by then."""
    definitions: list[Any] = []
    try:
        key = _formulas_of(asked, definitions)
    except _NoKey:
        return _traced(ctx, asked, None)
    known = alike.get(key)
    if known is not None:
        ctx.spend(known[0].steps, asked.site, asked.env)
        return known[0]
    told = len(ctx.diagnostics)
    found = _traced(ctx, asked, None)
    if len(ctx.diagnostics) == told:
        alike[key] = found, tuple(definitions)
    return found


def _formulas_of(asked: _Asked, definitions: list[Any]) -> Any:
    """What a block is looked up by among those of its network. Raises `_NoKey`, also for an operation, which has the
    place where it stands."""
    block = asked.block
    if not isinstance(block, Block) or not isinstance(block.of, Definition):
        raise _NoKey
    given = [(name, _formula(setting.value, definitions)) for name, setting in block.settings.items()]
    shapes = [tuple([_formula(extent, definitions) for extent in shape]) for shape in asked.shapes]
    return _identity(block, definitions), tuple(given), tuple(shapes), asked.fitted, asked.flowing


def _formula(value: Any, definitions: list[Any]) -> Any:
    """A symbol's formula beside its value, whose comparison would be noted as a decision; else what `_key` says."""
    if isinstance(value, Symbolic):
        return Symbolic, value.plain, value.expression
    return _key(value, definitions)


# Programs


@dataclass(frozen=True, slots=True)
class Pattern:
    """A block by all but its widths."""

    key: Any
    definitions: tuple[Any, ...]
    """What the key names by its identity: kept as long as the key is."""
    widths: tuple[int, ...]
    """The whole numbers from `LEAST_WIDTH` on among the block's settings, in their order, and the channels of the
    inputs: the symbols of a program."""


def pattern_of(
    block: Block | Sequence, shapes: tuple[Shape, ...], symbols: Collection[str] = frozenset()
) -> Pattern | None:
    """What a block on inputs of some shapes is looked up by; none where it cannot be.

    `symbols` names settings that are widths even if they are smaller than others.
    """
    definitions: list[Any] = []
    widths: list[int] = []
    try:
        key = _key_of(block, shapes, definitions, widths, symbols)
    except _NoKey:
        return None
    return Pattern(key, tuple(definitions), tuple(widths))


def generalised(
    ctx: Context,
    block: Block | Sequence,
    shapes: tuple[Shape, ...],
    path: str,
    site: ast.Node,
    env: Environment,
    *,
    fitted: bool,
    widths: tuple[int, ...],
    symbols: Collection[str] = frozenset(),
) -> tuple[Traced, Program | None]:
    """A block traced, and a program for the widths by which the same is decided, where there is one; `symbols` as for
    `pattern_of`. Raises `Fault` or `AlreadyReported`."""
    asked = _Asked(block, shapes, path, site, env, fitted)
    found = _traced(ctx, asked, ctx.traces.bound)
    return found, _program(ctx, asked, widths, found.subgraph, symbols)


def _worked_out(ctx: Context, family: Family, widths: tuple[int, ...], asked: _Asked) -> Traced | None:
    """What a program of the family says of other widths; none where none holds for them."""
    for program, sample in family.programs:
        shapes = program.shapes(widths)
        if shapes is not None:
            build = partial(_operations, ctx.language, ctx.traces, asked)
            formulas = partial(program.amounts, numbers=widths)
            texts = partial(program.written, widths)
            subgraph = Subgraph.like(sample.subgraph, asked.path, asked.shapes, shapes, formulas, texts, build)
            return Traced(subgraph, sample.steps, sample.lists)
    return None


def _operations(language: Language, traces: Traces, asked: _Asked) -> Subgraph:
    """The operations of a subgraph that was worked out, when they are asked for."""
    return _traced(Context(language, Diagnostics(), traces=traces), asked, traces.bound).subgraph


def _program(
    ctx: Context, asked: _Asked, widths: tuple[int, ...], found: Subgraph, named: Collection[str] = frozenset()
) -> Program | None:
    """The program of a block that was traced. None for a large one, and where a width is asked for what only a number
    can answer: a power of two numbers, a root."""
    if found.size > MAX_PROGRAM_NODES:
        return None
    tape = Tape(len(widths))
    symbols = iter([Symbolic(width, term, tape) for width, term in zip(widths, tape.symbols, strict=True)])
    block = asked.block
    if isinstance(block, Block):
        settings = {
            name: replace(setting, value=next(symbols)) if is_width(name, setting, named) else setting
            for name, setting in block.settings.items()
        }
        block = replace(block, settings=settings)
    shapes = tuple([(next(symbols), *shape[1:]) for shape in asked.shapes])
    beside = Context(ctx.language, Diagnostics())  # nothing of it is told or counted
    try:
        traced = _traced(beside, replace(asked, block=block, shapes=shapes), None).subgraph
    except (Fault, AlreadyReported, TypeError):
        return None
    if _structure(traced) != _structure(found):
        return None
    program = Program(traced, tape, found, widths)
    return program if program.shapes(widths) == found.shapes else None


def _structure(subgraph: Subgraph) -> Any:
    return subgraph.outputs, [(node.path, type(node.operation), node.inputs) for node in subgraph.nodes]


# What blocks are looked up by


class _NoKey(Exception):
    """A value by which nothing can be looked up."""


_KEYED = frozenset({int, bool, str, Fraction, type(None)})
"""Values of these types are the same where they are equal."""


def is_width(name: str, setting: Setting, named: Collection[str]) -> bool:
    """Whether a setting of a block is a width, and so a symbol of its programs."""
    return type(setting.value) is int and (setting.value >= LEAST_WIDTH or name in named)


def _key_of(
    block: Block | Sequence,
    shapes: tuple[Shape, ...],
    definitions: list[Any],
    widths: list[int],
    named: Collection[str] = frozenset(),
) -> Any:
    """What a block on inputs of some shapes is looked up by, without the widths, which are added to a list, as the
    definitions in it are to theirs. Raises `_NoKey`."""
    if isinstance(block, Block):
        widths += [s.value for name, s in block.settings.items() if is_width(name, s, named)]  # type: ignore[misc]
        given = tuple(
            [
                (name, None if is_width(name, setting, named) else _key(setting.value, definitions))
                for name, setting in block.settings.items()
            ]
        )
        key: Any = (_identity(block, definitions), given)
    else:
        key = "sequence", _key(block, definitions)
    for shape in shapes:
        if type(shape[0]) is not int:
            raise _NoKey
        widths.append(shape[0])
    return key, tuple([shape[1:] for shape in shapes])


def _identity(block: Block, definitions: list[Any]) -> int:
    of: Any = block.of.operation if isinstance(block.of, Primitive) else block.of.token
    definitions.append(of)
    return id(of)


def _key(value: Value, definitions: list[Any]) -> Any:
    """What a value is looked up by; the definitions in it are added to a list. Raises `_NoKey`.

    Where a setting was written is no part of it. A type stands beside each value: 1 and `true` are equal.
    """
    kind = type(value)
    if kind in _KEYED:
        return kind, value
    if isinstance(value, Block):
        given = tuple([(name, _key(setting.value, definitions)) for name, setting in value.settings.items()])
        return _identity(value, definitions), given
    if isinstance(value, Sequence):
        return "sequence", tuple([(name, _key(step, definitions)) for name, step in value.steps])
    if isinstance(value, tuple):
        return kind, tuple([_key(part, definitions) for part in value])
    if isinstance(value, Range):
        return "range", _key(value.lo, definitions), _key(value.hi, definitions)
    if isinstance(value, Function):
        of: Any = value.of.token if isinstance(value.of, Definition) else value.of
        definitions.append(of)
        return "function", id(of)
    if isinstance(value, Initializer):
        return "initializer", repr(value)
    raise _NoKey


__all__ = ["Alike", "trace"]
