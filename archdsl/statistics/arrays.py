"""What enters: numbers of members, one for each."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.ArrayLike

LARGEST = 1e100
"""Beyond it squares and their sums have no doubles."""
LEVEL = 0.95
"""How often an interval holds the true figure."""


def numbers_of(values: Numbers, what: str, least: int = 1) -> Array:
    """Values as doubles (N). Raises ValueError where they are no list of finite numbers, or fewer than the least."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{what} must be numbers") from None
    if found.ndim != 1:
        raise ValueError(f"{what} must be a list of numbers, one for each member; they have {found.ndim} dimensions")
    if len(found) < least:
        raise ValueError(f"{what} must be at least {least}, and there are {len(found)}")
    if not np.isfinite(found).all():
        raise ValueError(f"{what} must be finite, and {int((~np.isfinite(found)).sum())} of {len(found)} are not")
    if (np.abs(found) > LARGEST).any():
        raise ValueError(f"{what} must be within {LARGEST:g}, for their squares are summed")
    return found


def pairs_of(x: Numbers, y: Numbers, names: tuple[str, str], least: int = 1) -> tuple[Array, Array]:
    """Two lists of numbers with as many. Raises ValueError."""
    first, second = numbers_of(x, names[0], least), numbers_of(y, names[1], least)
    if len(first) != len(second):
        raise ValueError(f"there are {len(first)} {names[0]} and {len(second)} {names[1]}: each member has one of both")
    return first, second


def verify_share(share: float, what: str) -> None:
    """Raises ValueError for what is not above 0 and below 1."""
    if not 0 < share < 1:
        raise ValueError(f"{what} must be above 0 and below 1, not {share:g}")


def scipy(name: str) -> Any:
    """A module of scipy. Raises ImportError with how to install it."""
    try:
        return import_module(f"scipy.{name}")
    except ImportError:
        raise ImportError("this needs scipy, which is not installed: pip install 'archdsl[spaces]'") from None


__all__ = ["LEVEL", "Array", "Numbers", "numbers_of", "pairs_of", "scipy", "verify_share"]
