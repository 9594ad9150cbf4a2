"""Outputs of the parts of a model: what a head, a later stage or the model gives takes of them, by name.

A name such as `stages[1]` is a value while a model is evaluated; its tensors are there when the network is put
together, and take its place then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from archdsl import limits
from archdsl.analysis.names import plural
from archdsl.analysis.operators import whole_number
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import Block, Environment, Output, Sequence, Setting, Tensor, Value, is_list
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.shapes import Range
from archdsl.source import Span
from archdsl.syntax import ast

NAMES = ("input", "stem", "stages", "features")
"""What a model's fields may name of the model itself: the image, and what its parts give."""

_HOLDING = frozenset((Output, Tensor, Block, Sequence, tuple))
"""The types of values that may hold the output of a part."""


def with_outputs(env: Environment, names: Iterable[str] = NAMES) -> Environment:
    """An environment that knows the outputs of a model's parts, where nothing else has their names."""
    inner = Environment(env.module, env)
    for name in names:
        if name not in env.module.names and name not in PRELUDE and not _bound(env, name):
            inner.bind(name, Output(name))
    return inner


def _bound(env: Environment, name: str) -> bool:
    scope: Environment | None = env
    while scope is not None:
        if name in scope.names:
            return True
        scope = scope.parent
    return False


def outputs_of(value: Value) -> tuple[Output, ...] | None:
    """The outputs of a value that consists of them and of lists of them alone; none for anything else."""
    if isinstance(value, Output):
        return (value,)
    if not is_list(value) or not value:
        return None
    found: list[Output] = []
    for part in value:
        inner = outputs_of(part)
        if inner is None:
            return None
        found += inner
    return tuple(found)


def output_at(value: Output, index: Value, e: ast.Index, env: Environment) -> Value:
    """`stages[1]`, `stages[1 .. 3]`, and of what gives several tensors one: `stages[1][0]`, `features[2]`.

    Whether there is such a one is known when the network is put together.
    """
    if isinstance(index, Range):
        first, last = [whole_number(bound, e.index, env) for bound in (index.lo, index.hi)]
        if last - first >= limits.MAX_BLOCKS:
            raise fault("E311", f"a model has at most {limits.MAX_BLOCKS:,} stages", e.index, env)
        return tuple([output_at(value, i, e, env) for i in range(first, last + 1)])
    position = whole_number(index, e.index, env)
    if position < 0 or value.index is not None:
        message = f"there is no {value.text}[{show_value(position)}]: parts and their tensors are counted from 0"
        raise fault("E311", message, e.index, env)
    return Output(f"stages.{position}") if value.place == "stages" else replace(value, index=position)


def picked(output: Output, tensors: tuple[Tensor, ...], span: Span) -> tuple[Tensor, ...]:
    """What an output means of the tensors that its part gives: all, or one of them. Raises E311."""
    if output.index is None:
        return tensors
    if output.index >= len(tensors):
        whole = replace(output, index=None).text
        message = f"{whole} gives {plural(len(tensors), 'tensor')}, counted from 0; there is no {output.text}"
        raise Fault(Diagnostic("E311", message, span))
    return (tensors[output.index],)


def only(what: str, name: str, output: Output, tensors: tuple[Tensor, ...], span: Span) -> Tensor:
    """The one tensor that has a name, as `the feature` or `the output`. Raises E317 for several."""
    if len(tensors) > 1:
        message = f"{what} `{name}` is one tensor, and {output.text} gives {len(tensors)}"
        raise Fault(Diagnostic("E317", message, span, help=f"name one of them: `{name}: {output.text}[0]`"))
    return tensors[0]


def fed(block: Block | Sequence, outputs: tuple[Output, ...]) -> Block | Sequence:
    """A block into which outputs flow, first of what flows into it; of several blocks, into the first."""
    if isinstance(block, Block):
        return replace(block, inputs=(*outputs, *block.inputs))
    if not block.steps:
        return block
    (name, first), *others = block.steps
    return Sequence(((name, fed(first, outputs)), *others))


def takes_own(block: Block | Sequence) -> bool:
    """Whether a block says itself what flows into it."""
    if isinstance(block, Block):
        return bool(block.inputs)
    while isinstance(block, Sequence):
        if not block.steps:
            return False
        block = block.steps[0][1]
    return bool(block.inputs)


def held(block: Block | Sequence) -> list[Any]:
    """The outputs, or the tensors, that flow into a block by its own words or stand in its settings; each once."""
    if isinstance(block, Block) and not block.inputs and not _may_hold(block):
        return []
    return list(dict.fromkeys(holding(block)))


def holding(block: Block | Sequence) -> Iterator[Any]:
    """The outputs, or the tensors, of a block, wherever they stand in it."""
    waiting: list[Value] = [block]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Output | Tensor):
            yield value
        elif isinstance(value, Block):
            waiting += [*[s.value for s in value.settings.values()][::-1], *value.inputs[::-1]]
        elif isinstance(value, Sequence):
            waiting += [step for _, step in reversed(value.steps)]
        elif isinstance(value, tuple):
            waiting += reversed(value)


def applied_within(block: Block | Sequence) -> Block | None:
    """A block in the settings of another that says itself what flows into it."""
    waiting: list[Value] = []
    steps: list[Block | Sequence] = [block]
    while steps:
        step = steps.pop()
        if isinstance(step, Sequence):
            steps += [inner for _, inner in step.steps]
        else:
            waiting += [setting.value for setting in step.settings.values()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Block) and value.inputs:
            return value
        if isinstance(value, Block):
            waiting += [setting.value for setting in value.settings.values()]
        elif isinstance(value, Sequence):
            waiting += [inner for _, inner in value.steps]
        elif isinstance(value, tuple):
            waiting += value
    return None


def _may_hold(block: Block) -> bool:
    return not _HOLDING.isdisjoint([type(setting.value) for setting in block.settings.values()])


def replaced(value: Any, by: Callable[[Any], tuple[Tensor, ...]]) -> Any:
    """A block, or another value, with tensors in the place of outputs, or of other tensors: one, or a list of them."""
    if isinstance(value, Output | Tensor):
        tensors = by(value)
        return tensors[0] if len(tensors) == 1 else tensors
    if isinstance(value, Block):
        settings = {name: _replaced_setting(setting, by) for name, setting in value.settings.items()}
        inputs: Any = tuple([tensor for output in value.inputs for tensor in by(output)])
        return replace(value, settings=settings, inputs=inputs)
    if isinstance(value, Sequence):
        return Sequence(tuple([(name, replaced(step, by)) for name, step in value.steps]))
    if is_list(value):
        return tuple([replaced(part, by) for part in value])
    return value


def _replaced_setting(setting: Setting, by: Callable[[Any], tuple[Tensor, ...]]) -> Setting:
    if type(setting.value) not in _HOLDING:
        return setting
    return replace(setting, value=replaced(setting.value, by))
