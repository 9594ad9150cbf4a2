"""Numbers as source text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from archdsl.numbers.irrational import ONE, Atom, Irrational, Monomial, Number, Rational, Sum, content, magnitude

MAX_DECIMALS = 12
"""Digits after the point up to which a finite decimal expansion is written out."""


def format_number(value: Number) -> str:
    """The number as an expression of the language: `96`, `31.41`, `1/12`, `128 * 2^(4/5)`, `log(2)/log(3)`."""
    if not isinstance(value, Irrational):
        return _rational(value)
    over = _sum(value.numerator)
    if value.denominator == ONE:
        return over
    under = _sum(value.denominator)
    if " + " in over or " - " in over:
        over = f"({over})"
    if " " in under or "/" in under or under[0] == "-":
        under = f"({under})"
    return f"{over}/{under}"


def shorten(value: Number, length: int = 40) -> str:
    """The text of a number for a message, cut in the middle where it is long."""
    try:
        text = format_number(value)
    except ValueError:
        # More digits than Python converts. No result of ours has as many, but an operand may.
        return "a number of thousands of digits"
    return text if len(text) <= length else f"{text[: length // 2]}…{text[-length // 4 :]}"


def _rational(value: Rational) -> str:
    n, d = value.numerator, value.denominator
    if d == 1:
        return str(n)
    if d < 10**MAX_DECIMALS:
        twos = (d & -d).bit_length() - 1
        fives = round(math.log(d >> twos, 5))
        digits = max(twos, fives)
        if digits <= MAX_DECIMALS and d == 2**twos * 5**fives:
            whole, part = divmod(abs(n) * 10**digits // d, 10**digits)
            return f"{'-' * (n < 0)}{whole}.{part:0{digits}}"
    return f"{n}/{d}"


def _sum(terms: Sum) -> str:
    logs, rest = _gather_logs(terms)
    written = sorted((len(monomial), _product(monomial), coefficient) for monomial, coefficient in rest.items())
    if logs is not None:
        written.append((1, f"log({_rational(logs[1])})", logs[0]))
    text = ""
    for _, product, coefficient in written:
        size = _rational(magnitude(coefficient))
        term = size if not product else product if size == "1" else f"{size} * {product}"
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {term}" if text else f"{'-' * (coefficient < 0)}{term}"
    return text


def _gather_logs(terms: Sum) -> tuple[tuple[Rational, Rational] | None, Sum]:
    """log(a) - log(b) read better as log(a/b): a factor and the argument of one logarithm, and the other terms."""
    logs: list[tuple[int, Rational]] = []
    rest: dict[Monomial, Rational] = {}
    for monomial, coefficient in terms.items():
        atom, exponent = next(iter(monomial)) if len(monomial) == 1 else (None, 0)
        if atom is not None and atom.kind == "log" and type(atom.of) is int and exponent == 1:
            logs.append((atom.of, coefficient))
        else:
            rest[monomial] = coefficient
    if not logs:
        return None, rest
    factor = content(c for _, c in logs)
    if max(logs)[1] < 0:
        factor = -factor
    powers = [(n, int(c / factor)) for n, c in logs]
    if sum(n.bit_length() * abs(k) for n, k in powers) > 128:
        return None, terms
    argument = math.prod((Fraction(n) ** k for n, k in powers), start=Fraction(1))
    return (factor, argument), rest


def _product(monomial: Iterable[tuple[Atom, Rational]]) -> str:
    return " * ".join(sorted(_power(atom, exponent) for atom, exponent in monomial))


def _power(atom: Atom, exponent: Rational) -> str:
    if atom.kind == "root":
        return f"{atom.of}^({exponent})"
    text = f"log({format_number(atom.of)})" if atom.kind == "log" else _exponential(atom.of)
    if exponent == 1:
        return text
    return f"{text}^{exponent}" if atom.kind == "log" else f"({text})^{exponent}"


def _exponential(of: Number) -> str:
    """The language writes exp(x) as a power: exp(e * log(b)) is b^e, and any other is one of 2."""
    if isinstance(of, Irrational) and len(of.numerator) == 1:
        ((monomial, coefficient),) = of.numerator.items()
        for factor in sorted(monomial, key=str):
            (kind, base), power = factor
            if kind == "log" and power == 1:
                left = monomial - {factor}
                one = not left and of.denominator == ONE
                rest = coefficient if one else format_number(Irrational({left: coefficient}, of.denominator, 0))
                return f"{base if type(base) is int else f'({format_number(base)})'}^({rest})"
    return f"2^(({format_number(of)})/log(2))"
