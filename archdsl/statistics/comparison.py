"""Whether the errors of two populations differ, and how small a difference so many members could have shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from archdsl.records import dataclass
from archdsl.statistics.arrays import LEVEL, Array, Numbers, numbers_of, scipy, verify_share

POWER = 0.8
"""How often a difference is found, where it is there."""
RESAMPLES = (9999, 999)
"""Permutations that are drawn, where there are more: of few members, and of many, with which they take longer."""
MOST = 1 << 40
"""Members; no population has more."""
MANY = 2000
"""Members of both populations beyond which they are many."""
REACH, NODES = 9.0, 361
"""Normal scores at which a distribution is taken."""
STEPS, BEYOND = 40, 3.0
"""Of a power function: its steps, and how many standard errors it goes beyond the least difference that is told."""
AT_ONCE = 1 << 22
"""Numbers that are permuted at once."""


@dataclass(frozen=True)
class Sample:
    """The errors of one population."""

    n: int
    mean: float
    deviation: float
    """The standard deviation, with n - 1 in the denominator."""
    least: float


@dataclass(frozen=True)
class Comparison:
    """The errors of two populations beside each other. Each p is of the hypothesis that they are alike, two-sided."""

    first: Sample
    second: Sample
    difference: float
    """Of the mean errors: first less second."""
    low: float
    high: float
    """Welch's interval of the difference."""
    welch: float
    """p of equal means, for spreads that may differ."""
    permutation: float
    """p of the difference of means, if it were by chance which member is of which population."""
    permutations: int
    """How many were looked at."""
    exact: bool
    """Whether these are all that there are."""
    better: float
    """The probability that a member of the first has the smaller error of two, ties counted half (Mann-Whitney)."""
    mann_whitney: float
    """p of that being one half."""
    distance: float
    """The largest distance of the distribution functions (Kolmogorov-Smirnov)."""
    kolmogorov_smirnov: float
    """p of equal distributions."""
    detectable: float
    """The difference of means that so many members find with the stated power, for their spreads."""
    needed: int | None
    """Members of each that find the difference that was seen with that power; none where none was seen."""
    level: float
    power: float

    @property
    def told_apart(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return not self.low <= 0 <= self.high


def compare(
    first: Numbers,
    second: Numbers,
    *,
    level: float = LEVEL,
    power: float = POWER,
    resamples: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare the errors of two populations (two members or more each). Takes scipy.

    `resamples` permutations are drawn by the seed, where there are more; as many as `RESAMPLES` says, if not given.
    Raises ValueError, also where the errors of both are constant, so that nothing is known of their spread.
    """
    verify_share(level, "the level")
    verify_share(power, "the power")
    if resamples is not None and resamples < 1:
        raise ValueError("there must be one permutation or more")
    a, b = [np.sort(numbers_of(each, "errors", 2)) for each in (first, second)]  # no figure depends on the order
    if (a == a[0]).all() and (b == b[0]).all():
        raise ValueError("the errors of both populations are constant: nothing is known of their spread")
    stats = scipy("stats")
    one, two = _sample(a), _sample(b)
    welch = stats.ttest_ind(a, b, equal_var=False)
    interval = welch.confidence_interval(level)
    drawn = resamples if resamples is not None else RESAMPLES[len(a) + len(b) > MANY]
    found, done, exact = _permuted(a, b, drawn, seed, progress)
    ranks = stats.mannwhitneyu(a, b)
    functions = stats.ks_2samp(a, b)
    difference = one.mean - two.mean
    return Comparison(
        first=one,
        second=two,
        difference=difference,
        low=float(interval.low),
        high=float(interval.high),
        welch=float(welch.pvalue),
        permutation=found,
        permutations=done,
        exact=exact,
        better=1 - float(ranks.statistic) / (one.n * two.n),
        mann_whitney=float(ranks.pvalue),
        distance=float(functions.statistic),
        kolmogorov_smirnov=float(functions.pvalue),
        detectable=detectable((one.deviation, one.n), (two.deviation, two.n), level=level, power=power),
        needed=needed(difference, one.deviation, two.deviation, level=level, power=power),
        level=level,
        power=power,
    )


def _sample(errors: Array) -> Sample:
    return Sample(len(errors), float(errors.mean()), float(errors.std(ddof=1)), float(errors[0]))


def _permuted(
    a: Array, b: Array, resamples: int, seed: int, progress: Callable[[int, int], None] | None
) -> tuple[float, int, bool]:
    """p of the difference of means, the number of permutations, and whether these are all."""
    total = math.comb(len(a) + len(b), len(a))
    exact = total <= resamples
    done = 0

    def statistic(x: Any, y: Any, axis: int) -> Any:
        nonlocal done
        done += x.size // x.shape[axis]
        if progress is not None:
            progress(min(done, resamples), resamples)
        return x.mean(axis=axis) - y.mean(axis=axis)

    found = scipy("stats").permutation_test(
        (a, b),
        statistic,
        vectorized=True,
        n_resamples=np.inf if exact else resamples,
        batch=max(1, AT_ONCE // (len(a) + len(b))),
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue), total if exact else resamples, exact


def power_of(difference: float, first: tuple[float, int], second: tuple[float, int], level: float = LEVEL) -> float:
    """How often Welch's test finds a difference of means, of populations with these standard deviations and numbers of
    members: the probability that |T| exceeds its quantile, for T of the noncentral t distribution. Takes scipy.

    T is (Z + shift) / sqrt(V / free), so that is the mean over V, which has the chi-squared distribution, of what the
    normal distribution says; V is taken at quantiles of normal scores, where the trapezoidal rule is exact to rounding.
    (scipy's own function of the distribution has no number for some arguments.)
    """
    special = scipy("special")
    error, free = _welch(first, second)
    edge = float(special.stdtrit(free, (1 + level) / 2))
    shift = abs(difference) / error
    scores = np.linspace(-REACH, REACH, NODES)
    lower, upper = special.ndtr(scores), special.ndtr(-scores)
    half = np.where(scores < 0, special.gammaincinv(free / 2, lower), special.gammainccinv(free / 2, upper))
    root = edge * np.sqrt(2 * half / free)
    density = np.exp(-(scores**2) / 2)
    found = special.ndtr(shift - root) + special.ndtr(-shift - root)
    return min(1.0, float(found @ density / density.sum()))


def powers(
    first: tuple[float, int], second: tuple[float, int], level: float = LEVEL, steps: int = STEPS
) -> tuple[Array, Array]:
    """Differences of means from 0 to where they are found nearly always, and how often each is found (`steps` + 1).

    Standard deviations with numbers of members, as `power_of` takes them.
    """
    error, free = _welch(first, second)
    most = (float(scipy("special").stdtrit(free, (1 + level) / 2)) + BEYOND) * error
    differences = np.linspace(0.0, most, steps + 1)
    return differences, np.array([power_of(float(each), first, second, level) for each in differences])


def detectable(
    first: tuple[float, int], second: tuple[float, int], *, level: float = LEVEL, power: float = POWER
) -> float:
    """The difference of means that Welch's test finds with that power: standard deviations with numbers of members.

    0, where it finds one so often by mistake.
    """
    if power <= 1 - level:
        return 0.0
    error, free = _welch(first, second)
    special = scipy("special")
    guess = float(special.stdtrit(free, (1 + level) / 2) + special.stdtrit(free, power)) * error
    most = guess
    while power_of(most, first, second, level) < power:
        most *= 2
    root: float = scipy("optimize").brentq(
        lambda each: power_of(each, first, second, level) - power, 0.0, most, xtol=1e-12 * most
    )
    return root


def needed(difference: float, first: float, second: float, *, level: float = LEVEL, power: float = POWER) -> int | None:
    """Members of each of two populations that find a difference of means with that power, by standard deviations."""
    if difference == 0:
        return None

    def enough(n: int) -> bool:
        return power_of(difference, (first, n), (second, n), level) >= power

    high = 2
    while not enough(high):
        high *= 2
        if high > MOST:  # a difference of nothing but rounding
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _welch(first: tuple[float, int], second: tuple[float, int]) -> tuple[float, float]:
    """The standard error of the difference of means, and Welch's degrees of freedom."""
    parts = [deviation**2 / n for deviation, n in (first, second)]
    total = sum(parts)
    free = sum([part**2 / (n - 1) for part, (_, n) in zip(parts, (first, second), strict=True)])
    return math.sqrt(total), total**2 / free


__all__ = ["POWER", "RESAMPLES", "Comparison", "Sample", "compare", "detectable", "needed", "power_of", "powers"]
