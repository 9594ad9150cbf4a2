"""What `archdsl space contains` shows: whether a network is a member of a space, and as what."""

from __future__ import annotations

from archdsl import __version__
from archdsl.diagnostics import Diagnostic
from archdsl.records import documented
from archdsl.spaces.membership import Answer, Membership
from archdsl.spaces.opened import Opened
from archdsl.spaces.space import Requirement
from archdsl.views.diff import written


@documented
class DrawnValue:
    """A draw with the value that gives the network."""

    name: str
    value: str
    """As the language writes it."""


@documented
class ContainsReport:
    """The output of `archdsl space contains SPACE NET --format json`."""

    archdsl: str
    spec: str
    space: str
    network: str
    """As given."""
    hash: str
    answer: Answer
    """`no member` is said where it is certain; else the answer is `not decided`."""
    draws: list[DrawnValue]
    """The setting that gives the network; empty where none was found."""
    refused: str | None
    """The requirement that does not hold, or the fault, of that setting or of the network itself."""
    refused_by: str | None
    """The space that the requirement stands in."""
    outside: list[DrawnValue]
    """Values of the network that the draws of these names have not, where the answer is not decided."""
    looked: int
    """Settings that were looked at."""
    all: bool
    """Whether these are all."""


def contains_report(opened: Opened, spec: str, network: str, hash_: str, found: Membership) -> ContainsReport:
    """Whether a network is a member."""
    space, member = opened.space, found.member
    values = space.values(member.setting) if member is not None else {}
    draws = [DrawnValue(name, written(value)) for name, value in values.items()]
    refused, by = None, None
    if isinstance(found.refused, Requirement):
        refused, by = f"require {found.refused.text}", found.refused.space
    elif isinstance(found.refused, Diagnostic):
        refused = f"{found.refused.code}: {found.refused.message}"
    outside = [DrawnValue(name, written(value)) for name, value in found.outside.items()]
    figures = found.answer, draws, refused, by, outside, found.looked, found.all
    return ContainsReport(__version__, spec, space.name, network, hash_, *figures)


def contains_text(found: ContainsReport) -> str:
    """The answer for a reader."""
    words = {
        "member": f"{found.network} is a member of {found.space}",
        "no member": f"{found.network} is no member of {found.space}",
        "not decided": f"whether {found.network} is a member of {found.space} is not decided",
    }
    lines = [words[found.answer]]
    lines += [f"  {each.name} = {each.value}" for each in found.draws]
    if found.refused is not None:
        whose = "that setting gives the network, and" if found.draws else "the network"
        where = f", of {found.refused_by}" if found.refused_by is not None else ""
        lines.append(f"{whose} is refused: {found.refused}{where}")
    lines += [f"{each.value} is no value of `{each.name}`" for each in found.outside]
    if found.answer == "not decided":
        lines.append(f"{found.looked:,} likely settings were looked at; another one may give the network")
    elif found.all and found.answer == "no member" and not found.draws:
        lines.append(f"none of all {found.looked:,} settings gives the network")
    return "\n".join(lines) + "\n"
