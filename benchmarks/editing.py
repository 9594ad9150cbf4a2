"""How long diagnostics take while one types: `python benchmarks/editing.py [--edits N] [FILE …]`.

For every file of `specs/` (or those named) a text is changed step by step, as a hand would: a character is typed or
deleted in the middle of a line, a number becomes another, a line goes, and each change is taken back again. After
every step the whole file is checked by a compiler that keeps what it knew (`compiler.Memory`), and the CPU time of
that is taken: of some compilers that each go through all steps the least, because other work on the machine only adds
to it. A line is a file with its median, 95th percentile and longest step in milliseconds; the last line has all steps
together. With `--fresh`, every step is also checked by a compiler that keeps nothing, and another answer is an error.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from pathlib import Path

from archdsl.analysis.resolve import Library
from archdsl.compiler import Compilation, Compiled, Compiler, Memory
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.resources import library_modules
from archdsl.source import Source

HERE = Path(__file__).resolve().parent.parent
TYPED = "abcdefw0123456789 +-:,.(){}[]|#_"
_NUMBER = re.compile(r"(?<![\w.])[1-9][0-9]{0,3}(?![\w.])")


def edited(text: str, rng: random.Random) -> str:
    """The text after one change."""
    at = rng.randrange(len(text))
    kind = rng.randrange(4)
    numbers = [*_NUMBER.finditer(text)]
    if kind == 0 and numbers:
        one = rng.choice(numbers)
        value = int(one[0])
        other = rng.choice((value + 1, max(1, value - 1), max(1, value // 2), min(2 * value, value + 64)))
        return f"{text[: one.start()]}{other}{text[one.end() :]}"
    if kind == 1:
        lines = text.split("\n")
        del lines[rng.randrange(len(lines))]
        return "\n".join(lines)
    return text[:at] + (rng.choice(TYPED) if kind == 2 else "") + text[at + (kind == 3) :]


def said(found: list[Compilation], diagnostics: Diagnostics) -> list[object]:
    """All that a check says, and the hash of each network."""
    hashes = [(each.name, each.network.hash if isinstance(each, Compiled) else None) for each in found]
    return [*map(repr, diagnostics), diagnostics.omitted, *hashes]


def times_of(path: str, edits: int, library: Library, repeats: int, *, fresh: bool) -> list[float]:
    """The milliseconds of each step on one file."""
    rng = random.Random(path)
    project = Project(path)
    first = project.source()
    compilers = [Compiler(project, library, memory=Memory()) for _ in range(repeats)]
    for compiler in compilers:
        compiler.check(first)
    taken: list[float] = []
    text = first.text
    for _ in range(edits):
        changed = edited(text, rng)
        for step in (changed, text):
            source = Source(first.name, step, first.path)
            each = []
            for compiler in compilers:
                start = time.process_time()
                _, found, diagnostics = compiler.check(source)
                each.append(time.process_time() - start)
            taken.append(1e3 * min(each))
            if fresh:
                _, again, told = Compiler(project, library).check(source)
                if said(found, diagnostics) != said(again, told):
                    sys.exit(f"{path}: another answer for a text that was changed step by step:\n{step}")
        if rng.random() < 0.3:
            text = changed
        if rng.random() < 0.3:
            text = first.text
    return sorted(taken)


def row(name: str, taken: list[float]) -> str:
    """A line of the table."""
    middle, late = taken[len(taken) // 2], taken[min(len(taken) - 1, len(taken) * 95 // 100)]
    return f"{name:<45} {middle:8.1f} {late:8.1f} {taken[-1]:8.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--edits", type=int, default=20, help="changes a file; each is taken back again")
    parser.add_argument("--fresh", action="store_true", help="compare with a compiler that keeps nothing")
    parser.add_argument("--repeats", type=int, default=3, help="compilers of which the quickest counts")
    given = parser.parse_args()
    files = given.files or [str(path) for path in sorted((HERE / "specs").rglob("*.arch"))]
    library = Library(library_modules())
    total: list[float] = []
    print(f"{'ms of CPU':<45} {'p50':>8} {'p95':>8} {'longest':>8}")
    for path in files:
        taken = times_of(path, given.edits, library, max(1, given.repeats), fresh=given.fresh)
        total += taken
        name = Path(path).resolve()
        print(row(str(name.relative_to(HERE)) if name.is_relative_to(HERE) else path, taken), flush=True)
    print(row(f"{len(files)} files", sorted(total)))


if __name__ == "__main__":
    main()
