"""Any number of threads may parse, compile, count, emit, format and render: each gets what it would get alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from families.compiling import Specs, spec_source, zoo_names

from archdsl import emission
from archdsl.analysis.program import Module
from archdsl.analysis.resolve import Library, load_library
from archdsl.closed_forms import formulas_of
from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import count
from archdsl.once import cached_property, once
from archdsl.resources import library_modules, read_data
from archdsl.source import Source
from archdsl.syntax.formatter import format_source
from archdsl.syntax.parser import parse
from archdsl.views.diagnostics import render_all

ROOT = Path(__file__).resolve().parent.parent

THREADS = 8
FAULTY = [
    "arch 1\nmodel m { input: 3 x 8 x 8 stages: conv { width: 8 kernel: 3 } }\n",
    "arch 1\nuse std.ops { conv }\nmodel m { input: 3 x 8 x 8, stages: conv { width: 8 kernel: 3 }\nfn f(a) = a +\n",
    "# what it is\nfn f(a) = a\n# another\nfn g(b) = b + c\n",
]
"""Of one layout or nearly so, each with faults of its own."""


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """The results of calls that eight threads share, all begun at once."""
    start = threading.Barrier(THREADS)

    def some(number: int) -> list[tuple[int, Any]]:
        start.wait()
        return [(index, calls[index]()) for index in range(number, len(calls), THREADS)]

    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(pair for part in pool.map(some, range(THREADS)) for pair in part)
    return [found[index] for index in range(len(calls))]


def outcome(name: str) -> Any:
    """What a network is, costs, and is written as."""
    source = spec_source(name)
    result = Compiler(Specs()).compile(source, name)
    assert isinstance(result, Compiled)
    cost = count(result.network)
    about = emission.about_of(result, name, name, ())
    texts = emission.emit(result.network, about, ("torch", "dot", "svg"), None)
    counts = (cost.flops, cost.params, cost.acts, [(g.key, g.flops) for g in cost.by("stage")])
    said = render_all(result.diagnostics, color=False)
    return result.network.hash, counts, texts, format_source(source), said


@pytest.mark.usefixtures("hasty")
def test_a_module_of_the_library_is_loaded_once() -> None:
    names = library_modules()
    for _ in range(3):
        library = Library(names)
        orders = [names[number:] + names[:number] for number in range(THREADS)]
        found = together([partial(_loaded, library, order) for order in orders])
        assert all(each == found[0] for each in found)
        assert found[0] == library.modules


def _loaded(library: Library, names: tuple[str, ...]) -> dict[str, Module | None]:
    return {name: load_library(name, Specs(), library, Diagnostics()) for name in names}


def said(text: str) -> Any:
    file, diagnostics = parse(Source("t.arch", text))
    _, _, all_ = Compiler(Specs()).check(Source("t.arch", text))
    return repr(file.items), [d.message for d in diagnostics], render_all(all_, color=False)


@pytest.mark.usefixtures("hasty")
def test_the_zoo_in_eight_threads() -> None:
    names = zoo_names()[::18]
    alone = [outcome(name) for name in names]
    assert together([lambda name=name: outcome(name) for name in names]) == alone  # type: ignore[misc]


@pytest.mark.usefixtures("hasty")
def test_one_network_in_eight_threads() -> None:
    expected = outcome("regnety_400mf")
    assert together([lambda: outcome("regnety_400mf")] * 2 * THREADS) == [expected] * 2 * THREADS


@pytest.mark.usefixtures("hasty")
def test_faults_are_those_of_the_thread_s_own_text() -> None:
    texts = [text.replace("8", str(index + 8)) for index in range(16) for text in FAULTY]
    alone = [said(text) for text in texts]
    assert together([lambda text=text: said(text) for text in texts]) == alone  # type: ignore[misc]


@pytest.mark.usefixtures("hasty")
def test_closed_forms_in_eight_threads() -> None:
    def forms(_: int = 0) -> Any:
        result = Compiler(Specs()).compile(spec_source("regnetx_200mf"), "regnetx_200mf")
        assert result.model is not None
        found = formulas_of(result.model)
        return found.rows(), found.whole, found.decided, found.at({"r": 64})

    alone = forms()
    assert together([forms] * THREADS) == [alone] * THREADS


@pytest.mark.usefixtures("hasty")
def test_once_is_once() -> None:
    made: list[int] = []

    @once
    def make() -> object:
        made.append(len(read_data("grammar/arch.lark")))
        return object()

    assert len({id(found) for found in together([make] * THREADS)}) == 1
    assert len(made) == 1


def test_a_kept_property_holds_no_lock() -> None:
    """One thread works it out for an object and asks for a lock that another holds, who asks it of a second object."""
    lock, working, waiting = threading.Lock(), threading.Event(), threading.Event()

    class Kept:
        def __init__(self, first: bool) -> None:
            self.first = first

        @cached_property
        def value(self) -> object:
            if self.first:
                working.set()
                assert waiting.wait(60)
                with lock:
                    return object()
            return object()

    one, other = Kept(True), Kept(False)

    def holding() -> object:
        with lock:
            assert working.wait(60)
            waiting.set()
            return other.value

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(lambda: one.value), pool.submit(holding)]
        found = [result.result(timeout=120) for result in results]
    assert found[0] is one.value is not other.value
    assert found[1] is other.value


def test_a_kept_property_is_one_object_for_all_threads() -> None:
    class Kept:
        @cached_property
        def value(self) -> object:
            return object()

    for _ in range(100):
        kept, gate = Kept(), threading.Barrier(4)

        def ask(kept: Kept = kept, gate: threading.Barrier = gate) -> object:
            gate.wait()
            return kept.value

        with ThreadPoolExecutor(4) as pool:
            assert len({id(result.result()) for result in [pool.submit(ask) for _ in range(4)]}) == 1


def test_no_module_takes_the_other_one() -> None:
    """functools' has the lock in Python 3.11."""
    for path in (ROOT / "archdsl").rglob("*.py"):
        assert "functools import cached_property" not in path.read_text(encoding="utf-8"), path
