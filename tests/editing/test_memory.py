"""What a compiler keeps: the same answers as one that keeps nothing, and only what changed is compiled again."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from reading import Texts
from sampling import many

from archdsl import compiler, editor
from archdsl.analysis.memory import MAX_MODELS, MAX_VERSIONS
from archdsl.analysis.overlay import Overlay
from archdsl.analysis.solve import _Search
from archdsl.compiler import Compiled, Compiler, Memory
from archdsl.diagnostics import Diagnostic
from archdsl.editor import Workspace
from archdsl.resources import read_data
from archdsl.source import Source

FILES = ("regnet/regnetx", "others/densenet", "resnet/eca", "efficientnet/lite")
TWO = """use std.ops {{ conv }}
# What both have.
block b(x; width{}) = x -> conv(width, kernel: 3) -> conv(width, kernel: 3)
{}model one {{ input: 3 x 32 x 32  stages: b {{ width: [8, 16] }} expect {{ params: 1 }} }}
model two {{
  input: 3 x 32 x 32{}
  stages: b {{ width: [4, 16] }}
}}
"""


def shown(d: Diagnostic) -> Any:
    """All of a diagnostic, with places as numbers."""
    places = [(s.source.name, s.start, s.end) for s in (d.span, *[x.span for x in (*d.labels, *d.edits)])]
    return (
        d.code,
        d.message,
        d.severity,
        d.label,
        d.help,
        places,
        [x.text for x in d.labels],
        [x.replacement for x in d.edits],
    )


def answer(compiler: Compiler, source: Source) -> Any:
    _, found, diagnostics = compiler.check(source)
    hashes = [(each.name, each.network.hash if isinstance(each, Compiled) else None) for each in found]
    return [shown(d) for d in diagnostics], diagnostics.omitted, hashes


def edits(name: str, count: int, rng: random.Random) -> list[Source]:
    """A text that is changed step by step, and back now and then."""
    first = text = read_data(f"specs/{name}.arch")
    found = []
    for _ in range(count):
        at = rng.randrange(len(text))
        numbers = [*re.finditer(r"(?<!\w)[1-9]\d?(?!\w)", text)]
        match rng.randrange(5):
            case 0:
                text = text[:at] + rng.choice("ab1 +:{}()[]|#\n") + text[at:]
            case 1:
                text = text[:at] + text[at + 1 :]
            case 2:
                one = rng.choice(numbers or [*re.finditer("$", text)])
                text = f"{text[: one.start()]}{rng.randrange(1, 40)}{text[one.end() :]}"
            case 3:
                lines = text.split("\n")
                lines[rng.randrange(len(lines))] += "  # said"
                text = "\n".join(lines)
            case _:
                text = first
        found.append(Source(f"specs/{name}.arch", text))
    return found


def test_the_same_answers_as_without() -> None:
    rng = random.Random(14)
    for name in FILES:
        compiler = Compiler(Texts(), memory=Memory())
        for source in edits(name, many(5), rng):
            assert answer(compiler, source) == answer(Compiler(Texts()), source), source.text


def test_several_threads_share_one() -> None:
    """Each has another text of the same file, and hears what one alone does."""
    texts = [source for seed in range(4) for source in edits("resnet/eca", 3, random.Random(seed))]
    memory = Memory()
    shared = Compiler(Texts(), memory=memory)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda source: answer(shared, source), texts))
    assert found == [answer(Compiler(Texts()), source) for source in texts]


def test_only_what_changed_is_compiled_again() -> None:
    """A model stays the same object while neither it nor what it uses changes a word; places are those of the text."""
    compiler = Compiler(Texts(), memory=Memory())

    def check(*parts: str) -> tuple[str, list[Compiled]]:
        text = TWO.format(*parts)
        _, found, _ = compiler.check(Source("two.arch", text))
        return text, [each for each in found if isinstance(each, Compiled)]

    _, before = check("", "", "")
    text, after = check("", "# A line more.\n\n", "  # said\n")
    assert [a.network is b.network for a, b in zip(before, after, strict=True)] == [True, True]
    for each in after:
        setting = each.model.stages[1].settings["width"]
        assert setting.origin is not None
        assert each.here(setting.origin.span).text.endswith(", 16]")
        assert each.here(setting.origin.span).source.text == text
        assert each.here(each.model.span).text == each.name
    assert [text[d.span.start : d.span.end] for d in after[0].diagnostics] == ["1"]
    _, other = check("", "", "\n  features: [1]")
    assert [a.network is b.network for a, b in zip(before, other, strict=True)] == [True, False]
    _, both = check(", bias: false", "", "")
    assert not any(a.network is b.network for a, b in zip(before, both, strict=True))


SOLVED = """use std.ops { conv }
use std.scaling { d, w }
# Two convolutions.
block b(x; width, kernel: 3) = x -> conv(width, kernel: kernel) -> conv(width, kernel: 1)
model base { input: 3 x 32 x 32  stages: b { width: [8, 16] } expect { params: 1K } }
# Wider, then deeper.
model twice = base -> w(solve(params: 20K)) -> d(solve(params: 90K, within: 1/100)) with {
  expect { params: 1 }
  source { table: 2 }
}
"""


def test_a_search_is_taken_again_where_its_network_depends_on_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a claim, a source, documentation, a name or a brace at its end; for a budget, a block, a model below;
    and what is found is what a compiler finds that keeps nothing."""
    searches: list[Any] = []
    found = _Search.found

    def counted(self: _Search) -> Any:
        searches.append(self)
        return found(self)

    monkeypatch.setattr(_Search, "found", counted)
    compiler = Compiler(Texts(), memory=Memory())
    changes = {
        ("params: 1 ", "params: 2 "): 0,
        ("table: 2", 'note: "solve(params: 90K)"'): 0,
        ("1K", "2K"): 0,
        ("expect { params: 1 }\n", "\n"): 0,
        ("Wider", "First wider"): 0,
        ("model twice", "model thrice"): 0,
        ("table: 2 }\n}", "table: 2 }\n"): 0,
        ("# Two convolutions.", "# Two convolutions, one after the other."): 0,
        ("90K", "80K"): 2,
        ("params: 20K", "params: 21K"): 2,
        ("kernel: 1)", "kernel: 3)"): 2,
        ("[8, 16]", "[8, 24]"): 2,
        ("params: 90K, within: 1/100", "params: 90K"): 2,
        ("-> w(solve(params: 20K))", "-> w(2)"): 1,
    }

    def check(text: str) -> tuple[int, Any, Any]:
        searches.clear()
        _, each, diagnostics = compiler.check(Source("solved.arch", text))
        asked = len(searches)
        _, fresh, told = Compiler(Texts()).check(Source("solved.arch", text))
        assert [shown(d) for d in diagnostics] == [shown(d) for d in told]
        return asked, [one.model.solved for one in each if one.model], [one.model.solved for one in fresh if one.model]

    asked, kept, _ = check(SOLVED)
    assert asked == 2
    assert [len(one) for one in kept] == [0, 2]
    for (old, new), count in changes.items():
        assert SOLVED.count(old) == 1, old
        asked, kept, fresh = check(SOLVED.replace(old, new))
        assert (old, asked, kept) == (old, count, fresh)
        check(SOLVED)


RECIPES = """use std.ops { conv }
# For all.
recipe base(rate: 0.1) {
  epochs: 10
  batch: 256
  optimizer: sgd(momentum: 0.9)
  schedule: cosine(peak: rate)
}
recipe long = base with { epochs: 20 }
recipe wrong = base(rate: 0.2) with { epochs: 0 }
"""


def test_a_recipe_is_worked_out_again_where_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its faults are told at their places in the present text."""
    asked: list[str] = []
    work_out = compiler.recipe_named

    def counted(program: Any, name: str, told: Any) -> Any:
        asked.append(name)
        return work_out(program, name, told)

    monkeypatch.setattr(compiler, "recipe_named", counted)
    kept = Compiler(Texts(), memory=Memory())
    for text, wanted in (
        (RECIPES, ["base", "long", "wrong"]),
        ("# First.\n" + RECIPES, []),
        (RECIPES.replace("epochs: 20", "epochs: 30"), ["long"]),
        (RECIPES.replace("epochs: 0", "epochs: 1"), ["wrong"]),
        (RECIPES.replace("peak: rate", "peak: 2 * rate"), ["base", "long", "wrong"]),
        (RECIPES.replace("peak: rate", "peak: rat"), ["base", "long", "wrong"]),
    ):
        asked.clear()
        found = answer(kept, Source("recipes.arch", text))
        assert asked == wanted
        assert found == answer(Compiler(Texts()), Source("recipes.arch", text))


def test_documentation_is_that_of_the_present_text() -> None:
    """Where it is asked for what is compiled; an editor asks the declarations, and compiles nothing again for it."""
    first, other = (TWO.format("", "# The first.\n", "").replace("What both", f"What {who}") for who in ("both", "all"))
    other = other.replace("The first", "Model one")
    for memory, same in ((Memory(), False), (Memory(documented=False), True)):
        kept = Compiler(Texts(), memory=memory)
        one, two = (kept.check(Source("two.arch", text))[1][0] for text in (first, other))
        assert isinstance(one, Compiled)
        assert isinstance(two, Compiled)
        assert (one.network is two.network) is same
        if not same:
            assert (two.model.doc, two.network.root.steps[0].applied.declared.doc) == ("Model one.", "What all have.")  # type: ignore[union-attr]
    edited, fresh = Workspace(Texts()), Workspace(Texts())
    for text in (first, other):
        edited.change("two.arch", text)
        assert editor.diagnostics(edited, "two.arch")
    fresh.change("two.arch", other)
    for word in ("b(x", "one {", "b { width: [8"):
        at = other.index(word)
        assert editor.hover(edited, "two.arch", at) == editor.hover(fresh, "two.arch", at) is not None
    assert "all have" in repr(editor.hover(edited, "two.arch", other.index("b { width")))


def test_a_file_that_is_used_and_changes() -> None:
    """Also where it is not saved."""
    files = Texts({"blocks.arch": "use std.ops { conv }\nblock b(x; width) = x -> conv(width, kernel: 3)\n"})
    text = 'use "blocks.arch" { b }\nmodel m { input: 3 x 8 x 8  stages: b { width: 4 } }\n'
    memory = Memory()
    kernels = []
    for kernel in ("3", "5", "5", "7"):
        over = Overlay(files, {"blocks.arch": files.files["blocks.arch"].replace("3", kernel)})
        (found,) = Compiler(over, memory=memory).check(Source("m.arch", text))[1]
        assert isinstance(found, Compiled)
        kernels.append(found.network.nodes[0].operation.kernel)  # type: ignore[attr-defined]
    assert [kernel if isinstance(kernel, int) else kernel[0] for kernel in kernels] == [3, 5, 5, 7]


def test_what_is_kept_is_bounded() -> None:
    memory = Memory()
    compiler = Compiler(Texts(), memory=memory)
    for width in range(1, 9):
        compiler.check(Source("two.arch", TWO.format(f": {width}", "", "")))
    assert memory.size <= 2 * MAX_VERSIONS <= MAX_MODELS
