"""Design spaces: the time of a draw, as a ratio to the published functions in plain Python in the same run.

The peer is RegNetX's rule and its counts as the paper's code has them (facebookresearch/pycls, pycls/models/regnet.py,
anynet.py), written anew for one network at a time, in doubles. CPU time counts, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Line:
    """Microseconds of CPU a draw."""

    what: str
    draws: int
    microseconds: float
    peer_microseconds: float | None

    @property
    def ratio(self) -> float | None:
        return self.peer_microseconds / self.microseconds if self.peer_microseconds else None


def regnet(depth: int, w_0: int, w_a: float, w_m: float, ratio: int, group: int) -> tuple[int, int, int] | None:
    """Flops, params and acts of a RegNetX of four stages; none for another number."""
    levels = [round(math.log(1 + w_a * j / w_0) / math.log(w_m)) for j in range(depth)]
    widths = [round(w_0 * w_m**level / 8) * 8 for level in levels]
    stages: list[list[int]] = []
    for width in widths:
        if stages and stages[-1][0] == width:
            stages[-1][1] += 1
        else:
            stages.append([width, 1])
    return anynet([(width, blocks, ratio, group) for width, blocks in stages]) if len(stages) == 4 else None


def anynet(stages: list[tuple[int, int, int, int]]) -> tuple[int, int, int]:
    """Flops, params and acts of stages of X blocks: width, depth, bottleneck ratio, group width."""
    side, before = 112, 32
    flops, params, acts = 27 * 32 * side * side, 27 * 32 + 64, 32 * side * side
    for asked, depth, ratio, group in stages:
        inner = max(1, asked // ratio)
        group = min(group, inner)
        inner = max(group, round(inner / group) * group)
        width = inner * ratio
        for block in range(depth):
            after = side if block else (side - 1) // 2 + 1
            one, three, last = before * inner, 9 * inner * group, inner * width
            project = 0 if block else before * width
            flops += one * side * side + (three + last + project) * after * after
            params += one + three + last + project + 4 * inner + 2 * width + (0 if block else 2 * width)
            acts += inner * side * side + (inner + width + (0 if block else width)) * after * after
            before, side = width, after
    return flops + before * 1000 + 1000, params + before * 1000 + 1000, acts + 1000


@dataclass(frozen=True)
class Counting:
    """An exact count."""

    space: str
    valid: int
    networks: int
    seconds: float
    """Of the processor."""
    milliseconds: float
    """A member that is drawn alone."""


def seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """The shortest CPU time of some runs, after one that fills caches."""
    work()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def peer(space: str, draws: int) -> float:
    """Microseconds a draw of the published functions."""
    chance = random.Random(0)

    def log(low: float, high: float, quantum: float) -> float:
        return math.ceil(math.exp(chance.uniform(math.log(low - quantum / 2), math.log(high))) / quantum) * quantum

    def one() -> object:
        if space == "regnetx":
            numbers = chance.randint(1, 63), int(log(8, 256, 8)), log(8, 256, 0.1), log(1.5, 3, 0.001)
            return regnet(*numbers, chance.choice((1, 2, 4)), chance.choice((1, 2, 4, 8, 16, 32)))
        return anynet(
            [
                (
                    int(log(8, 1024, 8)),
                    int(log(1, 16, 1)),
                    chance.choice((1, 2, 4)),
                    chance.choice((1, 2, 4, 8, 16, 32)),
                )
                for _ in range(4)
            ]
        )

    return seconds(lambda: [one() for _ in range(draws)]) / draws * 1e6


def measured(space: str, file: str, draws: int, of_peer: float | None) -> Line:
    from archdsl.compiler import Compiler
    from archdsl.diagnostics import Diagnostics
    from archdsl.project import Project
    from archdsl.spaces.arrays.draws import draw
    from archdsl.spaces.arrays.engine import Engine
    from archdsl.spaces.entry import context_of, space_named

    project = Project(str(ROOT / "specs" / "spaces" / file))
    compiler, diagnostics = Compiler(project), Diagnostics()
    opened = space_named(compiler, compiler.program(project.source(), diagnostics), space, diagnostics)
    if opened is None:
        raise SystemExit(f"there is no space {space}")
    engine = Engine(context_of(compiler), opened)
    taken = seconds(lambda: engine.evaluate(draw(opened, 0, 0, draws)))
    return Line(f"{space}: draw, validity, flops, params, acts", draws, taken / draws * 1e6, of_peer)


def counted(space: str, file: str, band: tuple[int, int]) -> Counting:
    """The exact count of a space by tables of stages, and members of it that are drawn alone."""
    from archdsl.compiler import Compiler
    from archdsl.diagnostics import Diagnostics
    from archdsl.project import Project
    from archdsl.spaces.arrays.engine import Engine
    from archdsl.spaces.arrays.solved import ByTables
    from archdsl.spaces.arrays.tabled import AllTabled
    from archdsl.spaces.entry import context_of, space_named

    project = Project(str(ROOT / "specs" / "spaces" / file))
    compiler, diagnostics = Compiler(project), Diagnostics()
    opened = space_named(compiler, compiler.program(project.source(), diagnostics), space, diagnostics)
    if opened is None:
        raise SystemExit(f"there is no space {space}")
    start = time.process_time()
    tabled = AllTabled(Engine(context_of(compiler), opened), [("flops", *band)])
    counts = tabled.count(networks=True)
    taken = time.process_time() - start
    members, solver = 1_000, ByTables(tabled, counts, networks=False)
    drawing = seconds(lambda: solver.draw(0, 0, members), repeat=1) / members * 1e3
    valid, networks = sum(count.valid for count in counts), sum(count.networks or 0 for count in counts)
    return Counting(space, valid, networks, taken, drawing)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=500_000, help="draws of the large batches")
    parser.add_argument("--json", type=Path, help="write the lines as JSON, too")
    parser.add_argument("--full", action="store_true", help="count RegNetX exactly, which takes a minute and 3 GB")
    options = parser.parse_args()
    found = []
    for space, file in (("regnetx", "regnet.arch"), ("anynetx_a", "anynetx.arch")):
        of_peer = peer(space, 5_000)
        found += [measured(space, file, draws, of_peer) for draws in (10_000, options.draws)]
    others = ("efficientnetv2", "efficientnetv2.arch"), ("regnet_blocks", "regnet.arch")
    found += [measured(space, file, 50_000, None) for space, file in others]
    for line in found:
        ratio = f"{line.ratio:8.1f} times the peer's speed" if line.ratio else ""
        print(f"{line.what:55} {line.draws:>9,} draws {line.microseconds:9.2f} us a draw {ratio}", flush=True)
    exact = counted("regnetx" if options.full else "regnetx_grid", "regnet.arch", (360_000_000, 400_000_000))
    print(f"{exact.space}, 360 to 400 MF: {exact.valid:,} settings, {exact.networks:,} networks: {exact.seconds:.1f} s")
    print(f"  a member drawn alone: {exact.milliseconds:.2f} ms")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"largest resident memory {memory:,} MiB")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(line) for line in found], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
