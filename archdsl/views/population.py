"""What `archdsl space count`, `sample` and `enumerate` show: how many members there are, and the table of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archdsl import __version__
from archdsl.records import documented
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import kinds_of
from archdsl.spaces.space import Space
from archdsl.views.acceptance import AcceptanceReport, acceptance_report, acceptance_text, interval, percent
from archdsl.views.space import StructureReport, structure_report, structure_text
from archdsl.views.space import count_text as number_text
from archdsl.visible import visible

if TYPE_CHECKING:
    from archdsl.spaces.arrays.counted import Counted
    from archdsl.spaces.arrays.sampled import Tally


@documented
class TablesReport:
    """Whether a space is counted by tables of stages: its stages are the runs of a list whose length is drawn."""

    draws: list[str]
    """What the list is made of, and what says how long it is; empty where it is not such a space."""
    tables: int
    """Different widths and depths of stages."""
    rows: int
    """Those with the settings of the other draws."""
    reason: str | None
    """Why it is not counted so, as far as is known; else null."""


@documented
class ChainReport:
    """Whether a space is counted along a chain of stages, each of which has draws of its own."""

    stages: int
    """How many there are; 0 where it is not such a space."""
    settings: int
    """Settings of single stages that were looked at, with all channels that may flow into them."""
    shared: list[str]
    """Draws that several stages share."""
    reason: str | None
    """Why it is not counted so, as far as is known; else null."""


@documented
class CountReport:
    """The output of `archdsl space count SPACE --format json`."""

    archdsl: str
    spec: str
    space: str
    settings: int
    """Valid or not: exact always."""
    exact: bool
    """Whether `low` and `high` are the count."""
    method: str
    """`enumeration`: every setting was looked at. `sums`: costs are sums of what parts of a setting cost, and it was
    counted how many sums are within the bounds. `tables`: networks were counted by the different tables of their
    stages. `chain`: sums were worked out stage by stage. `interval`: settings were drawn, and the count is an
    estimate."""
    low: int
    """The smallest number of valid settings within the bands that the interval holds."""
    high: int
    """The largest."""
    networks: int | None
    """Networks that differ; null where that was not asked."""
    structure: StructureReport | None
    """What the sums are of, or why there are none; null of an enumeration."""
    tables: TablesReport | None
    """What the tables are, or why there are none; null of an enumeration and where costs are sums."""
    chain: ChainReport | None
    """What the chain is, or why there is none; null where it was counted otherwise."""
    acceptance: AcceptanceReport | None
    """What became of the settings that were looked at; null where none was, as it is counted by structure."""


@documented
class PopulationReport:
    """The output of `archdsl space sample` and `enumerate` with `--format json`: what was written."""

    archdsl: str
    spec: str
    space: str
    space_hash: str
    """A digest of the texts that the space was made of, which every row has."""
    settings: int
    path: str
    rows: int
    law: str
    """`rejection`: settings are drawn by the laws until enough are members. `solved`: members are drawn, each as
    probable as the laws make it among all members. `networks`: members are drawn, each network as probable as every
    other. `all`: all members."""
    seed: int | None
    """Null of an enumeration."""
    networks: int | None
    """How many networks there are to draw from; null unless each is as probable as every other."""
    columns: dict[str, str]
    """Names, and whether a column holds int, number, bool or text."""
    repeated: int
    """Members that were left out since their network was there already."""
    parts: int | None
    """Into how many parts an enumeration was cut; null of a sample."""
    resumed: int | None
    """How many of them an earlier start had done."""
    acceptance: AcceptanceReport | None
    """Null where members alone were drawn."""


def count_report(space: Space, spec: str, found: Counted, bands: tuple[str, ...], seed: int) -> CountReport:
    """How many settings are valid."""
    law, seeded = ("all", None) if found.exact else ("equal", seed)
    acceptance = None
    if found.method in ("enumeration", "interval"):
        acceptance = acceptance_report(space, found.tally, bands, law, seeded)
    figures = found.settings, found.exact, found.method, found.low, found.high, found.networks
    structure = structure_report(found.structure) if found.structure is not None else None
    tables = None
    if found.tables is not None:
        of = found.tables
        tables = TablesReport(list(of.draws), of.tables, of.rows, of.tied)
    chain = None
    if found.chain is not None:
        chain = ChainReport(found.chain.stages, found.chain.settings, list(found.chain.shared), found.chain.tied)
    return CountReport(__version__, spec, space.name, *figures, structure, tables, chain, acceptance)


def count_text(found: CountReport) -> str:
    """The count, or that it is an interval."""
    settings = number_text(found.settings)
    if found.exact:
        lines = [f"{found.space}: exactly {found.low:,} of {settings} settings are accepted"]
        by = "by hash" if found.tables is None else "by what their blocks compute"
        lines += [f"{found.networks:,} different networks, {by}"] if found.networks is not None else []
    else:
        lines = [
            f"{found.space}: {settings} settings, of which not all were looked at",
            f"accepted: between {number_text(found.low)} and {number_text(found.high)}",
        ]
    if found.acceptance is not None and not found.exact:
        share = found.acceptance.accepted
        lines.append(f"  an estimate: {share.count:,} of {share.of:,} drawn, {interval(share)}")
    if found.chain is not None and found.chain.reason is None:
        lines.append(_chain_text(found.chain))
    else:
        if found.structure is not None and (found.tables is None or found.tables.reason is not None):
            lines.append(structure_text(found.structure))
        lines += [_tables_text(found.tables)] if found.tables is not None else []
        lines += [_chain_text(found.chain)] if found.chain is not None else []
    text = "\n".join(lines) + "\n"
    return text if found.acceptance is None else f"{text}\n{acceptance_text(found.acceptance)}"


def _tables_text(found: TablesReport) -> str:
    """What the tables are, or why there are none."""
    if found.reason is not None:
        return f"not counted by tables of stages: {found.reason}"
    made = f"{found.tables:,} different tables of stages of {', '.join(found.draws)}"
    return f"counted by tables: {made}; {found.rows:,} with the other draws"


def _chain_text(found: ChainReport) -> str:
    """What the chain is, or why there is none."""
    if found.reason is not None:
        return f"not counted along a chain of stages: {found.reason}"
    shared = f"; they share {', '.join(found.shared)}" if found.shared else ""
    return f"counted along a chain of {found.stages} stages: {found.settings:,} settings of single ones{shared}"


def sample_report(
    opened: Opened,
    spec: str,
    tally: Tally,
    bands: tuple[str, ...],
    seed: int,
    path: str,
    rows: int,
    *,
    hashed: bool,
    solved: int | None = None,
    law: str = "rejection",
) -> PopulationReport:
    """What was drawn and written. `solved`: of how many networks each was as probable."""
    acceptance = acceptance_report(opened.space, tally, bands, law, seed) if law == "rejection" else None
    report = _report(opened, spec, path, rows, tally.repeated, None, acceptance, hashed)
    return replace(report, law=law, seed=seed, networks=solved)


def enumeration_report(
    opened: Opened,
    spec: str,
    tally: Tally,
    bands: tuple[str, ...],
    path: str,
    parts: tuple[int, int],
    *,
    hashed: bool,
) -> PopulationReport:
    """What was gone through and written; of the parts those that were there, and all."""
    acceptance = acceptance_report(opened.space, tally, bands, "all", None)
    report = _report(opened, spec, path, acceptance.accepted.count, 0, parts, acceptance, hashed)
    return replace(report, law="all")


def _report(
    opened: Opened,
    spec: str,
    path: str,
    rows: int,
    repeated: int,
    parts: tuple[int, int] | None,
    acceptance: AcceptanceReport | None,
    hashed: bool,
) -> PopulationReport:
    resumed, all_parts = parts if parts is not None else (None, None)
    return PopulationReport(
        archdsl=__version__,
        spec=spec,
        space=opened.space.name,
        space_hash=opened.digest,
        settings=opened.space.settings,
        path=path,
        rows=rows,
        law="rejection",
        seed=None,
        networks=None,
        columns=dict(kinds_of(opened.codings, hashed=hashed)),
        repeated=repeated,
        parts=all_parts,
        resumed=resumed,
        acceptance=acceptance,
    )


def population_text(found: PopulationReport) -> str:
    """What was written, and what was left out."""
    lines = [f"wrote {visible(found.path)}: {found.rows:,} networks of {found.space}"]
    if found.resumed:
        lines.append(f"{found.resumed:,} of {found.parts:,} parts were there from an earlier start")
    if found.repeated:
        lines.append(f"{found.repeated:,} members were left out: their networks are there already")
    if found.acceptance is None:
        words = "each member as probable as the laws of the space make it among all members"
        if found.networks is not None:
            words = f"each of {found.networks:,} networks as probable as every other"
        return "\n".join([*lines, f"law: {found.law}, seed {found.seed}: {words}"]) + "\n"
    share = found.acceptance.accepted
    if found.acceptance.method is not None:
        lines.append(f"accepted: {percent(share.share)} of {share.of:,} draws ({interval(share)})")
    return "\n".join(lines) + "\n\n" + acceptance_text(found.acceptance)
