"""Programs on columns: what they say of lanes is what the same trace says of each lane for itself."""

from __future__ import annotations

import random
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from sampling import many

from archdsl.graph.tape import Plan, Tape
from archdsl.spaces.arrays.polynomials import added, multiplied, number, variable, worked_out
from archdsl.spaces.arrays.programs import PART, Program
from archdsl.spaces.arrays.roundings import IN_DOUBLES, quotient

ROUNDED = {"floor": floor, "ceiling": ceil, "round": round}


def plan_of(chance: random.Random, sample: list[int]) -> tuple[Tape, Plan, list[Any]]:
    """A random trace of some symbols, with what it decides for the numbers of a sample."""
    tape = Tape(len(sample))
    known: list[tuple[Any, Any]] = [*zip(tape.symbols, sample, strict=True), *[(n, n) for n in (1, 2, 3, 7, 56)]]
    for _ in range(chance.randint(3, 12)):
        (left, x), (right, y) = chance.choice(known), chance.choice(known)
        sign = chance.choice("+-**/")
        if isinstance(left, int) and isinstance(right, int):
            continue
        if sign == "/":
            if y <= 0:
                continue
            tape.note(">", right, 0)
            term, value = left / right, Fraction(x) / y
            name = chance.choice(list(ROUNDED))
            if value.denominator > 1 or chance.random() < 0.5:
                term, value = (term.rounded(name) if hasattr(term, "rounded") else term), ROUNDED[name](value)
            else:
                tape.note("whole", term)
                value = int(value)
        else:
            term, value = {"+": (left + right, x + y), "-": (left - right, x - y), "*": (left * right, x * y)}[sign]
        known.append((term, value))
        if chance.random() < 0.3 and not isinstance(term, int):
            tape.note("<" if value < y else ">=", term, right)
    wanted = [term for term, _ in known[-4:]]
    decisions = tuple(tape.found)
    sides = [side for _, left, right in decisions for side in (left, right)]
    needed = tape.needed([*sides, *wanted])
    return tape, Plan(len(sample), needed, decisions, ((wanted[0],),), (*wanted[1:], 0)), wanted


@pytest.mark.parametrize("largest", [9, 300, 1 << 17, 1 << 34, 1 << 66])
def test_programs_say_what_their_traces_say(largest: int) -> None:
    """Of doubles, of 64 bits and of Python's numbers, in parts."""
    chance, held = random.Random(largest), 0
    for _ in range(many(40)):
        count = chance.randint(1, 4)
        sample = [chance.randint(1, largest) for _ in range(count)]
        tape, plan, wanted = plan_of(chance, sample)
        lanes = [[n if chance.random() < 0.6 else chance.randint(-2, largest) for n in sample] for _ in range(60)]
        rows = np.array([sample, *lanes], object)
        shared = chance.random() < 0.3
        columns: list[Any] = [c if largest >= 1 << 62 else c.astype(np.int64) for c in rows.T]
        if shared:
            rows[:, 0], columns[0] = sample[0], sample[0]
        alone, program = tape.compiled(plan.decisions, wanted), Program(plan)
        found = program(columns, len(rows))
        results = [found.shapes[0][0], *found.amounts]
        for lane, row in enumerate(rows.tolist()):
            try:
                expected = alone(*row)
            except ZeroDivisionError:
                expected = None
            holds = found.holds is None or bool(found.holds[lane])
            assert holds == (expected is not None), (row, plan.decisions)
            if expected is not None:
                held += 1
                assert [int(r if isinstance(r, int) else r[lane]) for r in results] == list(expected), row
                assert all(abs(n) <= most for n, most in zip(expected[1:], found.largest, strict=True))
    assert held > many(40) * 10


def test_parts_of_many_lanes() -> None:
    tape = Tape(2)
    a, b = tape.symbols
    term = (a * b + 3) / b
    rounded = term.rounded("round")
    plan = Plan(2, tape.needed([rounded]), ((">", b, 0),), ((rounded,),), ())
    generator = np.random.default_rng(1)
    x, y = (generator.integers(0, 50, 3 * PART + 5) for _ in range(2))
    found = Program(plan)([x, y], len(x))
    assert found.holds is not None
    assert (found.holds == (y > 0)).all()
    own = np.flatnonzero(y > 0)
    expected = [round(Fraction(int(x[i] * y[i]) + 3, int(y[i]))) for i in own.tolist()]
    assert found.shapes[0][0][own].tolist() == expected


@pytest.mark.parametrize("name", ROUNDED)
def test_quotients_by_doubles_are_exact_up_to_the_limit(name: str) -> None:
    """Among them what is a unit of the last place from a whole number, or from half of one."""
    chance = random.Random(5)
    pairs = []
    for _ in range(3_000):
        den = chance.choice([chance.randint(1, 9), chance.randint(1, 1 << 20), chance.randint(1, IN_DOUBLES - 1)])
        near = chance.randint(-(IN_DOUBLES // den), IN_DOUBLES // den) * den
        num = near + chance.choice([0, den // 2, -(-den // 2)]) + chance.choice([-1, 0, 1])
        if abs(num) < IN_DOUBLES:
            pairs.append((num, den))
    num, den = (np.array(each, np.int64)[:, None] for each in zip(*pairs, strict=True))
    expected = [ROUNDED[name](Fraction(n, d)) for n, d in pairs]
    assert quotient(num, den, name, in_doubles=True)[:, 0].tolist() == expected
    assert quotient(num, den, name, in_doubles=False)[:, 0].tolist() == expected


def test_polynomials_are_what_they_are_written_as() -> None:
    """Worked out in few steps they have the values that their monomials add up to."""
    chance = random.Random(2)
    for _ in range(200):
        of = number(chance.randint(-5, 5))
        for _ in range(chance.randint(1, 6)):
            other = chance.choice([number(chance.randint(-5, 5)), variable(chance.randint(0, 3))])
            of = multiplied(of, other) if chance.random() < 0.4 else added(of, other, chance.choice([1, -1, 3]))
        values = [chance.randint(-9, 9) for _ in range(4)]
        steps = 0

        def constant(value: int, values: list[int] = values) -> int:
            values.append(value)
            return len(values) - 1

        def step(sign: str, left: int, right: int, values: list[int] = values) -> int:
            nonlocal steps
            steps += 1
            x, y = values[left], values[right]
            return constant({"+": x + y, "-": x - y, "*": x * y}[sign], values)

        at = worked_out(of, constant, step)
        expected, plain = 0, 0
        for monomial, coefficient in of.items():
            product = coefficient
            for index in monomial:
                product *= values[index]
            expected += product
            plain += len(monomial) + 1
        assert values[at] == expected
        assert steps <= plain
