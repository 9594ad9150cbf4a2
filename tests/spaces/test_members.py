"""Members of small spaces against all settings, with the requirements and the costs stated anew in Python."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import pytest
from reading import Texts

from archdsl.compiler import Compiled, Compiler, Failed
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.source import Source
from archdsl.spaces.check import CheckedSpace, check_spaces
from archdsl.spaces.entry import context_of, space_named, spaces_of
from archdsl.spaces.member import Member, member_of
from archdsl.spaces.space import Requirement, Space
from archdsl.spaces.training import compiled_member, reward_of

NET = """
use std.ops { conv, batch_norm }
use std.rules { increasing, strictly_increasing }
model chain(widths, depths, kernel) {
  input:  3 x 8 x 8
  stages: conv { depth: depths  width: widths  kernel: kernel }
}
model grouped(width, groups) {
  input:  6 x 8 x 8
  stages: conv { width: width  kernel: 3  groups: groups }
}
recipe short(rate) { epochs: 2  batch: 64  optimizer: sgd()  schedule: cosine(peak: rate) }
"""


class Spaces:
    """The spaces of a text, with what evaluates their members."""

    def __init__(self, text: str, files: dict[str, str] | None = None) -> None:
        self.compiler, self.diagnostics = Compiler(Texts(files or {})), Diagnostics()
        self.program = self.compiler.program(Source("case.arch", NET + text), self.diagnostics)
        self.found = {space.name: space for space in spaces_of(self.compiler, self.program, self.diagnostics)}
        assert not self.diagnostics.failed, list(self.diagnostics)
        self.context = context_of(self.compiler)

    def member(self, name: str, setting: tuple[int, ...]) -> Member:
        return member_of(self.context, self.found[name], setting)

    def all(self, name: str) -> dict[tuple[int, ...], Member]:
        settings = product(*map(range, self.found[name].sizes))
        return {setting: self.member(name, setting) for setting in settings}

    def checked(self) -> tuple[list[CheckedSpace], Diagnostics]:
        diagnostics = Diagnostics()
        return check_spaces(self.compiler, self.program, diagnostics), diagnostics


def chain_cost(widths: tuple[int, ...], depths: tuple[int, ...], kernel: int) -> tuple[int, int, int]:
    """Flops, params and acts of convolutions without biases on 8 x 8, one behind the other."""
    flops = params = acts = 0
    channels = 3
    for width, depth in zip(widths, depths, strict=True):
        for _ in range(depth):
            weights = channels * width * kernel * kernel
            flops, params, acts = flops + 64 * weights, params + weights, acts + 64 * width
            channels = width
    return flops, params, acts


CHAINS = """
space chains {
  widths ~ each(2, uniform(8 .. 24, quantum: 8))
  depths ~ each(2, int(1 .. 2))
  kernel ~ one_of(1, 3, weights: [1, 3])
  whole = sum(depths)
  require whole < 4
  model: chain(widths, depths, kernel)
  require model.stages.count == 2 and model.depth == whole
  require flops <= 150K or kernel == 1
  lean = params
  require lean != 792 and model.acts >= 1024
}
space rising refines chains { require increasing(model.widths) }
space steep refines rising { require strictly_increasing(widths)  kernel = 3 }
space tied_ refines steep { depths ~ tied(2, int(1 .. 1)) }
"""


def is_chain(widths: tuple[int, ...], depths: tuple[int, ...], kernel: int) -> bool:
    flops, params, acts = chain_cost(widths, depths, kernel)
    return sum(depths) < 4 and (flops <= 150_000 or kernel == 1) and params != 792 and acts >= 1024


def is_rising(widths: tuple[int, ...], depths: tuple[int, ...], kernel: int) -> bool:
    return is_chain(widths, depths, kernel) and widths[0] <= widths[1]


def is_steep(widths: tuple[int, ...], depths: tuple[int, ...], kernel: int) -> bool:
    return is_rising(widths, depths, kernel) and widths[0] < widths[1] and kernel == 3


def is_tied(widths: tuple[int, ...], depths: tuple[int, ...], kernel: int) -> bool:
    return is_steep(widths, depths, kernel) and depths == (1, 1)


ASKED: dict[str, Callable[[Any, Any, Any], bool]] = {
    "chains": is_chain,
    "rising": is_rising,
    "steep": is_steep,
    "tied_": is_tied,
}


@pytest.fixture(scope="module")
def chains() -> Spaces:
    return Spaces(CHAINS)


@pytest.mark.parametrize("name", ASKED)
def test_every_setting_by_brute_force(chains: Spaces, name: str) -> None:
    found = {tuple(m.values[n] for n in ("widths", "depths", "kernel")): m for m in chains.all(name).values()}
    assert len(found) == chains.found[name].settings
    every = [*product(product((8, 16, 24), repeat=2), product((1, 2), repeat=2), (1, 3))]
    right = {each for each in every if ASKED[name](*each)}
    assert {each for each, member in found.items() if member.valid} == right
    assert right
    for each in right:
        assert tuple(found[each].costs.values()) == chain_cost(*each)


def test_a_refinement_has_members_of_what_it_refines_alone(chains: Spaces) -> None:
    names = [*ASKED]
    for wide, narrow in pairwise(names):
        above, space = chains.found[wide], chains.found[narrow]
        for member in chains.all(narrow).values():
            if not member.valid:
                continue
            numbers = [draw.indices(member.values[draw.name]) for draw in above.draws]
            same = chains.member(wide, tuple(n for part in numbers for n in part or ()))
            assert same.valid
            assert same.network is not None
            assert member.network is not None
            assert same.network.hash == member.network.hash
        assert space.refines is not None
        assert space.refines.name == wide


def test_the_first_requirement_refuses(chains: Spaces) -> None:
    """In the order of the text, what asks for the model behind the others."""
    found = chains.all("rising")
    reasons = Counter(m.refused.text for m in found.values() if isinstance(m.refused, Requirement))
    texts = [requirement.text for requirement in chains.found["rising"].requirements]
    assert set(reasons) == {texts[0], *texts[2:]}
    for member in found.values():
        widths, depths, kernel = (member.values[n] for n in ("widths", "depths", "kernel"))
        flops, params, acts = chain_cost(widths, depths, kernel)  # type: ignore[arg-type]
        holds = [
            sum(depths) < 4,  # type: ignore[arg-type]
            True,
            flops <= 150_000 or kernel == 1,
            params != 792 and acts >= 1024,
            widths[0] <= widths[1],  # type: ignore[index]
        ]
        assert member.requirement == (holds.index(False) if False in holds else None)
        assert (member.model is None) == (not holds[0])


def test_what_has_no_network_is_no_member() -> None:
    spaces = Spaces(
        """space groups {
          width ~ int(1 .. 12)  groups ~ int(1 .. 4)
          require width > 2
          model: grouped(width, groups)
        }"""
    )
    for (w, g), member in spaces.all("groups").items():
        width, groups = w + 1, g + 1
        divides = width % groups == 0 and 6 % groups == 0
        assert member.valid == (width > 2 and divides)
        if width <= 2:
            assert isinstance(member.refused, Requirement)
        elif not divides:
            assert isinstance(member.refused, Diagnostic)
            assert member.refused.code == "E304"
            assert member.requirement is None


def test_what_asks_for_a_cost_needs_the_network_first() -> None:
    """`flops` and `model.flops` say the same of a setting without a network; stages are there before it."""
    text = """space {name} {{ width ~ one_of(6)  groups ~ one_of(4)
      require {condition}  model: grouped(width, groups) }}\n"""
    conditions = {
        "bare": "model.depth == 2 and flops < 3",
        "named": "model.depth == 2 and model.flops < 3",
        "early": "model.depth == 2",
    }
    spaces = Spaces("".join([text.format(name=n, condition=c) for n, c in conditions.items()]))
    assert isinstance(spaces.member("bare", (0, 0)).refused, Diagnostic)
    assert isinstance(spaces.member("named", (0, 0)).refused, Diagnostic)
    assert isinstance(spaces.member("early", (0, 0)).refused, Requirement)


def test_costs_by_another_convention_at_another_input() -> None:
    spaces = Spaces(
        """space s { width ~ one_of(8)  model: chain([width], [1], 3)  input: 3 x 16 x 16  convention: "thop" }"""
    )
    member = spaces.member("s", (0,))
    assert member.costs["flops"] == 16 * 16 * 3 * 8 * 9
    assert member.cost is not None
    assert member.cost.convention.name == "thop"
    assert member.network is not None
    assert member.network.input == (3, 8, 8)


def test_names_of_costs_may_be_draws() -> None:
    spaces = Spaces("space s { flops ~ one_of(8, 16)  require flops > 8  model: chain([flops], [1], 3) }")
    assert [m.valid for m in spaces.all("s").values()] == [False, True]
    assert not spaces.found["s"].requirements[0].asks


def test_a_space_of_another_file() -> None:
    wide = (
        "fn least() = 8\nspace wide { width ~ one_of(8, 16)  require width > least()  model: chain([width], [1], 3) }"
    )
    spaces = Spaces(
        'use "wide.arch" { wide }\nspace narrow refines wide { require width < 32 }', {"wide.arch": NET + wide}
    )
    assert [m.valid for m in spaces.all("narrow").values()] == [False, True]
    assert list(spaces.found) == ["narrow"]


def test_a_member_is_what_the_compiler_returns() -> None:
    spaces = Spaces(
        """space s {
          width ~ one_of(8, 16)
          rate  ~ log_uniform(0.01 .. 1, quantum: 0.01)
          require width > 8
          model: chain([width], [2], 3)
          recipe: short(rate) with { epochs: 3 }
          reward: accuracy * params ^ -0.05
        }
        model alone = chain([16], [2], 3)"""
    )
    member = spaces.member("s", (1, 24))
    result = compiled_member(spaces.program, spaces.context, member)
    assert isinstance(result, Compiled)
    alone = spaces.compiler.compile(Source("case.arch", NET + "model alone = chain([16], [2], 3)"), "alone")
    assert isinstance(alone, Compiled)
    assert result.network.hash == alone.network.hash
    assert (result.name, result.model.name, result.network.name) == ("s", "s", "s")
    assert result.recipe is not None
    assert (result.recipe.epochs, str(result.recipe.schedule.peak)) == (3, "1/4")
    refused = compiled_member(spaces.program, spaces.context, spaces.member("s", (0, 0)))
    assert isinstance(refused, Failed)
    assert [d.code for d in refused.diagnostics] == ["E312"]
    reward = reward_of(spaces.context, member, {"accuracy": 1, "params": 2**20})
    assert reward == Fraction(1, 2)


def test_the_same_wherever_it_is_evaluated(chains: Spaces) -> None:
    """A member depends on its setting alone: not on what was evaluated before it."""
    settings = [*product(*map(range, chains.found["chains"].sizes))]
    before = {setting: chains.member("chains", setting) for setting in settings}
    random.Random(0).shuffle(settings)
    fresh = Spaces(CHAINS)
    for setting in settings:
        again, first = fresh.member("chains", setting), before[setting]
        assert (again.valid, again.costs, again.values, again.requirement) == (
            *(first.valid, first.costs, first.values, first.requirement),
        )


def test_one_space_of_several() -> None:
    spaces = Spaces(CHAINS)
    said = Diagnostics()

    def named(name: str | None) -> Space | None:
        return space_named(spaces.compiler, spaces.program, name, said)

    assert (found := named("steep")) is not None
    assert found.name == "steep"
    assert named(None) is None
    assert named("stepe") is None
    assert sorted(d.code for d in said) == ["E201", "E210"]


def test_a_member_is_found_where_few_are() -> None:
    """One setting in 40,000 rises: the search goes on from the one that came farthest."""
    rising = "".join([f"require widths[{i}] < widths[{i + 1}]\n" for i in range(7)])
    spaces = Spaces(f"space s {{ widths ~ each(8, int(1 .. 64))\n{rising}  model: chain(widths, 1, 1) }}")
    found, said = spaces.checked()
    assert not list(said)
    assert found[0].member is not None
    widths = found[0].member.values["widths"]
    assert isinstance(widths, tuple)
    assert list(widths) == sorted(set(widths))  # type: ignore[type-var]
