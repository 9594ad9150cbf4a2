"""Expressions to values, and blocks to operations of the network.

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
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Instance, Primitive
from archdsl.analysis.suggest import nearest
from archdsl.analysis.trace import fault, rule_fault, show_value
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
    kind_of,
)
from archdsl.diagnostics import Diagnostic, Edit, Fault
from archdsl.graph.faults import RuleError
from archdsl.graph.network import Builder
from archdsl.graph.operations import OPERATIONS, Operation
from archdsl.graph.shapes import Range, Size
from archdsl.numbers import NumberError, is_number
from archdsl.syntax import ast


class Silent(Exception):
    """Something depends on a value whose fault is already reported."""


_MISSING: Any = object()
_SUFFIXES = {"K": 3, "M": 6, "G": 9, "T": 12}
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


class Evaluator:
    """Evaluates the expressions of one model. `builder` is set while its network is being built."""

    def __init__(self) -> None:
        self.steps = 0
        self.nesting = 0
        self.builder: Builder | None = None
        self.symbolic = False
        """Whether dimensions carry formulas: then equal numbers are not interchangeable."""
        self._operations: dict[Any, Operation] = {}
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
            ast.Call: self._call,
            ast.Configured: self._configured,
            ast.Attribute: self._attribute,
            ast.Index: self._index,
            ast.Flow: self._flow,
            ast.Optional: self._optional,
            ast.Conditional: self._conditional,
            ast.Derived: self._derived,
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
            raise Fault(Diagnostic("E301", f"`{e.unit}` has a meaning in recipes only", e.span))
        try:
            return literal(e.text)
        except NumberError as error:
            raise self._number_fault(error, e, env) from None

    def _reference(self, e: ast.Reference, env: Environment) -> Value:
        scope: Environment | None = env
        name = e.name
        while scope is not None:
            value = scope.names.get(name, _MISSING)
            if value is not _MISSING:
                if value is UNKNOWN:
                    raise Silent
                return value
            scope = scope.parent
        return self.named(e, env)

    def named(self, e: ast.Reference, env: Environment) -> Value:
        """The value of a name of the module or of the prelude."""
        named = env.module.names.get(e.name) or PRELUDE.get(e.name)
        match named:
            case Definition(kind="fn") | Builtin():
                return Function(named)
            case Definition(kind="block") | Primitive():
                return Block(named)
            case Definition(kind="scaling"):
                return Scaling(named, {}, call=e)
            case Definition(kind="model") | Instance():
                return self.instantiate(named, {}, e, env)
            case None:
                if env.module.incomplete:
                    raise Silent
                raise self.unknown_name(e, env)
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
        self.spend(len(e.items), e, env)
        table = self._table
        return tuple([table[type(item)](item, env) for item in e.items])

    def _comprehension(self, e: ast.Comprehension, env: Environment) -> Value:
        source = self.evaluate(e.source, env)
        items: Any
        if isinstance(source, Range):
            low, high = self._whole(source.lo, e.source, env), self._whole(source.hi, e.source, env)
            items = range(low, high + 1)
        elif isinstance(source, tuple) and not isinstance(source, Size):
            items = source
        else:
            raise fault("E301", f"`for` goes over a list or a range, not over {kind_of(source)}", e.source, env)
        if len(items) > limits.MAX_LIST:
            raise fault("E394", f"a list of {len(items):,} elements; at most {limits.MAX_LIST:,}", e, env)
        self.spend(len(items) * 4, e, env)
        found = []
        frame = env.frame
        for index, item in enumerate(items):
            inner = Environment(env.module, env)
            if frame is not None:
                inner.frame = Frame(frame.path, frame.labels, f"{frame.suffix}.{index}")
            inner.bind(e.variable.text, item, Origin(e.source, env))
            found.append(self._table[type(e.body)](e.body, inner))
        return tuple(found)

    def _whole(self, value: Value, node: ast.Node, env: Environment) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if hasattr(value, "__index__") and not isinstance(value, bool):
            return operator.index(value)
        raise fault("E303", f"{show_value(value)} is not a whole number", node, env)

    def _misplaced_table(self, e: ast.Table | ast.Absent, env: Environment) -> Value:
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
        try:
            return _ARITHMETIC[e.operator](left, right)
        except NumberError as error:
            raise self._number_fault(error, e, env) from None
        except TypeError:
            return self._combine(e, left, right, env)

    def _combine(self, e: ast.Arithmetic, left: Value, right: Value, env: Environment) -> Value:
        """`+` and `*` between tensors; every other mixture is a fault."""
        if isinstance(left, Tensor) and isinstance(right, Tensor) and e.operator in ("+", "*"):
            primitive = Primitive("add", OPERATIONS["add"]) if e.operator == "+" else Primitive("mul", OPERATIONS["mul"])
            return self.apply(Block(primitive), (left, right), e, env)
        kinds = f"{kind_of(left)} and {kind_of(right)}"
        help_ = None
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            help_ = "between tensors there are `+` and `*`; `layer_scale` multiplies by a learned factor"
        elif e.operator == "+" and isinstance(left, tuple):
            help_ = "write one list, or a comprehension"
        raise fault("E310", f"`{e.operator}` does not work between {kinds}", e, env, help=help_)

    def _number_fault(self, error: NumberError, e: ast.Node, env: Environment) -> Fault:
        code = {"limit": "E308", "domain": "E307"}.get(error.kind, "E309")
        return fault(code, str(error), e, env)

    def _comparison(self, e: ast.Comparison, env: Environment) -> Value:
        values = [self._table[type(o)](o, env) for o in e.operands]
        for index, sign in enumerate(e.operators):
            left, right = values[index], values[index + 1]
            if sign in ("==", "!="):
                if self._equal(left, right, e, env) != (sign == "=="):
                    return False
                continue
            if not (_ordered(left) and _ordered(right)):
                kinds = f"{kind_of(left)} and {kind_of(right)}"
                raise fault("E310", f"`{sign}` does not work between {kinds}", e, env)
            try:
                if not _ORDER[sign](numbers.compare(left, right), 0):
                    return False
            except NumberError as error:
                raise self._number_fault(error, e, env) from None
        return True

    def _equal(self, left: Value, right: Value, e: ast.Node, env: Environment) -> bool:
        if _ordered(left) and _ordered(right):
            try:
                return numbers.compare(left, right) == 0
            except NumberError as error:
                raise self._number_fault(error, e, env) from None
        if isinstance(left, Tensor | tuple | Range) or isinstance(right, Tensor | tuple | Range):
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
        value = self.evaluate(e.value, env)
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
        raise _unknown_part(e.name, known, kind_of(value))

    def _index(self, e: ast.Index, env: Environment) -> Value:
        value, index = self.evaluate(e.value, env), self.evaluate(e.index, env)
        if not isinstance(value, tuple):
            raise fault("E310", f"{kind_of(value)} cannot be indexed", e, env)
        position = self._whole(index, e.index, env)
        if not 0 <= position < len(value):
            message = f"the list has {len(value)} elements, counted from 0; there is no element {show_value(position)}"
            raise fault("E311", message, e.index, env)
        return value[position]

    # Calls

    def _call(self, e: ast.Call, env: Environment) -> Value:
        function = self._callee(e.function, env)
        match function:
            case Function(of=Builtin() as builtin):
                return self._call_builtin(builtin, e, env)
            case Function(of=Definition() as definition):
                return self.call_fn(definition, self.arguments(definition, e, env), e, env)
            case Block():
                return self._call_block(function, e, env, ())
            case Scaling():
                arguments = {**function.arguments, **self.arguments(function.of, e, env)}
                return self.call_scaling(function.of, arguments, e, env)
            case Definition() | Instance():
                if isinstance(function, Instance):
                    raise fault("E211", f"`{function.name}` is an instance and takes no arguments", e, env)
                return self.instantiate(function, self.arguments(function, e, env), e, env)
            case _:
                raise fault("E212", f"{kind_of(function)} cannot be called", e.function, env)

    def _callee(self, e: ast.Expression, env: Environment) -> Value:
        """What is called; a model by its declaration, because its arguments are still to come."""
        if isinstance(e, ast.Reference) and env.origin(e.name) is None and not self._is_local(e.name, env):
            named = env.module.names.get(e.name)
            if isinstance(named, Definition | Instance) and named.kind == "model":
                return named
        return self.evaluate(e, env)

    @staticmethod
    def _is_local(name: str, env: Environment) -> bool:
        scope: Environment | None = env
        while scope is not None:
            if name in scope.names:
                return True
            scope = scope.parent
        return False

    def _call_builtin(self, builtin: Builtin, e: ast.Call, env: Environment) -> Value:
        if builtin.named:
            return self._call_named(builtin, e, env)
        values = []
        for argument in e.arguments:
            if argument.name is not None:
                message = f"`{builtin.name}` takes no argument by name"
                raise Fault(Diagnostic("E202", message, argument.name.span))
            value = self.evaluate(argument.value, env)
            if not (_ordered(value) or (isinstance(value, tuple) and all(_ordered(v) for v in value))):
                raise fault("E301", f"`{builtin.name}` takes numbers, not {kind_of(value)}", argument.value, env)
            values.append(value)
        if not builtin.least <= len(values) <= (builtin.most or len(values)):
            wanted = str(builtin.least) if builtin.most == builtin.least else f"at least {builtin.least}"
            raise fault("E211", f"`{builtin.name}` takes {wanted} arguments, not {len(values)}", e, env)
        try:
            return builtin.function(*values)
        except NumberError as error:
            raise self._number_fault(error, e, env) from None
        except TypeError:
            shown = ", ".join(kind_of(v) for v in values)
            raise fault("E301", f"`{builtin.name}` does not take {shown}", e, env) from None

    def _call_named(self, builtin: Builtin, e: ast.Call, env: Environment) -> Value:
        """A function of one number that is given by its name: `solve(flops: 16G)`, `normal(std: 1/50)`."""
        if len(e.arguments) != 1 or e.arguments[0].name is None:
            choices = " or ".join(f"`{builtin.name}({n}: …)`" for n in builtin.named)
            raise fault("E211", f"`{builtin.name}` takes one number by its name", e, env, help=f"write {choices}")
        argument = e.arguments[0]
        name = argument.name
        if name is None or name.text not in builtin.named:
            raise unknown_setting(name or ast.Identifier(e.span, ""), builtin.named, builtin.name)
        value = self._numeric(argument.value, env)
        try:
            return builtin.function(*((name.text, value) if len(builtin.named) > 1 else (value,)))
        except NumberError as error:
            raise self._number_fault(error, argument.value, env) from None

    def arguments(self, definition: Definition, e: ast.Call, env: Environment) -> dict[str, Setting]:
        """The arguments of a fn, model or scaling by parameter: first those in order, then those by name."""
        found: dict[str, Setting] = {}
        names = definition.parameter_names
        for position, argument in enumerate(e.arguments):
            if argument.name is None:
                if position >= len(names):
                    message = f"`{definition.name}` takes {len(names)} arguments, not {len(e.arguments)}"
                    raise fault("E211", message, argument.value, env)
                name = names[position]
            else:
                name = argument.name.text
                if name not in names:
                    raise unknown_setting(argument.name, names, definition.name)
            if name in found:
                raise Fault(Diagnostic("E203", f"`{name}` is given twice", argument.span))
            found[name] = Setting(self.argument(argument.value, env), Origin(argument.value, env))
        return found

    def argument(self, e: ast.Expression, env: Environment) -> Value:
        return self._table[type(e)](e, env)

    def environment_of(
        self, definition: Definition, settings: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> Environment:
        """The environment of a definition's body: its parameters with their arguments and defaults."""
        inner = Environment(definition.module)
        for parameter in definition.parameters:
            name = parameter.name.text
            setting = settings.get(name)
            if setting is not None:
                inner.bind(name, setting.value, setting.origin)
            elif parameter.default is not None:
                inner.bind(name, self.evaluate(parameter.default, inner), Origin(parameter.default, inner))
            else:
                message = f"`{definition.name}` needs `{name}`"
                raise fault("E306", message, e, env, help=f"{definition.name}({name}: …)")
        return inner

    def call_fn(
        self, definition: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> Value:
        """Evaluate a declared fn."""
        self._enter(definition, e, env)
        try:
            inner = self.environment_of(definition, arguments, e, env)
            return self.body_value(definition, inner)
        finally:
            self.nesting -= definition.depth

    def _enter(self, definition: Definition, e: ast.Node, env: Environment) -> None:
        self.spend(definition.size, e, env)
        self.nesting += definition.depth
        if self.nesting > limits.MAX_CALL_NESTING:
            self.nesting -= definition.depth
            message = f"calls are nested too deep at `{definition.name}`"
            raise fault("E393", message, e, env, help="does a block receive itself as a setting?")

    def body_value(self, definition: Definition, env: Environment) -> Value:
        """Run the entries of a fn's or block's body; the value of `return`."""
        declaration = definition.declaration
        if declaration.value is not None:
            return self.evaluate(declaration.value, env)
        for entry in declaration.body.entries if declaration.body is not None else ():
            match entry:
                case ast.Binding():
                    self.bind_names(entry, env)
                case ast.Require():
                    self.require(entry, env)
                case ast.Return(values=values):
                    if len(values) == 1:
                        return self.evaluate(values[0], env)
                    return tuple([self.evaluate(v, env) for v in values])
                case _:
                    pass  # `fit` ran before; the resolver refused everything else
        raise Silent

    def bind_names(self, entry: ast.Binding, env: Environment) -> None:
        """`a = value`, or `a, b = value` for a list of that many."""
        value = self._table[type(entry.value)](entry.value, env)
        if len(entry.names) == 1:
            env.bind(entry.names[0].text, value, Origin(entry.value, env))
            return
        if not isinstance(value, tuple) or len(value) != len(entry.names):
            has = f"{len(value)} values" if isinstance(value, tuple) else kind_of(value)
            raise fault("E309", f"{len(entry.names)} names stand before `=` and {has} behind it", entry, env)
        for name, part in zip(entry.names, value, strict=True):
            env.bind(name.text, part, Origin(entry.value, env))

    def require(self, entry: ast.Require, env: Environment) -> None:
        if not self.holds(entry.condition, env):
            condition = entry.condition.span.text
            raise fault("E312", f"`require {condition}` does not hold", entry.condition, env)

    # Blocks

    def _call_block(self, block: Block, e: ast.Call, env: Environment, fed: tuple[Tensor, ...]) -> Value:
        """Configure a block; with tensors among the arguments, or fed by an arrow, apply it."""
        inputs = list(fed)
        settings = dict(block.settings)
        given: set[str] = set()
        for argument in e.arguments:
            value = self._table[type(argument.value)](argument.value, env)
            if argument.name is None:
                tensors = _tensors(value)
                if tensors is not None:
                    inputs.extend(tensors)
                    continue
                name = self._leading(block, argument, given, env)
            else:
                name = argument.name.text
                self._check_setting(block, argument.name)
            if name in given:
                raise Fault(Diagnostic("E203", f"`{name}` is given twice", argument.span))
            given.add(name)
            settings[name] = Setting(value, Origin(argument.value, env))
        configured = Block(block.of, settings)
        return self.apply(configured, tuple(inputs), e, env) if inputs else configured

    def _leading(self, block: Block, argument: ast.Argument, given: set[str], env: Environment) -> str:
        if isinstance(block.of, Primitive):
            name = block.of.operation.leading
        else:
            name = block.of.parameter_names[0] if block.of.parameter_names else None
        if name is None or given:
            message = f"`{block.name}` takes one setting without a name" if name else f"`{block.name}` takes no setting"
            help_ = "name it: `name: value`" if name else None
            raise fault("E211", message + (", the first" if name else " without a name"), argument, env, help=help_)
        return name

    def _check_setting(self, block: Block, name: ast.Identifier) -> None:
        known = setting_names(block.of)
        if name.text not in known:
            raise unknown_setting(name, known, block.name)

    def _configured(self, e: ast.Configured, env: Environment) -> Value:
        block = self.evaluate(e.function, env)
        if not isinstance(block, Block):
            raise fault("E212", f"{kind_of(block)} cannot be configured", e.function, env)
        return Block(block.of, {**block.settings, **self.configuration(block, e.body, env)})

    def configuration(self, block: Block, body: ast.Body, env: Environment) -> dict[str, Setting]:
        """The settings of a `block { name: value … }`."""
        found: dict[str, Setting] = {}
        for entry in body.entries:
            if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
                raise Fault(Diagnostic("E204", "settings stand here, as `name: value`", entry.span))
            self._check_setting(block, entry.path.head)
            name = entry.path.head.text
            if name in found:
                raise Fault(Diagnostic("E203", f"`{name}` is given twice", entry.path.span))
            found[name] = Setting(self.evaluate(entry.value, env), Origin(entry.value, env))
        return found

    # Arrows

    def _flow(self, e: ast.Flow, env: Environment) -> Value:
        steps = [e.right]
        first: ast.Expression = e.left
        while isinstance(first, ast.Flow):
            steps.append(first.right)
            first = first.left
        value = self.evaluate(first, env)
        label = first
        for step in reversed(steps):
            value = self._feed(step, value, env, label)
            label = step
        return value

    def _feed(self, step: ast.Expression, value: Value, env: Environment, before: ast.Expression) -> Value:
        """Hand a value to the right side of an arrow."""
        if isinstance(step, ast.Optional):
            return self._feed(step.step, value, env, before) if self.holds(step.condition, env) else value
        if isinstance(step, ast.Conditional):
            chosen = step.then if self.holds(step.condition, env) else step.otherwise
            return self._feed(chosen, value, env, before)
        tensors = _tensors(value)
        if tensors:
            if isinstance(step, ast.Flow):
                return self._feed(step.right, self._feed(step.left, value, env, before), env, step.left)
            if isinstance(step, ast.Call):
                function = self._callee(step.function, env)
                if isinstance(function, Block):
                    return self._call_block(function, step, env, tensors)
            target = self.evaluate(step, env)
            if isinstance(target, Block | Sequence):
                return self.apply(target, tensors, step, env)
            raise fault("E212", f"an arrow leads a tensor into a block, not into {kind_of(target)}", step, env)
        if isinstance(value, Block | Sequence):
            target = self.evaluate(step, env)
            if isinstance(target, Block | Sequence):
                return _sequence(value, before, target, step)
            raise fault("E212", f"an arrow leads a block into a block, not into {kind_of(target)}", step, env)
        return self.transform(value, step, env)

    def transform(self, value: Value, step: ast.Expression, env: Environment) -> Value:
        """An arrow from something that is no tensor and no block; models override this."""
        raise fault("E310", f"an arrow cannot start at {kind_of(value)}", step, env)

    def _optional(self, e: ast.Optional, env: Environment) -> Value:
        if self.holds(e.condition, env):
            return self.evaluate(e.step, env)
        return Sequence(())

    def _derived(self, e: ast.Derived, env: Environment) -> Value:
        return self.derive(self.evaluate(e.value, env), e, env)

    # What models and scalings add; see `elaborate`

    def derive(self, value: Value, e: ast.Derived, env: Environment) -> Value:
        raise fault("E310", f"`with` does not change {kind_of(value)}", e, env)

    def instantiate(
        self, named: Definition | Instance, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> Value:
        raise fault("E212", f"the model `{named.name}` cannot stand here", e, env)

    def call_scaling(
        self, definition: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> Value:
        raise fault("E212", f"the scaling `{definition.name}` cannot stand here", e, env)

    # Building

    def apply(self, block: Block | Sequence, inputs: tuple[Tensor, ...], site: ast.Expression, env: Environment) -> Value:
        """Apply a block where an expression of a block's body says so."""
        if env.frame is None:
            raise fault("E204", "a tensor flows only within a block", site, env)
        return self.build(block, inputs, env.frame.name(site), site, env)

    def build(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool = False,
    ) -> Value:
        """Add a block's operations to the network, below a module path. Returns its output or outputs."""
        if isinstance(block, Sequence):
            value: Value = inputs[0] if len(inputs) == 1 else inputs
            for name, step in block.steps:
                value = self.build(step, _tensors(value) or (), f"{path}.{name}" if path else name, site, env)
            return value
        if isinstance(block.of, Primitive):
            return self._build_operation(block, inputs, path, site, env)
        definition = block.of
        if len(inputs) != len(definition.inputs):
            wants, got = _count(len(definition.inputs), "input"), len(inputs)
            raise fault("E211", f"`{definition.name}` takes {wants}, not {got}", site, env)
        self._enter(definition, site, env)
        try:
            inner = Environment(definition.module, None, Frame(path, definition.labels))
            for name, tensor in zip(definition.inputs, inputs, strict=True):
                inner.bind(name, tensor)
            inner = self.settle(definition, block.settings, inner, site, env, fitted=fitted)
            result = self.body_value(definition, inner)
            if _tensors(result) is None:
                message = f"`{definition.name}` returns {kind_of(result)}, not a tensor"
                raise fault("E301", message, site, env)
            return result
        finally:
            self.nesting -= definition.depth

    def settle(
        self,
        definition: Definition,
        settings: Mapping[str, Setting],
        inner: Environment,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool,
        only: frozenset[str] | None = None,
    ) -> Environment:
        """Bind a block's settings, defaults after what they use, then run its `fit` unless that was done.

        `only` restricts the defaults to parameters whose value does not need the inputs.
        """
        table = self._table
        for parameter in definition.parameters:
            name = parameter.name.text
            setting = settings.get(name)
            if setting is not None:
                if setting.value is UNKNOWN:
                    raise Silent
                inner.bind(name, setting.value, setting.origin)
                continue
            default = parameter.default
            if only is not None and name not in only:
                continue
            if default is None:
                message = f"`{definition.name}` needs `{name}`"
                raise fault("E306", message, site, env, help=f"give it: `{name}: …`")
            inner.names[name] = table[type(default)](default, inner)
            inner.origins[name] = Origin(default, inner)
        if fitted:
            return inner
        for line in definition.fit:
            value = self.evaluate(line.value, inner)
            after = Environment(inner.module, inner)
            after.bind(line.path.text, value, Origin(line.value, inner))
            inner = after
        return inner

    def _build_operation(
        self, block: Block, inputs: tuple[Tensor, ...], path: str, site: ast.Node, env: Environment
    ) -> Value:
        operation = block.of.operation  # type: ignore[union-attr]
        settings = dict(block.settings)
        builder = self.builder
        if builder is None:
            raise fault("E204", "a tensor flows only within a block", site, env)
        self.spend(1, site, env)
        try:
            if operation.arity is not None and len(inputs) != operation.arity:
                wants = _count(operation.arity, "input")
                raise RuleError("E211", f"`{operation.name}` takes {wants}, not {len(inputs)}")
            key = (operation, *[(n, type(s.value), s.value) for n, s in settings.items()])
            configured = self._bound(key)
            if configured is None:
                self._check_values(block, settings, site, env)
                configured = operation.bind({n: s.value for n, s in settings.items()})
                if not self.symbolic:
                    self._operations[key] = configured
            places = builder.apply(configured, [t.place for t in inputs], path, site.span)
        except RuleError as error:
            raise rule_fault(error, site, env, settings, path) from None
        outputs = tuple([Tensor(place, builder.shape(place)) for place in places])
        return outputs[0] if len(outputs) == 1 else outputs

    def _bound(self, key: tuple[Any, ...]) -> Operation | None:
        """The same operation bound before; a key that has no hash holds a value that no operation takes."""
        try:
            return self._operations.get(key)
        except TypeError:
            return None

    def _check_values(self, block: Block, settings: dict[str, Setting], site: ast.Node, env: Environment) -> None:
        for name, setting in settings.items():
            if setting.value is UNKNOWN:
                raise Silent
            if isinstance(setting.value, numbers.Irrational):
                shown = show_value(setting.value)
                error = RuleError("E303", f"{name} must be rounded, it is {shown}", attribute=name, help="round(…)")
                raise rule_fault(error, site, env, settings, block.name)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _ordered(value: Value) -> bool:
    """Whether a value is a number, or a number with a formula beside it."""
    return is_number(value) or hasattr(value, "expression")


def _tensors(value: Value) -> tuple[Tensor, ...] | None:
    """The tensors of a value that consists of tensors alone; none for anything else."""
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, tuple) and value and all(isinstance(v, Tensor) for v in value):
        return value
    return None


def _sequence(left: Block | Sequence, site: ast.Expression, right: Block | Sequence, step: ast.Expression) -> Sequence:
    def steps(value: Block | Sequence) -> tuple[tuple[str, Block | Sequence], ...]:
        return value.steps if isinstance(value, Sequence) else ((value.name, value),)

    joined = steps(left) + steps(right)
    names = [name.rstrip("0123456789") or name for name, _ in joined]
    counts: dict[str, int] = {}
    named: list[tuple[str, Block | Sequence]] = []
    for name, (_, block) in zip(names, joined, strict=True):
        counts[name] = counts.get(name, 0) + 1
        named.append((f"{name}{counts[name]}" if names.count(name) > 1 else name, block))
    return Sequence(tuple(named))


def setting_names(of: Definition | Primitive) -> tuple[str, ...]:
    """The settings of a block."""
    if isinstance(of, Primitive):
        return tuple(a.name for a in of.operation.attributes)
    return of.parameter_names


def unknown_name(e: ast.Reference, known: set[str]) -> Fault:
    """E201, with the nearest of the known names."""
    guess = nearest(e.name, known)
    help_ = f"did you mean `{guess}`?" if guess else None
    edits = (Edit(e.span, guess),) if guess else ()
    return Fault(Diagnostic("E201", f"`{e.name}` is not defined", e.span, help=help_, edits=edits))


def unknown_setting(name: ast.Identifier, known: tuple[str, ...], of: str) -> Fault:
    """E202 for an argument or field, with the nearest of those that exist."""
    guess = nearest(name.text, known)
    if guess:
        help_ = f"did you mean `{guess}`?"
    else:
        help_ = f"it has {', '.join(known)}" if known else "it has none"
    edits = (Edit(name.span, guess),) if guess else ()
    return Fault(Diagnostic("E202", f"`{of}` has no setting `{name.text}`", name.span, help=help_, edits=edits))


def _unknown_part(name: ast.Identifier, known: tuple[str, ...], of: str) -> Fault:
    guess = nearest(name.text, known)
    help_ = f"did you mean `{guess}`?" if guess else f"it has {', '.join(known)}"
    edits = (Edit(name.span, guess),) if guess else ()
    return Fault(Diagnostic("E202", f"{of} has no `{name.text}`", name.span, help=help_, edits=edits))
