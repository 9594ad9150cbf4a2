"""Programs: the shapes and counts of a subgraph as functions of some of its whole numbers.

A block whose widths alone are others is not traced again. It is traced once with `Symbolic` numbers whose expressions
are `Term`s: the arithmetic that was done, in its order. The `Tape` notes what was decided on them, every look at a
concrete value included. So a program holds for all numbers by which the same is decided, and says of any others that
it does not hold: they are traced for themselves.

A program is compiled to a Python function of whole numbers. Its text is made of the operators and names below and of
numbers; nothing of a user's program stands in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from threading import Lock
from typing import Any, TypeAlias

from archdsl.graph.conventions import Amounts, Convention
from archdsl.graph.cost import amounts_of
from archdsl.graph.digest import Template, symbolic_in, written, written_later
from archdsl.graph.operations.base import Operation
from archdsl.graph.shapes import Shape
from archdsl.graph.subgraph import Subgraph
from archdsl.graph.symbolic import Decisions, Number, Symbolic
from archdsl.records import dataclass

Operand: TypeAlias = "Term | int | Fraction"
Function: TypeAlias = Callable[..., "tuple[int, ...] | None"]
"""Of the symbols' numbers in their order: what was asked for; none where the program does not hold."""

Decided: TypeAlias = Collection[tuple[str, Any, Any]]
"""Decisions, as `Decisions` keeps them."""


class Term:
    """A number that was worked out: an operation of `Tape` on terms and constants. Equal ones are the same object."""

    __slots__ = ("index", "operands", "operation", "tape", "whole")

    def __init__(self, tape: Tape, operation: str, operands: tuple[Operand, ...], index: int) -> None:
        self.tape, self.operation, self.operands, self.index = tape, operation, operands, index
        self.whole = _stays_whole(operation, operands)
        """Whether it is a whole number whatever the symbols are."""

    def __add__(self, other: Operand) -> Operand:
        return self if _is(other, 0) else self.tape.term("+", self, other)

    def __radd__(self, other: Operand) -> Operand:
        return self if _is(other, 0) else self.tape.term("+", other, self)

    def __sub__(self, other: Operand) -> Operand:
        return self if _is(other, 0) else self.tape.term("-", self, other)

    def __rsub__(self, other: Operand) -> Operand:
        return self.tape.term("-", other, self)

    def __mul__(self, other: Operand) -> Operand:
        return self if _is(other, 1) else self.tape.term("*", self, other)

    def __rmul__(self, other: Operand) -> Operand:
        return self if _is(other, 1) else self.tape.term("*", other, self)

    def __truediv__(self, other: Operand) -> Operand:
        return self if _is(other, 1) else self.tape.term("/", self, other)

    def __rtruediv__(self, other: Operand) -> Operand:
        return self.tape.term("/", other, self)

    def __pow__(self, other: Operand) -> Operand:
        if not isinstance(other, int) or other < 0:
            return NotImplemented
        return self.tape.term("**", self, other)

    def __neg__(self) -> Operand:
        return self.tape.term("-", 0, self)

    def rounded(self, name: str) -> Operand:
        """`floor`, `ceiling` or `round`, half to even."""
        return self if self.whole else self.tape.term(name, self)


def _is(operand: Operand, number: int) -> bool:
    return not isinstance(operand, Term) and operand == number


def _stays_whole(operation: str, operands: tuple[Operand, ...]) -> bool:
    if operation == "/":
        return False
    return operation in _ROUNDINGS or all(o.whole if isinstance(o, Term) else isinstance(o, int) for o in operands)


_ROUNDINGS = {"floor": "_floor", "ceiling": "_ceil", "round": "round"}


class Tape(Decisions):
    """The terms of one trace, in the order in which they were worked out, and what was decided on them."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.terms: list[Term] = []
        self._known: dict[tuple[Any, ...], Term] = {}
        self.symbols = tuple([self.term("symbol", index) for index in range(count)])

    def term(self, operation: str, *operands: Operand) -> Term:
        """The term of an operation, made once."""
        key = (operation, *[(type(o), o.index if isinstance(o, Term) else o) for o in operands])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Term(self, operation, operands, len(self.terms))
            self.terms.append(found)
        return found

    def note(self, operator: str, left: Any, right: Any = 0) -> None:
        if not isinstance(left, Term) and not isinstance(right, Term):
            return
        if operator == "whole" and left.whole:
            return
        super().note(operator, left, right)

    def look(self, expression: Any, value: Number) -> None:
        self.note("==", expression, value)

    def compiled(self, decisions: Decided, wanted: Sequence[Any], known: Decided = ()) -> Function:
        """The function that gives the wanted terms where the decisions hold; `known` are those that hold already."""
        writer = _Writer(_whole_in(decisions), _whole_in(known))
        sides = [side for _, left, right in decisions for side in (left, right)]
        for term in self.needed([*sides, *wanted], writer.quotient):
            writer.work_out(term)
        for sign, left, right in decisions:
            if sign != "whole":
                writer.require(f"{writer.shown(left)} {sign} {writer.shown(right)}")
        return writer.function(len(self.symbols), wanted)

    def needed(self, wanted: list[Any], instead: Callable[[Term], Term | None] = lambda _: None) -> tuple[Term, ...]:
        """The terms that others are worked out from, and these, in order. `instead` may say whose operands a term is
        worked out from."""
        needed = bytearray(len(self.terms))
        waiting = [term for term in wanted if isinstance(term, Term)]
        while waiting:
            term = waiting.pop()
            if not needed[term.index]:
                needed[term.index] = 1
                operands = (instead(term) or term).operands
                waiting += [operand for operand in operands if isinstance(operand, Term)]
        return tuple([term for term in self.terms if needed[term.index]])


def _whole_in(decisions: Decided) -> set[Term]:
    """The terms that are decided to be whole numbers."""
    return {left for sign, left, _ in decisions if sign == "whole"}


class _Writer:
    """Writes the text of a function, a line a term. A whole number is an `int` in it, wherever that is known."""

    def __init__(self, asked: set[Term], known: set[Term]) -> None:
        self._asked = asked
        """Terms that have to be whole for the function to hold."""
        self._known = known
        """Terms that are whole, because another function was asked before."""
        self._ints: set[Term] = set()
        self._lines: list[str] = []

    def shown(self, operand: Any) -> str:
        if isinstance(operand, Term):
            return f"t{operand.index}"
        if isinstance(operand, int):
            return f"({operand:d})"
        fraction = Fraction(operand)
        return f"_Fraction({fraction.numerator}, {fraction.denominator})"

    def _is_int(self, operand: Any) -> bool:
        return operand in self._ints if isinstance(operand, Term) else isinstance(operand, int)

    def require(self, condition: str) -> None:
        self._lines.append(f"if not {condition}: return None")

    def quotient(self, term: Term) -> Term | None:
        """The quotient that a term rounds down or up, where nothing else asks whether that is whole."""
        inner = term.operands[0]
        if term.operation not in ("floor", "ceiling") or not isinstance(inner, Term) or inner.operation != "/":
            return None
        return None if inner in self._asked or inner in self._known else inner

    def work_out(self, term: Term) -> None:
        """The lines of one term."""
        name, operation = f"t{term.index}", term.operation
        operands = [self.shown(operand) for operand in term.operands]
        ints = all(map(self._is_int, term.operands))
        quotient = self.quotient(term)
        asked, whole = term in self._asked, term in self._asked or term in self._known
        lines = self._lines
        if operation == "symbol":
            lines.append(f"{name} = a{term.operands[0]}")
        elif quotient is not None:
            left, right = map(self.shown, quotient.operands)
            lines.append(f"{name} = {left} // {right}" if operation == "floor" else f"{name} = -(-{left} // {right})")
        elif whole and ints and operation == "/":
            left, right = operands
            lines.append(f"{name} = {left} // {right}")
            if asked:
                self.require(f"{name} * {right} == {left}")
        elif operation in _ROUNDINGS:
            lines.append(f"{name} = {_ROUNDINGS[operation]}({operands[0]})")
        else:
            left, right = operands
            lines.append(
                f"{name} = {left} {operation} {right}" if operation != "/" else f"{name} = _Fraction({left}) / {right}"
            )
            if whole and not ints:
                if asked:
                    self.require(f"{name}.denominator == 1")
                lines.append(f"{name} = {name}.numerator")
            elif operation == "/" or not ints:
                return
        self._ints.add(term)

    def function(self, symbols: int, wanted: Sequence[Any]) -> Function:
        """The function of so many symbols that gives these terms."""
        for term in wanted:
            if not self._is_int(term):
                self.require(f"{self.shown(term)}.denominator == 1")
        results = [self.shown(term) + ("" if self._is_int(term) else ".numerator") for term in wanted]
        parameters = ", ".join([f"a{index}" for index in range(symbols)])
        lines = [*self._lines, f"return ({''.join([f'{result}, ' for result in results])})"]
        scope: dict[str, Any] = {"_Fraction": Fraction, "_floor": math.floor, "_ceil": math.ceil}
        exec(f"def program({parameters}):\n " + "\n ".join(lines), scope)
        found: Function = scope["program"]
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """What a program works out, for who does it on other than whole numbers."""

    symbols: int
    """How many symbols there are."""
    terms: tuple[Term, ...]
    """In an order in which each comes after its operands."""
    decisions: tuple[tuple[str, Any, Any], ...]
    """What must hold, else the program does not: as in `Decisions`."""
    shapes: tuple[tuple[Operand, ...], ...]
    amounts: tuple[Operand, ...]
    """Flops, params, acts, buffers, before the convention's divisors; behind them what else is asked for."""


class Program:
    """A subgraph that was traced with symbols: its shapes and counts for other numbers."""

    def __init__(self, subgraph: Subgraph, tape: Tape, sample: Subgraph, numbers: Sequence[int]) -> None:
        """`sample` was traced with these numbers in place of the symbols; what is compiled is compared with it."""
        self.subgraph, self._tape, self._sample, self._numbers = subgraph, tape, sample, numbers
        self._decided = dict(tape.found)
        self._lengths = [len(shape) for shape in subgraph.shapes]
        dims = [_expression(dim) for shape in subgraph.shapes for dim in shape]
        self._shapes = tape.compiled(self._decided, dims)
        self._amounts: dict[str, Function | None] = {}
        self._texts: _Texts | None = None
        self._lock = Lock()

    def shapes(self, numbers: Sequence[int]) -> tuple[Shape, ...] | None:
        """The shapes of the outputs; none where the program does not hold for these numbers."""
        try:
            dims = self._shapes(*numbers)
        except ZeroDivisionError:
            return None
        if dims is None:
            return None
        found, at = [], 0
        for length in self._lengths:
            found.append(dims[at : at + length])
            at += length
        return tuple(found)

    def amounts(self, convention: Convention, numbers: Sequence[int]) -> Amounts | None:
        """What the subgraph adds to the totals; none where counting decides otherwise. For numbers that have shapes."""
        if convention.name not in self._amounts:
            self._amounts[convention.name] = self._counting(convention)
        function = self._amounts[convention.name]
        try:
            found = function(*numbers) if function is not None else None
        except ZeroDivisionError:
            return None
        return None if found is None else Amounts(*found)

    def written(self, numbers: Sequence[int]) -> tuple[str, ...] | None:
        """The operations as texts that a hash is made of; none where it is not known. For numbers that have shapes."""
        if self._texts is None:
            with self._lock:
                self._texts = _Texts([node.operation for node in self.subgraph.nodes], self._tape, self._decided)
            if self._texts(self._numbers) != tuple([written(node.operation) for node in self._sample.nodes]):
                self._texts.function = None
        return self._texts(numbers)

    def _counting(self, convention: Convention) -> Function | None:
        """The function that counts; none where counting asks for what only a number can answer."""
        with self._lock:
            totals, further = self._counted(convention)
            function = self._tape.compiled(further, totals, self._decided)
        return function if function(*self._numbers) == amounts_of(self._sample, convention) else None

    def _counted(self, convention: Convention) -> tuple[list[Any], list[tuple[str, Any, Any]]]:
        """The amounts as terms, and what counting decides beside what tracing did."""
        totals = amounts_of(self.subgraph, convention)
        return [*map(_expression, totals)], [found for found in self._tape.found if found not in self._decided]

    def plan(self, convention: Convention, beside: Sequence[Operand] = ()) -> Plan:
        """All that is worked out for shapes and amounts, and other terms beside these, as terms."""
        with self._lock:
            amounts, further = self._counted(convention)
        amounts += beside
        shapes = tuple([tuple(map(_expression, shape)) for shape in self.subgraph.shapes])
        decisions = (*self._decided, *further)
        wanted = [*amounts, *[dim for shape in shapes for dim in shape]]
        wanted += [side for _, left, right in decisions for side in (left, right)]
        return Plan(len(self._tape.symbols), self._tape.needed(wanted), decisions, shapes, tuple(amounts))


class _Texts:
    """The texts of operations with terms in their settings, for any numbers."""

    def __init__(self, operations: Sequence[Operation], tape: Tape, decided: Decided) -> None:
        places: dict[Any, int] = {}
        self._parts: list[str | Template] = []
        """Operations without terms, as they are written, and the others."""
        for operation in operations:
            found = [_expression(number) for _, value in operation.constants for number in symbolic_in(value)]
            terms = [each for each in found if isinstance(each, Term)]
            for term in terms:
                places.setdefault(term, len(places))
            self._parts.append(written_later(operation) if found else written(operation))
        self._places = places
        self.function: Function | None = tape.compiled((), list(places), decided)

    def __call__(self, numbers: Sequence[int]) -> tuple[str, ...] | None:
        """None where a setting is no whole number."""
        try:
            values = self.function(*numbers) if self.function is not None else None
        except ZeroDivisionError:
            return None
        if values is None:
            return None
        places = self._places

        def number(symbolic: Symbolic) -> Any:
            expression = symbolic.expression
            return values[places[expression]] if isinstance(expression, Term) else expression

        return tuple(
            [
                part if isinstance(part, str) else "".join([e if isinstance(e, str) else e(number) for e in part])
                for part in self._parts
            ]
        )


def _expression(dim: Any) -> Any:
    return dim.expression if isinstance(dim, Symbolic) else dim


__all__ = ["Plan", "Program", "Tape", "Term"]
