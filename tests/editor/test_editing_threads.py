"""Eight threads that edit and ask at once get what one gets alone."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from editor.asking import of_place, of_text
from editor.shipped import Shipped

from archdsl.analysis.uses import Used, Uses
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.editor import Workspace

THREADS = 8
PATHS = (
    "specs/regnety_4gf.arch",
    "specs/mobilenet/mobilenetv2.arch",
    "specs/scaled/regnety.arch",
    "specs/others/unet.arch",
)


def edits(number: int) -> list[tuple[str, str, int]]:
    """What a thread writes: path, text and the place that it asks of. Threads of one parity share their texts."""
    draw = random.Random(number % 2)
    reader = Shipped()
    found = []
    for path in PATHS:
        text = reader.file(path).text
        start = draw.randrange(len(text) // 3, len(text))
        found += [(path, text, start), (path, text[:start] + text[start + draw.choice((1, 9)) :], start)]
    return found


def asked(workspace: Workspace, number: int, *, own: bool) -> list[Any]:
    """The answers to one thread; to texts of its own, or to texts that others write too."""
    answers = []
    for path, text, offset in edits(number):
        name = path.replace(".arch", f"_{number}.arch") if own else path
        workspace.change(name, text)
        answers.append(
            str([of_text(workspace, name), of_place(workspace, name, offset)]).replace(f"_{number}.arch", ".arch")
        )
    return answers


@pytest.mark.usefixtures("hasty")
def test_eight_threads_are_answered_as_one() -> None:
    alone = {number: asked(Workspace(Shipped()), number, own=True) for number in range(2)}
    shared, start = Workspace(Shipped()), Barrier(THREADS)

    def run(number: int) -> list[Any]:
        start.wait()
        return asked(shared, number, own=True)

    with ThreadPoolExecutor(THREADS) as pool:
        for number, answers in enumerate(pool.map(run, range(THREADS))):
            assert answers == alone[number % 2]


@pytest.mark.usefixtures("hasty")
def test_one_text_that_all_write() -> None:
    shared, start = Workspace(Shipped()), Barrier(THREADS)

    def run(number: int) -> None:
        start.wait()
        asked(shared, number, own=False)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))
    alone = Workspace(Shipped())
    for path in PATHS:
        alone.change(path, shared.text(path))
        assert of_text(alone, path) == of_text(shared, path)


@pytest.mark.usefixtures("hasty")
def test_what_is_used_is_known_whole() -> None:
    source = Shipped().file("specs/scaled/regnety.arch")
    program = Compiler(Shipped()).program(source, Diagnostics())
    alone = [Uses(program).model(name) for name in program.models]
    for _ in range(20):
        shared, start = Uses(program), Barrier(THREADS)

        def run(number: int, shared: Uses = shared, start: Barrier = start) -> list[Used]:
            start.wait()
            names = [*program.models][number % 3 :] + [*program.models][: number % 3]
            return sorted([shared.model(name) for name in names], key=lambda used: used.exact)

        with ThreadPoolExecutor(THREADS) as pool:
            for found in pool.map(run, range(THREADS)):
                assert found == sorted(alone, key=lambda used: used.exact)
