"""Programs on columns: the shapes and counts of one block for many widths at once.

`graph.tape` traces a block with symbols for its widths and notes what was decided on them. Here the terms of such a
trace become a function of whole columns: each term a numerator, and a denominator where it may be no whole number, so
that everything is exact. Beside it stands a function of bounds: how large any number in it can get for symbols of some
size. Where that is too much for 64 bits, the same function is called with columns of Python's numbers. A lane for which
something is decided otherwise is told, and is another program's.

The functions are made of text that is written here: operators, names made of indices, and numbers. Nothing of a user's
program stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from archdsl.graph.tape import Plan, Term
from archdsl.records import dataclass
from archdsl.spaces.arrays.lanes import WIDE, Array


@dataclass(frozen=True, slots=True)
class Counted:
    """What a program says of lanes."""

    holds: Array
    """For which lanes (N)."""
    shapes: tuple[tuple[Any, ...], ...]
    """Whole numbers, or arrays of them (N)."""
    amounts: tuple[Any, ...]
    """Flops, params, acts, buffers, before the convention's divisors; behind them what else the plan asks for."""


class Program:
    """A plan as a function of columns."""

    def __init__(self, plan: Plan) -> None:
        writer = _Writer(plan)
        self._lengths = [len(shape) for shape in plan.shapes]
        self._function, self._bounds = writer.functions(plan)

    def __call__(self, numbers: Sequence[Array | int], size: int) -> Counted:
        """Work it out for some lanes: the symbols are arrays (N), or numbers that all lanes share."""
        sizes = [abs(n) if isinstance(n, int) else int(np.abs(n).max(initial=0)) for n in numbers]
        given: Sequence[Any] = numbers
        if max(self._bounds(*sizes)) >= WIDE:
            given = [n if isinstance(n, int) else n.astype(object) for n in numbers]
        with np.errstate(all="ignore"):  # lanes for which it does not hold may divide by zero
            holds, *found = self._function(np.ones(size, dtype=bool), *given)
        shapes, at = [], 0
        for length in self._lengths:
            shapes.append(tuple(found[at : at + length]))
            at += length
        return Counted(holds, tuple(shapes), tuple(found[at:]))


class _Writer:
    """Writes the two functions of a plan, a line or two a term."""

    def __init__(self, plan: Plan) -> None:
        self._whole = {left for sign, left, _ in plan.decisions if sign == "whole"}
        self._lines: list[str] = []
        self._bounds: list[str] = []
        self._sizes: list[str] = []
        """The names of all bounds."""
        self._parts: dict[Term, tuple[str, str]] = {}
        """Numerator and denominator of a term: names or numbers."""
        self._count = 0

    def functions(self, plan: Plan) -> tuple[Any, Any]:
        for term in plan.terms:
            self._write(term)
        for sign, left, right in plan.decisions:
            if sign != "whole":
                one, other = self._common(left, right)
                self._lines.append(f"ok = ok & ({one} {sign} {other})")
        wanted = [dim for shape in plan.shapes for dim in shape] + list(plan.amounts)
        results = [self._as_whole(*self._part(each)) for each in wanted]
        names = ", ".join([f"a{index}" for index in range(plan.symbols)])
        text = "\n ".join([*self._lines, f"return (ok, {', '.join(results)})"])
        bounds = "\n ".join([*self._bounds, f"return (0, {', '.join(self._sizes)})"])
        scope: dict[str, Any] = {"_round": _round}
        exec(f"def program(ok, {names}):\n {text}\ndef bounds({names}):\n {bounds}", scope)
        return scope["program"], scope["bounds"]

    def _part(self, operand: Any) -> tuple[str, str]:
        """Numerator and denominator of an operand."""
        if isinstance(operand, Term):
            return self._parts[operand]
        value = Fraction(operand)
        return f"({value.numerator:d})", f"{value.denominator:d}"

    def _made(self, text: str, bound: str) -> str:
        """A number that is worked out, with its bound: its name."""
        name = f"t{self._count}"
        self._count += 1
        self._lines.append(f"{name} = {text}")
        self._bounds.append(f"{name} = {bound}")
        self._sizes.append(name)
        return name

    def _size(self, part: str) -> str:
        """The bound of a number."""
        return part if part[0] in "ta" else f"abs({part})"

    def _product(self, a: str, b: str) -> str:
        if "1" in (a, b) or "(1)" in (a, b):
            return b if a in ("1", "(1)") else a
        if a[0] not in "ta" and b[0] not in "ta":
            return f"({int(a.strip('()')) * int(b.strip('()')):d})"
        return self._made(f"{a} * {b}", f"{self._size(a)} * {self._size(b)}")

    def _common(self, left: Any, right: Any) -> tuple[str, str]:
        """The numerators of two operands over one denominator."""
        (a, below), (b, under) = self._part(left), self._part(right)
        return (a, b) if below == under else (self._product(a, under), self._product(b, below))

    def _as_whole(self, num: str, den: str) -> str:
        """A quotient as a whole number, which it has to be."""
        if den == "1":
            return num
        self._lines.append(f"ok = ok & ({num} % {den} == 0)")
        return self._made(f"{num} // {den}", self._size(num))

    def _write(self, term: Term) -> None:
        operation, operands = term.operation, term.operands
        if operation == "symbol":
            index = int(operands[0])  # type: ignore[arg-type]
            self._parts[term] = f"a{index}", "1"
            return
        num, den = self._part(operands[0])
        if operation in ("floor", "ceiling", "round"):
            self._parts[term] = self._rounded(operation, num, den), "1"
            return
        if operation == "**":
            power = int(operands[1])  # type: ignore[arg-type]
            part = [
                p if p in ("1", "(1)") else self._made(f"{p} ** {power}", f"{self._size(p)} ** {power}")
                for p in (num, den)
            ]
            found = part[0], part[1]
        elif operation in "+-":
            one, other = self._common(*operands)
            under = self._part(operands[1])[1]
            bound = f"{self._size(one)} + {self._size(other)}"
            whole = den if den == under else self._product(den, under)
            found = self._made(f"{one} {operation} {other}", bound), whole
        else:
            a, b = self._part(operands[1])
            if operation == "/":
                self._lines.append(f"ok = ok & ({a} > 0)")
                a, b = b, a
            found = self._product(num, a), self._product(den, b)
        if term in self._whole:
            found = self._as_whole(*found), "1"
        self._parts[term] = found

    def _rounded(self, name: str, num: str, den: str) -> str:
        if den in ("1", "(1)"):
            return num
        if name == "floor":
            return self._made(f"{num} // {den}", self._size(num))
        if name == "ceiling":
            return self._made(f"-(-{num} // {den})", self._size(num))
        return self._made(f"_round({num}, {den})", f"2 * {self._size(num)} + 2 * {self._size(den)}")


def _round(num: Any, den: Any) -> Any:
    """The nearest whole number, of two the even one."""
    twice, whole = 2 * num + den, 2 * den
    found = twice // whole
    return found - ((twice % whole == 0) & (found % 2 != 0))


__all__ = ["Counted", "Program"]
