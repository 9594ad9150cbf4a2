"""Exports the smallest network of every file of the zoo, and keeps what its runtime gave: `docs/export/TARGET.jsonl`.

    python benchmarks/export.py [--target onnx] [--only NAME ...]     what has a row is not exported again
    python benchmarks/export.py --table                               what docs/export.md has of the last rows

Weights are drawn. A network is exported for any size where it takes several, else for any batch, and compared at two
sizes where it can be, and for batches of 1 and 3. One of more than 10 G multiply-adds is exported for images of 256 x
256. Nothing is written but the rows: the files would be gigabytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import archdsl
from archdsl import zoo
from archdsl.commands.exported import subject_of
from archdsl.exporting.run import Exported, Options, Subject, export
from archdsl.exporting.targets import TARGETS, ExportFault, TargetName
from archdsl.views.tables import render_markdown

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "export"
LARGE, SMALL_INPUT = 10_000_000_000, "256x256"
STATISTICS = "by mean squares"
"""How norms get theirs; what was measured with others is measured again."""
RANDOM = "at random"
"""How they got theirs in rows that say nothing."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Export a network of every file of the zoo.")
    parser.add_argument("--target", choices=sorted(TARGETS), default="onnx")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these networks")
    parser.add_argument("--table", action="store_true", help="print the table of the rows, and export nothing")
    asked = parser.parse_args()
    path = FOLDER / f"{asked.target}.jsonl"
    rows = rows_of(path)
    if asked.table:
        print(told(rows), end="")
        return 0
    FOLDER.mkdir(exist_ok=True)
    done = {row["network"] for row in rows if row.get("statistics") == STATISTICS}
    names = asked.only or smallest()
    for number, name in enumerate(names, 1):
        if name in done:
            continue
        row = exported(name, asked.target)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{number}/{len(names)} {name}: {row['result']}, {row['seconds']} s", file=sys.stderr, flush=True)
    return 0


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The last row of each network; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return list({row["network"]: row for row in map(json.loads, lines)}.values())


def smallest() -> list[str]:
    """The network of the fewest multiply-adds of each file, the smallest first."""
    by_file: dict[str, list[tuple[int, str]]] = {}
    for name, path in zoo.declared().items():
        try:
            flops = archdsl.compile(name).cost.flops
        except (archdsl.CompileError, ValueError):  # the word is no model's
            continue
        by_file.setdefault(path, []).append((flops, name))
    return [name for _, name in sorted(min(found) for found in by_file.values())]


def exported(name: str, target: TargetName) -> dict[str, Any]:
    """The row of a network."""
    begin = time.process_time()
    compiled = archdsl.compile(name)
    if compiled.cost.flops > LARGE:
        compiled = archdsl.compile(name, input=SMALL_INPUT)
    size = "x".join(str(int(n)) for n in compiled.network.input)
    row: dict[str, Any] = {"network": name, "input": size, "target": target, "statistics": STATISTICS}
    subject = subject_of(compiled.compilation, None, 0, features=False)
    try:
        made, dynamic = made_of(subject, target)
        shares = [each.share for each in made.found if each.share is not None]
        row |= {
            "result": "equal",
            "dynamic": dynamic,
            "sizes": len({(each.height, each.width) for each in made.found}),
            "outputs": len(subject.names),
            "largest_share": max(shares),
            "norms_left": made.built.facts.norms_left,
            "norms_missed": made.built.facts.norms_missed,
            "bytes": sum(len(content) for content in made.built.files.values()),
            "runtime": made.runtime,
            "torch": made.torch,
        }
    except ExportFault as fault:
        row |= {"result": fault.message, "help": fault.help}
    return row | {"seconds": round(time.process_time() - begin, 1)}


def made_of(subject: Subject, target: TargetName) -> tuple[Exported, str]:
    """The export for any size, or where the network has one, for any batch."""
    try:
        return export(subject, Options(target, "size")), "size"
    except ExportFault:
        return export(subject, Options(target, "batch")), "batch"


def told(rows: Sequence[dict[str, Any]]) -> str:
    """What the documentation has: the rows in a sentence, and each of them."""
    equal = [row for row in rows if row["result"] == "equal"]
    if not equal:
        return table(rows)
    how = [row.get("statistics", RANDOM) for row in equal]
    worst = max(equal, key=lambda row: row["largest_share"])
    any_size = [row["dynamic"] for row in equal].count("size")
    drawn = ", ".join([f"{text} in {how.count(text)}" for text in dict.fromkeys(how)])
    return (
        f"{len(equal)} of {len(rows)} files are equal, by {worst['largest_share']:.1e} of the largest output at most "
        f"(`{worst['network']}`); {any_size} take any size. Norms' statistics were\n"
        f"drawn {drawn}.\n\n"
        f"{table(rows)}"
    )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows, and below them those that are not equal."""
    heads = ("network", "input", "any", "outputs", "largest difference", "norms left", "MB", "CPU s")
    cells: list[tuple[Any, ...]] = []
    refused = []
    for row in rows:
        if row["result"] != "equal":
            cells.append((row["network"], row["input"], *[None] * 5, row["seconds"]))
            reason = row["result"] + (f"; {row['help']}" if row.get("help") else "")
            refused.append(f"- `{row['network']}`: {reason}\n")
            continue
        share, size = f"{row['largest_share']:.1e}", round(row["bytes"] / 1e6, 1)
        kind = "size" if row["dynamic"] == "size" else "batch"
        measured = (row["outputs"], share, row["norms_left"], size, row["seconds"])
        cells.append((row["network"], row["input"], kind, *measured))
    return render_markdown(heads, cells) + "".join(["\n", *refused] if refused else [])


if __name__ == "__main__":
    sys.exit(main())
