"""Hostile input ends in a diagnostic or in a result: soon, in little memory, and never in an exception.

Every case runs in a forked process whose memory is limited, so that one that explodes fails alone. Time is counted
in the steps that the evaluator itself counts and limits, so that a busy machine fails no case;
what never ends is given up.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import resource
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_texts import CODES, RESULTS, TEXTS, model
from reading import Texts
from sampling import TIMES

from archdsl import limits
from archdsl.analysis.program import Reader
from archdsl.compiler import Compilation, Compiled, Compiler
from archdsl.diagnostics import Fault
from archdsl.files import SourceFault, decode_source
from archdsl.graph.cost import count
from archdsl.graph.memory import peak_bytes, training_bytes
from archdsl.project import Project
from archdsl.source import Source
from archdsl.spaces.check import check_spaces
from archdsl.views.diagnostics import render_all
from archdsl.views.failure import to_json

STEPS = 2 * limits.MAX_STEPS
"""Evaluation steps of all models of a text: that many only where several models come near the limit of one."""
STEPS_TO_SOLVE = 2 * limits.MAX_SOLVE_WORK
"""A budget is solved for by trying many networks."""
WORK = limits.MAX_SOLVE_WORK // (1 if TIMES > 1 else 5)
"""What is spent where no factor is found: the limit itself in `make thorough`."""
HANG = 500
"""Seconds after which a run that does not end is given up. No run that ends comes near."""
MEMORY = 1 << 30
FORK = multiprocessing.get_context("fork")


@dataclass
class Outcome:
    """What a run ended in."""

    codes: list[str]
    messages: list[str]
    results: int
    steps: int = 0
    failure: str = ""


def compiled(text: str) -> Outcome:
    """Compile a text, from its bytes on."""
    try:
        source = decode_source("hostile.arch", text.encode())
    except SourceFault as fault:
        return Outcome([fault.code], [fault.message], 0)
    return checked(source, Texts())


def compiled_file(path: Path) -> Outcome:
    """Compile a file as the command line does."""
    project = Project(str(path))
    try:
        source = project.source()
    except Fault as fault:
        return Outcome([fault.diagnostic.code], [fault.diagnostic.message], 0)
    return checked(source, project)


def checked(source: Source, reader: Reader) -> Outcome:
    """Check all models of a source, count the networks and render what is said."""
    compiler = Compiler(reader)
    program, found, diagnostics = compiler.check(source)
    check_spaces(compiler, program, diagnostics)
    steps = sum([spent(compilation) for compilation in found])
    for compilation in found:
        if isinstance(compilation, Compiled):
            count(compilation.network)
            peak_bytes(compilation.network)
            training_bytes(compilation.network)
            assert len(compilation.network.hash) == 64
    said = list(diagnostics)
    assert len(render_all(diagnostics, color=False)) < 1_000_000
    assert len(json.dumps([to_json(d) for d in said])) < 1_000_000
    results = sum(isinstance(c, Compiled) for c in found)
    assert results or diagnostics.failed or not found
    return Outcome([d.code for d in said], [d.message for d in said], results, steps)


def spent(compilation: Compilation) -> int:
    """The evaluation steps of one model, and those of its searches."""
    solved = compilation.model.solved if isinstance(compilation, Compiled) else ()
    return compilation.steps + sum([found.work for found in solved])


def limited(run: Callable[[], Outcome]) -> Outcome:
    """Run in a forked process with a limit on memory; an exception comes back as `failure`."""
    receiver, sender = FORK.Pipe(duplex=False)

    def child() -> None:
        gc.freeze()  # what the tests' process holds is not gone over, and so not copied
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        try:
            outcome = run()
        except BaseException:
            outcome = Outcome([], [], 0, failure=traceback.format_exc()[-3000:])
        sender.send(outcome)

    worker = FORK.Process(target=child)
    worker.start()
    sender.close()
    try:
        if not receiver.poll(HANG):
            worker.kill()
            return Outcome([], [], 0, failure="no end in sight")
        return receiver.recv()
    except EOFError:
        return Outcome([], [], 0, failure="the process died")
    finally:
        worker.join()


def verify_end(run: Callable[[], Outcome], end: str, most: int = STEPS) -> None:
    """A run ends within its steps, in a diagnostic of a code, or, for `result`, with nothing to say."""
    outcome = limited(run)
    assert not outcome.failure, outcome.failure
    assert outcome.steps <= most, outcome
    assert end in (outcome.codes or ["result"]), outcome


def test_cases() -> None:
    """Every text has one expected end."""
    named = [name for names in CODES.values() for name in names]
    assert sorted([*RESULTS, *named]) == sorted(TEXTS)


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_results(name: str) -> None:
    verify_end(lambda: compiled(TEXTS[name]), "result", STEPS_TO_SOLVE if "solve" in name else STEPS)


@pytest.mark.parametrize(("code", "name"), [(code, name) for code, names in CODES.items() for name in sorted(names)])
def test_diagnostics(code: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SOLVE_WORK", WORK)
    verify_end(lambda: compiled(TEXTS[name]), code, STEPS_TO_SOLVE if "solve" in name else STEPS)


# Files

PART = "use std.ops { conv }\nblock b(x) { return x -> conv(8, kernel: 1) }\n"


def using(path: str) -> str:
    """A program that uses a file."""
    return f'use "{path}" {{ b }}\n' + model("b")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project within a folder that holds a secret."""
    (tmp_path / "secret.arch").write_text(PART)
    root = tmp_path / "project"
    root.mkdir()
    (root / "archdsl.toml").touch()
    return root


CONTENTS: dict[str, tuple[str, bytes]] = {
    "nothing": ("result", b""),
    "random bytes": ("E112", bytes(range(256)) * 4096),
    "a picture": ("E112", b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    "nul": ("E113", b"model m\0 { }"),
    "invalid UTF-8": ("E112", b"model m { input: 3 x 8 x 8 \xc3\x28 }"),
    "overlong UTF-8": ("E112", b"\xc0\xaf"),
    "surrogates": ("E112", "\ud800".encode("utf-8", "surrogatepass")),
    "UTF-16": ("E112", "model m { }".encode("utf-16")),
    "right to left": ("E113", "fn f(a) = \u202ea\n".encode()),
    "isolates": ("E113", "# \u2066a\u2069\n".encode()),
    "escapes of a terminal": ("E113", b"fn f(a) = \x1b[31ma\n"),
    "50 MB": ("E111", b"#" * 50_000_000),
    "one line of 1 MB": ("E105", b"?" + b" " * 1_000_000 + b"?"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_contents(name: str, project: Path) -> None:
    end, content = CONTENTS[name]
    (project / "main.arch").write_bytes(content)
    verify_end(lambda: compiled_file(project / "main.arch"), end)


def untouched(_: Path) -> None:
    pass


def make_folder(root: Path) -> None:
    (root / "part.arch").mkdir()


def make_pipe(root: Path) -> None:
    os.mkfifo(root / "part.arch")


def make_unreadable(root: Path) -> None:
    (root / "part.arch").write_text(PART)
    (root / "part.arch").chmod(0)


FILES: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "no file": ("E110", "part.arch", untouched),
    "a folder": ("E110", "part.arch", make_folder),
    "a pipe": ("E110", "part.arch", make_pipe),
    "a device": ("E205", "part.arch", lambda root: (root / "part.arch").symlink_to("/dev/zero")),
    "a link out": ("E205", "part.arch", lambda root: (root / "part.arch").symlink_to(root.parent / "secret.arch")),
    "a folder out": ("E205", "out/secret.arch", lambda root: (root / "out").symlink_to(root.parent)),
    "a link to itself": ("E110", "part.arch", lambda root: (root / "part.arch").symlink_to("part.arch")),
    "dots": ("E205", "../secret.arch", untouched),
    "dots within": ("E205", "a/../../secret.arch", untouched),
    "many dots": ("E205", "../" * 5000 + "secret.arch", untouched),
    "an absolute path": ("E205", "/etc/passwd", untouched),
    "another drive": ("E205", "C:/secret.arch", untouched),
    "backslashes": ("E205", "..\\secret.arch", untouched),
    "a long name": ("E110", "a" * 100_000, untouched),
    "a deep name": ("E110", "a/" * 50_000 + "b.arch", untouched),
    "an empty name": ("E110", "", untouched),
    "itself": ("E207", "main.arch", untouched),
    "itself by dots": ("E207", "a/../main.arch", untouched),
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, project: Path) -> None:
    """A file that is used is a plain file below the project's root, or a diagnostic."""
    code, path, make = FILES[name]
    make(project)
    (project / "main.arch").write_text(using(path))
    verify_end(lambda: compiled_file(project / "main.arch"), code)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_unreadable_file(project: Path) -> None:
    make_unreadable(project)
    (project / "main.arch").write_text(using("part.arch"))
    verify_end(lambda: compiled_file(project / "main.arch"), "E110")


@pytest.mark.parametrize("make", [make_folder, make_pipe])
def test_entry(make: Callable[[Path], None], project: Path) -> None:
    """An entry file that is none."""
    make(project)
    verify_end(lambda: compiled_file(project / "part.arch"), "E110")


@pytest.mark.parametrize(("count_of", "end"), [(100, "result"), (300, "E115")])
def test_chain(count_of: int, end: str, project: Path) -> None:
    """Files that use each other in a row."""
    for index in range(1, count_of):
        (project / f"f{index}.arch").write_text(f'use "f{index + 1}.arch" {{ b }}\nfn f{index}(a) = a\n')
    (project / f"f{count_of}.arch").write_text(PART)
    (project / "main.arch").write_text(using("f1.arch"))
    verify_end(lambda: compiled_file(project / "main.arch"), end)


def test_circle(project: Path) -> None:
    """Files that use each other in a circle, each twice."""
    for index in range(50):
        uses = "".join(f'use "f{(index + step) % 50}.arch" {{ b }}\n' for step in (1, 2))
        (project / f"f{index}.arch").write_text(uses)
    (project / "main.arch").write_text(using("f0.arch"))
    verify_end(lambda: compiled_file(project / "main.arch"), "E207")
