"""What is equal in all bodies, where a block's text does not say why: an argument that follows from others."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.backends.torch.python import Binary, Literal, Name
from archdsl.backends.torch.terms import MISSING, Column, Parameter, Term, fits

MAX_FACTOR = 12


def following(column: Column, known: Sequence[Term]) -> Term | None:
    """A count of channels that equals a known one in every body, or a small multiple, part or difference of it."""
    if len({value for value in column if value is not MISSING}) < 2:
        return None
    for term in known:
        if fits(column, term.column, lambda a: a):
            return term
    if None in column:  # what may be left out follows from no count
        return None
    known = [term for term in known if None not in term.column]  # what may be none is no number to count with
    for term in known:
        for factor in range(2, MAX_FACTOR + 1):
            if fits(column, term.column, lambda a, f=factor: a * f):  # type: ignore[misc]
                return Term(Binary("*", Literal(factor), Name(term.name)), column)
            if fits(column, term.column, lambda a, f=factor: a // f if a % f == 0 else MISSING):  # type: ignore[misc]
                return Term(Binary("//", Name(term.name), Literal(factor)), column)
    for term in known:
        for other in known:
            less = [a - b if MISSING not in (a, b) else MISSING for a, b in zip(term.column, other.column, strict=True)]
            if fits(column, tuple(less), lambda a: a):
                return Term(Binary("-", Name(term.name), Name(other.name)), column)
    return None


def padding_of(kernel: Term | None, column: Column, parameters: Sequence[Parameter]) -> Term | None:
    """Padding that follows from the kernel beside it, or from a parameter `dilation`."""
    half = kernel is not None and fits(column, kernel.column, lambda a: a // 2 if isinstance(a, int) else MISSING)
    if kernel is not None and kernel.name and half:
        return Term(Binary("//", Name(kernel.name), Literal(2)), column)
    own = [p for p in parameters if p.role == "dilation" and p.setting == "dilation"]
    for parameter in own:
        if fits(column, parameter.column, lambda a: a):
            return parameter.term
    return None
