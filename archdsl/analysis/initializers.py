"""The lines of a model's `init` as formulas: what remains of them when all that is known is a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl import numbers
from archdsl.analysis.calls import arguments, environment_of
from archdsl.analysis.context import Context
from archdsl.analysis.program import Builtin, Definition, walk
from archdsl.analysis.trace import fault
from archdsl.analysis.values import Environment, Function, kind_of
from archdsl.diagnostics import Fault
from archdsl.graph.initializers import NAMES, OPERATORS, Formula, Initializer
from archdsl.syntax import ast

DISTRIBUTIONS = {"normal": "std", "truncated_normal": "std", "uniform": "bound"}
"""Their names, each with the name of its one argument."""


def environment(env: Environment, size: int) -> Environment:
    """What a line of `init` sees: the fans, all of one size, and the distributions."""
    inner = Environment(env.module, env)
    for name in NAMES:
        inner.bind(name, size)
    for kind, parameter in DISTRIBUTIONS.items():
        inner.bind(kind, Function(Builtin(kind, _distribution(kind), 1, 1, named=(parameter,))))
    return inner


def _distribution(kind: str) -> Callable[..., Initializer]:
    def make(value: numbers.Number) -> Initializer:
        if numbers.compare(value, 0) < 0:
            raise numbers.NumberError("domain", f"{kind} takes no negative number")
        return Initializer(kind, numbers.approximate(value))

    return make


def initializer_of(ctx: Context, name: str, e: ast.Expression, env: Environment) -> Initializer:
    """The start that a line of `init` says. It is tried with fans of 9, so that a fault is found at once."""
    inner = environment(env, 9)
    value = ctx.evaluate(e, inner)
    converter = _Converter(ctx, {fan: fan for fan in NAMES})
    if name.startswith("norm.") and converter.depends(e):
        raise fault("E301", f"`{name}` is of norms, which have no {', '.join(NAMES)}", e, inner)
    if numbers.is_number(value):
        return Initializer("constant", converter.formula(e, inner))
    if not isinstance(value, Initializer):
        raise fault("E301", f"a distribution or a number stands here, not {kind_of(value)}", e, inner)
    if not converter.depends(e):
        return value
    if isinstance(e, ast.Call) and len(e.arguments) == 1:
        return Initializer(value.kind, converter.formula(e.arguments[0].value, inner))
    raise _unsaid(e, inner)


class _Converter:
    """Makes formulas of expressions, in which some names stand for formulas."""

    def __init__(self, ctx: Context, names: Mapping[str, Formula]) -> None:
        self.ctx = ctx
        self.names = names

    def depends(self, e: ast.Expression) -> bool:
        """Whether an expression is more than a number."""
        return any(isinstance(node, ast.Reference) and node.name in self.names for node in walk(e))

    def formula(self, e: ast.Expression, env: Environment) -> Formula:
        """The formula of an expression, whose value in this environment is a number."""
        if not self.depends(e):
            value = self.ctx.evaluate(e, env)
            if not numbers.is_number(value):
                raise _unsaid(e, env)
            try:
                return numbers.approximate(value)
            except numbers.NumberError as error:
                raise fault("E308", str(error), e, env) from None
        match e:
            case ast.Reference(name=name):
                return self.names[name]
            case ast.Unary(operator="-", operand=operand):
                return "-", (0.0, self.formula(operand, env))
            case ast.Arithmetic(operator=operator, left=left, right=right) if operator in OPERATORS:
                return operator, (self.formula(left, env), self.formula(right, env))
            case ast.Call(function=ast.Reference(name=name) as function):
                called = self.ctx.evaluate(function, env)
                if isinstance(called, Function) and isinstance(called.of, Builtin) and name in OPERATORS:
                    return name, tuple([self.formula(argument.value, env) for argument in e.arguments])
                if isinstance(called, Function) and isinstance(called.of, Definition):
                    return self._inlined(called.of, e, env)
            case _:
                pass
        raise _unsaid(e, env)

    def _inlined(self, of: Definition, e: ast.Call, env: Environment) -> Formula:
        """A call of a fn that is one expression: that expression, with formulas for its parameters."""
        body = of.declaration.value
        if body is None:
            entries = of.declaration.body.entries if of.declaration.body is not None else ()
            if len(entries) != 1 or not isinstance(entries[0], ast.Return) or len(entries[0].values) != 1:
                raise _unsaid(e, env)
            body = entries[0].values[0]
        given: dict[str, Formula] = {}
        for position, argument in enumerate(e.arguments):
            name = argument.name.text if argument.name is not None else of.parameter_names[position]
            if self.depends(argument.value):
                given[name] = self.formula(argument.value, env)
        settings = arguments(self.ctx, of, e, env)
        inner = environment_of(self.ctx, of, settings, e, env)
        for parameter in of.parameters:
            default = parameter.default
            name = parameter.name.text
            if default is not None and name not in settings and _Converter(self.ctx, given).depends(default):
                given[name] = _Converter(self.ctx, given).formula(default, inner)
        return _Converter(self.ctx, given).formula(body, inner)


def _unsaid(e: ast.Expression, env: Environment) -> Fault:
    words = f"{', '.join(NAMES)}, numbers, + - * / ^ and {', '.join(OPERATORS[5:])}"
    return fault("E301", f"a start is said with {words}", e, env)
