"""Speed of emitted modules, as ratios to timm's and torchvision's module of the same network: see README.md.

All modules of one network have the same weights and get the same images in the same process. What they compute is
compared before it is timed: a peer that gives other numbers is left out, with a line that says so.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import load
from run import ROOT, Line, aligned, write_json

MODELS = {
    "regnety_400mf": {"timm": "regnety_004", "torchvision": "regnet_y_400mf"},
    "regnety_4gf": {"timm": "regnety_040"},
    "resnet50": {"timm": "resnet50", "torchvision": "resnet50"},
    "efficientnet_b0": {"timm": "efficientnet_b0", "torchvision": "efficientnet_b0"},
    "mobilenetv2": {"timm": "mobilenetv2_100", "torchvision": "mobilenet_v2"},
    "rexnet_1_0x": {"timm": "rexnet_100"},
}
"""Spec -> the same network elsewhere: library -> its name there."""
PASSES = ("forward", "training")
TOLERANCE = 1e-3
"""Outputs may differ by this share of the largest."""
MOST_ROUNDS = 60
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of mallopt, in malloc.h."""


class Excluded(Exception):
    """Why something cannot be measured."""


@dataclass(frozen=True)
class Comparison(Line):
    """A ratio of shortest times, and what repetition says of its noise.

    `medians` is the ratio of the median times; `low` and `high` hold the middle half of the ratios of single rounds.
    """

    medians: float
    low: float
    high: float
    rounds: int


# Networks


def contestants(spec: str, libraries: Sequence[str], control: bool) -> dict[str, Any]:
    """The modules of one network by what they are called, ours first; all have the same weights."""
    import torch

    import archdsl
    from archdsl.weights import Mismatch, map_state

    net = archdsl.compile(spec)
    ours = still(net.module())
    start(ours)
    modules = {"archdsl": ours}
    for library, name in MODELS[spec].items():
        if library not in libraries:
            continue
        theirs = still(create(library, name))
        state = theirs.state_dict()
        try:
            plan = map_state(net.network, {key: tuple(tensor.shape) for key, tensor in state.items()})
        except Mismatch as fault:
            leave_out(f"{library} {name}", fault)
            continue
        source = ours.state_dict()
        with torch.no_grad():
            for entry in plan.loaded:
                state[entry.theirs].copy_(source[entry.ours].reshape(entry.their_shape))
        modules[f"{library} {name}"] = theirs
    if control:
        modules["archdsl, another copy"] = deepcopy(ours)
    return modules


def create(library: str, name: str) -> Any:
    if library == "timm":
        return load("timm").create_model(name)
    return getattr(load("torchvision.models"), name)()


def still(module: Any) -> Any:
    """The module without what is random in training, so that all compute the same there, too."""
    import torch

    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        elif type(part).__name__ == "DropPath":  # ours and timm's
            part.rate = part.drop_prob = 0.0
        elif type(part).__name__ == "StochasticDepth":  # torchvision's
            part.p = 0.0
    return module


def start(module: Any, size: int = 96) -> None:
    """Weights with which activations stay of order 1 on every path.

    Where they vanish, they become denormal numbers, with which a CPU is many times slower. So the norms' running
    statistics are those of a batch of noise, and no scale starts at 0.
    """
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.weight.normal_(0, part.weight[0].numel() ** -0.5, generator=generator)
                if part.bias is not None:
                    part.bias.zero_()
        for norm in norms:
            norm.weight.fill_(1)
            norm.bias.zero_()
            norm.momentum = 1.0
        module.train()(torch.randn(8, 3, size, size, generator=generator))
        for norm in norms:
            norm.momentum = 0.1


# Time


def keep_memory() -> bool:
    """Let the process keep memory that it frees, and whether it does; glibc can.

    Otherwise large tensors' memory may go back to the system at once and come again page by page, which can take longer
    than the network. Whether it does depends on what ran before, and not on the module alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, -1) and mallopt(M_MMAP_MAX, 0))


def call_of(module: Any, work: str, images: Any, gradient: Any) -> Callable[[], Any]:
    """What is timed: a forward pass for inference, or one for training and the way back. It gives the outputs."""
    import torch

    def forward() -> Any:
        with torch.inference_mode():
            return module(images)

    def training() -> Any:
        outputs = module(images)
        outputs.backward(gradient)
        return outputs.detach()

    return forward if work == "forward" else training


def checked(modules: dict[str, Any], work: str, images: Any) -> dict[str, Callable[[], Any]]:
    """The calls to time, run once and found to give the same."""
    import torch

    calls, expected = {}, None
    gradient = torch.randn(len(images), 1000, generator=torch.Generator().manual_seed(2))
    for name, module in modules.items():
        module.train(work == "training")
        call = call_of(module, work, images, gradient)
        try:
            outputs = call()
        except (RuntimeError, ValueError) as fault:
            if expected is None:
                raise Excluded(fault) from None
            leave_out(f"{name}, {work}, batch {len(images)}", fault)
            continue
        expected = outputs if expected is None else expected
        differ = ((outputs - expected).abs().max() / expected.abs().max()).item()
        if not differ < TOLERANCE:
            leave_out(f"{name}, {work}, batch {len(images)}", f"its outputs differ by {differ:.1e}")
            continue
        calls[name] = call
    return calls


def times_of(
    calls: dict[str, Callable[[], Any]],
    modules: dict[str, Any],
    clock: Callable[[], float],
    seconds: float,
    least: int,
    rng: random.Random,
) -> dict[str, list[float]]:
    """Times of every call in seconds, by rounds in which each has one turn, in random order.

    There are at least `least` rounds, and more until `seconds` are spent.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    end, rounds = time.perf_counter() + seconds, -1
    while rounds < least or (time.perf_counter() < end and rounds < MOST_ROUNDS):
        for name in rng.sample(list(calls), len(calls)):
            modules[name].zero_grad(set_to_none=True)
            before = clock()
            calls[name]()
            spent = clock() - before
            if rounds >= 0:  # the first round is a second warming up: libraries choose their kernels by then
                times[name].append(spent)
        rounds += 1
    return times


def comparisons(group: str, what: str, times: dict[str, list[float]]) -> Iterator[Comparison]:
    ours, *others = times
    mine = times[ours]
    for name in others:
        theirs = times[name]
        low, _, high = statistics.quantiles([b / a for a, b in zip(mine, theirs, strict=True)], n=4, method="inclusive")
        medians = statistics.median(theirs) / statistics.median(mine)
        yield Comparison(group, what, 1000 * min(mine), "ms", name, 1000 * min(theirs), medians, low, high, len(mine))


# The program


def leave_out(what: str, why: object) -> None:
    say("")
    print(f"left out: {what}: {str(why).strip().splitlines()[0]}", file=sys.stderr)


def say(text: str) -> None:
    """What is being done, on one line of a terminal, which the next replaces."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def compiler() -> str | None:
    """The C++ compiler that inductor would call."""
    return shutil.which(os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++"))


def measured(arguments: argparse.Namespace) -> Iterator[Comparison]:
    import torch

    libraries = []
    for library in ("timm", "torchvision"):
        try:
            load(library)
            libraries.append(library)
        except ImportError as fault:
            leave_out(library, fault)
    modes = ["eager", "compiled"] if arguments.compiled else ["eager"]
    if arguments.compiled and compiler() is None:
        leave_out("compiled modules", "no C++ compiler is found, which torch.compile needs")
        modes.remove("compiled")
    rng = random.Random(0)
    clock = time.process_time if arguments.cpu_time else time.perf_counter
    total = len(arguments.models) * len(modes) * len(PASSES) * len(arguments.batches)
    done, began = 0, time.perf_counter()
    for spec in arguments.models:
        say(f"{spec}: weights")
        plain = contestants(spec, libraries, arguments.control)
        for mode in modes:
            for work in PASSES:
                group = work if mode == "eager" else f"{work}, {mode}"
                for batch in arguments.batches:
                    done += 1
                    minutes = (time.perf_counter() - began) / 60
                    say(f"{done}/{total}, {minutes:.1f} min  {spec}, {group}, batch {batch}")
                    generator = torch.Generator().manual_seed(1)
                    images = torch.randn(batch, 3, arguments.size, arguments.size, generator=generator)
                    modules = plain
                    if mode == "compiled":
                        torch.compiler.reset()  # of one class, torch keeps a few compilations, and then gives up
                        modules = {name: torch.compile(module, dynamic=False) for name, module in plain.items()}
                    try:
                        calls = checked(modules, work, images)
                    except Excluded as fault:
                        leave_out(f"{spec}, {group}, batch {batch}", fault)
                        continue
                    if len(calls) > 1:
                        times = times_of(calls, modules, clock, arguments.seconds, arguments.rounds, rng)
                        yield from comparisons(group, f"{spec}, batch {batch}", times)
    say("")


def table(lines: list[Comparison]) -> str:
    rows = [("", "", "archdsl", "peer", "", "ratio", "medians", "middle half", "rounds")]
    for line in lines:
        times = (f"{line.value:,.1f} {line.unit}", line.peer, f"{line.peer_value:,.1f} {line.unit}")
        band = f"{line.low:.2f} to {line.high:.2f}"
        rows.append((line.group, line.what, *times, f"{line.ratio:.2f}", f"{line.medians:.2f}", band, f"{line.rounds}"))
    return aligned(rows, right=(2, 4, 5, 6, 7, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="SPEC", help="which")
    parser.add_argument("--batches", nargs="+", type=int, metavar="N", help="images at once; 1 and 16 if not given")
    parser.add_argument("--size", type=int, default=224, metavar="N", help="images of N x N")
    parser.add_argument("--compiled", action="store_true", help="under torch.compile, too, which takes minutes a model")
    parser.add_argument("--control", action="store_true", help="a copy of our own module as one more peer")
    parser.add_argument("--seconds", type=float, help="to spend on one line of the table; 6 if not given")
    parser.add_argument("--rounds", type=int, help="turns of every module at least; 7 if not given")
    parser.add_argument("--quick", action="store_true", help="batch 1 and 4, 3 rounds: less than a minute")
    parser.add_argument("--threads", type=int, help="PyTorch's own choice if not given")
    parser.add_argument("--cpu-time", action="store_true", help="time on all cores, which a busy machine disturbs less")
    parser.add_argument("--system-malloc", action="store_true", help="memory comes and goes as the C library has it")
    parser.add_argument("--json", type=Path, help="write the measurements there, too")
    arguments = parser.parse_args()
    arguments.batches = arguments.batches or ([1, 4] if arguments.quick else [1, 16])
    arguments.seconds = arguments.seconds or (0.5 if arguments.quick else 6.0)
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 7)
    sys.path.insert(0, str(ROOT))
    import torch

    kept = not arguments.system_malloc and keep_memory()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    lines = list(measured(arguments))
    print(table(lines))
    if arguments.json is not None:
        more = {"torch": torch.__version__, "threads": torch.get_num_threads(), "memory_kept": kept}
        write_json(arguments.json, lines, **more)


if __name__ == "__main__":
    main()
