"""What a search proposes: members, none twice, told to Optuna as they are, and the same after an interruption."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_cases import Search, every_member, opened, optuna

import archdsl.studies.search.pool as pools
from archdsl.compiler import Changes
from archdsl.spaces.arrays.sampled import Asked as Drawn
from archdsl.spaces.arrays.sampled import Band, Tally, Wanted, members
from archdsl.studies.objectives import front
from archdsl.studies.search.parameters import distances, nearest_setting, parameters_of, params_of
from archdsl.studies.search.pool import Candidate, Members
from archdsl.studies.search.proposals import Asked, Keys, NoMore, Proposer, fail_strays
from archdsl.studies.search.sampler import Kind

SPACE = opened()
MEMBERS = every_member(SPACE)
KINDS: tuple[Kind, ...] = ("random", "tpe", "nsga2")


memory = optuna.storages.InMemoryStorage


def small_and_wide(candidate: Candidate) -> tuple[float, ...]:
    """Two aims that are against each other."""
    return float(candidate.costs["params"]), -math.log(candidate.costs["acts"])


def small(candidate: Candidate) -> tuple[float, ...]:
    return small_and_wide(candidate)[:1]


def asked(kind: Kind, startup: int = 5, pool: int = 40, seed: int = 3) -> Asked:
    return Asked(kind, seed, startup, pool)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("listed", [True, False], ids=["listed", "drawn"])
def test_proposals_are_members_and_none_comes_twice(kind: Kind, listed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "LISTED", 10_000 if listed else 0)
    bands = (Band("flops", 100_000, 600_000),)
    known = {setting: costs for setting, costs in MEMBERS.items() if 100_000 <= costs["flops"] <= 600_000}
    assert 60 < len(known) < len(MEMBERS)
    search = Search(SPACE, memory(), asked(kind), small, bands)
    found = search.run(45)
    hashes = [SPACE.hash_of(each.setting) for each in found]
    assert len(set(hashes)) == 45
    assert all(each.costs == known[each.setting] for each in found)
    assert search.told() == [(search.params(each), list(small(each))) for each in found]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_interrupted_goes_on_as_it_would_have(kind: Kind) -> None:
    aims, directions = (small, ("minimize",)) if kind != "nsga2" else (small_and_wide, ("minimize", "minimize"))
    whole = Search(SPACE, memory(), asked(kind), aims, directions=directions)
    whole.run(24)
    kept = memory()
    for until in (3, 4, 13, 24):
        part = Search(SPACE, kept, asked(kind), aims, directions=directions)
        part.run(until)
        if until == 13:
            part.study.ask()  # ended while it proposed
            assert fail_strays(part.study) == 1
    told = [each for each in part.told() if each[1] is not None]
    assert told == whole.told()


def test_random_is_what_a_sample_draws() -> None:
    bands = (Band("params", None, 20_000),)
    pieces = members(SPACE, Drawn(3, bands=bands), Wanted(30, 100_000, unique=True), 1, Tally())
    sampled = [(tuple(s), int(i)) for each in pieces for s, i in zip(each.settings.tolist(), each.index, strict=True)]
    found = Search(SPACE, memory(), asked("random"), small, bands).run(30)
    assert [(each.setting, each.index) for each in found] == sampled
    first = Search(SPACE, memory(), asked("tpe"), small, bands).run(5)
    assert first == found[:5]  # TPE begins with the same draws


def test_the_nearest_member_is_taken() -> None:
    """Against all members, one by one, with the distances stated anew."""
    space = Members(SPACE, 0)
    parameters = parameters_of(SPACE)
    rng = np.random.default_rng(5)
    for _ in range(6):
        suggested = {
            "blocks.0": str(rng.choice(["plain", "twice"])),
            "blocks.1": str(rng.choice(["plain", "twice"])),
            "depths.0": int(rng.integers(1, 4)),
            "depths.1": int(rng.integers(1, 4)),
            "widths.0": int(rng.integers(4, 33)),
            "widths.1": int(rng.integers(4, 33)),
            "kernel": int(rng.integers(1, 6)),
        }

        def far(setting: tuple[int, ...], suggested: dict = suggested) -> float:
            own = params_of(parameters, setting)
            found = float(own["blocks.0"] != suggested["blocks.0"]) + float(own["blocks.1"] != suggested["blocks.1"])
            for name in ("depths.0", "depths.1"):
                found += ((own[name] - suggested[name]) / 2) ** 2
            for name in ("widths.0", "widths.1"):
                found += (math.log(own[name] / suggested[name]) / math.log(8)) ** 2
            return found + ((own["kernel"] - suggested["kernel"]) / 4) ** 2

        given = [each.setting for each in space.near(parameters, suggested, 10)]
        own = nearest_setting(parameters, suggested, SPACE.space.dimensions)
        rest = given[1:] if own in MEMBERS else given
        assert given[0] == own or own not in MEMBERS
        assert sorted(given) == sorted(MEMBERS)
        assert all(far(a) <= far(b) + 1e-9 for a, b in pairwise(rest))
        settings = np.array(given, np.int64)
        assert np.allclose(distances(parameters, suggested, settings), [far(each) for each in given])


@given(st.data())
def test_the_values_of_a_setting_give_it_back(data: st.DataObject) -> None:
    for of in (SPACE, MANY):
        setting = tuple([data.draw(st.integers(0, size - 1)) for size in of.space.sizes])
        parameters = parameters_of(of)
        params = params_of(parameters, setting)
        assert nearest_setting(parameters, params, of.space.dimensions) == setting
        for each in parameters:
            assert each.distribution._contains(each.distribution.to_internal_repr(params[each.name]))


MANY = opened("staged_space_many")


def test_a_pool_grows_and_a_member_that_is_no_draw_may_be_taken() -> None:
    """A space that is too large to be listed: most suggestions are members themselves."""
    assert MANY.space.settings > pools.LISTED
    found = Search(MANY, memory(), asked("tpe", startup=4, pool=4), small).run(30)
    assert [each.seed for each in found[:4]] == [3] * 4
    others = [each for each in found[4:] if each.seed is None]
    assert len(others) > 20
    for each in others:
        number = 0
        for part, size in zip(each.setting, MANY.space.sizes, strict=True):
            number = number * size + part
        assert each.index == number
    narrow = opened("large")
    found = Search(narrow, memory(), asked("tpe", startup=4, pool=4), small).run(30)
    assert any(each.seed is not None for each in found[4:])
    assert all(narrow.member(each.setting).valid for each in found)


@pytest.mark.parametrize(("space", "networks"), [("few", 2), ("rates", 4), ("alone", 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_search_ends_when_all_members_are_taken(kind: Kind, space: str, networks: int) -> None:
    """Settings that give one network are one member; under other recipes they are others."""
    search = Search(opened(space), memory(), asked(kind, startup=2), small)
    search.run(networks)
    with pytest.raises(NoMore):
        search.ask()
    assert all(trial.state.is_finished() for trial in search.study.get_trials())
    if space == "rates":
        fixed = Search(opened(space), memory(), asked(kind, startup=2), small, changes=RECIPE)
        fixed.run(2)
        with pytest.raises(NoMore):
            fixed.ask()


RECIPE = Changes(recipe="other")


def test_two_starters_never_take_the_same_member() -> None:
    """Each takes in what the other has, as a start does under the lock."""
    kept = memory()
    first, second = [Search(SPACE, kept, asked("tpe"), small) for _ in range(2)]
    found = []
    for number in range(30):
        own, other = (first, second) if number % 2 else (second, first)
        candidate, trial = own.ask()
        other.proposer.take(candidate.setting)
        found.append((candidate, trial, own))
        if number >= 3:
            candidate, trial, asker = found[number - 3]  # four are on their way at a time
            asker.study.tell(trial, small(candidate))
    assert len({SPACE.hash_of(candidate.setting) for candidate, _, _ in found}) == 30


def test_optuna_begins_again_with_what_the_folder_has() -> None:
    """A database that was lost: proposals that were made are told to the new one, and the rest is the same."""
    for kind, aims, directions in (
        ("tpe", small, ("minimize",)),
        ("nsga2", small_and_wide, ("minimize", "minimize")),
    ):
        whole = Search(SPACE, memory(), asked(kind), aims, directions=directions)
        found = whole.run(20)
        again = Search(SPACE, memory(), asked(kind), aims, directions=directions)
        for candidate in found[:12]:
            same, trial = again.proposer.ask(again.study, candidate)
            assert same == candidate
            again.study.tell(trial, aims(candidate))
        again.run(20)
        assert again.told() == whole.told()


def test_the_front_is_that_of_all_pairs_and_of_optuna() -> None:
    search = Search(SPACE, memory(), asked("nsga2"), small_and_wide, directions=("minimize", "minimize"))
    points = [small_and_wide(each) for each in search.run(40)]
    own = front(points)
    assert own == [
        n
        for n, p in enumerate(points)
        if not any(all(a <= b for a, b in zip(q, p, strict=True)) and q != p for q in points)
    ]
    assert own == sorted(trial.number for trial in search.study.best_trials)
    assert 2 <= len(own) < 40


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=20))
def test_the_front_of_any_points(points: list[tuple[int, int, int]]) -> None:
    expected = [
        n
        for n, p in enumerate(points)
        if not any(all(a <= b for a, b in zip(q, p, strict=True)) and q != p for q in points)
    ]
    assert front(points) == expected


def test_tpe_learns_from_what_it_is_told() -> None:
    """Over some seeds: a sampler that is told other points than were measured would find no more than draws do."""
    best: dict[str, list[float]] = {"random": [], "tpe": []}
    for seed in range(3):
        for kind in ("random", "tpe"):
            found = Search(MANY, memory(), asked(kind, startup=8, pool=100, seed=seed), bowl).run(30)
            best[kind].append(min(bowl(each)[0] for each in found))
    assert np.mean(best["tpe"]) < 0.7 * np.mean(best["random"])


def bowl(candidate: Candidate) -> tuple[float, ...]:
    """The least is at widths of 24 and 48, depths of 2 and 3, and the first block twice."""
    params = params_of(parameters_of(MANY), candidate.setting)
    found = math.log(params["widths.0"] / 24) ** 2 + math.log(params["widths.1"] / 48) ** 2
    found += (params["depths.0"] - 2) ** 2 + (params["depths.1"] - 3) ** 2
    return (found + (params["blocks.0"] != "twice"),)


def test_what_no_draw_finds_is_said() -> None:
    nothing = Members(MANY, 0, [Band("flops", 1, 2)], 2000)
    proposer = Proposer(nothing, Keys(MANY, Changes()), asked("tpe"))
    study = optuna.create_study(sampler=proposer.sampler)
    with pytest.raises(NoMore):
        proposer.ask(study)
    assert fail_strays(study) == 1
    assert optuna.trial.TrialState.FAIL in [trial.state for trial in study.get_trials()]
