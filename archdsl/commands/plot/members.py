"""The members of a picture of spaces: drawn as `archdsl space sample` draws them, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import click

from archdsl.commands.plot.output import Wanted
from archdsl.commands.space.common import looking, opened
from archdsl.graph.cost import MEASURES
from archdsl.plots.figures import label_of
from archdsl.plots.rows import BlockRow, block_rows, widths_of
from archdsl.plots.spaces import ConditionRow, MemberRow
from archdsl.records import dataclass
from archdsl.spaces.member import Member
from archdsl.spaces.opened import Opened
from archdsl.views.acceptance import acceptance_report


@dataclass(frozen=True)
class Drawn:
    """A space of a picture, under a label that no other has, with what was drawn of it."""

    label: str
    spec: str
    opened: Opened = field(repr=False)
    members: Sequence[tuple[int, Member]]
    """With the numbers of their draws."""
    conditions: list[ConditionRow]

    @property
    def rows(self) -> list[MemberRow]:
        """A row for each member."""
        found = []
        for index, member in self.members:
            depth = member.model.depth if member.model is not None else 0
            hash_ = member.network.hash if member.network is not None else ""
            costs = {measure: member.costs[measure] for measure in MEASURES}
            found.append(MemberRow(model=self.label, index=index, depth=depth, hash=hash_, **costs))
        return found

    @property
    def widths(self) -> dict[str, list[BlockRow]]:
        """A row for each block of each member, under the space's label and the number of the draw."""
        found = {}
        for index, member in self.members:
            label = label_of(f"{self.label} {index}")
            found[label] = block_rows(label, widths_of(member.network)) if member.network is not None else []
        return found


def drawn(
    specs: Sequence[str], wanted: Wanted, color: str | None, *, count: int, most: int, seed: int, jobs: int
) -> list[Drawn]:
    """So many members of each space; ends the command where it has fewer."""
    from archdsl.spaces.arrays.sampled import Asked, Tally, members
    from archdsl.spaces.arrays.sampled import Wanted as Search

    found: list[Drawn] = []
    for spec in specs:
        space, _ = opened(spec, None, color=color, as_json=wanted.format == "json")
        label = label_of(space.space.name)
        if any(label == each.label for each in found):
            label = f"{label} #{len(found) + 1}"
        tally = Tally()
        with looking(f"sampling {label}") as tell_progress:
            asked = Asked(seed, hashed=False)
            pieces = list(members(space, asked, Search(count, most), jobs, tally, tell_progress))
        made = [
            (int(n), space.member(row)) for each in pieces for n, row in zip(each.index, each.settings, strict=True)
        ]
        if len(made) < count:
            message = f"of {tally.looked:,} settings of {label} {len(made):,} were accepted, and {count:,} are wanted"
            raise click.ClickException(f"{message}; --max-draws looks further")
        acceptance = acceptance_report(space.space, tally, (), "rejection", seed)
        conditions = [
            ConditionRow(
                label,
                each.condition,
                each.passed.count,
                each.passed.of,
                each.passed.share,
                each.passed.low,
                each.passed.high,
            )
            for each in acceptance.conditions
        ]
        found.append(Drawn(label, spec, space, made, conditions))
    return found
