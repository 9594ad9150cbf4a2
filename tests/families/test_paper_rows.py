"""Every row of the papers' tables: proved by a claim of a spec, explained by its note, or out of scope for a reason.

A figure is proved where the spec of its network claims it, digit by digit, at the row's resolution (that claims hold is
checked at every compile, and here). It is explained where a note of that spec quotes it. Nothing else is accepted.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from families.compiling import COMPILER, ORACLE, ZOO_FILES, file_source

from archdsl.analysis.model import Claim
from archdsl.compiler import Compiled

ROWS: list[dict[str, Any]] = json.loads((ORACLE / "paper_tables.json").read_text(encoding="utf-8"))["rows"]
MEASURES = ("flops", "params", "acts")
STRICT = {None, "papers", "macs", "regnet_2020"}
"""Conventions of the papers themselves; any other, or a figure cut off, makes a row an alternative one."""
ORDER = ("strict", "alternative", "explained")


@dataclass(frozen=True)
class Claimed:
    """What a spec says of a network's figures, without the network."""

    claims: tuple[Claim, ...]
    height: int
    """Of the images that the network is declared for."""
    notes: tuple[str, ...]


@cache
def zoo() -> dict[str, Claimed]:
    """All models of all specs by name; names are unique, and every claim holds."""
    found: dict[str, Claimed] = {}
    for path in ZOO_FILES:
        _, compilations, diagnostics = COMPILER.check(file_source(path))
        assert not list(diagnostics), f"{path}: {next(iter(diagnostics)).message}"
        for result in compilations:
            assert result.name not in found, f"{result.name} is declared twice"
            assert isinstance(result, Compiled)
            claims = result.model.claims
            assert len(result.verdicts) == len(claims)
            assert all(each.holds for each in result.verdicts)
            notes = [claim.note for claim in claims if claim.note]
            notes += map(str, dict(result.model.provenance).values())
            found[result.name] = Claimed(claims, int(result.network.input[1]), tuple(notes))
    return found


def verdict(row: dict[str, Any], measure: str) -> str | None:
    """How a figure of a row is accounted for."""
    claimed = zoo()[row["model"]]
    found = None
    for claim in claimed.claims:
        height = claim.at[1] if claim.at is not None else claimed.height
        if (claim.measure, claim.literal) != (measure, row[measure]):
            continue
        if height != row["resolution"]:
            found = found or "explained"  # the figure is that of images of another size
        elif claim.convention in STRICT and not claim.truncated:
            return "strict"
        else:
            found = "alternative"
    if found is None and any(row[measure] in note for note in claimed.notes):
        found = "explained"
    return found


def account(row: dict[str, Any]) -> str:
    """How a row is accounted for: as the worst of its figures."""
    verdicts = {measure: verdict(row, measure) for measure in MEASURES if measure in row}
    missing = {measure: row[measure] for measure, found in verdicts.items() if found is None}
    assert verdicts
    assert not missing, f"{row['model']} neither claims nor explains {missing} at {row['resolution']} ({row['id']})"
    return max([str(found) for found in verdicts.values()], key=ORDER.index)


TABLES = sorted({(row["paper"], row["table"]) for row in ROWS})


@pytest.mark.parametrize(("paper", "table"), TABLES, ids=["/".join(table) for table in TABLES])
def test_table(paper: str, table: str) -> None:
    """Every row is accounted for at least as well as the record says."""
    for row in ROWS:
        if (row["paper"], row["table"]) != (paper, table):
            continue
        if row["quality"] == "out of scope":
            assert row["model"] is None, row["id"]
            assert row["note"], row["id"]
        else:
            assert ORDER.index(account(row)) <= ORDER.index(row["quality"]), row["id"]


def test_all_rows_are_accounted_for() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS) == 393
    found = Counter(account(row) if row["model"] else "out of scope" for row in ROWS)
    assert found["strict"] >= 210
    assert found["strict"] + found["alternative"] >= 210 + 40
    assert found["explained"] <= 46
    assert found["out of scope"] <= 97
