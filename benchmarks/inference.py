"""Speed of inference forms, as ratios to timm's and torchvision's module of the same network: see README.md.

All modules of one network have the same weights, those of the inference form by its own `from_training`, and get the
same images in the same process, in the layout that images have by default. What they compute is compared before it is
timed. Time is that of the processor on one thread, by rounds in which every module has its turn; the shortest counts.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modules import (
    MODELS,
    Comparison,
    Excluded,
    checked,
    comparisons,
    compiler,
    contestants,
    keep_memory,
    leave_out,
    say,
    table,
    times_of,
)
from peers import load
from run import ROOT, write_json

PEERS = ("timm", "torchvision")
OURS = "archdsl --inference"
TRAINED = "archdsl, as trained"


def with_inference(spec: str, libraries: list[str]) -> dict[str, Any]:
    """The modules of one network, the inference form first."""
    import archdsl

    trained, *others = contestants(spec, libraries, False).items()
    made = archdsl.compile(spec).inference_module(trained[1].state_dict())
    return {OURS: made, TRAINED: trained[1], **dict(others)}


def measured(arguments: argparse.Namespace) -> Iterator[Comparison]:
    import torch

    libraries = []
    for library in PEERS:
        try:
            load(library)
            libraries.append(library)
        except ImportError as fault:
            leave_out(library, fault)
    modes = ["eager", *(["compiled"] if arguments.compiled else [])]
    if arguments.compiled and compiler() is None:
        leave_out("compiled modules", "no C++ compiler is found, which torch.compile needs")
        modes.remove("compiled")
    rng = random.Random(0)
    for spec in arguments.models:
        plain = with_inference(spec, libraries)
        for mode in modes:
            for batch in arguments.batches:
                what = f"{spec}, batch {batch}"
                say(f"{what}, {mode}")
                generator = torch.Generator().manual_seed(1)
                images = torch.randn(batch, 3, arguments.size, arguments.size, generator=generator)
                modules = plain
                if mode == "compiled":
                    torch.compiler.reset()
                    modules = {name: torch.compile(module, dynamic=False) for name, module in plain.items()}
                try:
                    calls = checked(modules, "forward", images)
                except Excluded as fault:
                    leave_out(what, fault)
                    continue
                limits = (arguments.seconds, arguments.rounds)
                times = times_of(calls, modules, time.process_time, *limits, rng)
                yield from comparisons(mode, what, times)
    say("")


def fastest(lines: list[Comparison]) -> Iterator[str]:
    """For each mode and batch, the median over the networks of the ratio to the faster peer of another library."""
    best: dict[tuple[str, str], dict[str, float]] = {}
    for line in lines:
        spec, _, batch = line.what.partition(", ")
        if line.peer != TRAINED and line.ratio is not None:
            ratios = best.setdefault((line.group, batch), {})
            ratios[spec] = min(ratios.get(spec, line.ratio), line.ratio)
    for (mode, batch), ratios in best.items():
        each = ", ".join([f"{spec} {ratio:.2f}" for spec, ratio in ratios.items()])
        yield f"{mode}, {batch}: median {statistics.median(ratios.values()):.2f} times the faster peer ({each})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="SPEC", help="which")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8], metavar="N", help="images at once")
    parser.add_argument("--size", type=int, default=224, metavar="N", help="images of N x N")
    parser.add_argument("--compiled", action="store_true", help="under torch.compile, too, which takes minutes a model")
    parser.add_argument("--seconds", type=float, default=6.0, help="to spend on one line of the table")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every module at least")
    parser.add_argument("--system-malloc", action="store_true", help="memory comes and goes as the C library has it")
    parser.add_argument("--json", type=Path, help="write the measurements there, too")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    import torch

    kept = not arguments.system_malloc and keep_memory()
    torch.set_num_threads(1)
    lines = list(measured(arguments))
    print(table(lines))
    print("\n".join(fastest(lines)))
    if arguments.json is not None:
        write_json(arguments.json, lines, torch=torch.__version__, threads=1, memory_kept=kept)


if __name__ == "__main__":
    main()
