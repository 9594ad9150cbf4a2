"""The values of the language: each kind has its words, and a number that is no fraction reaches what is emitted."""

from __future__ import annotations

import builtins
from fractions import Fraction

from archdsl import compile_text
from archdsl.analysis import values
from archdsl.analysis.language import evaluation
from archdsl.analysis.program import Module
from archdsl.analysis.values import UNKNOWN, Environment, kind_of
from archdsl.graph.initializers import Initializer
from archdsl.graph.symbolic import Symbolic
from archdsl.source import Source
from archdsl.syntax.parser import parse_expression

TEXTS = {
    "none": "none",
    "true": "a condition",
    "3": "a number",
    "1/3": "a number",
    "sqrt(2)": "a number",
    '"a"': "a string",
    "3 x 8": "a size",
    "[1, 2]": "a list",
    "1 .. 2": "a range",
    "round": "a function",
    "solve(flops: 1G)": "a budget to solve for",
}


def test_kinds_of_what_expressions_give() -> None:
    env = Environment(Module("case", Source("case", ""), library=False))
    for text, words in TEXTS.items():
        expression, _ = parse_expression(Source("case", text))
        assert expression is not None
        assert kind_of(evaluation().evaluate(expression, env)) == words, text


def test_every_member_of_the_union_has_words() -> None:
    members = [name.strip() for name in str(values.Value).replace("tuple[Value, ...]", "tuple").split("|")]
    known = vars(values) | vars(builtins)
    kinds = [type(None) if name == "None" else known[name] for name in members if name != "Number"]
    told = {kind for kind in kinds if kind in values._WORDS}
    assert set(kinds) - told == {Initializer, values.ModelValue, type(UNKNOWN)}
    assert values._WORDS.keys() - told == {int, Fraction, values.Irrational}
    assert values.kind_of(Symbolic(1, None)) == "a number"  # as of all that stands for one


def test_a_mean_that_is_a_root_is_emitted_as_the_nearest_double() -> None:
    text = """
use std.ops { conv, global_pool, linear }
block h(x; classes: 4) = x -> global_pool -> linear(classes)
model m {
  input: 3 x 8 x 8
  stages: conv(8, kernel: 3)
  head: h
  preprocess { mean: [sqrt(2), 1, 1 / 3]  std: [1, 1, 1] }
}
"""
    made = compile_text(text)
    assert made.about.mean == (Fraction(2**0.5), Fraction(1), Fraction(1, 3))
