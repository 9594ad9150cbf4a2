"""Every row of the papers' tables: proved by a claim of a spec, explained by its note, or out of scope for a reason.

A figure is proved where the spec of its network claims it, digit by digit, at the row's resolution (that claims hold is
checked at every compile, and here). It is explained where a note of that spec quotes it. Nothing else is accepted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from families.compiling import COMPILER, ORACLE, ZOO_FILES, file_source

from archdsl.compiler import Compilation, Compiled

ROWS: list[dict[str, Any]] = json.loads((ORACLE / "paper_tables.json").read_text(encoding="utf-8"))["rows"]
MEASURES = ("flops", "params", "acts")
STRICT = {None, "papers", "macs", "regnet_2020"}
"""Conventions of the papers themselves; any other, or a figure cut off, makes a row an alternative one."""
ORDER = ("strict", "alternative", "explained")


@cache
def zoo() -> dict[str, Compilation]:
    """All models of all specs by name; names are unique."""
    found: dict[str, Compilation] = {}
    for path in ZOO_FILES:
        _, compilations, diagnostics = COMPILER.check(file_source(path))
        assert not list(diagnostics), f"{path}: {next(iter(diagnostics)).message}"
        for compilation in compilations:
            assert compilation.name not in found, f"{compilation.name} is declared twice"
            found[compilation.name] = compilation
    return found


def notes(compilation: Compilation) -> Iterator[str]:
    """All that a spec says of its figures."""
    assert compilation.model is not None
    for claim in compilation.model.claims:
        if claim.note:
            yield claim.note
    yield from map(str, dict(compilation.model.provenance).values())


def verdict(row: dict[str, Any], measure: str) -> str | None:
    """How a figure of a row is accounted for."""
    compilation = zoo()[row["model"]]
    assert compilation.model is not None
    assert isinstance(compilation, Compiled)
    found = None
    for claim in compilation.model.claims:
        height = claim.at[1] if claim.at is not None else compilation.network.input[1]
        if (claim.measure, claim.literal) != (measure, row[measure]):
            continue
        if height != row["resolution"]:
            found = found or "explained"  # the figure is that of images of another size
        elif claim.convention in STRICT and not claim.truncated:
            return "strict"
        else:
            found = "alternative"
    if found is None and any(row[measure] in note for note in notes(compilation)):
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
    assert found["strict"] >= 183
    assert found["strict"] + found["alternative"] >= 183 + 22
    assert found["explained"] <= 44
    assert found["out of scope"] <= 144


def test_every_claim_holds() -> None:
    for compilation in zoo().values():
        assert compilation.model is not None
        assert len(compilation.verdicts) == len(compilation.model.claims)
        assert all(each.holds for each in compilation.verdicts)
