"""Expressions to values: atoms and operators.

The evaluator is total: no recursion can be written, and every loop is over a list whose length is
bounded; steps, nesting and list lengths are counted against `archdsl.limits`. A fault is raised as
`Fault`; what depends on a value that could not be had raises `Silent`, which is reported once where the
value was lost.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from archdsl import limits, numbers
from archdsl.analysis.names import unknown_name, unknown_part
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Instance, Primitive, Unresolved, walk
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import (
    UNKNOWN,
    Block,
    Environment,
    Frame,
    Function,
    Indices,
    OldValues,
    Origin,
    Scaling,
    Sequence,
    Setting,
    Tensor,
    Value,
    extent,
    kind_of,
    parts_of,
    single,
)
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.blocks import NO_NAMES, Given
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.shapes import Range, Size
from archdsl.numbers import NumberError, is_number
from archdsl.syntax import ast


class Silent(Exception):
    """Something depends on a value whose fault is already reported."""


_MISSING: Any = object()
_LONG = 32
_LITERALS = (ast.Number, ast.Constant, ast.String)
_SUFFIXES = {"K": 3, "M": 6, "G": 9, "T": 12}
_PLAIN = 256
"""Bits of the whole numbers that cost no more than the step that makes them."""
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": numbers.add,
    "-": numbers.subtract,
    "*": numbers.multiply,
    "/": numbers.divide,
    "//": numbers.floor_divide,
    "%": numbers.modulo,
    "^": numbers.power,
}
_ORDER: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@lru_cache(maxsize=4096)
def literal(text: str) -> int | Fraction:
    """The exact value of a number as written. Raises `NumberError` where it is too large."""
    digits, scale = (text[:-1], _SUFFIXES[text[-1]]) if text[-1] in _SUFFIXES else (text, 0)
    mantissa, _, exponent = digits.replace("E", "e").partition("e")
    if len(mantissa) > 400 or len(exponent) > 4:
        raise NumberError("limit", f"the number {text[:20]}… is too large to be written out")
    power = int(exponent or 0) + scale
    if abs(power) > 400:
        raise NumberError("limit", f"the number {text} is too large or too small")
    return numbers.normalise(Fraction(mantissa) * Fraction(10) ** power)


def weight(value: Value) -> int:
    """The steps that an operation on a number costs beside its own: those of its length, and for a list of all."""
    if isinstance(value, tuple):
        return len(value) + sum([weight(part) for part in value if type(part) is not int or part.bit_length() > _PLAIN])
    return numbers.size(value) // _PLAIN if isinstance(value, int | Fraction) else 0


def is_symbolic(value: Value) -> bool:
    """Whether a value is a number with a formula beside it."""
    return hasattr(value, "expression")


class Expressions:
    """Atoms and operators. `calls.Calls` adds what is called, `build.Evaluator` what flows through blocks."""

    def __init__(self) -> None:
        self.steps = 0
        self.nesting = 0
        self._literals: dict[int, tuple[ast.Expression, Value]] = {}
        """Long lists of literals with their values: a rule takes one element of such a list for every block."""
        self._table: dict[type, Callable[[Any, Environment], Value]] = {
            ast.Number: self._number,
            ast.String: lambda e, _: e.value,
            ast.Constant: lambda e, _: e.value,
            ast.Reference: self._reference,
            ast.ListExpression: self._list,
            ast.TupleExpression: self._list,
            ast.Comprehension: self._comprehension,
            ast.Absent: self._misplaced_table,
            ast.Table: self._misplaced_table,
            ast.Range: self._range,
            ast.SizeExpression: self._size,
            ast.Unary: self._unary,
            ast.Arithmetic: self._arithmetic,
            ast.Comparison: self._comparison,
            ast.Logical: self._logical,
            ast.Attribute: self._attribute,
            ast.Index: self._index,
            ast.Conditional: self._conditional,
        }

    def evaluate(self, expression: ast.Expression, environment: Environment) -> Value:
        """The value of an expression. Raises `Fault` or `Silent`."""
        return self._table[type(expression)](expression, environment)

    def holds(self, expression: ast.Expression, environment: Environment) -> bool:
        """Whether a condition holds: only `none` and `false` fail."""
        value = self._table[type(expression)](expression, environment)
        return value is not None and value is not False

    def spend(self, steps: int, node: ast.Node, environment: Environment) -> None:
        """Count steps against the limit."""
        self.steps += steps
        if self.steps > limits.MAX_STEPS:
            message = f"evaluating the model takes more than {limits.MAX_STEPS:,} steps"
            raise fault("E392", message, node, environment)

    # Atoms

    def _number(self, e: ast.Number, env: Environment) -> Value:
        if e.unit is not None:
            raise Fault(
                Diagnostic(
                    "E301", f"`{e.unit}` has a meaning in recipes only, behind a number that stands alone", e.span
                )
            )
        try:
            return literal(e.text)
        except NumberError as error:
            raise self._number_fault(error, e, env) from None

    def _reference(self, e: ast.Reference, env: Environment) -> Value:
        """The value of a name. `stage` and the other groups have attributes alone: `stage` by itself is the block."""
        scope: Environment | None = env
        name = e.name
        group: Value = _MISSING
        while scope is not None:
            value = scope.names.get(name, _MISSING)
            if value is not _MISSING:
                if value is UNKNOWN:
                    raise Silent
                if not isinstance(value, Indices | OldValues):
                    return value
                group = value if group is _MISSING else group
            scope = scope.parent
        if group is _MISSING or name in env.module.names:
            return self.named(e, env)
        return group

    def _whole_of(self, e: ast.Expression, env: Environment) -> Value:
        """What stands before a `.`: by its name a group such as `stage`, which nothing else can be meant by there."""
        if isinstance(e, ast.Reference):
            scope: Environment | None = env
            while scope is not None:
                if isinstance(value := scope.names.get(e.name), Indices | OldValues):
                    return value
                scope = None if e.name in scope.names else scope.parent
        return self.evaluate(e, env)

    def named(self, e: ast.Reference, env: Environment) -> Value:
        """The value of a name of the module or of the prelude."""
        named = env.module.names.get(e.name) or PRELUDE.get(e.name)
        match named:
            case Definition(kind="fn") | Builtin():
                return Function(named)
            case Definition(kind="block") | Primitive():
                return Block(named, span=e.span)
            case Definition(kind="scaling"):
                return self.scaling(named, e, env)
            case Definition(kind="model") | Instance():
                return self.instantiate(named, {}, e, env)
            case Definition(kind="recipe"):
                return self.recipe(named, {}, e, env)
            case None:
                if env.module.incomplete:
                    raise Silent
                raise self.unknown_name(e, env)
            case Unresolved():
                raise Silent
            case _:
                raise Fault(Diagnostic("E212", f"`{e.name}` is a {named.kind} and cannot stand here", e.span))

    def unknown_name(self, e: ast.Reference, env: Environment) -> Fault:
        known: set[str] = set(env.module.names) | set(PRELUDE)
        scope: Environment | None = env
        while scope is not None:
            known.update(scope.names)
            scope = scope.parent
        return unknown_name(e, known)

    def _list(self, e: ast.ListExpression | ast.TupleExpression, env: Environment) -> Value:
        known = self._literals.get(id(e))
        if known is not None and known[0] is e:
            self.spend(1, e, env)
            return known[1]
        self.spend(len(e.items), e, env)
        table = self._table
        value = self.bounded(tuple([table[type(item)](item, env) for item in e.items]), e, env)
        if len(e.items) >= _LONG and all(isinstance(item, _LITERALS) for item in e.items):
            self._literals[id(e)] = (e, value)
        return value

    def bounded(self, value: Value, e: ast.Node, env: Environment) -> Value:
        """A value that was made of others, refused if it holds too many of them."""
        parts = parts_of(value)
        if any(isinstance(part, tuple | Block | Sequence | Scaling) for part in parts):
            size = extent(value, limits.MAX_LIST, limits.MAX_NESTING)
            if size is None:
                most, deepest = f"{limits.MAX_LIST:,}", limits.MAX_NESTING
                message = f"{kind_of(value)} that holds more than {most} values, or holds them {deepest} levels deep"
                raise fault("E394", message, e, env)
            self.spend(size, e, env)
        elif isinstance(value, tuple) and len(value) > limits.MAX_LIST:
            raise fault("E394", f"a list of {len(value):,} elements; at most {limits.MAX_LIST:,}", e, env)
        return value

    def _comprehension(self, e: ast.Comprehension, env: Environment) -> Value:
        source = self.evaluate(e.source, env)
        items: Any
        if isinstance(source, Range):
            low, high = self._whole(source.lo, e.source, env), self._whole(source.hi, e.source, env)
            if high - low >= limits.MAX_LIST:
                length = show_value(high - low + 1)
                raise fault("E394", f"a list of {length} elements; at most {limits.MAX_LIST:,}", e, env)
            items = range(low, high + 1)
        elif isinstance(source, tuple) and not isinstance(source, Size):
            items = source
        else:
            raise fault("E301", f"`for` goes over a list or a range, not over {kind_of(source)}", e.source, env)
        self.spend(len(items) * (3 + sum([1 for _ in walk(e.body)])), e, env)
        found = []
        frame = env.frame
        for index, item in enumerate(items):
            inner = Environment(env.module, env)
            if frame is not None:
                inner.frame = Frame(frame.path, frame.definition, f"{frame.suffix}.{index}")
            inner.bind(e.variable.text, item, Origin(e.source, env))
            found.append(self._table[type(e.body)](e.body, inner))
        return self.bounded(tuple(found), e, env)

    def _whole(self, value: Value, node: ast.Node, env: Environment) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if hasattr(value, "__index__") and not isinstance(value, bool):
            return operator.index(value)
        raise fault("E303", f"{show_value(value)} is not a whole number", node, env)

    def _misplaced_table(self, e: ast.Table | ast.Absent, _: Environment) -> Value:
        what = "a table" if isinstance(e, ast.Table) else "a lone `-`"
        raise Fault(Diagnostic("E204", f"{what} may stand only in `stages` and in `models`", e.span))

    def _range(self, e: ast.Range, env: Environment) -> Value:
        return Range(self._numeric(e.low, env), self._numeric(e.high, env))

    def _size(self, e: ast.SizeExpression, env: Environment) -> Value:
        return Size([self._numeric(extent, env) for extent in e.extents])

    def _numeric(self, e: ast.Expression, env: Environment) -> Value:
        value = self._table[type(e)](e, env)
        if is_number(value) or hasattr(value, "expression"):
            return value
        raise fault("E301", f"a number is needed here, not {kind_of(value)}", e, env)

    # Operators

    def _unary(self, e: ast.Unary, env: Environment) -> Value:
        if e.operator == "not":
            return not self.holds(e.operand, env)
        try:
            return numbers.negate(self._numeric(e.operand, env))
        except NumberError as error:
            raise self._number_fault(error, e, env) from None

    def _arithmetic(self, e: ast.Arithmetic, env: Environment) -> Value:
        table = self._table
        left, right = table[type(e.left)](e.left, env), table[type(e.right)](e.right, env)
        before = numbers.work()
        try:
            value = _ARITHMETIC[e.operator](left, right)
        except NumberError as error:
            raise self._number_fault(error, e, env) from None
        except TypeError:
            return self._combine(e, left, right, env)
        if type(value) is not int or value.bit_length() > _PLAIN:
            self.spend(numbers.work() - before + weight(value), e, env)
        return value

    def _combine(self, e: ast.Arithmetic, left: Value, right: Value, env: Environment) -> Value:
        """`+` and `*` between tensors; every other mixture is a fault."""
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            left, right = single(left), single(right)
        if isinstance(left, Tensor) and isinstance(right, Tensor) and e.operator in ("+", "*"):
            primitive = (
                Primitive("add", OPERATIONS["add"]) if e.operator == "+" else Primitive("mul", OPERATIONS["mul"])
            )
            return self.apply(Block(primitive), (left, right), e, env)
        kinds = f"{kind_of(left)} and {kind_of(right)}"
        help_ = None
        if isinstance(left, Block | Sequence | Function) or isinstance(right, Block | Sequence | Function):
            help_ = _parenthesized(e, env)
        elif isinstance(left, Tensor) or isinstance(right, Tensor):
            help_ = "between tensors there are `+` and `*`; `scale(1/5)` multiplies by a number"
        elif e.operator == "+" and isinstance(left, tuple):
            help_ = "write one list, or a comprehension"
        raise fault("E310", f"`{e.operator}` does not work between {kinds}", e, env, help=help_)

    def _number_fault(self, error: NumberError, e: ast.Node, env: Environment) -> Fault:
        return fault("E307" if error.kind == "domain" else "E308", str(error), e, env)

    def _comparison(self, e: ast.Comparison, env: Environment) -> Value:
        values = [self._table[type(o)](o, env) for o in e.operands]
        before = numbers.work()
        try:
            return self._compared(e, values, env)
        finally:
            self.steps += numbers.work() - before + weight(tuple(values))  # the next step is where it is too much

    def _compared(self, e: ast.Comparison, values: list[Value], env: Environment) -> bool:
        for index, sign in enumerate(e.operators):
            left, right = values[index], values[index + 1]
            if sign in ("==", "!="):
                if self._equal(left, right, e, env) != (sign == "=="):
                    return False
                continue
            if not (ordered(left) and ordered(right)):
                kinds = f"{kind_of(left)} and {kind_of(right)}"
                raise fault("E310", f"`{sign}` does not work between {kinds}", e, env)
            try:
                if is_symbolic(left) or is_symbolic(right):
                    holds = _ORDER[sign](left, right)  # a symbol notes what was asked, and no more
                else:
                    holds = _ORDER[sign](numbers.compare(left, right), 0)
                if not holds:
                    return False
            except NumberError as error:
                raise self._number_fault(error, e, env) from None
            except TypeError:
                raise fault("E310", f"`{sign}` has no closed form for an irrational number", e, env) from None
        return True

    def _equal(self, left: Value, right: Value, e: ast.Node, env: Environment) -> bool:
        if ordered(left) and ordered(right):
            try:
                if is_symbolic(left) or is_symbolic(right):
                    return bool(left == right)
                return numbers.compare(left, right) == 0
            except NumberError as error:
                raise self._number_fault(error, e, env) from None
        if left is None or right is None:
            return left is right
        if not all(ordered(value) or isinstance(value, str | bool) for value in (left, right)):
            kinds = f"{kind_of(left)} and {kind_of(right)}"
            raise fault("E310", f"`==` does not work between {kinds}", e, env)
        return type(left) is type(right) and bool(left == right)

    def _logical(self, e: ast.Logical, env: Environment) -> Value:
        if e.operator == "and":
            return self.holds(e.left, env) and self.holds(e.right, env)
        return self.holds(e.left, env) or self.holds(e.right, env)

    def _conditional(self, e: ast.Conditional, env: Environment) -> Value:
        return self.evaluate(e.then if self.holds(e.condition, env) else e.otherwise, env)

    def _attribute(self, e: ast.Attribute, env: Environment) -> Value:
        value = single(self._whole_of(e.value, env))
        name = e.name.text
        known: tuple[str, ...] = ()
        if isinstance(value, Tensor):
            known = ("channels", "height", "width")
            if name in known:
                index = known.index(name)
                if index < len(value.shape):
                    return value.shape[index]
                raise fault("E403", f"a vector of {value.shape[0]} has no {name}", e, env)
        elif isinstance(value, Indices | OldValues):
            known = tuple(value.values)
            if name in value.values:
                found = value.values[name]
                if found is UNKNOWN:
                    raise Silent
                return found
        else:
            raise fault("E310", f"{kind_of(value)} has no attributes", e, env)
        raise unknown_part(e.name, known, kind_of(value))

    def _index(self, e: ast.Index, env: Environment) -> Value:
        value, index = self.evaluate(e.value, env), self.evaluate(e.index, env)
        if not isinstance(value, tuple):
            raise fault("E310", f"{kind_of(value)} cannot be indexed", e, env)
        position = self._whole(index, e.index, env)
        if not 0 <= position < len(value):
            message = f"the list has {len(value)} elements, counted from 0; there is no element {show_value(position)}"
            raise fault("E311", message, e.index, env)
        return value[position]

    # What the layers above add

    def scaling(self, definition: Definition, e: ast.Node, _: Environment) -> Value:
        """A scaling by its name, before it has arguments."""
        return Scaling(definition, {}, call=e)

    def apply(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        site: ast.Expression,
        env: Environment,
        names: Mapping[str, Given] = NO_NAMES,  # noqa: ARG002 - it is for what builds
    ) -> Value:
        """Apply a block where an expression of a block's body says so."""
        raise fault("E204", f"{kind_of(inputs)} cannot flow into {kind_of(block)} here", site, env)

    def recipe(self, named: Definition, _: Mapping[str, Setting], e: ast.Node, env: Environment) -> Value:
        """The recipe that a declaration makes of its arguments."""
        raise fault("E212", f"the recipe `{named.name}` cannot stand here", e, env)

    def instantiate(
        self, named: Definition | Instance, _: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> Value:
        """The model that a declaration makes of its arguments."""
        raise fault("E212", f"the model `{named.name}` cannot stand here", e, env)


def ordered(value: Value) -> bool:
    """Whether a value is a number, or a number with a formula beside it."""
    return is_number(value) or hasattr(value, "expression")


def _parenthesized(e: ast.Arithmetic, env: Environment) -> str:
    """The edit where an operator took a step of an arrow as its operand: `x -> conv(8) + x`."""
    declaration = env.frame.definition.declaration if env.frame is not None else None
    for node in walk(declaration) if declaration is not None else ():
        if isinstance(node, ast.Flow) and node.right is e:
            flow = f"({node.left.span.text} -> {e.left.span.text})"
            return f"an arrow binds loosest: write `{flow} {e.operator} {e.right.span.text}`"
        if isinstance(node, ast.Flow) and node.left is e:
            flow = f"({e.right.span.text} -> {node.right.span.text})"
            return f"an arrow binds loosest: write `{e.left.span.text} {e.operator} {flow}`"
    return f"lead a tensor into each block first: `(x -> …) {e.operator} (x -> …)`"
