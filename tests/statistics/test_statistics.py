"""The statistics of populations: against Monte Carlo, all cases of small ones, scipy, and published tables."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from archdsl import population
from archdsl.statistics.best import by_rank, size_of
from archdsl.statistics.linear import GRID, predicted

ORACLE = Path(__file__).resolve().parents[1] / "oracle"
ERRORS = st.lists(st.integers(0, 12).map(lambda n: n / 4), min_size=1, max_size=30)


def errors_of(n: int, seed: int = 0) -> Any:
    """As errors of networks are: few good ones, and a tail."""
    return 38 + np.random.default_rng(seed).gamma(2.0, 2.0, n)


# The distribution function


@given(ERRORS, st.floats(-1, 4))
def test_edf_counts_smaller_errors(errors: list[float], at: float) -> None:
    found = population.edf(errors)
    places = [at, *errors]
    assert found.share(places).tolist() == [sum(e < place for e in errors) / len(errors) for place in places]
    low, high = found.band(places)
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (low <= found.share(places)).all()
    assert found.reach == pytest.approx(math.sqrt(math.log(2 / 0.05) / (2 * len(errors))))
    # The mean is the area to the left of the function, and all else is the same for members that are there twice.
    values, below, above = found.steps()
    area = values[0] + sum(np.diff(values) * (1 - above[:-1]))
    assert found.mean == pytest.approx(area)
    twice = population.edf([*errors, *errors])
    assert twice.share(places).tolist() == found.share(places).tolist()
    assert above[-1] == 1
    assert below[0] == 0


def test_band_holds_the_true_function() -> None:
    """Of 4,000 samples of 40 from the uniform law, no more than 5 % leave the band somewhere, within the error."""
    sample = np.sort(np.random.default_rng(1).random((4000, 40)), axis=1)
    ranks = np.arange(41) / 40
    distance = np.maximum(np.abs(ranks[:-1] - sample), np.abs(ranks[1:] - sample)).max(axis=1)
    outside = (distance > population.edf(sample[0]).reach).mean()
    assert 0.03 < outside < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


# The best


@pytest.mark.parametrize("errors", [[3, 1, 2, 5], [2, 1, 1, 3], [4, 4, 4]])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_weights_of_all_draws(errors: list[int], m: int) -> None:
    """Every draw of m members, those of least error sharing it."""
    for replacement in (True, False):
        places = range(len(errors))
        draws = list(itertools.product(places, repeat=m) if replacement else itertools.permutations(places, m))
        share = [Fraction(0)] * len(errors)
        for drawn in draws:
            least = [i for i in drawn if errors[i] == min(errors[j] for j in drawn)]
            for i in least:
                share[i] += Fraction(1, len(draws) * len(least))
        found = population.weights(errors, m, replacement=replacement)
        assert found == pytest.approx([float(each) for each in share], abs=1e-12)


def test_ranks_without_replacement_are_hypergeometric() -> None:
    n, m = 200, 37
    expected = [float(Fraction(math.comb(n - k, m - 1), math.comb(n, m))) for k in range(1, n + 1)]
    assert by_rank(n, m, replacement=False) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("kind", ["continuous", "discrete"])
def test_best_is_the_bootstrap_of_the_paper(kind: str) -> None:
    """10^4 times 25 % of the pairs with replacement, the best kept: its quantiles are ours, but for draws."""
    draw = np.random.default_rng(2)
    errors = errors_of(120) if kind == "continuous" else np.round(errors_of(120))
    depth = draw.integers(5, 60, 120) if kind == "discrete" else draw.random(120)
    places = draw.integers(0, 120, (10_000, size_of(120)))
    kept = depth[places[np.arange(10_000), errors[places].argmin(axis=1)]]
    for level in (0.9, 0.95):
        found = population.best(depth, errors, level=level)
        for value, at in ((found.low, (1 - level) / 2), (found.likely, 0.5), (found.high, (1 + level) / 2)):
            off = 4 * math.sqrt(at * (1 - at) / 10_000)
            low, high = np.quantile(kept, [max(0, at - off), min(1, at + off)], method="inverted_cdf")
            assert low <= value <= high
    assert found.drawn == 30


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25), st.randoms(), st.integers(1, 9)
)
def test_best_depends_on_the_order_of_errors_alone(pairs: list[tuple[int, int]], random: Any, factor: int) -> None:
    found = population.best(*zip(*pairs, strict=True))
    random.shuffle(pairs)
    values, errors = zip(*pairs, strict=True)
    other = population.best([factor * v + 1 for v in values], [e**3 for e in errors])
    ends = found.low, found.likely, found.high
    assert (other.low, other.likely, other.high) == tuple([factor * end + 1 for end in ends])
    assert sum(population.weights(errors, 7)) == pytest.approx(1)


def test_curve_is_the_mean_of_the_least() -> None:
    errors = errors_of(9)
    for m in (1, 2, 4, 9):
        chosen = [min(some) for some in itertools.combinations(errors.tolist(), m)]
        found = population.curve(errors, (m,), replacement=False)
        assert found.expected[0] == pytest.approx(np.mean(chosen))
        assert found.low[0] == np.quantile(chosen, 0.025, method="inverted_cdf")
    drawn = np.random.default_rng(3).choice(errors, (40_000, 4)).min(axis=1)
    found = population.curve(errors, (4,))
    assert abs(found.expected[0] - drawn.mean()) < 4 * drawn.std() / 200
    assert population.curve(errors).sizes == (1, 2, 3, 4, 6, 8, 9)
    with pytest.raises(ValueError, match="1 to 9"):
        population.curve(errors, (10,), replacement=False)


# Fits


def test_fit_and_correlation_are_those_of_scipy() -> None:
    draw = np.random.default_rng(4)
    flops = 10 ** draw.uniform(8, 10, 80)
    seconds = 3e-9 * flops + 2e-5 * np.sqrt(flops) + draw.normal(0, 0.1, 80)
    found = population.fit(flops, seconds, (1, 0.5), 0.9)
    scaled = flops / 1e9
    best, covariance = optimize.curve_fit(lambda f, a, b: a * f + b * np.sqrt(f), scaled, seconds)
    reach = stats.t.ppf(0.95, 78) * np.sqrt(np.diag(covariance))
    for term, scale, value, off in zip(found.terms, (1e9, math.sqrt(1e9)), best, reach, strict=True):
        assert [term.low * scale, term.coefficient * scale, term.high * scale] == pytest.approx(
            [value - off, value, value + off], rel=1e-6
        )
    related = population.correlation(flops, seconds)
    known = stats.pearsonr(flops, seconds)
    interval = known.confidence_interval(0.95)
    assert (related.pearson, related.pearson_low, related.pearson_high) == pytest.approx((known.statistic, *interval))
    assert related.spearman == pytest.approx(stats.spearmanr(flops, seconds).statistic)
    tied = np.round(seconds)
    assert population.correlation(flops, tied).spearman == pytest.approx(stats.spearmanr(flops, tied).statistic)


# Linear rules


def test_efit_is_the_least_over_the_grid() -> None:
    """By the paper's equations, one point after the other."""
    grid = population.Grid((16.0, 40.0), (8.0, 33.3), (1.5, 2.2, 2.9))
    widths = [[24, 24, 80, 80, 200], [64], [8, 8, 16, 512, 512, 512, 32]]
    found = population.efit(widths, grid=grid)
    for number, row in enumerate(widths):
        errors = {}
        for point in itertools.product(grid.w_0, grid.w_a, grid.w_m):
            w_0, w_a, w_m = point
            levels = [round(math.log((w_0 + w_a * j) / w_0) / math.log(w_m)) for j in range(len(row))]
            rule = [max(1, round(w_0 * w_m**level / 8)) * 8 for level in levels]
            errors[point] = sum(abs(math.log(p / w)) for p, w in zip(rule, row, strict=True)) / len(row)
        least = min(errors.values())
        assert found.error[number] == pytest.approx(least)
        assert errors[found.w_0[number], found.w_a[number], found.w_m[number]] == pytest.approx(least)


@given(st.integers(0, 63), st.integers(1, 40))
def test_efit_of_a_rule_is_nothing(point: int, depth: int) -> None:
    grid = population.Grid(GRID.w_0[::8], GRID.w_a[::12], GRID.w_m[::8])
    assert grid.size == 64
    widths = np.round(np.exp(predicted(grid, depth)[point])).astype(int)
    assert population.efit([widths.tolist()], grid=grid).error[0] == pytest.approx(0, abs=1e-12)


# Profiles


@given(
    st.lists(st.tuples(st.integers(0, 6), st.lists(st.integers(1, 9), min_size=1, max_size=5)), min_size=2, max_size=25)
)
def test_profile_is_that_of_any_order(members: list[tuple[int, list[int]]]) -> None:
    """As all orders of members with equal errors give it in the mean; so of distinct errors the plain mean."""
    parts = ((0.0, 0.3), (0.3, 1.0))
    errors, widths = [e for e, _ in members], [w for _, w in members]
    found = population.profile(widths, errors, parts=parts)
    backwards = population.profile(widths[::-1], errors[::-1], parts=parts)
    for one, other in zip(found, backwards, strict=True):
        assert one.mean == pytest.approx(other.mean)
        assert one.count == pytest.approx(other.count)
    assert sum(each.count[0] for each in found) == pytest.approx(len(members))
    ranked = sorted(range(len(members)), key=lambda i: (errors[i], i))
    distinct = population.profile([widths[i] for i in ranked], range(len(members)), parts=parts)
    first = [widths[i] for i in ranked[: max(1, math.floor(0.3 * len(members) + 0.5))]]
    for index in range(len(distinct[0].mean)):
        of = [row[index] for row in first if len(row) > index]
        assert distinct[0].mean[index] == pytest.approx(np.mean(of))
        if len(of) > 1:
            assert distinct[0].deviation[index] == pytest.approx(np.std(of, ddof=1))


# The front


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=25))
def test_front_is_what_no_other_is_better_than(members: list[tuple[int, int]]) -> None:
    costs, errors = zip(*members, strict=True)
    known = [
        not any(c <= cost and e <= error and (c, e) != (cost, error) for c, e in members) for cost, error in members
    ]
    assert population.front(costs, errors).tolist() == known


# Comparisons


def test_needed_members_are_those_of_the_published_table() -> None:
    """Cohen's n is exact to one: 393 for d = 0.2 at 5 % has a power of 0.7996."""
    table = json.loads((ORACLE / "power.json").read_text())
    for alpha, row in zip(table["alpha"], table["n"], strict=True):
        for d, n in zip(table["d"], row, strict=True):
            assert abs(population.needed(d, 1, 1, level=1 - alpha, power=table["power"]) - n) <= 1


@given(st.integers(2, 200), st.integers(2, 200), st.floats(0.01, 3), st.floats(0.1, 5))
def test_power_is_that_of_the_noncentral_t(n: int, m: int, difference: float, spread: float) -> None:
    """As scipy has it, where it has it."""
    parts = 1 / n, spread**2 / m
    free = sum(parts) ** 2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (m - 1))
    edge, shift = stats.t.ppf(0.975, free), difference / math.sqrt(sum(parts))
    known = stats.nct.sf(edge, free, shift) + stats.nct.cdf(-edge, free, shift)
    if math.isfinite(known):
        assert population.power_of(difference, (1, n), (spread, m)) == pytest.approx(known, abs=1e-7)


def test_what_is_detectable_is_found_so_often() -> None:
    """Welch's test on 5,000 pairs of populations that differ by it, of unequal numbers and spreads."""
    draw = np.random.default_rng(5)
    difference = population.detectable((2.0, 30), (3.0, 45))
    a, b = draw.normal(0, 2, (5000, 30)), draw.normal(difference, 3, (5000, 45))
    found = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05).mean()
    assert abs(found - 0.8) < 4 * math.sqrt(0.8 * 0.2 / 5000)


def test_powers_begin_with_chance_and_end_with_certainty() -> None:
    first, second = (2.0, 12), (3.0, 20)
    differences, shares = population.powers(first, second, level=0.9, steps=8)
    parts = 4 / 12, 9 / 20
    free = sum(parts) ** 2 / (parts[0] ** 2 / 11 + parts[1] ** 2 / 19)
    edge, shifts = stats.t.ppf(0.95, free), differences / math.sqrt(sum(parts))
    assert shares[0] == pytest.approx(0.1, abs=1e-9)
    assert shares == pytest.approx(stats.nct.sf(edge, free, shifts) + stats.nct.cdf(-edge, free, shifts), abs=1e-7)
    assert shares[-1] > 0.99


def test_permutations_of_few_are_all_of_them() -> None:
    a, b = [4.0, 6.0, 5.0], [7.0, 6.5, 9.0, 8.0]
    found = population.compare(a, b)
    everything = [*a, *b]
    differences = [
        np.mean([everything[i] for i in of]) - np.mean([everything[i] for i in range(7) if i not in of])
        for of in itertools.combinations(range(7), 3)
    ]
    seen = np.mean(a) - np.mean(b)
    below, above = [np.mean([sign * d >= sign * seen - 1e-12 for d in differences]) for sign in (-1, 1)]
    assert found.exact
    assert found.permutations == 35
    assert found.permutation == pytest.approx(2 * min(below, above))
    assert found.better == np.mean([[(x < y) + (x == y) / 2 for y in b] for x in a])


def test_comparison_is_that_of_any_order() -> None:
    a, b = errors_of(40), errors_of(50, 1)
    one, other = population.compare(a, b), population.compare(a[::-1], b[::-1])
    assert one == other
    back = population.compare(b, a)
    assert (back.low, back.high) == pytest.approx((-one.high, -one.low))
    assert back.detectable == pytest.approx(one.detectable)
    assert back.better == pytest.approx(1 - one.better)


def test_thirty_members_do_not_tell_small_differences() -> None:
    """Two laws whose means differ by a third of their spread: of 30 members few samples show it, of 300 most."""
    shown = {}
    for n in (30, 300):
        pairs = [(errors_of(n, seed), errors_of(n, seed + 1000) + 0.95) for seed in range(60)]
        shown[n] = sum(not (i := stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)).low <= 0 <= i.high
                       for a, b in pairs)  # fmt: skip
    assert shown[30] < 30 < shown[300]
    found = population.compare(errors_of(30), errors_of(30, 1000) + 0.95)
    assert found.detectable > 0.95
    assert found.needed is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: population.edf([]), "at least 1"),
        (lambda: population.edf([1.0, math.nan]), "finite"),
        (lambda: population.edf([[1.0]]), "dimensions"),
        (lambda: population.edf([1e200]), "within 1e"),
        (lambda: population.edf(["a"]), "numbers"),
        (lambda: population.edf([1.0], 1.0), "level"),
        (lambda: population.best([1], [1, 2]), "1 values and 2 errors"),
        (lambda: population.best([1, 2], [1, 2], share=0), "share"),
        (lambda: population.compare([1, 1], [2, 2]), "constant"),
        (lambda: population.compare([1], [2, 3]), "at least 2"),
        (lambda: population.correlation([1, 1, 1, 1], [1, 2, 3, 4]), "constant"),
        (lambda: population.fit([0, 1], [1, 2], [1]), "above 0"),
        (lambda: population.fit([2, 2, 2], [1, 2, 3], [1, 0.5]), "too few different"),
        (lambda: population.efit([[]]), "a block or more"),
        (lambda: population.efit([[0]]), "above 0"),
        (lambda: population.profile([[8], [8]], [1]), "2 networks and 1 errors"),
    ],
)
def test_faults(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
