"""The language on columns: the rules of what must be decided by lane, and lists whose length differs by lane.

All other kinds of expressions have the rules that they have for one network. What these rules do not work out for all
lanes at once makes the lanes come apart, `Split`, so that each part agrees on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from archdsl import limits, numbers
from archdsl.analysis import evaluate
from archdsl.analysis.calls import CALLS, callee
from archdsl.analysis.context import AlreadyReported, Context, Language, Rule
from archdsl.analysis.language import LANGUAGE
from archdsl.analysis.operators import ordered
from archdsl.analysis.program import Builtin, walk
from archdsl.analysis.traces import Traces
from archdsl.analysis.values import Block, Environment, Function, ManyBlocks, Origin
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.shapes import Range
from archdsl.graph.symbolic import COMPARISONS
from archdsl.numbers import NumberError
from archdsl.spaces.arrays.column import Column, Exact, constant, where
from archdsl.spaces.arrays.lanes import Array, Lanes, Mask, Split, Uneven
from archdsl.spaces.arrays.ragged import Ragged
from archdsl.syntax import ast


class LaneContext(Context):
    """An evaluation for all lanes at once."""

    def __init__(self, lanes: Lanes, traces: Traces) -> None:
        super().__init__(LANES, Diagnostics(), traces=traces)
        self.lanes = lanes
        self._lists: dict[tuple[int, ...], tuple[Any, list[Any]]] = {}
        """Lists, with the values of all names in them, which are kept so that none takes the place of another."""

    def once(self, e: ast.Comprehension, env: Environment, make: Callable[[], Any]) -> Any:
        """A list, made once for the same numbers: what is worked out again, for fewer lanes, takes it from before."""
        if self.lanes.decided is not None or not self.lanes.everywhere:  # elsewhere nothing is sure of it
            return make()
        used = [env.held(node.name) for node in walk(e) if isinstance(node, ast.Reference)]
        key = (id(e), *map(id, used))
        if key not in self._lists:
            self._lists[key] = (make(), used)
        return self._lists[key][0]

    def fresh(self, diagnostics: Diagnostics | None = None) -> Context:
        found = LaneContext(self.lanes, self.traces)
        found.diagnostics = self.diagnostics if diagnostics is None else diagnostics
        found.nesting, found.literals, found._lists = self.nesting, self.literals, self._lists
        return found

    def holds(self, e: ast.Expression, env: Environment) -> bool:
        return _truth(self.evaluate(e, env)) is True


def _truth(value: Any) -> bool:
    """Whether a condition holds. Raises `Split` where the lanes differ."""
    return bool(value) if isinstance(value, Mask) else value is not None and value is not False


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
        return COMPARISONS[sign](left, right)
    if isinstance(left, Mask) or isinstance(right, Mask):
        plain = [bool(side) if isinstance(side, Mask) else side for side in (left, right)]
        return evaluate.compared(_alone(e, sign), plain, env)
    return evaluate.compared(_alone(e, sign), [left, right], env)


def _alone(e: ast.Comparison, sign: str) -> ast.Comparison:
    return ast.Comparison(e.span, (sign,), e.operands[:2])


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
        if source.lanes.positions is None:
            return ctx.once(e, env, lambda: _over(ctx, e, env, source))
        with source.lanes.unobserved():
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
                return ctx.once(e, env, lambda: _ragged(ctx, e, env, _positions(length, most) + source.lo, length))
    return evaluate.EXPRESSIONS[ast.Comprehension](ctx, e, env)


def _positions(lengths: Exact, most: int) -> Exact:
    """The positions of lists. Behind its end a list repeats its last element, so that nothing else is worked out
    there."""
    index = np.minimum(np.arange(most, dtype=np.int64)[None, :], lengths.num - 1)
    # An element depends on where it stands, and not on how many there are.
    return Exact(lengths.lanes, index, bound=most, depends=0)


def _over(ctx: Any, e: ast.Comprehension, env: Environment, source: Ragged) -> Any:
    """A list of what is made of the elements of another: of neighbours that are the same, once."""
    runs = None if source.lanes.nested else source.stretched()
    if runs is None:
        return _ragged(ctx, e, env, source.column, source.lengths)
    value = _made(ctx, e, env, runs.elements, runs.there, source.lengths, runs.positions)
    return runs.of(value) if isinstance(value, Column) else source.apart()


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
    found = Ragged(items, lengths)
    if items.lanes.nested:
        found.apart()
    value = _made(ctx, e, env, items, found.live, lengths, items.shape[1])
    return Ragged(value, lengths) if isinstance(value, Column) else found.apart()


def _made(
    ctx: Any, e: ast.Comprehension, env: Environment, items: Column, live: Array, lengths: Exact, positions: int
) -> Any:
    """What is made of elements, where there are some; `positions` is how many a list has at most."""
    lanes = items.lanes
    inner = Environment(env.module, env)
    inner.bind(e.variable.text, items, Origin(e.source, env))
    body_steps = ctx.steps
    try:
        with lanes.only(live, lengths.depends):
            value = ctx.evaluate(e.body, inner)
    except (Uneven, Fault, AlreadyReported):
        raise Split(lanes.each(lengths.num), lengths.depends) from None
    ctx.spend((ctx.steps - body_steps) * positions, e, env)
    return constant(lanes, value) if numbers.is_number(value) else value


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

__all__ = ["Chosen", "LaneContext"]
