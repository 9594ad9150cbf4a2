"""Spaces that are large, empty or costly: each check ends within bounded work, in a result or in diagnostics."""

from __future__ import annotations

import pytest
from reading import Texts

from archdsl import limits
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.source import Source
from archdsl.spaces import check
from archdsl.spaces.check import check_spaces
from archdsl.spaces.member import Member
from archdsl.views.diagnostics import render_all
from archdsl.views.spaces import space_text

NET = """
use std.ops { conv }
model net(width, depth) { input: 3 x 8 x 8  stages: conv { depth: depth  width: width  kernel: 3 } }
"""
LARGE = "widths ~ each(134, int(1 .. 1000))"
CASES: dict[str, tuple[list[str], str]] = {
    "10^402 settings": ([], f"space s {{ {LARGE}  model: net(widths[0], 1) }}"),
    "10^402 settings, and one that is right": (
        ["E214"],
        f"space s {{ {LARGE}\nrequire sum(widths) == 134\nmodel: net(8, 1) }}",
    ),
    "2^13568 settings": ([], "space s { widths ~ each(256, int(1 .. 2 ^ 53))  model: net(8, 1) }"),
    "a list too long": (["E302"], "space s { widths ~ each(257, int(1 .. 2))  model: net(8, 1) }"),
    "lists too long together": (["E394"], "space s { a, b ~ each(129, int(1 .. 2))  model: net(8, 1) }"),
    "a domain too long": (["E394"], "space s { n ~ int(-10 ^ 300 .. 10 ^ 300)  model: net(8, 1) }"),
    "a grid too fine": (["E394"], "space s { n ~ uniform(0 .. 1, quantum: 1 / 10 ^ 300)  model: net(8, 1) }"),
    "a number too long": (["E308"], "space s { n ~ int(1 .. 2 ^ 5000)  model: net(8, 1) }"),
    "a logarithm too large": (["E302"], "space s { n ~ log_uniform(10 ^ 301 .. 10 ^ 301 + 1)  model: net(8, 1) }"),
    "logarithms that are alike": ([], "space s { n ~ log_uniform(10 ^ 290 .. 10 ^ 290 + 9)  model: net(8, 1) }"),
    "weights apart": ([], "space s { n ~ one_of(8, 16, weights: [10 ^ 400, 1 / 10 ^ 400])  model: net(n, 1) }"),
    "a bomb in a derived name": (
        ["E392"],
        "space s { n ~ int(1 .. 9)  bomb = [[i for i in 0 .. 9999] for j in 0 .. 9999]  model: net(8, 1) }",
    ),
    "a bomb in a requirement": (
        ["E392"],
        "fn many(n) = sum([sum([i * k for i in 0 .. 2999]) for k in 0 .. n])\n"
        f"space s {{ {LARGE}\nrequire many(2999) > 0  model: net(8, 1) }}",
    ),
    "a bomb in a law": (
        ["E392"],
        "space s { n ~ int(1 .. sum([[i for i in 0 .. 9999] for j in 0 .. 9999]))  model: net(8, 1) }",
    ),
    "a network too deep": (["E394"], "space s { n ~ int(10000 .. 1000000)  model: net(8, n) }"),
    "networks of a thousand blocks": (
        ["E214"],
        "space s { n ~ int(1000 .. 9000)  require flops < 9  model: net(8, n) }",
    ),
    "a number that grows": (["E308"], "space s { n ~ int(2 .. 3)  big = 2 ^ (2 ^ (10 + n))  model: net(8, 1) }"),
    "many spaces": (
        [],
        "".join([f"space s{i} {{ n ~ int(1 .. 3)  model: net(n, 1) }}\n" for i in range(300)]),
    ),
    "many refinements of one": (
        [],
        "space s { n ~ int(1 .. 3)  model: net(n, 1) }\n"
        + "".join([f"space s{i} refines s {{ require n < {i + 2} }}\n" for i in range(300)]),
    ),
    "many that refine the one above": (
        ["E394"] * limits.MAX_REFINEMENTS,
        "space s0 { n ~ int(1 .. 3)  model: net(n, 1) }\n"
        + "".join([f"space s{i + 1} refines s{i} {{ }}\n" for i in range(2 * limits.MAX_REFINEMENTS)]),
    ),
    "a long circle": (
        ["E208"],
        "".join([f"space s{i} refines s{(i + 1) % 500} {{ }}\n" for i in range(500)]),
    ),
    "many requirements": (
        [],
        "space s { n ~ int(1 .. 3)\n" + "".join([f"require n < {i + 9}\n" for i in range(3000)]) + "model: net(n, 1) }",
    ),
    "many names in a row": (
        ["E394"],
        f"space s {{ {', '.join([f'n{i}' for i in range(1000)])} ~ int(1 .. 2)  model: net(8, 1) }}",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, text = CASES[name]
    spent: list[int] = []

    def counted(*given: object) -> Member:
        found = member_of(*given)  # type: ignore[arg-type]
        spent.append(found.steps)
        return found

    member_of = check.member_of
    monkeypatch.setattr(check, "member_of", counted)
    compiler = Compiler(Texts())
    program, _, diagnostics = compiler.check(Source("case.arch", NET + text))
    found = check_spaces(compiler, program, diagnostics)
    assert sorted(d.code for d in diagnostics) == codes
    assert sum(spent) <= len(program.spaces) * limits.MAX_SEARCH_STEPS + limits.MAX_STEPS + 1000
    assert len(spent) <= len(program.spaces) * limits.MAX_TRIED
    assert len(render_all(diagnostics, color=False)) < 100_000
    for each in found[:3]:
        assert len(space_text(each.space)) < 400_000


def test_no_exception_for_any_law() -> None:
    """Every law with every few arguments ends in a space or in diagnostics."""
    values = ["0", "-1", "1", "1/2", "sqrt(2)", "10 ^ 40", '"a"', "none", "[1, 2]", "1 .. 3", "3 .. 1", "conv", "x"]
    compiler = Compiler(Texts())
    for law in ("int", "uniform", "log_uniform", "power_of_two", "one_of", "each", "tied", "reweighted"):
        for first in values:
            for rest in ("", ", quantum: 1", ", quantum: 0", ", weights: [1]", f", {first}", ", int(1 .. 2)"):
                text = f"space s {{ n ~ {law}({first}{rest})  model: net(8, 1) }}"
                diagnostics = Diagnostics()
                program = compiler.program(Source("case.arch", NET + text), diagnostics)
                found = check_spaces(compiler, program, diagnostics)
                assert found or diagnostics.failed, text
                render_all(diagnostics, color=False)
