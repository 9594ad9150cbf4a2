"""Integers seen as products of powers, without factoring them.

Two facts carry the exactness of `archdsl.numbers`. Integers that are pairwise coprime have linearly
independent logarithms. Of integers that are pairwise coprime and no perfect powers, no product of
fractional powers is rational unless every exponent is whole. Greatest common divisors and integer
roots, both cheap, are enough to get there; prime factors are never needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache, lru_cache

_MERSENNE = (1 << 61) - 1


@cache
def _primes(bits: int) -> tuple[int, ...]:
    """The exponents that a perfect power of so many bits may have."""
    return tuple([k for k in range(2, bits) if all(k % d for d in range(2, math.isqrt(k) + 1))])


def integer_root(n: int, k: int) -> int:
    """The largest r with `r ** k <= n`, for n positive and k above 1."""
    if k == 2:
        return math.isqrt(n)
    # Newton's iteration falls from any start above the root until it reaches it. Doubles give a start with
    # some thirty leading bits right, so that the number of right bits doubles from the first step.
    log = math.log2(n) / k
    shift = max(0, int(log) - 50)
    root = (int(2.0 ** (log - shift) * (1 + 2.0**-30)) + 1) << shift
    while True:
        better = ((k - 1) * root + n // root ** (k - 1)) // k
        if better >= root:
            return root
        root = better


@lru_cache(maxsize=4096)
def primitive_root(n: int) -> tuple[int, int]:
    """`(r, k)` with `r ** k == n` and the largest k, so that r is no perfect power. For n above 1."""
    power = 1
    for k in _primes(n.bit_length()):
        while k < n.bit_length():
            log = math.log2(n) / k
            if log > 40:
                root = integer_root(n, k)
            else:
                # The nearest integer to the double is the only candidate; nearly all fail modulo a prime.
                root = round(2.0**log)
                if pow(root, k, _MERSENNE) != n % _MERSENNE:
                    break
            if root**k != n:
                break
            n, power = root, power * k
        if k >= n.bit_length():
            break
    return n, power


def pairwise_coprime(numbers: Iterable[int]) -> bool:
    """Whether no two of the positive integers share a factor."""
    product = 1
    for n in numbers:
        if math.gcd(product, n) != 1:
            return False
        product *= n
    return True


def coprime_base(numbers: Iterable[int]) -> list[int]:
    """Pairwise coprime integers above 1 of which each of the numbers is a product of powers."""
    base: list[int] = []
    waiting = list(numbers)
    while waiting:
        n = waiting.pop()
        for i, b in enumerate(base):
            shared = math.gcd(n, b)
            if shared > 1:
                del base[i]
                waiting += [m for m in (n // shared, b // shared, shared) if m > 1]
                break
        else:
            if n > 1:
                base.append(n)
    return base


def exponents(n: int, base: Iterable[int]) -> list[tuple[int, int]]:
    """n as a product of powers of a coprime base that covers it: pairs of base and exponent."""
    found = []
    for b in base:
        exponent = 0
        while n % b == 0:
            n //= b
            exponent += 1
        if exponent:
            found.append((b, exponent))
    return found
