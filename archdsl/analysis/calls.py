"""Calls: functions with their arguments, blocks with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from archdsl import limits, numbers
from archdsl.analysis.evaluate import Expressions, Silent, ordered, weight
from archdsl.analysis.names import misplaced, plural, setting_names, unknown_setting
from archdsl.analysis.program import Builtin, Definition, Instance, Primitive
from archdsl.analysis.trace import fault
from archdsl.analysis.values import (
    Block,
    Environment,
    Function,
    Origin,
    Scaling,
    Setting,
    Tensor,
    Value,
    kind_of,
)
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.shapes import Size
from archdsl.numbers import NumberError
from archdsl.records import dataclass
from archdsl.syntax import ast


@dataclass(frozen=True, slots=True)
class Tie:
    """An exact half that `round` was given, and the call."""

    value: Fraction
    call: ast.Call


class Calls(Expressions):
    """Evaluates calls: of the prelude, of declared functions, of blocks, models and scalings."""

    def __init__(self) -> None:
        super().__init__()
        self.ties: list[Tie] | None = None
        """Where somebody asks for them: the exact halves that were rounded."""
        self._table.update({ast.Call: self._call, ast.Configured: self._configured})

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
                given = self.arguments(function, e, env)
                return (self.instantiate if function.kind == "model" else self.recipe)(function, given, e, env)
            case _:
                raise fault("E212", f"{kind_of(function)} cannot be called", e.function, env)

    def _callee(self, e: ast.Expression, env: Environment) -> Value:
        """What is called; a model or a recipe by its declaration, because its arguments are still to come."""
        if isinstance(e, ast.Reference) and env.origin(e.name) is None and not self._is_local(e.name, env):
            named = env.module.names.get(e.name)
            if isinstance(named, Definition | Instance) and named.kind in ("model", "recipe"):
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
            if not (ordered(value) or (isinstance(value, tuple) and all(ordered(v) for v in value))):
                message = f"`{builtin.name}` takes numbers, not {items_of(value)}"
                raise fault("E301", message, argument.value, env, help=_without_numbers(builtin, value))
            values.append(value)
        if not builtin.least <= len(values) <= (builtin.most or len(values)):
            wanted = plural(builtin.least, "argument")
            wanted = wanted if builtin.most == builtin.least else f"at least {wanted}"
            raise fault("E211", f"`{builtin.name}` takes {wanted}, not {len(values)}", e, env)
        if self.ties is not None and builtin.name == "round":
            half = values[0]
            if isinstance(half, Fraction) and half.denominator == 2:
                self.ties.append(Tie(half, e))
        before = numbers.work()
        try:
            value = builtin.function(*values)
        except NumberError as error:
            raise self._number_fault(error, e, env) from None
        except TypeError:
            shown = ", ".join(kind_of(v) for v in values)
            raise fault("E301", f"`{builtin.name}` does not take {shown}", e, env) from None
        self.spend(numbers.work() - before + weight(tuple(values)), e, env)
        return value

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
                    message = f"`{definition.name}` takes {plural(len(names), 'argument')}, not {len(e.arguments)}"
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

    def call_fn(self, definition: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment) -> Value:
        """Evaluate a declared fn."""
        self._enter(definition, e, env)
        try:
            inner = self.environment_of(definition, arguments, e, env)
            return self.body_value(definition, inner)
        finally:
            self.nesting -= definition.depth

    def _enter(self, definition: Definition, e: ast.Node, env: Environment) -> None:
        if definition.name in definition.module.circular:
            raise Silent
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
                    return self.bounded(tuple([self.evaluate(v, env) for v in values]), entry, env)
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
        names: dict[str, str] = {}
        for argument in e.arguments:
            value = self._table[type(argument.value)](argument.value, env)
            if argument.name is None:
                tensors = tensors_of(value)
                if tensors is not None:
                    inputs.extend(tensors)
                    continue
                name = self._leading(block, argument, value, given, env)
            else:
                name = argument.name.text
                self._check_setting(block, argument.name)
            if name in given:
                raise Fault(Diagnostic("E203", f"`{name}` is given twice", argument.span))
            given.add(name)
            settings[name] = Setting(value, Origin(argument.value, env))
            if env.frame is not None and (local := env.frame.definition.local_name(argument.value)):
                names[name] = local
        configured = Block(block.of, settings, e.span)
        return self.apply(configured, tuple(inputs), e, env, names) if inputs else self.bounded(configured, e, env)

    def _leading(self, block: Block, argument: ast.Argument, value: Value, given: set[str], env: Environment) -> str:
        if isinstance(block.of, Primitive):
            name = block.of.operation.leading
        else:
            name = block.of.parameter_names[0] if block.of.parameter_names else None
        if isinstance(value, tuple) and not isinstance(value, Size) and (name is None or (given and not value)):
            message = f"`{block.name}` takes tensors and settings by their names, not {items_of(value)}"
            raise fault("E211", message, argument, env)
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
        settings = {**block.settings, **self.configuration(block, e.body, env)}
        return self.bounded(Block(block.of, settings, e.span), e, env)

    def configuration(self, block: Block, body: ast.Body, env: Environment) -> dict[str, Setting]:
        """The settings of a `block { name: value … }`."""
        found: dict[str, Setting] = {}
        for entry in body.entries:
            if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
                raise Fault(misplaced(entry, "a block's settings", "`name: value`"))
            self._check_setting(block, entry.path.head)
            name = entry.path.head.text
            if name in found:
                raise Fault(Diagnostic("E203", f"`{name}` is given twice", entry.path.span))
            found[name] = Setting(self.evaluate(entry.value, env), Origin(entry.value, env))
        return found

    def call_scaling(self, definition: Definition, _: Mapping[str, Setting], e: ast.Node, env: Environment) -> Value:
        """The scaling that a declaration makes of its arguments."""
        raise fault("E212", f"the scaling `{definition.name}` cannot stand here", e, env)


def tensors_of(value: Value) -> tuple[Tensor, ...] | None:
    """The tensors of a value that consists of tensors alone; none for anything else."""
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, tuple) and value and all(isinstance(v, Tensor) for v in value):
        return value
    return None


def items_of(value: Value) -> str:
    """What a value is, of a list what its items are: `a list of tensors`, `an empty list`."""
    if not isinstance(value, tuple) or isinstance(value, Size):
        return kind_of(value)
    kinds = list(dict.fromkeys(kind_of(item) for item in value))
    if len(kinds) == 1:
        return f"a list of {_PLURALS.get(kinds[0]) or kinds[0].split(' ', 1)[-1] + 's'}"
    strange = next((i for i, item in enumerate(value) if not ordered(item)), None)
    return "an empty list" if strange is None else f"a list whose element {strange} is {kind_of(value[strange])}"


_PLURALS = {
    "a condition": "conditions",
    "an index": "indices",
    "none": "nones",
    "a sequence of blocks": "sequences of blocks",
    "a group of settings": "groups of settings",
    "a budget to solve for": "budgets to solve for",
}


def _without_numbers(builtin: Builtin, value: Value) -> str | None:
    """What is meant by a sum of tensors, or by a count of what is no number."""
    if not isinstance(value, tuple) or not value:
        return None
    if builtin.name == "sum" and all(isinstance(item, Tensor) for item in value):
        return "add tensors with `+`"
    if builtin.name == "count":
        holds = "; `sum([1 if c else 0 for c in …])` counts those that hold"
        return f"it has {len(value)}" + holds * all(isinstance(item, bool) for item in value)
    return None
