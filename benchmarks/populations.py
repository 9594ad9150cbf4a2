"""Statistics of a population of 10,000 members: seconds of CPU, of functions on columns and of whole commands.

The columns are made up. Widths of blocks and linear fits are of members of a shipped space.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Line:
    """Seconds of CPU: the least of several runs."""

    what: str
    members: int
    seconds: float


def least(work: Callable[[], object], runs: int) -> float:
    found = []
    for _ in range(runs):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


def functions(members: int, runs: int) -> list[Line]:
    """The statistics, on columns."""
    import numpy as np

    import archdsl
    from archdsl import population

    draw = np.random.default_rng(0)
    errors, other = 38 + draw.gamma(2, 2, (2, members))
    depth, flops = draw.integers(5, 60, members), 10 ** draw.uniform(8, 10, members)
    acts = 6.5e6 * np.sqrt(flops / 1e9) * draw.lognormal(0, 0.1, members)
    population.compare(errors[:9], other[:9])  # loads scipy
    space = archdsl.space("anynetx_a")
    drawn = space.sample(members, hashed=False)
    widths, depths = drawn.widths()
    works: dict[str, Callable[[], object]] = {
        "edf": lambda: population.edf(errors).band(errors),
        "best": lambda: population.best(depth, errors),
        "curve": lambda: population.curve(errors),
        "trend": lambda: (population.fit(flops, acts, (0.5,)), population.correlation(flops, acts)),
        "profile": lambda: population.profile(widths, errors, depths),
        "all of these": lambda: [works[name]() for name in ("edf", "best", "curve", "trend", "profile")],
        "compare": lambda: population.compare(errors, other),
        "widths of blocks": drawn.widths,
        "efit": lambda: population.efit(widths, depths),
    }
    return [Line(name, members, least(work, 1 if name == "efit" else runs)) for name, work in works.items()]


def commands(members: int) -> list[Line]:
    """Whole commands, from a table: start, reading and printing too."""
    import resource

    import numpy as np

    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "pop.csv"
        rows = zip(38 + draw.gamma(2, 2, members), draw.integers(5, 60, members), strict=True)
        table.write_text("error,depth\n" + "".join([f"{error},{depth}\n" for error, depth in rows]))
        found = []
        for name in ("edf", "best", "curve"):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, "-m", "archdsl", "population", name, table], stdout=subprocess.DEVNULL, check=True
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found.append(Line(f"archdsl population {name}", members, seconds))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    options = parser.parse_args()
    lines = [*functions(options.members, options.runs), *commands(options.members)]
    for line in lines:
        print(f"{line.what:28} {line.members:8,} members {line.seconds:8.3f} s")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=2) + "\n")


if __name__ == "__main__":
    main()
