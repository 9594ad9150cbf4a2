"""What `archdsl import` makes of timm's and torchvision's models: the table of docs/import.md.

    python benchmarks/imports.py --choose > benchmarks/imports.json     # the rule: once
    python benchmarks/imports.py > table.md                             # the table, as docs/import.md has it

The rule looks at names and sizes alone, never at what can be imported: of every module of timm's models the one with
the fewest parameters (that builds; names of large models are skipped), below 40 million; and of every module of
torchvision's classification models the first by name.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

LARGE = ("_large", "_huge", "giant", "xlarge", "_enormous", "gigantic", "_xxlarge", "so400m")
MOST = 40_000_000
LIST = Path(__file__).with_suffix(".json")


def chosen() -> list[str]:
    """The sources, by the rule."""
    from archdsl.lifting.operators import declare

    declare()
    import timm
    import torch
    from torchvision import models

    found = []
    for module in sorted(timm.list_modules()):
        best: tuple[int, str] | None = None
        for name in timm.list_models(module=module):
            if any(word in name for word in LARGE):
                continue
            try:
                with torch.device("meta"):
                    built = timm.create_model(name)
            except Exception as fault:  # a model that does not build here
                print(f"{name} does not build: {type(fault).__name__}", file=sys.stderr)
                continue
            size = sum(p.numel() for p in built.parameters())
            best = (size, name) if best is None or size < best[0] else best
        if best is not None and best[0] < MOST:
            found.append(f"timm:{best[1]}")
    modules: dict[str, str] = {}
    for name in models.list_models(module=models):
        modules.setdefault(models.get_model_builder(name).__module__, name)
    return found + [f"torchvision:{name}" for name in modules.values()]


def row(source: str) -> str:
    """A row of the table, as the command would say it."""
    from archdsl.commands.shelf import Shelf
    from archdsl.importing import Asked, ImportFault, run_import
    from archdsl.views.imported import import_report

    try:
        report = import_report(run_import(Asked(source), Shelf()), source, "", "")
    except ImportFault as fault:
        return f"| `{source}` | refused | | | {fault} |"
    told = "equal" if report.proved else "not proved" if report.proof else "not lifted"
    zoo = report.same_as or ", ".join([f"{name}, but for dropout" for name in report.differs_in_training_from])
    missing = [f"`{gap.operation}`: {gap.reason}" for gap in report.gaps[:1]]
    why = missing[0] if missing else report.proof.fault if report.proof is not None else ""
    return f"| `{source}` | {told} | {report.lines or ''} | {zoo} | {why} |"


def main() -> None:
    """The list or the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--choose", action="store_true")
    if parser.parse_args().choose:
        print(json.dumps(chosen(), indent=1))
        return
    print("| source | result | lines | ships as | what is missing first |\n| --- | --- | --- | --- | --- |")
    for source in json.loads(LIST.read_text(encoding="utf-8")):
        print(row(source), flush=True)


if __name__ == "__main__":
    main()
