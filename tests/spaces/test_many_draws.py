"""Many draws of shipped spaces, on columns and one by one by the ordinary compiler: what refuses them, costs by two
conventions, and hashes by a definition of their own. There are ten times as many in `make thorough`.

One space of each form has so many; `test_engine` has some of all, and random spaces over random blocks. Of a refinement
of the same draws the requirements are said again here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sampling import many
from test_engine import says, shipped

from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import MEASURES, count
from archdsl.graph.network import Network
from archdsl.project import Project
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.arrays.engine import VALID, Engine
from archdsl.spaces.entry import context_of, space_named
from archdsl.spaces.member import member_of
from archdsl.spaces.space import Space

Holds = Callable[[Mapping[str, Any], Mapping[str, int]], bool]
"""A requirement of a refinement, of what is drawn and what the network costs."""


def band(low: int, high: int) -> Holds:
    return lambda _, costs: low <= costs["flops"] <= high


def rising(name: str) -> Holds:
    return lambda drawn, _: all(a <= b for a, b in pairwise(drawn[name]))


MF_400 = band(360_000_000, 400_000_000)
DRAWS: dict[str, tuple[int, dict[str, list[Holds]]]] = {
    "regnetx": (500, {"regnetx_400mf": [MF_400]}),
    "efficientnetv2": (500, {"efficientnetv2_b4": [band(4_000_000_000, 4_400_000_000)]}),
    "anynetx_c": (
        150,
        {
            "anynetx_c_400mf": [MF_400],
            "anynetx_d": [rising("width")],
            "anynetx_d_400mf": [rising("width"), MF_400],
            "anynetx_e": [rising("width"), rising("depth")],
            "anynetx_e_400mf": [rising("width"), rising("depth"), MF_400],
        },
    ),
    "regnet_blocks": (500, {}),
    "search_b": (600, {}),
}
HASHED = 40
"""Networks of a space whose hashes are made anew."""


def opened(name: str) -> tuple[Compiler, Space]:
    project = Project(str(shipped()[name]))
    compiler, diagnostics = Compiler(project), Diagnostics()
    space = space_named(compiler, compiler.program(project.source(), diagnostics), name, diagnostics)
    assert space is not None
    return compiler, space


def text_of(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{','.join(map(text_of, value))}]"
    if isinstance(value, Fraction):
        return f"{value.numerator:x}/{value.denominator:x}"
    return f"{value:x}" if type(value) is int else repr(value)


def hash_of(network: Network) -> str:
    """The hash as the reference defines it, operation by operation; for networks of plain settings without features."""

    def digest(*parts: str) -> str:
        return hashlib.sha256("".join([f"{len(part)}:{part}" for part in parts]).encode()).hexdigest()

    values = {-1: digest("input", *map(text_of, network.input))}
    for place, node in enumerate(network.nodes):
        operation = node.operation
        settings = [(each.name, getattr(operation, each.name)) for each in operation.attributes]
        written = [f"{name}={text_of(value)}" for name, value in settings if operation.later.get(name, ...) != value]
        operands = [values[v.node] if v.node < 0 else f"{values[v.node]}:{v.output}" for v in node.inputs]
        values[place] = digest(operation.name, *written, *(sorted(operands) if operation.commutative else operands))
    marks = sorted([values[place] for place in range(len(network.nodes))])
    [output] = network.outputs
    return digest("network", values[-1], *marks, "outputs", f"{values[output.node]}:{output.output}", "features")


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_as_the_compiler_says(name: str) -> None:
    draws, refinements = DRAWS[name]
    compiler, space = opened(name)
    ctx, settings = context_of(compiler), draw(space, 77, 0, many(draws))
    batch = Engine(ctx, space).evaluate(settings)
    other = Engine(ctx, replace(space, convention="thop")).evaluate(settings)
    assert batch.exactly + other.exactly <= len(settings) // 100
    narrower = {each: Engine(ctx, opened(each)[1]).evaluate(settings) for each in refinements}
    hashes: dict[str, tuple[int, ...]] = {}
    for row, setting in enumerate(settings.tolist()):
        member = member_of(ctx, space, setting)
        found = int(batch.why[row]), {measure: int(costs[row]) for measure, costs in batch.costs.items()}
        assert found == (says(member), {measure: member.costs.get(measure, -1) for measure in MEASURES}), setting
        assert int(other.why[row]) == says(member) or name == "search_b"  # its bounds are of costs
        if not member.valid:
            continue
        assert member.network is not None
        by_other = count(member.network, "thop")
        if other.why[row] == VALID:
            assert {m: int(other.costs[m][row]) for m in MEASURES} == {m: int(getattr(by_other, m)) for m in MEASURES}
        before = len(space.requirements)
        for refinement, requirements in refinements.items():
            failed = [number for number, holds in enumerate(requirements) if not holds(member.values, member.costs)]
            assert int(narrower[refinement].why[row]) == (before + failed[0] if failed else VALID), (
                refinement,
                setting,
            )
        if len(hashes) < many(HASHED):
            own = member.network.hash
            assert hash_of(member.network) == own
            costs = tuple(found[1].values())
            assert hashes.setdefault(own, costs) == costs
    assert len(hashes) > HASHED // 10
    assert np.equal(batch.why, VALID).sum() >= len(hashes)
