"""Benchmarks of archdsl, each as a ratio to a named peer measured in the same run: see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers.py"
SPEC = "specs/regnety_4gf.arch"
GOAL_MS = 4.0
BYTECODE = Path(tempfile.gettempdir()) / "archdsl-benchmarks-bytecode"
SCALING = "dWr:4"
NOTHING_KEPT = f"""
import os, sys
os.environ["ARCHDSL_NO_CACHE"] = "1"
sys.argv = ["archdsl", "cost", {SPEC!r}]
from archdsl.cli import main
main()
"""
BUILD = f"timm builds RegNetY-4GF {SCALING}"

FAMILY = """arch 1
use std.regnet { simple_stem, y_block, pool_head, quantized_linear }
model regnety(depth: 22, w_0: 96, w_a: 31.41, w_m: 2.24, group_width: 64) {
  input:  3 x 224 x 224
  stem:   simple_stem(width: 32)
  stages: y_block {
    width:       quantized_linear(depth: depth, w_0: w_0, w_a: w_a, w_m: w_m)
    stride:      2
    group_width: group_width
    se_ratio:    1/4
  }
  head:   pool_head(classes: 1000)
}
"""


@dataclass(frozen=True)
class Line:
    """One measurement: `ratio` is peer / value, so that above 1 archdsl is the smaller."""

    group: str
    what: str
    value: float
    unit: str
    peer: str
    peer_value: float | None

    @property
    def ratio(self) -> float | None:
        return None if self.peer_value is None else self.peer_value / self.value


@dataclass(frozen=True)
class Process:
    """A whole process: shortest wall and CPU time, largest resident memory, last output."""

    seconds: float
    cpu_seconds: float
    memory_mb: float
    output: str


def run_process(command: list[str], repeat: int) -> Process | None:
    """Run a command `repeat` times after a first time that fills caches; none if it fails."""
    walls, cpus, memory, output = [], [], 0.0, ""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    # As from an installed wheel: bytecode is there, of archdsl as of its peers.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(BYTECODE)
    for turn in range(repeat + 1):
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            start = time.perf_counter()
            child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stdout, stderr=stderr)
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            stdout.seek(0)
            stderr.seek(0)
            output = stdout.read().decode()
            if child.returncode != 0:
                last = stderr.read().decode().strip().rsplit("\n", 1)[-1]
                print(f"left out: {' '.join(command)}: {last}", file=sys.stderr)
                return None
        if turn > 0:
            walls.append(seconds)
            cpus.append(usage.ru_utime + usage.ru_stime)
            unit = 2**20 if sys.platform == "darwin" else 2**10
            memory = max(memory, usage.ru_maxrss / unit)
    return Process(min(walls), min(cpus), memory, output)


def milliseconds(function: Callable[[], object], repeat: int) -> float:
    """Shortest time of a call, in milliseconds: what disturbs it only makes it longer."""
    function()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def whole_processes(peer_python: str, repeat: int) -> tuple[list[Line], dict[str, Process]]:
    """`archdsl cost` of RegNetY-4GF as a command, against torch's import and the counters as processes."""
    commands = {
        "archdsl cost": [sys.executable, "-m", "archdsl", "cost", SPEC],
        "archdsl cost, nothing kept": [sys.executable, "-c", NOTHING_KEPT],
        "python -c pass": [sys.executable, "-c", "pass"],
        "import click": [sys.executable, "-c", "import click"],
        "import torch": [peer_python, "-c", "import torch"],
        **{f"{n} of timm regnety_040": [peer_python, str(PEERS), n] for n in ("fvcore", "torch", "thop", "ptflops")},
    }
    found = {name: run for name, command in commands.items() if (run := run_process(command, repeat)) is not None}
    return against_others("archdsl cost", SPEC, found), found


def compile_processes(peer_python: str, repeat: int) -> tuple[list[Line], dict[str, Process]]:
    """`archdsl compile` of RegNetY-4GF scaled as a command, against torch's import and timm building that network."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "archdsl compile": [
                *(sys.executable, "-m", "archdsl", "compile", SPEC, "--scale", SCALING, "-o", folder, "--force")
            ],
            "python -c pass": [sys.executable, "-c", "pass"],
            "import torch": [peer_python, "-c", "import torch"],
            BUILD: [peer_python, str(PEERS), "build"],
            f"{BUILD}, meta device": [peer_python, str(PEERS), "build", "meta"],
        }
        found = {name: run for name, command in commands.items() if (run := run_process(command, repeat)) is not None}
    return against_others("archdsl compile", f"{SPEC} {SCALING}", found, "compile "), found


def against_others(ours: str, what: str, found: dict[str, Process], prefix: str = "") -> list[Line]:
    """The time, the time on all cores and the memory of one process, each with all others as peers."""
    if ours not in found:
        raise SystemExit(f"{ours} failed")
    measures: list[tuple[str, str, Callable[[Process], float]]] = [
        ("process", "ms", lambda run: 1000 * run.seconds),
        ("cpu", "ms", lambda run: 1000 * run.cpu_seconds),
        ("memory", "MB", lambda run: run.memory_mb),
    ]
    return [
        Line(prefix + measure, f"{ours} {what}", value(found[ours]), unit, name, value(run))
        for measure, unit, value in measures
        for name, run in found.items()
        if name != ours
    ]


NETWORKS = (
    *("regnetx_400mf", "regnety_4gf", "resnet50", "efficientnet_b0", "efficientnetv2_s", "rexnet_1_0x", "mobilenetv2"),
    *("convnext_t", "densenet121", "inception_v3"),
)


def networks() -> list[tuple[str, Path]]:
    """Shipped networks with their files: one of each kind, small and large."""
    from archdsl.zoo import declared

    files = declared()
    return [(name, ROOT / files[name]) for name in NETWORKS]


def zoo(repeat: int) -> list[Line]:
    """All shipped networks, compiled and checked, as a command; the goal is 2.5 seconds on two cores."""
    done = run_process([sys.executable, "-m", "archdsl", "check", "specs"], repeat)
    if done is None:
        return []
    return [Line("zoo", "archdsl check specs", done.seconds, "s", "the goal of 2.5 s", 2.5)]


SOLVED = (
    *(
        ("rexnet_1_0x", "w", "acts=20M"),
        ("efficientnet_b0", "d", "flops=6.2G"),
        ("efficientnet_b0", "dWr", "params=20M"),
    ),
    *(("regnety_400mf", "dWr", "flops=4G"), ("mobilenetv2", "width_mult", "params=5M")),
)
"""Networks, scalings and budgets of `tests/properties/test_solve.py`."""


def solving() -> list[Line]:
    """A factor that is solved for, with compiling the network that it gives: CPU seconds, and evaluation steps."""
    from archdsl.compiler import Compiler
    from archdsl.project import Project
    from archdsl.request import changes_of
    from archdsl.zoo import declared

    lines = []
    files = declared()
    for name, scaling, budget in SOLVED:
        path = ROOT / files[name]
        measure, amount = budget.split("=")
        start = time.process_time()
        changes = changes_of(scalings=(f"{scaling}(solve({measure}: {amount}))",))
        model = Compiler(Project(str(path))).compile(Project(str(path)).source(), name, changes).model
        if model is None:
            raise SystemExit(f"{name} is not solved")
        steps = f"{model.solved[-1].work:,} steps"
        seconds = time.process_time() - start
        lines.append(Line("solve", f"{name} {scaling} to {budget}: {steps}", seconds, "s", "the goal of 1 s", 1.0))
    return lines


def warm(peer_python: str, repeat: int) -> list[Line]:
    """Parse, resolve, elaborate and count in a warm process, the library's syntax trees kept."""
    from archdsl.compiler import Compiled, Compiler
    from archdsl.graph.cost import count
    from archdsl.project import Project

    def total(compiler: Compiler, spec: Path, model: str | None = None) -> int:
        compilation = compiler.compile(Project(str(spec)).source(), model)
        if not isinstance(compilation, Compiled):
            raise SystemExit(f"{spec} does not compile")
        return int(count(compilation.network).flops)

    path = ROOT / SPEC
    kept = Compiler(Project(str(path)))
    ours = milliseconds(lambda: total(kept, path), repeat)
    fresh = milliseconds(lambda: total(Compiler(Project(str(path))), path), repeat)
    lines = [
        Line("warm", f"{SPEC}: parse to count", ours, "ms", f"the goal of {GOAL_MS:.0f} ms", GOAL_MS),
        Line("warm", f"{SPEC}: parse to count", ours, "ms", "the same with the library parsed anew", fresh),
    ]
    for name in ("fvcore", "torch"):
        run = run_process([peer_python, str(PEERS), name, "--warm", str(max(3, repeat // 10))], 1)
        if run is not None:
            counted, seconds = run.output.split()[-2:]
            peer = f"{name}, warm, its module already built ({int(counted):,})"
            lines.append(Line("warm", f"{SPEC}: parse to count", ours, "ms", peer, 1000 * float(seconds)))
    for name, spec in networks():
        compiler = Compiler(Project(str(spec)))
        spent = milliseconds(lambda c=compiler, s=spec, n=name: total(c, s, n), max(3, repeat // 3))
        lines.append(Line("warm", f"{name}: parse to count", spent, "ms", SPEC, ours))
    return lines


def emission(peer_python: str, repeat: int) -> list[Line]:
    """The default files of a model in a warm process: from its text, and from its network alone."""
    from archdsl.commands.compile import DEFAULT_TARGETS
    from archdsl.compiler import Compiled, Compiler
    from archdsl.emission import about_of, emit
    from archdsl.project import Project
    from archdsl.request import changes_of

    def compiled(compiler: Compiler, spec: Path, *scalings: str, model: str | None = None) -> Compiled:
        result = compiler.compile(Project(str(spec)).source(), model, changes_of(scalings=scalings))
        if not isinstance(result, Compiled):
            raise SystemExit(f"{spec} does not compile")
        return result

    def write(result: Compiled) -> None:
        emit(result.network, about_of(result, result.name, SPEC, ()), DEFAULT_TARGETS)

    path = ROOT / SPEC
    kept = Compiler(Project(str(path)))
    result = compiled(kept, path, SCALING)
    whole = milliseconds(lambda: write(compiled(kept, path, SCALING)), repeat)
    written = milliseconds(lambda: write(result), repeat)
    lines = []
    for device in ((), ("meta",)):
        run = run_process([peer_python, str(PEERS), "build", *device, "--warm", str(max(3, repeat // 3))], 1)
        if run is not None:
            params, seconds = run.output.split()
            peer = f"{', '.join((BUILD, *device))}, warm ({int(params):,} params)"
            lines.append(
                Line("compile warm", f"{SPEC} {SCALING}: parse to files", whole, "ms", peer, 1000 * float(seconds))
            )
    peer = "the files alone, of a network that is there"
    lines.append(Line("compile warm", f"{SPEC} {SCALING}: parse to files", whole, "ms", peer, written))
    for name, spec in networks():
        compiler = Compiler(Project(str(spec)))
        spent = milliseconds(lambda c=compiler, s=spec, n=name: write(compiled(c, s, model=n)), max(3, repeat // 3))
        lines.append(Line("compile warm", f"{name}: parse to files", spent, "ms", f"{SPEC} {SCALING}", whole))
    return lines


def rules(repeat: int) -> list[Line]:
    """Counts of RegNets that differ in the parameters of their rule alone: the program is resolved once."""
    from archdsl.compiler import Changes, Compiled, Compiler
    from archdsl.diagnostics import Diagnostics
    from archdsl.graph.cost import count
    from archdsl.project import Project
    from archdsl.source import Source

    compiler = Compiler(Project(str(ROOT / SPEC)))
    source = Source("family.arch", FAMILY)
    program = compiler.program(source, Diagnostics())
    rng = random.Random(0)

    def draw() -> tuple[tuple[str, str], ...]:
        depth, group_width = rng.randint(12, 28), rng.choice((8, 16, 24, 32))
        numbers = (depth, 8 * rng.randint(2, 16), rng.randint(800, 6400) / 100, rng.randint(200, 300) / 100)
        return tuple(zip(("depth", "w_0", "w_a", "w_m", "group_width"), map(str, (*numbers, group_width)), strict=True))

    draws = [draw() for _ in range(10 * repeat)]

    def again() -> None:
        for settings in draws:
            compilation = compiler.elaborate(program, "regnety", Changes(settings), Diagnostics())
            if isinstance(compilation, Compiled):
                count(compilation.network)

    def from_text() -> None:
        for settings in draws:
            text = FAMILY
            for name, value in settings:
                default = {"depth": "22", "w_0": "96", "w_a": "31.41", "w_m": "2.24", "group_width": "64"}[name]
                text = text.replace(f"{name}: {default}", f"{name}: {value}", 1)
            compilation = compiler.compile(Source("family.arch", text))
            if isinstance(compilation, Compiled):
                count(compilation.network)

    each, parsed = (milliseconds(function, 3) / len(draws) for function in (again, from_text))
    print(f"{1000 / each:.0f} counts a second when only the rule's parameters change", file=sys.stderr)
    return [Line("rules", "a RegNetY with other parameters", each, "ms", "the same from the text each time", parsed)]


def editing(repeat: int) -> list[Line]:
    """The diagnostics of a file of some 200 lines, all models compiled, after each of many changes of one character."""
    from archdsl.compiler import Compiler
    from archdsl.diagnostics import Diagnostics
    from archdsl.project import Project
    from archdsl.source import Source

    path = ROOT / SPEC
    compiler = Compiler(Project(str(path)))
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    while text.count("\n") < 200 - lines:
        text += "\n" + path.read_text(encoding="utf-8").partition("\n")[2].replace("model ", f"model m{len(text)}_", 1)
    digits = [index for index, character in enumerate(text) if character.isdigit() and text[index - 1] in " :"]
    rng = random.Random(0)

    def edited() -> str:
        at = rng.choice(digits)
        return text[:at] + rng.choice("123456789") + text[at + 1 :]

    def keystroke() -> None:
        compiler.check(Source(SPEC, edited()))

    def names() -> None:
        compiler.program(Source(SPEC, edited()), Diagnostics())

    what = f"{text.count(chr(10))} lines, a character changed"
    checked, resolved = milliseconds(keystroke, repeat), milliseconds(names, repeat)
    return [
        Line("editor", f"{what}: syntax and names", resolved, "ms", "the goal of 20 ms", 20.0),
        Line("editor", f"{what}: every model and claim", checked, "ms", "the goal of 20 ms", 20.0),
    ]


def table(lines: Sequence[Line]) -> str:
    rows = [("", "archdsl", "", "peer", "", "ratio")]
    for line in lines:
        peer = "-" if line.peer_value is None else f"{line.peer_value:,.1f} {line.unit}"
        ratio = "-" if line.ratio is None else f"{line.ratio:,.2f}"
        rows.append((line.group, line.what, f"{line.value:,.1f} {line.unit}", line.peer, peer, ratio))
    return aligned(rows, right=(2, 4, 5))


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    """Rows in columns, some of them to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    layout = "  ".join(f"{{:{'>' if column in right else '<'}{width}}}" for column, width in enumerate(widths))
    return "\n".join(layout.format(*row).rstrip() for row in rows)


def write_json(path: Path, lines: Sequence[Line], **more: object) -> None:
    """The measurements, and of what machine they are."""
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        **more,
        "lines": [{**asdict(line), "ratio": line.ratio} for line in lines],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", default=sys.executable, help="a Python with torch, timm and the counters")
    parser.add_argument("--repeat", type=int, default=30, help="repetitions of a warm measurement")
    parser.add_argument("--processes", type=int, default=5, help="repetitions of a whole process")
    parser.add_argument("--json", type=Path, help="write the measurements there, too")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    # Processes first: the largest memory of a process counts that of its parent when it started.
    lines, processes = whole_processes(arguments.peer_python, arguments.processes)
    more, compiling = compile_processes(arguments.peer_python, arguments.processes)
    lines += more
    lines += zoo(max(1, arguments.processes // 3))
    lines += solving()
    lines += warm(arguments.peer_python, arguments.repeat)
    lines += rules(arguments.repeat)
    lines += editing(arguments.repeat)
    lines += emission(arguments.peer_python, arguments.repeat)
    print(table(lines))
    if arguments.json is not None:
        found = {name: asdict(process) for name, process in (processes | compiling).items()}
        write_json(arguments.json, lines, processes=found)


if __name__ == "__main__":
    main()
