"""Whatever stands in a file, the compiler ends in a result or in diagnostics, whose spans lie in their sources.

Three kinds of texts: a soup of the language's words, programs that follow the grammar, and the shipped
specs cut up and put together. What is drawn is the same in every run.
"""

from __future__ import annotations

import re
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import Texts
from sampling import many

from archdsl.compiler import Changes, Compiled, Compiler, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import count
from archdsl.graph.operations import OPERATIONS
from archdsl.resources import data_root
from archdsl.source import Source, Span
from archdsl.spaces.check import check_spaces
from archdsl.views.diagnostics import render_all
from archdsl.views.failure import to_json


def deterministic(examples: int) -> settings:
    """The same draws in every run; limits of time stand in the tests of hostile input."""
    unneeded = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=many(examples), derandomize=True, database=None, deadline=None, suppress_health_check=unneeded
    )


def verify_ends(text: str) -> None:
    """Compile all of a text; no exception, and all that is said can be shown."""
    source = Source("specs/fuzz.arch", text)
    program, compilations, diagnostics = compiler().check(source)
    check_spaces(compiler(), program, diagnostics)
    for compilation in compilations:
        if isinstance(compilation, Failed):
            assert diagnostics.failed
        else:
            count(compilation.network)
            assert len(compilation.network.hash) == 64
    verify_diagnostics(diagnostics)


def verify_diagnostics(diagnostics: Diagnostics) -> None:
    for diagnostic in diagnostics:
        spans = [diagnostic.span, *(label.span for label in diagnostic.labels), *(e.span for e in diagnostic.edits)]
        assert all(lies_in_source(span) for span in spans), diagnostic
        assert re.fullmatch(r"E[1-5]\d\d", diagnostic.code)
        assert diagnostic.message
        assert "\n" not in diagnostic.message
        to_json(diagnostic)
    render_all(diagnostics, color=True)


def lies_in_source(span: Span) -> bool:
    return 0 <= span.start <= span.end <= len(span.source.text)


# Texts


@cache
def specs() -> dict[str, str]:
    root = data_root() / "specs"
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.arch"))}


@cache
def compiler() -> Compiler:
    return Compiler(Texts({f"specs/{name}": text for name, text in specs().items()}))


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word, number and mark of the specs, and the marks that none of them uses."""
    words = set(re.findall(r"[A-Za-z_]\w*|\d[\w.]*|\"[^\"\n]*\"|[^\s\w]", "\n".join(specs().values())))
    marks = {"->", "..", "//", "<=", ">=", "==", "!=", "~", "%", "^", "`", "'", "\\", "é", "\u202e", "\n", "\n\n", "#"}
    return tuple(sorted(words | marks))


soup = st.lists(st.sampled_from(vocabulary()), max_size=80).map(" ".join)

SETTINGS = {
    **dict.fromkeys("abf", ("width", "stride", "f", "s")),
    "conv": ("width", "kernel", "stride", "groups", "dilation", "padding"),
    "max_pool": ("kernel", "stride"),
    "batch_norm": ("eps",),
    "g": ("width", "s"),
    "split": ("parts", "sizes"),
    "relu": (),
    "add": (),
    "concat": (),
}
numbers = st.one_of(
    st.integers(0, 9).map(str),
    st.sampled_from(
        ["8", "16", "24", "1/4", "2.5", "1e3", "4.0G", "2147483647", "1e400", "10 ^ 40", "2 ^ (1/2)", "log(3)"]
    ),
)
texts = st.builds


def filled(names: tuple[str, ...], values: st.SearchStrategy[str], most: int = 2) -> st.SearchStrategy[list[str]]:
    """Some `name: value`, each name once."""
    if not names:
        return st.just([])
    drawn = st.dictionaries(st.sampled_from(names), values, max_size=most)
    return drawn.map(lambda found: [f"{name}: {value}" for name, value in found.items()])


def applied(called: tuple[str, ...], values: st.SearchStrategy[str], form: str, mark: str) -> st.SearchStrategy[str]:
    """A call or a configured block, with settings that what is called has."""
    return st.one_of(
        [filled(SETTINGS[name], values).map(lambda s, n=name: form.format(n, mark.join(s))) for name in called]
    )


@cache
def expressions(scope: tuple[str, ...], declared: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Expressions over some names and those that are declared."""
    called = ("conv", "max_pool", "batch_norm", "relu", "split", "concat", *(n for n in declared if n in SETTINGS))
    names = st.sampled_from([*scope * 3, *declared, "relu", "none", "true", '"same"'])
    leaves = st.one_of(numbers, names, names, st.sampled_from(["3 x 8", "0 .. 3", "[8, 16]", "[]"]))

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "^", "==", "<", "and", "or", "->", "->", "when"])
        rounding = st.sampled_from(["round", "max", "min", "sum", "count", "log", "abs", "sqrt"])
        return st.one_of(
            texts("({} {} {})".format, inner, operators, inner),
            texts("({} if {} else {})".format, inner, inner, inner),
            texts("[{} for j in 0 .. {}]".format, st.one_of(inner, st.just("j"), st.just("8 * j + 8")), inner),
            st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
            texts("{}({})".format, st.sampled_from(called), st.lists(inner, max_size=3).map(", ".join)),
            applied(called, inner, "{}({})", ", "),
            texts("{}({})".format, rounding, inner),
            applied(called, inner, "{} {{ {} }}", "  "),
            texts("{} with {{ width: {} }}".format, names, inner),
            texts("{}[{}]".format, names, inner),
            texts("{}.{}".format, names, st.sampled_from(["channels", "index", "count", "width"])),
            texts("(-{})".format, inner),
            texts("(not {})".format, inner),
        )

    return st.recursive(leaves, extend, max_leaves=5)


INNER = ("x", "width", "stride", "f", "s")
inside = expressions(INNER, ("f", "g"))
widths = st.one_of(st.sampled_from(["8", "16", "width", "width * s", "x.channels", "width / s"]), inside)
steps = st.one_of(
    st.sampled_from(
        ["conv(width, kernel: 3, stride: stride)", "conv(8, kernel: 3)", "relu", "f", "f(s: s)", "split(2)"]
    ),
    st.sampled_from(
        ["flatten", "global_pool", "batch_norm", "upsample(2)", "max_pool(kernel: 2, stride: 2)", "concat(x)"]
    ),
    texts("conv({}, kernel: {}, groups: {})".format, widths, st.sampled_from(["1", "3", "3 x 1", "s"]), widths),
    texts("{}({})".format, st.sampled_from(sorted(OPERATIONS)), inside),
    texts("(conv(width, kernel: 1) -> relu) when {}".format, inside),
)
flows = st.lists(steps, max_size=4).map(lambda found: " -> ".join(["x", *found]))
tensors = st.one_of(
    flows, flows, texts("{} + {}".format, flows, flows), texts("concat({}, {})".format, flows, flows), inside
)
entries = st.one_of(
    texts("require {}".format, inside),
    texts("fit {{ width: {} }}".format, expressions(("width", "stride", "s"), ("g",))),
    texts("u, v = {}".format, tensors),
)
bodies = texts(
    "{} y = {} return {}".format, st.lists(entries, max_size=1).map("".join), tensors, st.one_of(tensors, st.just("y"))
)
blocks = st.tuples(inside, bodies, bodies).map(
    lambda t: (
        f"block b(x; width: 8, stride: 1, f: relu, s: 2) {{ {t[1]} }}\n"
        f"block a(x; width: 8, stride: 1, f: b, s: {t[0]}) {{ {t[2]} }}"
    )
)
functions = texts("fn g(width, s: 2) = {}".format, expressions(("width", "s")))
OUTER = ("width", "s")
outside = expressions(OUTER, ("a", "b", "g"))
listed = st.one_of(
    outside, st.sampled_from(["[8, 16]", "[1, 2]", "[8, 8, 16]", "8 * block.index + 8", "8 + stage.index", "b"])
)
attributes = filled(("width", "width", "depth", "stride", "s", "f", "enter"), listed, 3).map("  ".join)
stages = st.one_of(
    texts("{} {{ {} }}".format, st.sampled_from(["a", "b"]), attributes),
    texts("{} {{ {} }}".format, st.sampled_from(["a", "b"]), attributes),
    texts("[a {{ {} }}, {}]".format, attributes, outside),
    texts("[| block | width | depth |\n| a | {} | 1 |\n| b | - | {} |]".format, outside, numbers),
    texts("[| block | width |\n| a | 8 |] with {{ {} }}".format, attributes),
)
model_fields = st.one_of(
    texts("head: {}".format, outside),
    texts("stem: {}".format, st.sampled_from(["a", "b(width: 16)", "conv(8, kernel: 3) -> relu", "none", "g"])),
    texts("output_stride: {}".format, numbers),
    texts("features: [{}, {}]".format, numbers, numbers),
    texts("features {{ c: stages[{}] }}".format, numbers),
    texts("expect {{ flops: {}  by: {} }}".format, numbers, outside),
    texts("expect {{ params: {}  at: {} }}".format, numbers, outside),
    texts("preprocess {{ mean: [{}]  crop: {} }}".format, outside, numbers),
    texts("init {{ conv: normal(std: {}) }}".format, expressions(("fan_in", *OUTER))),
    texts("follow {{ stem.width: {} }}".format, st.sampled_from(["width", "depth", "s"])),
    texts("t = {}".format, outside),
)
sizes = st.sampled_from(["3 x 8 x 8", "8 x 32 x 32", "16 x 1 x 1", "width x 8 x 8"])
models = texts(
    "model m(width: 8, s: 2) {{ {}  input: {}  stages: {} }}".format,
    st.lists(model_fields, max_size=1).map("".join),
    sizes,
    stages,
)
derived = st.one_of(
    st.just(""),
    texts("model d = m with {{ {} }}".format, model_fields),
    texts(
        "model d = m with {{ stages[{}].{}: {} }}".format, numbers, st.sampled_from(["width", "depth", "s"]), outside
    ),
    texts("model d = m with {{ stages[0].blocks[0].width: {} }}".format, outside),
    texts("model d = m -> dWr({})".format, st.one_of(numbers, st.just("-1"))),
    texts("model d = m -> w(solve(params: {}))".format, st.sampled_from(["5K", "1", "100", "4.0M"])),
    texts(
        "scaling z(k) {{ {}: {} }} model d = m -> z(2)".format,
        st.sampled_from(["width", "depth", "s", "resolution", "stem.width"]),
        expressions(("k", "width", "depth")),
    ),
    texts("models m [| name | width |\n| i | {} |\n| j | - |]".format, numbers),
)
HEADER = f"use std.ops {{ {', '.join(sorted(OPERATIONS))} }}\nuse std.scaling {{ dWr, w }}\n"
programs = st.tuples(blocks, functions, models, derived).map(lambda items: HEADER + "\n".join(items))


@st.composite
def spliced(draw: st.DrawFn) -> str:
    """A spec with some stretches of words taken out, doubled, exchanged for other words, or moved elsewhere."""
    names = st.sampled_from(sorted(specs()))
    words = re.findall(r"\s+|\w+|\W", specs()[draw(names)])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(words)))
        length = draw(st.integers(0, 8))
        other = re.findall(r"\s+|\w+|\W", specs()[draw(names)])
        start = draw(st.integers(0, len(other)))
        new = draw(
            st.sampled_from(
                [[], words[at : at + length] * 2, other[start : start + length], [draw(st.sampled_from(vocabulary()))]]
            )
        )
        words[at : at + length] = new
    return "".join(words)


@deterministic(200)
@given(soup)
def test_soup(text: str) -> None:
    verify_ends(text)


@deterministic(300)
@given(programs)
def test_programs(text: str) -> None:
    verify_ends(text)


@deterministic(250)
@given(spliced())
def test_spliced_specs(text: str) -> None:
    verify_ends(text)


@deterministic(100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["input", "width", "stages.width", "head.classes", "stages[0].depth"]), outside),
        max_size=2,
    ),
    st.lists(st.one_of(outside, texts("w({})".format, outside)), max_size=1),
    st.none() | soup,
)
def test_changes(changed: list[tuple[str, str]], scalings: list[str], size: str | None) -> None:
    """What stands on the command line ends no other way."""
    source = Source("specs/regnety_4gf.arch", specs()["regnety_4gf.arch"])
    found = compiler().compile(source, None, Changes(tuple(changed), tuple(scalings), size))
    assert isinstance(found, Compiled) or found.diagnostics.failed
    verify_diagnostics(found.diagnostics)
