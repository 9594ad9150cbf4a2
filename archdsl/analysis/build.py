"""What flows: arrows between blocks, and blocks to operations of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from archdsl import numbers
from archdsl.analysis.calls import Calls, tensors_of
from archdsl.analysis.evaluate import Silent
from archdsl.analysis.labels import safe_name
from archdsl.analysis.names import plural
from archdsl.analysis.program import Definition, Primitive
from archdsl.analysis.trace import fault, rule_fault, show_value
from archdsl.analysis.values import (
    UNKNOWN,
    Block,
    Environment,
    Frame,
    Origin,
    Sequence,
    Setting,
    Tensor,
    Value,
    kind_of,
)
from archdsl.graph.blocks import NO_NAMES, WORKED_OUT, Given, Quotient
from archdsl.graph.faults import RuleError
from archdsl.graph.network import Builder
from archdsl.graph.network import Value as Place
from archdsl.graph.operations import Operation
from archdsl.syntax import ast


class Evaluator(Calls):
    """Evaluates everything. `builder` is set while a network is being built."""

    def __init__(self) -> None:
        super().__init__()
        self.builder: Builder | None = None
        self.symbolic = False
        """Whether dimensions carry formulas: then equal numbers are not interchangeable."""
        self._operations: dict[Any, Operation] = {}
        self._table.update({ast.Flow: self._flow, ast.Optional: self._optional, ast.Derived: self._derived})

    # Arrows

    def _flow(self, e: ast.Flow, env: Environment) -> Value:
        steps = [e.right]
        first: ast.Expression = e.left
        while isinstance(first, ast.Flow):
            steps.append(first.right)
            first = first.left
        value = self.evaluate(first, env)
        for step in reversed(steps):
            value = self._feed(step, value, env)
        return value

    def _feed(self, step: ast.Expression, value: Value, env: Environment) -> Value:
        """Hand a value to the right side of an arrow."""
        if isinstance(step, ast.Optional):
            return self._feed(step.step, value, env) if self.holds(step.condition, env) else value
        if isinstance(step, ast.Conditional):
            chosen = step.then if self.holds(step.condition, env) else step.otherwise
            return self._feed(chosen, value, env)
        tensors = tensors_of(value)
        if tensors:
            if isinstance(step, ast.Flow):
                return self._feed(step.right, self._feed(step.left, value, env), env)
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
                return self.bounded(_sequence(value, target), step, env)
            raise fault("E212", f"an arrow leads a block into a block, not into {kind_of(target)}", step, env)
        return self.transform(value, step, env)

    def transform(self, value: Value, step: ast.Expression, env: Environment) -> Value:
        """An arrow from something that is no tensor and no block; models override this."""
        raise fault("E310", f"an arrow cannot start at {kind_of(value)}", step, env)

    def _optional(self, e: ast.Optional, env: Environment) -> Value:
        if self.holds(e.condition, env):
            return self.evaluate(e.step, env)
        first = e.step
        while isinstance(first, ast.Flow):
            first = first.left
        if isinstance(first, ast.Reference) and tensors_of(self.evaluate(first, env)) is not None:
            help_ = f"write `{first.name} -> (…) when …`, or `a if … else b`"
            raise fault("E204", "`when` leaves a step of an arrow away, not the start of one", e, env, help=help_)
        return Sequence(())

    def _derived(self, e: ast.Derived, env: Environment) -> Value:
        return self.derive(self.evaluate(e.value, env), e, env)

    def derive(self, value: Value, e: ast.Derived, env: Environment) -> Value:
        raise fault("E310", f"`with` does not change {kind_of(value)}", e, env)

    # Building

    def apply(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        site: ast.Expression,
        env: Environment,
        names: Mapping[str, Given] = NO_NAMES,
    ) -> Value:
        """Apply a block where an expression of a block's body says so; `names` are those of `graph.blocks.Step`."""
        frame = env.frame
        if frame is None:
            raise fault("E204", "a tensor flows only within a block", site, env)
        function = site.function if isinstance(site, ast.Call | ast.Configured) else site
        called = function.name if isinstance(function, ast.Reference) else ""
        if called not in frame.definition.defaults:
            called = ""
        return self.build(block, inputs, frame.name(site), site, env, names=names, called=called)

    def build(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool = False,
        names: Mapping[str, Given] = NO_NAMES,
        called: str = "",
    ) -> Value:
        """Add a block's operations to the network, below a module path. Returns its output or outputs."""
        if isinstance(block, Sequence):
            value: Value = inputs[0] if len(inputs) == 1 else inputs
            for name, step in block.steps:
                value = self.build(step, tensors_of(value) or (), f"{path}.{name}" if path else name, site, env)
            return value
        if isinstance(block.of, Primitive):
            return self._build_operation(block, inputs, path, site, env, names, called)
        definition = block.of
        if len(inputs) != len(definition.inputs):
            wants, got = plural(len(definition.inputs), "input"), len(inputs)
            raise fault("E211", f"`{definition.name}` takes {wants}, not {got}", site, env)
        self._enter(definition, site, env)
        try:
            recorder = self.builder.recorder if self.builder is not None else None
            if recorder is not None:
                given = _with_worked_out(block, names, env)
                holds = partial(self._held, block, site, env)
                recorder.enter(definition.declared, path, [t.place for t in inputs], given, called, holds)
            inner = Environment(definition.module, None, Frame(path, definition))
            for name, tensor in zip(definition.inputs, inputs, strict=True):
                inner.bind(name, tensor)
            inner = self.settle(definition, block.settings, inner, site, env, fitted=fitted)
            result = self.body_value(definition, inner)
            tensors = tensors_of(result)
            if tensors is None:
                message = f"`{definition.name}` returns {kind_of(result)}, not a tensor"
                raise fault("E301", message, site, env)
            if recorder is not None:
                recorder.leave([t.place for t in tensors])
            return result
        finally:
            self.nesting -= definition.depth

    def _held(self, block: Block, site: ast.Node, env: Environment) -> dict[Place, str]:
        """The tensors in a block's settings, by names made of the settings': `other`, `others_0`, `act_other`."""
        found: dict[Place, str] = {}
        waiting: list[tuple[str, Value]] = [("", block)]
        while waiting:
            name, value = waiting.pop()
            parts: list[tuple[str, Value]] = []
            if isinstance(value, Tensor):
                found.setdefault(value.place, name)
            elif isinstance(value, Block):
                parts = [(setting, s.value) for setting, s in value.settings.items()]
            elif isinstance(value, Sequence):
                parts = list(value.steps)
            elif isinstance(value, tuple):
                parts = [(str(index), part) for index, part in enumerate(value)]
            self.spend(len(parts), site, env)
            waiting += [(f"{name}_{part}" if name else part, inner) for part, inner in reversed(parts)]
        return found

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
        self,
        block: Block,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        names: Mapping[str, Given],
        called: str,
    ) -> Value:
        operation = block.of.operation  # type: ignore[union-attr]
        settings = dict(block.settings)
        builder = self.builder
        if builder is None:
            raise fault("E204", "a tensor flows only within a block", site, env)
        self.spend(1, site, env)
        try:
            if operation.arity is not None and len(inputs) != operation.arity:
                wants = plural(operation.arity, "input")
                raise RuleError("E211", f"`{operation.name}` takes {wants}, not {len(inputs)}")
            key = (operation, *[(n, type(s.value), s.value) for n, s in settings.items()])
            configured = None if self.symbolic else self._bound(key)
            if configured is None:
                self._check_values(block, settings, site, env)
                configured = operation.bind({n: s.value for n, s in settings.items()})
                if not self.symbolic:
                    self._operations[key] = configured
            given = _with_worked_out(block, names, env)
            places = builder.apply(configured, [t.place for t in inputs], path, site.span, names=given, called=called)
        except RuleError as error:
            raise rule_fault(error, site, env, settings, path) from None
        outputs = tuple([Tensor(place, builder.shape(place)) for place in places])
        return outputs if operation.lists else outputs[0]

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
                help_ = f"round it: {name}: round(…)"
                error = RuleError("E303", f"{name} must be rounded, it is {shown}", attribute=name, help=help_)
                raise rule_fault(error, site, env, settings, block.name)


def _with_worked_out(block: Block, names: Mapping[str, Given], env: Environment) -> Mapping[str, Given]:
    """The names given for a block's settings, with those that an expression of some block's text worked out."""
    settings = {n: setting for n, setting in block.settings.items() if n not in names and _is_worked_out(setting)}
    others: dict[str, Given] = {n: _quotient(setting, env) or WORKED_OUT for n, setting in settings.items()}
    if isinstance(block.of, Definition):
        others |= {n: WORKED_OUT for n in block.of.derived if n not in block.settings}
    return {**names, **others} if others else names


def _quotient(setting: Setting, env: Environment) -> Quotient | None:
    """The names that a setting divides in the text of the block that is being built; none for another expression."""
    origin = setting.origin
    if origin is None or origin.environment.frame is not env.frame:
        return None
    match origin.expression:
        case ast.Arithmetic(operator="/", left=ast.Reference(name=whole), right=ast.Reference(name=part)):
            return Quotient(whole, part)
    return None


def _is_worked_out(setting: Setting) -> bool:
    origin = setting.origin
    if origin is None or origin.environment.frame is None:
        return False
    return not isinstance(origin.expression, ast.LITERALS)


def _sequence(left: Block | Sequence, right: Block | Sequence) -> Sequence:
    """Two blocks one after the other; of equal names, each gets a number."""

    def steps(value: Block | Sequence) -> tuple[tuple[str, Block | Sequence], ...]:
        return value.steps if isinstance(value, Sequence) else ((safe_name(value.name), value),)

    joined = steps(left) + steps(right)
    names = [name.rstrip("0123456789") or name for name, _ in joined]
    total, counts = Counter(names), Counter[str]()
    named: list[tuple[str, Block | Sequence]] = []
    for name, (_, block) in zip(names, joined, strict=True):
        counts[name] += 1
        named.append((f"{name}{counts[name]}" if total[name] > 1 else name, block))
    return Sequence(tuple(named))
