"""The language on columns: the rules of what must be decided by lane, and lists whose length differs by lane.

All other kinds of expressions have the rules that they have for one network. What these rules do not work out for all
lanes at once makes the lanes come apart, `Split`, so that each part agrees on it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from archdsl import limits, numbers
from archdsl.analysis import evaluate
from archdsl.analysis.calls import CALLS, callee
from archdsl.analysis.context import AlreadyReported, Context, Language, Rule
from archdsl.analysis.language import LANGUAGE
from archdsl.analysis.operators import ordered
from archdsl.analysis.program import Builtin
from archdsl.analysis.traces import Traces
from archdsl.analysis.values import Block, Environment, Function, ManyBlocks, ManyLists, Origin, Value
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.shapes import Range
from archdsl.numbers import NumberError
from archdsl.spaces.arrays.column import Column, Exact, constant, where
from archdsl.spaces.arrays.lanes import WIDE, Array, Lanes, Mask, Split, Uneven
from archdsl.syntax import ast


class LaneContext(Context):
    """An evaluation for all lanes at once."""

    def __init__(self, lanes: Lanes, traces: Traces) -> None:
        super().__init__(LANES, Diagnostics(), traces=traces)
        self.lanes = lanes

    def fresh(self, diagnostics: Diagnostics | None = None) -> Context:
        found = LaneContext(self.lanes, self.traces)
        found.diagnostics = self.diagnostics if diagnostics is None else diagnostics
        found.nesting, found.literals = self.nesting, self.literals
        return found

    def holds(self, e: ast.Expression, env: Environment) -> bool:
        return _truth(self.evaluate(e, env)) is True


def _truth(value: Any) -> bool:
    """Whether a condition holds. Raises `Split` where the lanes differ."""
    return bool(value) if isinstance(value, Mask) else value is not None and value is not False


class Counted(ManyLists):
    """A list of other length in every lane, of which the length is all that is known. What takes it for a plain list
    gets lanes of one length."""

    def __new__(cls, *_: object) -> Any:
        return super().__new__(cls)

    def __init__(self, lengths: Exact) -> None:
        """`lengths` are whole numbers."""
        self.lengths = lengths

    @property
    def many(self) -> Exact:
        return self.lengths

    def apart(self) -> NoReturn:
        """Take lanes of other length from each other."""
        raise Split(self.lengths.lanes.each(self.lengths.num), self.lengths.depends)

    def __iter__(self) -> Iterator[Value]:
        self.apart()

    def __len__(self) -> int:
        self.apart()

    def __getitem__(self, index: Any) -> Any:
        self.apart()

    def __eq__(self, other: object) -> bool:
        self.apart()

    def __hash__(self) -> int:
        raise TypeError("it has no hash")

    def runs(self) -> list[tuple[Value, Any]] | ManyLists:
        self.apart()


class Ragged(Counted):
    """A list of numbers of other length in every lane."""

    def __init__(self, column: Column, lengths: Exact) -> None:
        """`column` is lanes x positions."""
        super().__init__(lengths)
        self.column = column

    @property
    def live(self) -> Array:
        """Which positions there are."""
        lanes = self.column.lanes
        shape = (lanes.size, self.column.shape[1])
        return np.asarray(np.broadcast_to(np.arange(shape[1])[None, :] < self.lengths.num, shape))

    def runs(self) -> list[tuple[Value, Any]] | ManyLists:
        column, lanes, live = self.column, self.column.lanes, self.live
        if lanes.on_runs is not None:
            found_: list[tuple[Value, Any]] | ManyLists = lanes.on_runs(self)
            return found_
        if not isinstance(column, Exact) or not lanes.alike(np.asarray(self.lengths.num > 0)):
            self.apart()
        num = np.broadcast_to(column.num, live.shape)
        den = column.den if isinstance(column.den, int) else np.broadcast_to(column.den, live.shape)
        before, after = num[:, :-1], num[:, 1:]
        if not isinstance(den, int):
            if column.bound * column.widest >= WIDE:
                self.apart()
            before, after = before * den[:, 1:], after * den[:, :-1]
        of = np.zeros(live.shape, np.int64)
        np.cumsum((before != after) & live[:, 1:], axis=1, out=of[:, 1:])
        count = lanes.alike(of[:, -1:] + 1)
        if count is None:
            return Counted(Exact(lanes, of[:, -1:] + 1))
        found: list[tuple[Value, Any]] = []
        rows = np.arange(len(num))
        for run in range(int(count)):
            here = (of == run) & live
            first = here.argmax(axis=1)
            below = den if isinstance(den, int) else den[rows, first][:, None]
            depth = Exact(lanes, here.sum(axis=1, dtype=np.int64)[:, None])
            found.append((Exact(lanes, num[rows, first][:, None], below), depth))
        return found

    def reduced(self, name: str) -> Column:
        """The sum of all, or the largest or smallest."""
        live, column = self.live, self.column
        depends = column.depends | self.lengths.depends
        if name == "count":
            return self.lengths
        if column.lanes.positions is not None:
            raise Uneven
        if not isinstance(column, Exact) or not isinstance(column.den, int) or column.bound * live.shape[1] >= WIDE:
            self.apart()
        if name == "sum":
            total = np.where(live, column.num, 0).sum(axis=1, keepdims=True)
            return Exact(column.lanes, total, column.den, depends=depends)
        column.lanes.doubt(np.asarray(self.lengths.num <= 0), self.lengths.depends)
        outside = -column.bound if name == "max" else column.bound
        chosen = getattr(np, name)(np.where(live, column.num, outside), axis=1, keepdims=True)
        return Exact(column.lanes, chosen, column.den, column.bound, column.widest, depends)


class Chosen(ManyBlocks):
    """Of some blocks one in each lane."""

    __slots__ = ("_blocks", "depends", "lanes", "numbers")

    _blocks: tuple[Block, ...]
    lanes: Lanes
    numbers: Array
    """The number of its block in each lane (N)."""
    depends: int
    """The dimensions of the space that it depends on."""

    def __init__(self, lanes: Lanes, alternatives: tuple[Block, ...], numbers: Array, depends: int) -> None:
        given = {"_blocks": alternatives, "lanes": lanes, "numbers": numbers, "depends": depends}
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def alternatives(self) -> tuple[Block, ...]:
        return self._blocks

    def apart(self) -> NoReturn:
        raise Split(self.numbers, self.depends)


# Conditions


def _comparison(ctx: Any, e: ast.Comparison, env: Environment) -> Any:
    values = [ctx.evaluate(operand, env) for operand in e.operands]
    if not any(isinstance(value, Column | Mask) for value in values):
        return evaluate.compared(e, values, env)
    found: Mask | bool = True
    for index, sign in enumerate(e.operators):
        left, right = values[index], values[index + 1]
        holds = _pair(e, sign, left, right, env)
        if holds is False:
            return False
        if holds is not True:
            found = holds if found is True else found & holds
    return found


def _pair(e: ast.Comparison, sign: str, left: Any, right: Any, env: Environment) -> Any:
    if ordered(left) and ordered(right) and (isinstance(left, Column) or isinstance(right, Column)):
        if not isinstance(left, Column):
            left, right, sign = right, left, {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(sign, sign)
        return _COMPARED[sign](left, right)
    if isinstance(left, Mask) or isinstance(right, Mask):
        plain = [bool(side) if isinstance(side, Mask) else side for side in (left, right)]
        return evaluate.compared(_alone(e, sign), plain, env)
    return evaluate.compared(_alone(e, sign), [left, right], env)


def _alone(e: ast.Comparison, sign: str) -> ast.Comparison:
    return ast.Comparison(e.span, (sign,), e.operands[:2])


_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _logical(ctx: Any, e: ast.Logical, env: Environment) -> Any:
    left = ctx.evaluate(e.left, env)
    if not isinstance(left, Mask):
        if _truth(left) == (e.operator == "or"):
            return e.operator == "or"
        right = ctx.evaluate(e.right, env)
        return right if isinstance(right, Mask) else _truth(right)
    agreed = left.agreed
    if agreed is not None and bool(agreed) == (e.operator == "or"):
        return bool(agreed)
    truth = left.truth if e.operator == "and" else ~left.truth
    right = _within(ctx, left, truth, e.right, env)
    if not isinstance(right, Mask):
        holds = _truth(right)
        return left if holds == (e.operator == "and") else holds
    return left & right if e.operator == "and" else left | right


def _unary(ctx: Any, e: ast.Unary, env: Environment) -> Any:
    if e.operator == "not":
        value = ctx.evaluate(e.operand, env)
        return ~value if isinstance(value, Mask) else not _truth(value)
    return evaluate.EXPRESSIONS[ast.Unary](ctx, e, env)


def _apart_by(condition: Mask) -> None:
    """Take the lanes of a fault from the others."""
    if condition.agreed is None:
        raise condition.apart()


def _conditional(ctx: Any, e: ast.Conditional, env: Environment) -> Any:
    condition = ctx.evaluate(e.condition, env)
    if not isinstance(condition, Mask):
        return ctx.evaluate(e.then if _truth(condition) else e.otherwise, env)
    agreed = condition.agreed
    if agreed is not None:
        return ctx.evaluate(e.then if agreed else e.otherwise, env)
    then = _within(ctx, condition, condition.truth, e.then, env)
    otherwise = _within(ctx, condition, ~condition.truth, e.otherwise, env)
    return _merged(condition, then, otherwise)


def _within(ctx: Any, condition: Mask, truth: Any, e: ast.Expression, env: Environment) -> Any:
    """The value of an expression for some lanes; a fault of theirs alone takes them from the others."""
    try:
        with condition.lanes.only(truth, condition.depends):
            return ctx.evaluate(e, env)
    except (Fault, AlreadyReported):
        _apart_by(condition)
        raise


def _merged(condition: Mask, then: Any, otherwise: Any) -> Any:
    """Of two values the one, by lane. Raises `Split` for what is no number."""
    if then is otherwise:
        return then
    lanes = condition.lanes
    one, other = (value if isinstance(value, Column) else None for value in (then, otherwise))
    if one is None and numbers.is_number(then):
        one = constant(lanes, then)
    if other is None and numbers.is_number(otherwise):
        other = constant(lanes, otherwise)
    if one is not None and other is not None:
        return where(condition, one, other)
    raise condition.apart()


# Lists


def _comprehension(ctx: Any, e: ast.Comprehension, env: Environment) -> Any:
    source = ctx.evaluate(e.source, env)
    if isinstance(source, Ragged):
        if source.column.lanes.positions is None:
            return _ragged(ctx, e, env, source.column, source.lengths)
        with source.column.lanes.unobserved():
            return _ragged(ctx, e, env, source.column, source.lengths)
    if isinstance(source, Range) and (isinstance(source.lo, Column) or isinstance(source.hi, Column)):
        length = source.hi - source.lo + 1
        if isinstance(length, Exact) and length.lanes.positions is not None:
            return _one_element(ctx, e, env, length, source.lo)
        if isinstance(length, Exact) and length.lanes.alike(length.num, length.depends) is None:
            length = length.reduced()
            lanes = length.lanes
            if lanes.nested:
                raise Uneven  # lists within lists: the lanes come apart by the length of the outer ones
            most = int(np.max(length.num, initial=0, where=lanes.here))
            if 0 < most <= limits.MAX_LIST:
                _verify_size(length, most)
                # Behind its end a list repeats its last element, so that nothing else is worked out there.
                index = np.minimum(np.arange(most, dtype=np.int64)[None, :], length.num - 1)
                # An element depends on where it stands, and not on how many there are.
                items = Exact(lanes, index, bound=most, depends=0) + source.lo
                return _ragged(ctx, e, env, items, length)
    return evaluate.EXPRESSIONS[ast.Comprehension](ctx, e, env)


def _one_element(ctx: Any, e: ast.Comprehension, env: Environment, length: Exact, low: Any) -> Any:
    """Of a list one element in each lane, at the position that is asked for. What is decided of it is decided apart."""
    lanes = length.lanes
    positions = np.asarray(lanes.positions)[:, None]
    with lanes.unobserved():
        length = length.reduced()
        lanes.doubt(length.num <= positions, length.depends)
        return _ragged(ctx, e, env, Exact(lanes, positions, depends=0) + low, length)


def _verify_size(lengths: Exact, most: int) -> None:
    """Take lanes apart whose lists are too large together, those of like length into one part."""
    lanes = lengths.lanes
    parts = -(-lanes.size * most // lanes.most)
    if parts > 1 and lanes.size > 1:
        rank = np.empty(lanes.size, np.int64)
        rank[np.argsort(lanes.each(lengths.num), kind="stable")] = np.arange(lanes.size)
        raise Split(rank * min(parts, lanes.size) // lanes.size)


def _ragged(ctx: Any, e: ast.Comprehension, env: Environment, items: Column, lengths: Exact) -> Any:
    lanes = items.lanes
    found = Ragged(items, lengths)
    if lanes.nested:
        found.apart()
    inner = Environment(env.module, env)
    inner.bind(e.variable.text, items, Origin(e.source, env))
    body_steps = ctx.steps
    try:
        with lanes.only(found.live, lengths.depends):
            value = ctx.evaluate(e.body, inner)
    except (Uneven, Fault, AlreadyReported):
        found.apart()
    ctx.spend((ctx.steps - body_steps) * items.shape[1], e, env)
    if numbers.is_number(value):
        value = constant(lanes, value)
    if not isinstance(value, Column):
        found.apart()
    return Ragged(value, lengths)


_REDUCED = ("sum", "max", "min", "count")


def _call(ctx: Any, e: ast.Call, env: Environment) -> Any:
    if len(e.arguments) == 1 and e.arguments[0].name is None:
        function = callee(ctx, e.function, env)
        of = function.of if isinstance(function, Function) else function
        if isinstance(of, Builtin) and of.name in _REDUCED:
            value = ctx.evaluate(e.arguments[0].value, env)
            if isinstance(value, Ragged):
                return value.reduced(of.name)
    try:
        return CALLS[ast.Call](ctx, e, env)
    except NumberError:
        raise AlreadyReported from None


RULES: Mapping[type[ast.Node], Rule] = {
    ast.Comparison: _comparison,
    ast.Logical: _logical,
    ast.Unary: _unary,
    ast.Conditional: _conditional,
    ast.Comprehension: _comprehension,
    ast.Call: _call,
}
"""The rules that differ from those of one network."""

LANES = Language(
    rules={**LANGUAGE.rules, **RULES},
    declared=LANGUAGE.declared,
    apply=LANGUAGE.apply,
    lead=LANGUAGE.lead,
    override=LANGUAGE.override,
)

__all__ = ["Chosen", "LaneContext", "Ragged"]
