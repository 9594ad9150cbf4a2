"""What `archdsl import` makes of timm's and torchvision's models, and of the networks that ship: docs/import.md.

    python benchmarks/imports.py --choose > benchmarks/imports.json     # the rule: once
    python benchmarks/imports.py > table.md                             # the table, as docs/import.md has it
    python benchmarks/imports.py --zoo [--only NAME ...]                # what ships: docs/import/zoo.jsonl
    python benchmarks/imports.py --library [--only SOURCE ...]          # with and without blocks of the library

The rule looks at names and sizes alone, never at what can be imported: of every module of timm's models the one with
the fewest parameters (that builds; names of large models are skipped), below 40 million; and of every module of
torchvision's classification models the first by name.

`--zoo` emits every network that ships, follows the module by torch.export, lifts it, writes it as a text of blocks of
its own, compiles that, and compares the hash with the network's own. What has a row in the file is not done again; at
its end it says how many came back.

`--library` writes the same sources twice, with blocks of the standard library and without: for each the blocks that
were recognised, the lines of both texts, whether the proof of the one with them holds, and the seconds of CPU that
reading and writing the two took. Lines of JSON; what cannot be lifted is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from archdsl.compiler import Compiled

LARGE = ("_large", "_huge", "giant", "xlarge", "_enormous", "gigantic", "_xxlarge", "so400m")
MOST = 40_000_000
LIST = Path(__file__).with_suffix(".json")
ZOO = Path(__file__).resolve().parent.parent / "docs" / "import" / "zoo.jsonl"


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


def row(source: str) -> tuple[str, str, float]:
    """A row of the table, as the command would say it; what came of it, and the largest difference of outputs, as a
    part of the largest output."""
    from archdsl.commands.shelf import shipped_with
    from archdsl.importing import Asked, ImportFault, run_import
    from archdsl.views.imported import import_report

    try:
        report = import_report(run_import(Asked(source), shipped_with), source, "", "")
    except ImportFault as fault:
        return f"| `{source}` | refused | | | {fault} |", "refused", 0.0
    told = "equal" if report.proved else "not proved" if report.proof else "not lifted"
    zoo = report.same_as or ", ".join([f"{name}, but for dropout" for name in report.differs_in_training_from])
    missing = [f"`{gap.operation}`: {gap.reason}" for gap in report.gaps[:1]]
    why = missing[0] if missing else report.proof.fault if report.proof is not None else ""
    compared = [one for one in report.proof.compared if one.largest] if report.proof is not None else []
    apart = max([one.max_difference / one.largest for one in compared], default=0.0)
    return f"| `{source}` | {told} | {report.lines or ''} | {zoo} | {why} |", told, apart


def table() -> None:
    """The table, and how many sources came to what."""
    print("| source | result | lines | ships as | what is missing first |\n| --- | --- | --- | --- | --- |")
    counts = Counter[str]()
    apart = []
    for source in json.loads(LIST.read_text(encoding="utf-8")):
        text, told, difference = row(source)
        counts[told] += 1
        if told == "equal":
            apart.append(difference)
        print(text, flush=True)
    said = ", ".join([f"{number} {told}" for told, number in counts.most_common()])
    print(f"\nOf {counts.total()} sources: {said}.")
    most = f"the largest difference is {max(apart, default=0.0):.1e} of the largest output"
    print(f"The outputs of {apart.count(0.0)} of the equal ones are equal bit for bit; {most}.")


def again(made: Compiled) -> dict[str, Any]:
    """The row of a network that ships: what comes back of its emitted module."""
    from archdsl.compiler import Compiler
    from archdsl.importing import emitted
    from archdsl.lifting.alike import computes
    from archdsl.lifting.capture import CaptureFault, exported, program_of
    from archdsl.lifting.imported import Shipped, text_of
    from archdsl.lifting.pairs import TRAINED
    from archdsl.lifting.proof import params_of
    from archdsl.project import Project

    begin = time.process_time()
    name, network = made.name, made.network
    own = Shipped(name, params_of(network), computes(network), computes(network, TRAINED), lambda: network)

    def shipped(params: int) -> Sequence[Shipped]:
        return [own] if params == own.params else []

    def unproved(_: object) -> Callable[[Any], Any]:
        raise NotImplementedError("hashes are compared here, and outputs are not")

    result: dict[str, Any] = {"network": name}
    try:
        program = exported(emitted(made).eval(), tuple([int(side) for side in network.input]))
        read = program_of(name, name, program, unproved)
        found = text_of(read, Compiler(Project("text.arch")), shipped, plain=True)
    except CaptureFault as fault:
        return result | {"result": str(fault), "seconds": round(time.process_time() - begin, 1)}
    if found.written is not None:
        back = found.written.compiled.network.hash
        result["result"] = "equal" if back == network.hash else "another network"
        result |= {"level": found.written.level, "lines": len(found.written.text.splitlines())}
    else:
        gaps = [f"{gap.operation}: {gap.reason}" for gap in found.lifted.gaps]
        result["result"] = gaps[0] if gaps else "no text of ours compiles to it"
    if found.notes:
        result["notes"] = list(found.notes)
    return result | {"seconds": round(time.process_time() - begin, 1)}


def zoo(only: Sequence[str]) -> None:
    """A row for every network that ships and has none yet; then how many came back."""
    from archdsl.commands.zoo import models
    from archdsl.zoo import families

    ZOO.parent.mkdir(exist_ok=True)
    lines = ZOO.read_text(encoding="utf-8").splitlines() if ZOO.exists() else []
    rows = {found["network"]: found for found in map(json.loads, lines)}
    for _, _, made in models(list(families()), list(only)):
        if made.name in rows:
            continue
        rows[made.name] = again(made)
        with ZOO.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rows[made.name]) + "\n")
        print(f"{len(rows)} {made.name}: {rows[made.name]['result']}", file=sys.stderr, flush=True)
    equal = [name for name, found in rows.items() if found["result"] == "equal"]
    print(f"Of {len(rows)} networks that ship {len(equal)} come back with their hash; not so:")
    for name, found in rows.items():
        if name not in equal:
            print(f"- `{name}`: {found['result']}")


def with_library(source: str) -> dict[str, Any] | None:
    """The texts of a source with blocks of the library and without; none where it is not lifted."""
    from archdsl.commands.shelf import shipped_with
    from archdsl.compiler import Compiler
    from archdsl.importing import PROOF, Asked, ImportFault, emitted, opened
    from archdsl.lifting.capture import CaptureFault
    from archdsl.lifting.imported import as_shipped, prove
    from archdsl.lifting.proof import params_of
    from archdsl.lifting.recognition import Recognition
    from archdsl.lifting.written import written
    from archdsl.project import Project

    begin = time.process_time()
    try:
        program, size = opened(Asked(source))
        lifted = program.read(None, False)
    except (CaptureFault, ImportFault):
        return None
    if lifted.gaps:
        return None
    lifted, *_ = as_shipped(lifted, shipped_with(params_of(lifted.network)))
    read = time.process_time()
    own = written(lifted, Compiler(Project("text.arch")), "net", "")
    middle = time.process_time()
    compiler = Compiler(Project("text.arch"))
    both = written(lifted, compiler, "net", "", Recognition(compiler))
    end = time.process_time()
    if own is None or both is None:
        return None
    blocks = [f"{one.block} of {one.module}: {one.place} {one.count}/{one.total}" for one in both.recognised]
    lines = len(own.text.splitlines()), len(both.text.splitlines())
    seconds = [round(at, 1) for at in (read - begin, middle - read, end - middle)]
    first, odd, even = [(size[0], *places) for places in PROOF]
    holds = prove(program, lifted, both.compiled, emitted, ((first, size), (odd, even, size))).holds
    return {
        "source": source,
        "own": lines[0],
        "library": lines[1],
        "proved": holds,
        "blocks": blocks,
        "seconds": seconds,
    }


def library(only: Sequence[str]) -> None:
    """A line for each source."""
    for source in only or json.loads(LIST.read_text(encoding="utf-8")):
        found = with_library(source)
        if found is not None:
            print(json.dumps(found), flush=True)


def main() -> None:
    """The list, the table, or the rows of what ships."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true", help="the sources, by the rule")
    parser.add_argument("--zoo", action="store_true", help="a row for every network that ships")
    parser.add_argument("--library", action="store_true", help="with and without blocks of the library")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="with --zoo or --library: these")
    asked = parser.parse_args()
    if asked.choose:
        print(json.dumps(chosen(), indent=1))
        return
    if asked.zoo:
        zoo(asked.only)
        return
    if asked.library:
        library(asked.only)
        return
    table()


if __name__ == "__main__":
    main()
