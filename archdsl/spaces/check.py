"""Whether the spaces of a file are sound: some setting is a member, the recipe and reward have values, claims hold.

Few settings are all looked at; of many some are tried, each time the same, until one is a member. How many are is then
counted where costs are sums, or there are few tables of stages (`arrays/counted.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from fractions import Fraction
from itertools import product

from archdsl import limits
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.evaluate import literal
from archdsl.analysis.program import Program
from archdsl.analysis.verify import printed, rounded
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault, Label
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.spaces.entry import context_of, spaces_of
from archdsl.spaces.member import Member, member_of
from archdsl.spaces.search import Search
from archdsl.spaces.space import Requirement, Space, SpaceClaim
from archdsl.spaces.training import recipe_of, verify_reward

SEED = 0
MISUSE = frozenset(("E201", "E202", "E204", "E212", "E301", "E310"))
"""Codes of faults in a condition that are no matter of what was drawn."""
_BLOCK = 50
"""Steps that a block of a network is worth, which is placed and counted without any."""
_SHOWN = 3
"""Reasons that are told where no setting is a member."""


@dataclass(frozen=True, slots=True)
class SpaceVerdict:
    """A claim of a space with what it has: none where there are too many settings to look at them."""

    claim: SpaceClaim
    computed: int | None
    reason: str = ""
    """Why it has none."""

    @property
    def holds(self) -> bool:
        if self.computed is None:
            return False
        found = rounded_quotient(self.computed, self.claim)
        return found == literal(self.claim.literal)


@dataclass(frozen=True)
class CheckedSpace:
    """A space that was looked at: a member of it, if one was found, and its claims."""

    space: Space
    member: Member | None
    verdicts: tuple[SpaceVerdict, ...] = field(default=())


def rounded_quotient(value: int, claim: SpaceClaim) -> Fraction:
    """What a claim says of a number: divided, and brought to the digits of the figure."""
    return rounded(Fraction(value, claim.divided_by), claim.literal, claim.truncated)


def check_spaces(
    compiler: Compiler, program: Program, diagnostics: Diagnostics, only: str | None = None
) -> list[CheckedSpace]:
    """Look at every space that a program's entry declares, or at one; what is wrong is added to the diagnostics."""
    found = []
    for space in spaces_of(compiler, program, diagnostics):
        if diagnostics.full:
            break
        if only is None or space.name == only:
            try:
                found.append(_checked(context_of(compiler), space, diagnostics))
            except AlreadyReported:
                continue  # what is behind it is among the diagnostics
    return found


def _checked(ctx: Context, space: Space, diagnostics: Diagnostics) -> CheckedSpace:
    few = space.settings <= limits.MAX_ENUMERATED
    counted = few and any(claim.measure == "valid" for claim in space.claims)
    tried = _Tried(few)
    search = Search(space, SEED)
    for setting in product(*map(range, space.sizes)) if few else search:
        found = member_of(ctx, space, setting)
        tried.add(found)
        search.tell(found)
        wrong = _misuse(found)
        if wrong is not None:
            diagnostics.add(wrong)
            return CheckedSpace(space, None)
        if (tried.member is not None and not counted) or tried.steps > limits.MAX_SEARCH_STEPS:
            break
    if tried.member is None:
        diagnostics.add(_empty(space, tried))
    else:
        _verify_training(ctx, tried.member, diagnostics)
    verdicts = tuple([_verdict(ctx, space, claim, tried) for claim in space.claims])
    diagnostics.extend(_verify_claims(space, verdicts))
    return CheckedSpace(space, tried.member, verdicts)


class _Tried:
    """The settings that were looked at."""

    def __init__(self, few: bool) -> None:
        self.few = few
        self.count, self.valid, self.steps = 0, 0, 0
        self.member: Member | None = None
        self.refused: Counter[int] = Counter()
        """How many each requirement refused, by its number."""
        self.faults: dict[tuple[str, Span], list[Diagnostic]] = {}
        """What left settings without a network, by code and place."""

    def add(self, found: Member) -> None:
        self.count += 1
        self.steps += found.steps + (_BLOCK * found.model.depth if found.model is not None else 0)
        if found.refused is None:
            self.valid += 1
            self.member = self.member or found
        elif isinstance(found.refused, Diagnostic):
            self.faults.setdefault((found.refused.code, found.refused.span), []).append(found.refused)
        elif (number := found.requirement) is not None:
            self.refused[number] += 1


def _misuse(found: Member) -> Diagnostic | None:
    """A fault in the text of a condition or derived name, which no draw would mend."""
    wrong = found.refused
    if not isinstance(wrong, Diagnostic) or wrong.code not in MISUSE:
        return None
    for step in found.space.steps:
        span = step.span if isinstance(step, Requirement) else step.binding.span
        if span.source is wrong.span.source and span.start <= wrong.span.start and wrong.span.end <= span.end:
            return wrong
    return None


def _empty(space: Space, tried: _Tried) -> Diagnostic:
    """Nothing that was looked at is a member: the fault of all, or how many were refused by what."""
    if not tried.refused and len(tried.faults) == 1:
        wrong = next(iter(tried.faults.values()))[0]
        so = Label(space.span, f"so for each of {_settings(tried.count)}")
        return replace(wrong, labels=(*wrong.labels, so), edits=())
    by = [(each, tried.refused[number]) for number, each in enumerate(space.requirements)]
    labels = tuple([Label(each.span, f"refuses {count:,}") for each, count in by if count][:6])
    faults = sorted(tried.faults.values(), key=len, reverse=True)[:_SHOWN]
    help_ = "; ".join([f"{len(each):,} without a network: {each[0].message}" for each in faults]) or None
    if tried.few:
        each = "its one setting" if tried.count == 1 else f"each of its {tried.count:,} settings"
        message = f"`{space.name}` has no member: {each} is refused"
        return Diagnostic("E214", message, space.span, labels=labels, help=help_)
    message = f"`{space.name}` has no member among {_settings(tried.count)} that were tried"
    help_ = help_ or "there may be members all the same: then they are few"
    return Diagnostic("E214", message, space.span, labels=labels, help=help_, severity="warning")


def _settings(count: int) -> str:
    return "1 setting" if count == 1 else f"{count:,} settings"


def _verify_training(ctx: Context, member: Member, diagnostics: Diagnostics) -> None:
    """The recipe and the reward have values."""
    apart = ctx.fresh(diagnostics)
    for verify in (recipe_of, verify_reward):
        try:
            verify(apart, member)
        except Fault as found:
            diagnostics.add(found.diagnostic)
        except AlreadyReported:
            continue  # what is behind it is among the diagnostics


# Claims


def _verdict(ctx: Context, space: Space, claim: SpaceClaim, tried: _Tried) -> SpaceVerdict:
    match claim.measure:
        case "dimensions":
            return SpaceVerdict(claim, space.free_dimensions)
        case "settings":
            return SpaceVerdict(claim, space.settings)
        case _:
            if tried.few:
                return SpaceVerdict(claim, tried.valid if tried.count == space.settings else None)
            return _counted(ctx, space, claim)


def _counted(ctx: Context, space: Space, claim: SpaceClaim) -> SpaceVerdict:
    """By sums, by tables of stages, or along a chain of stages."""
    from archdsl.spaces.arrays.counted import by_chain, by_sums, by_tables
    from archdsl.spaces.arrays.engine import Engine

    engine = Engine(ctx, space)
    structure, count = by_sums(engine)
    if count is None:
        count = by_tables(engine)[1]
    if count is None:
        count = by_chain(engine)[1]
    return SpaceVerdict(claim, count, structure.tied or "")


_WORDS = {"dimensions": "dimension", "settings": "setting", "valid": "valid setting"}


def _verify_claims(space: Space, verdicts: Iterable[SpaceVerdict]) -> Iterator[Diagnostic]:
    """E501 for every claim that does not hold; E504 for one that is not looked at."""
    for verdict in verdicts:
        claim, computed = verdict.claim, verdict.computed
        if computed is None:
            message = f"`{space.name}` has too many settings to count the valid ones here: {space.settings:,}"
            help_ = f"a claim of `valid` is verified where there are at most {limits.MAX_ENUMERATED:,}"
            if verdict.reason:
                help_ += f", or where costs are sums: {verdict.reason}"
            yield Diagnostic("E504", message, claim.span, help=help_, severity="warning")
        elif not verdict.holds:
            near = rounded_quotient(computed, claim)
            shown = printed(near, claim.literal) if near else f"{computed / claim.divided_by:g}"
            divided = f", divided by {claim.divided_by:,}" if claim.divided_by > 1 else ""
            what = _WORDS[claim.measure] if computed == 1 else f"{_WORDS[claim.measure]}s"
            has = f"{computed:,} {what}{divided}"
            message = f"`{space.name}` has {has}, claimed are {claim.literal}"
            labels = (Label(space.span, "the space of the claim"),)
            help_ = f"write `{claim.measure}: {shown}`"
            yield Diagnostic("E501", message, claim.span, labels=labels, help=help_)


__all__ = ["CheckedSpace", "SpaceVerdict", "check_spaces"]
