"""Refinements against sets: a draw may be drawn again from a subset, by the same kind of law, and from nothing else."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from reading import Texts
from sampling import many

from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.source import Source
from archdsl.spaces.check import check_spaces
from archdsl.spaces.entry import spaces_of

NET = """
use std.ops { conv }
model net(width) { input: 3 x 8 x 8  stages: conv { width: 8  kernel: 3 } }
"""


class Drawn:
    """A law in the language, with its values and their probabilities among each other: none for a logarithm's."""

    def __init__(self, draw: random.Random) -> None:
        low, step, count = draw.randint(1, 6), draw.choice([1, 1, 2, 3, Fraction(1, 2)]), draw.randint(1, 6)
        self.values: list[Fraction] = [Fraction(low) + i * Fraction(step) for i in range(count)]
        self.weights: list[int] | None = [1] * count
        kind = draw.choice(["grid", "log", "one_of", "weights", "power"])
        listed = ", ".join(map(str, self.values))
        match kind:
            case "grid":
                self.text = f"uniform({low} .. {self.values[-1]}, quantum: {step})"
            case "log":
                self.text = f"log_uniform({low} .. {self.values[-1]}, quantum: {min(Fraction(step), Fraction(1))})"
                step = min(Fraction(step), Fraction(1))
                self.values = [low + i * step for i in range(int((self.values[-1] - low) / step) + 1)]
                self.weights = None
            case "one_of":
                self.text = f"one_of({listed})"
            case "weights":
                self.weights = [draw.randint(1, 3) for _ in range(count)]
                self.text = f"one_of({listed}, weights: [{', '.join(map(str, self.weights))}])"
            case _:
                self.values = [Fraction(2**i) for i in range(draw.randint(1, 4))]
                self.weights = [1] * len(self.values)
                self.text = f"power_of_two(1 .. {self.values[-1]})"
        self.weighted = kind == "weights"

    def narrows(self, wide: Drawn) -> bool:
        if not set(self.values) <= set(wide.values):
            return False
        if len(self.values) == 1:
            return True
        if self.weights is None or wide.weights is None:
            return self.weights is wide.weights
        if self.weighted != wide.weighted:
            return False
        ratios = {
            Fraction(weight, wide.weights[wide.values.index(value)])
            for value, weight in zip(self.values, self.weights, strict=True)
        }
        return len(ratios) == 1


def codes(text: str) -> list[str]:
    compiler, diagnostics = Compiler(Texts()), Diagnostics()
    spaces_of(compiler, compiler.program(Source("case.arch", NET + text), diagnostics), diagnostics)
    return sorted(d.code for d in diagnostics)


def test_random_refinements() -> None:
    draw = random.Random(1)
    compiler = Compiler(Texts())
    accepted = 0
    for number in range(many(400)):
        wide, narrow = Drawn(draw), Drawn(draw)
        if draw.random() < 0.5:  # else few are subsets
            kept = sorted(draw.sample(range(len(wide.values)), draw.randint(1, len(wide.values))))
            narrow.values = [wide.values[i] for i in kept]
            listed = ", ".join(map(str, narrow.values))
            narrow.weights, narrow.weighted = [1] * len(kept), False
            narrow.text = f"one_of({listed})"
            if wide.weighted and wide.weights is not None and draw.random() < 0.7:
                narrow.weights, narrow.weighted = [2 * wide.weights[i] for i in kept], True
                narrow.text = f"one_of({listed}, weights: [{', '.join(map(str, narrow.weights))}])"
        text = f"space a {{ n ~ {wide.text}  model: net(n) }}\nspace b refines a {{ n ~ {narrow.text} }}"
        again = f"space c refines a {{ n ~ reweighted({narrow.text}) }}"
        said = Diagnostics()
        program = compiler.program(Source(f"case{number}.arch", f"{NET}{text}\n{again}"), said)
        spaces = {space.name: space for space in spaces_of(compiler, program, said)}
        assert {d.code for d in said} <= {"E213"}
        assert ("b" in spaces) == narrow.narrows(wide), text
        assert ("c" in spaces) == (set(narrow.values) <= set(wide.values)), text
        accepted += "b" in spaces
        if "b" in spaces:
            domain = spaces["b"].draws[0].law.domain
            assert [domain.value(i) for i in range(domain.size)] == narrow.values
    assert accepted > 50


@pytest.mark.parametrize("kept", ["model: net(8)", "input: 3 x 9 x 9", 'convention: "thop"'])
def test_what_a_refinement_keeps(kept: str) -> None:
    assert codes(f"space a {{ n ~ int(1 .. 3)  model: net(n) }}\nspace b refines a {{ {kept} }}") == ["E213"]


def test_what_a_refinement_adds() -> None:
    text = """
    recipe short(rate) { epochs: 2  batch: 64  optimizer: sgd()  schedule: cosine(peak: rate) }
    space a { n ~ int(1 .. 3)  twice = 2 * n  model: net(twice) }
    space b refines a { rate ~ uniform(0.1 .. 0.5, quantum: 0.1)  recipe: short(rate)  reward: accuracy  half = n / 2 }
    space c refines b { rate = 0.2  require half < 1 }
    """
    compiler, diagnostics = Compiler(Texts()), Diagnostics()
    program = compiler.program(Source("case.arch", NET + text), diagnostics)
    found = {each.space.name: each for each in check_spaces(compiler, program, diagnostics)}
    assert not list(diagnostics)
    assert [draw.name for draw in found["c"].space.draws] == ["n", "rate"]
    assert [found[name].space.settings for name in "abc"] == [3, 15, 3]
    assert found["c"].space.recipe is not None
    member = found["c"].member
    assert member is not None
    assert member.values == {"n": 1, "rate": Fraction(1, 5), "twice": 2, "half": Fraction(1, 2)}


def test_thirty_refinements_at_most() -> None:
    lines = ["space s0 { n ~ int(1 .. 3)  model: net(n) }"]
    lines += [f"space s{i + 1} refines s{i} {{ require n < {100 - i} }}" for i in range(40)]
    found = codes("\n".join(lines))
    assert set(found) == {"E394"}
    assert len(found) == 10
