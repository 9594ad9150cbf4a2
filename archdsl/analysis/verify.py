"""Claims against the network: a published figure holds when the computed value, rounded, is that figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from archdsl.analysis.evaluate import literal
from archdsl.analysis.model import Claim, Model
from archdsl.diagnostics import Diagnostic, Label
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import SUFFIXES, Cost, count
from archdsl.graph.network import Network
from archdsl.graph.shapes import Shape
from archdsl.records import dataclass

DEFAULT_CONVENTION = next(iter(CONVENTIONS))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim with what the network gives."""

    claim: Claim
    convention: str
    computed: int
    input: Shape

    @property
    def holds(self) -> bool:
        return rounded(self.computed, self.claim.literal, self.claim.truncated) == literal(self.claim.literal)


def quantum(text: str) -> Fraction:
    """The value of one unit of the last printed digit: 100,000,000 for `4.0G`."""
    scale = SUFFIXES.get(text[-1], 0)
    digits = text[:-1] if text[-1] in SUFFIXES else text
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return Fraction(10) ** (scale + int(exponent or 0) - decimals)


def rounded(value: int | Fraction, text: str, truncated: bool) -> Fraction:
    """A value brought to the digits of a printed figure: half up, or cut off."""
    unit = quantum(text)
    ratio = Fraction(value) / unit
    whole = ratio.numerator // ratio.denominator if truncated else (2 * ratio + 1) // 2
    return whole * unit


def verdicts(network_at: Callable[[Shape | None], Network], claims: Iterable[Claim]) -> list[Verdict]:
    """Each claim with the computed value under its convention, at the input that it names.

    `network_at` gives the network for an input, for none the one at the model's own input.
    """
    costs: dict[tuple[Shape | None, str], Cost] = {}
    found = []
    for claim in claims:
        key = (claim.at, claim.convention or DEFAULT_CONVENTION)
        network = network_at(claim.at)
        if key not in costs:
            costs[key] = count(network, key[1])
        found.append(Verdict(claim, key[1], int(getattr(costs[key], claim.measure)), network.input))
    return found


def verify_claims(model: Model, found: Iterable[Verdict]) -> list[Diagnostic]:
    """E501 for every claim that does not hold, with both values."""
    diagnostics = []
    for verdict in found:
        if verdict.holds:
            continue
        claim = verdict.claim
        convention = CONVENTIONS[verdict.convention]
        near = rounded(verdict.computed, claim.literal, claim.truncated)
        shown = printed(near, claim.literal) if near else str(verdict.computed)
        size = " x ".join(str(extent) for extent in verdict.input)
        message = f"`{model.name}` has {verdict.computed:,} {claim.measure}, claimed are {claim.literal}"
        label = f"{shown} by the convention {convention.name} at {size}"
        labels = (Label(model.span, "the model of the claim"),)
        help_ = f"write `{claim.measure}: {shown}`, or name the convention of the figure with `by`"
        diagnostics.append(Diagnostic("E501", message, claim.span, label=label, labels=labels, help=help_))
    return diagnostics


def printed(value: Fraction, text: str) -> str:
    """A value with the digits and the suffix of a printed figure."""
    suffix = text[-1] if text[-1] in SUFFIXES else ""
    digits = text[:-1] if suffix else text
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    scaled = value / Fraction(10) ** (SUFFIXES.get(suffix, 0) + int(exponent or 0))
    whole, rest = divmod(round(scaled * 10**decimals), 10**decimals)
    number = f"{whole}.{rest:0{decimals}}" if decimals else str(whole)
    return number + (f"e{exponent}" if exponent else "") + suffix
