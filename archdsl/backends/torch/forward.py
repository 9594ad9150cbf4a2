"""`forward` as straight-line code: short expressions nested, the others with names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from archdsl.backends.torch.bodies import Ref
from archdsl.backends.torch.printer import nesting, text
from archdsl.backends.torch.python import (
    Assign,
    Attribute,
    Evaluate,
    Expression,
    For,
    Index,
    List,
    Literal,
    Name,
    Return,
    Slice,
    Starred,
    Statement,
    Tuple,
    call,
    names,
    rewritten,
)
from archdsl.records import dataclass

MAX_LENGTH = 60
"""An expression longer than this gets a name."""
MAX_CALLS = 3
"""As does one with more calls within each other."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What runs at once: a module, or an operation that is an expression."""

    name: str
    """What a value of it is called where its names are not given."""
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    write: Callable[[Sequence[Expression]], Expression]
    repeats: frozenset[int] = frozenset()
    """Operands that its text has more than once."""
    given: tuple[str, ...] = ()
    """The names of its values in the block's text, one each; empty where it has none for them."""
    series: Series | None = None
    """Where it is a loop: its outputs are elements of a list."""
    listed: bool = False
    """Whether its value is a list; of a loop, whether its outputs are the elements together, and the last of them."""


LIST = Name("?list")
"""What stands in a loop for the list so far."""


@dataclass(frozen=True, slots=True)
class Series:
    """A loop whose every round puts one value at the end of a list."""

    initial: tuple[Ref, ...]
    """What the list begins with."""
    over: tuple[Turn, ...]
    body: Expression
    others: Mapping[Name, Ref]
    """The names in the body that stand for values from elsewhere."""


class Turn(NamedTuple):
    """What each round of a loop gets in turn."""

    stands: Name
    """What stands for it in the body."""
    wanted: str
    """What it is called, where that is free."""
    values: Expression | tuple[Ref, ...]


def statements(
    units: Sequence[Unit],
    inputs: Mapping[int, str],
    outputs: Sequence[Ref],
    reserved: frozenset[str],
    *,
    many: bool = False,
    named: str = "",
) -> list[Statement]:
    """The statements that compute the outputs from inputs of these names, by their place, and return them; with `many`
    as a tuple, also of one; several as what the class `named` makes of them."""
    return _Writer(units, inputs, outputs, reserved, many=many, named=named).run()


class _Writer:
    def __init__(
        self,
        units: Sequence[Unit],
        inputs: Mapping[int, str],
        outputs: Sequence[Ref],
        reserved: frozenset[str],
        *,
        many: bool,
        named: str,
    ) -> None:
        self.many, self.named = many, named
        self.units = _needed(units, outputs)
        several = [Ref("", place) for place, name in inputs.items() if name.startswith("*")]
        inputs = {place: name.removeprefix("*") for place, name in inputs.items()}
        self.inputs, self.outputs = list(inputs.values()), outputs
        self.left: Counter[Ref] = Counter(ref for unit in self.units for ref in unit.inputs)
        self.left.update(outputs)
        self.names: dict[Ref, Expression] = {Ref("", i): Name(name) for i, name in inputs.items()}
        self.owner = {name: Ref("", i) for i, name in inputs.items()}
        """The value that a name stands for now."""
        self.taken = set(reserved) | set(self.inputs)
        self.bound: set[str] = set()
        """The names that the block's text gives: none of them becomes that of another value."""
        self.stack: list[tuple[Unit, Expression]] = []
        self.found: list[Statement] = []
        self.lists: dict[tuple[Ref, ...], Expression] = {}
        """The lists of values that stand under one name."""
        self.listed = {unit.outputs[0] for unit in self.units if unit.listed}
        """The values that are lists: they stand with a star, for all their elements."""
        self.names |= {ref: Starred(self.names[ref]) for ref in several}
        self.owner = {name: ref for name, ref in self.owner.items() if ref not in several}
        self.turns: dict[tuple[str, int], str] = {}
        """The names of what loops go over, by what they are for, and the how many of these in its loop each is."""

    def run(self) -> list[Statement]:
        for unit in self.units:
            self._unit(unit)
        if len(self.outputs) == 1:
            self._return_one(self.outputs[0])
        else:
            self._flush()
            self._return_several(Tuple(tuple([self.names[ref] for ref in self.outputs])))
        return self.found

    def _return_several(self, given: Tuple) -> None:
        """Several values; those that a module just gave, in its order, without names."""
        last = self.found[-1] if self.found else None
        whole: Expression | None = None
        if isinstance(last, Assign) and last.target == given and text(last.value).startswith("self."):
            whole = last.value
            self.found.pop()
        if self.named:
            self.found.append(Return(call(self.named, *(given.items if whole is None else [Starred(whole)]))))
        else:
            self.found.append(Return(given if whole is None else whole))

    def _return_one(self, ref: Ref) -> None:
        if self.stack and self.stack[-1][0].outputs == (ref,):
            _, expression = self.stack.pop()
            self._flush(expression)
            self._return(expression)
        else:
            self._flush()
            self._return(self.names[ref])

    def _return(self, expression: Expression) -> None:
        self.found.append(Return(Tuple((expression,)) if self.many else expression))

    def _loop(self, unit: Unit, series: Series) -> None:
        """A list, and the loop that gives it its elements."""
        self._flush()
        found = Name(self._new(unit.name))
        known: dict[Expression, Expression] = {word: self.names[ref] for word, ref in series.others.items()}
        values: list[Expression] = []
        alike: Counter[str] = Counter()
        for stands, wanted, given in series.over:
            which = wanted, alike[wanted]
            alike[wanted] += 1
            if which not in self.turns:
                self.turns[which] = self._new(wanted)
            known[stands] = Name(self.turns[which])
            if isinstance(given, tuple):
                values.append(self.lists.get(given) or Tuple(tuple([self.names[ref] for ref in given])))
            else:
                values.append(given)
        begun = tuple([self.names[ref] for ref in series.initial])
        kind = None if begun else Index(Name("list"), Name("Tensor"))
        self.found.append(Assign(found, List(begun), kind))
        body = Evaluate(call(Attribute(found, "append"), rewritten(series.body, {**known, LIST: found})))
        targets = ", ".join([text(known[turn.stands]) for turn in series.over])
        over = values[0] if len(values) == 1 else call("zip", *values, strict=Literal(True))
        self.found.append(For(targets, over, (body,)))
        for ref in unit.inputs:
            self.left[ref] -= 1
        if unit.listed:
            whole, last = unit.outputs
            self.names |= {whole: Starred(behind(found, len(begun))), last: Index(found, Literal(-1))}
            self.lists[*series.initial, whole] = found
            return
        for place, ref in enumerate(unit.outputs, len(begun)):
            self.names[ref] = Index(found, Literal(place))
        self.lists[*series.initial, *unit.outputs] = found

    def _written(self, unit: Unit, operands: Sequence[Expression]) -> Expression:
        """What a unit gives of its operands; values that are all those of a list, in its order, are the list."""
        made = unit.write(operands)
        for refs, found in self.lists.items():
            for start in range(len(operands) - len(refs) + 1):
                if unit.inputs[start : start + len(refs)] == refs:
                    parts = (*operands[:start], Starred(found), *operands[start + len(refs) :])
                    whole = found if len(parts) == 1 else Tuple(parts)
                    return rewritten(made, {Tuple(tuple(operands)): whole})
        return made

    def _unit(self, unit: Unit) -> None:
        if unit.series is not None:
            self._loop(unit, unit.series)
            return
        waiting = [ref for ref in unit.inputs if ref not in self.names]
        tail = [u.outputs[0] for u, _ in self.stack[len(self.stack) - len(waiting) :]] if waiting else []
        inline = tail == waiting and not any(unit.inputs[i] in waiting for i in unit.repeats)
        taken: dict[Ref, Expression] = {}
        if inline and waiting:
            taken = {u.outputs[0]: e for u, e in self.stack[-len(waiting) :]}
            whole = unit.write([self._operand(ref, taken) for ref in unit.inputs])
            inline = len(text(whole)) <= MAX_LENGTH and nesting(whole) <= MAX_CALLS
        if not inline:
            self._flush()
            taken = {}
        elif waiting:
            del self.stack[-len(waiting) :]
        operands = [self._operand(ref, taken) for ref in unit.inputs]
        for ref in unit.inputs:
            self.left[ref] -= 1
        expression = self._written(unit, operands)
        if len(unit.outputs) == 1 and self.left[unit.outputs[0]] == 1:
            self.stack.append((unit, expression))
            return
        self._flush(expression)
        self._assign(unit, expression)

    def _operand(self, ref: Ref, taken: dict[Ref, Expression]) -> Expression:
        if ref in taken:
            return Starred(taken[ref]) if ref in self.listed else taken[ref]
        return self.names.get(ref, Name(""))

    def _flush(self, *after: Expression) -> None:
        """Give names to all expressions that wait, before one that is to come."""
        waiting, self.stack = self.stack, []
        later = [names(*after)]  # the names that stand behind each, the last first
        for _, expression in reversed(waiting[1:]):
            later.append(later[-1] | names(expression))
        for unit, expression in waiting:
            self._assign(unit, expression, later.pop())

    def _assign(self, unit: Unit, expression: Expression, later: frozenset[str] = frozenset()) -> None:
        if unit.listed:
            name = self._new(unit.given[0] if len(unit.given) == 1 else unit.name)
            self.names[unit.outputs[0]] = Starred(Name(name))
            self.found.append(Assign(Name(name), expression))
            return
        if len(unit.outputs) == 1:
            reused, wanted = self._reused(expression, later), unit.given[0] if len(unit.given) == 1 else ""
            flows = reused == wanted if wanted or reused in self.bound else reused
            name = reused if flows else self._new(wanted or unit.name)
            self.bound |= {name} if wanted else set()
            self.names[unit.outputs[0]] = Name(name)
            self.owner[name] = unit.outputs[0]
            self.found.append(Assign(Name(name), expression))
            return
        several = [f"{unit.name}_{index}" for index in range(len(unit.outputs))]
        several = list(unit.given) if len(unit.given) == len(several) else several
        found = [self._new(name) if self.left[ref] else "_" for name, ref in zip(several, unit.outputs, strict=True)]
        self.bound.update(found if several == list(unit.given) else ())
        given = {ref: name for ref, name in zip(unit.outputs, found, strict=True) if name != "_"}
        self.names.update({ref: Name(name) for ref, name in given.items()})
        self.owner.update({name: ref for ref, name in given.items()})
        self.found.append(Assign(Tuple(tuple([Name(name) for name in found])), expression))

    def _reused(self, expression: Expression, later: frozenset[str]) -> str:
        """The name of a value that flows through this expression alone and is needed no more; empty without one."""
        inside = names(expression) & self.owner.keys()
        if len(inside) != 1:
            return ""
        name = next(iter(inside))
        return "" if name in later or self.left[self.owner[name]] > 0 else name

    def _new(self, wanted: str) -> str:
        name, again = wanted, 2
        while name in self.taken:
            name, again = f"{wanted}_{again}", again + 1
        self.taken.add(name)
        return name


def behind(found: Expression, count: int) -> Expression:
    """A list without so many of its first elements."""
    return Index(found, Slice(Literal(count))) if count else found


def _needed(units: Sequence[Unit], outputs: Sequence[Ref]) -> list[Unit]:
    """The units that the outputs need."""
    wanted = set(outputs)
    found = []
    for unit in reversed(units):
        if wanted.intersection(unit.outputs):
            found.append(unit)
            wanted.update(unit.inputs)
    return found[::-1]
