"""Members of a space for the page: drawn one by one by the ordinary compiler, and written out as a model."""

from __future__ import annotations

from archdsl.analysis.trace import show_value
from archdsl.compiler import Changes, Compiled
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.spaces.drawn import DrawFault, settings
from archdsl.spaces.member import Member
from archdsl.spaces.opened import Opened, Text
from archdsl.views.explore.report import MemberPoint, OpenedReport, PopulationReport
from archdsl.views.explore.request import ExploreRequest, RequestFault
from archdsl.views.head import convention_report
from archdsl.views.show import show_model

MAX_DRAWS = 200
"""Of one answer."""
MAX_WORK = 3_000_000
"""Evaluation steps of one answer, beyond which no further draw is looked at."""


def population_of(request: ExploreRequest, text: Text, diagnostics: Diagnostics) -> PopulationReport | None:
    """Some draws of a space; none where it is at fault, which is among the diagnostics. Raises `RequestFault`."""
    if not 0 < request.count <= MAX_DRAWS:
        raise RequestFault(f"a population is drawn in pieces of 1 to {MAX_DRAWS}")
    found = text.opened(diagnostics)
    if found is None:
        return None
    members, looked, work = [], 0, 0
    try:
        for setting in settings(found.space, request.seed, request.start, request.count):
            member = found.member(setting)
            if member.valid:
                members.append(_point(request.start + looked, member))
            looked, work = looked + 1, work + member.steps
            if work > MAX_WORK:
                break
    except DrawFault as fault:
        raise RequestFault(str(fault)) from None
    space = found.space
    convention = CONVENTIONS[space.convention or DEFAULT.name]
    return PopulationReport(
        space.name,
        request.seed,
        request.start,
        looked,
        looked - len(members),
        tuple(members),
        None if space.at is None else tuple([int(extent) for extent in space.at]),
        convention_report(convention),
    )


def _point(index: int, member: Member) -> MemberPoint:
    drawn = [draw.name for draw in member.space.draws]
    values = tuple([f"{name}: {show_value(member.values[name])}"[:200] for name in drawn])
    hash_ = member.network.hash if member.network is not None else ""
    return MemberPoint(index, member.setting, values, **member.costs, hash=hash_)


def member_text(request: ExploreRequest, text: Text, diagnostics: Diagnostics) -> OpenedReport | None:
    """A member as a program of its own; none where it has no network. Raises `RequestFault`."""
    found = text.opened(diagnostics)
    if found is None:
        return None
    _verify(found, request)
    name = f"{found.space.name}_{request.start}"
    result = found.compiled(request.setting, name, Changes())
    diagnostics.extend(result.diagnostics)
    if not isinstance(result, Compiled):
        return None
    try:
        return OpenedReport(f"{name}.arch", show_model(result, text.read))
    except ValueError as fault:
        raise RequestFault(str(fault)) from None


def _verify(found: Opened, request: ExploreRequest) -> None:
    sizes, setting = found.space.sizes, request.setting
    if len(setting) != len(sizes) or any(not 0 <= number < size for number, size in zip(setting, sizes, strict=True)):
        raise RequestFault(f"that is no setting of `{found.space.name}`")


__all__ = ["MAX_DRAWS", "member_text", "population_of"]
