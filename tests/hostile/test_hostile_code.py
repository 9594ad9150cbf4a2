"""Nothing of an `.arch` file becomes code: not a name, not a text.

Names that mean something to Python or PyTorch stand for everything that can have a name; texts that would end a
string, a comment or a template's expression stand wherever a text can. What is emitted is then the module of the
same program with harmless names and texts. Where torch is missing, the texts alone are looked at.
"""

from __future__ import annotations

import ast
import importlib.util
import keyword
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sampling import TIMES, many

import archdsl
from archdsl.analysis.labels import RESERVED, safe_name
from archdsl.files import decode_source

PROFILE = settings(
    derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None, report_multiple_bugs=False
)
TARGETS = ("torch", "train")
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "open", "getattr", "setattr", "globals", "vars", "input"}
TRAINING = {"datasets", "safetensors", "webdataset", "tqdm", "sklearn", "PIL"}
"""What the training entry point imports beside PyTorch and the standard library."""


def torch_or_skip() -> Any:
    torch: Any = pytest.importorskip("torch", reason="emitted code runs on torch")
    torch.set_num_threads(1)  # of small networks several threads mostly wait for each other
    return torch


@pytest.fixture
def torch() -> Any:
    return torch_or_skip()


# What must hold of every emitted text


def check_tree(tree: ast.Module, name: str, target: str) -> None:
    """What is emitted imports what it may, and calls nothing that runs text or touches the system."""
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert not calls(tree, frozenset()) & (RUNS_TEXT if target == "torch" else RUNS_TEXT - {"vars"})
    if target == "torch":
        assert imported <= {"torch", "math", "collections", "typing"}
        loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        *defined, _ = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        brought = [a.asname or a.name for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names]
        assert {*defined, *brought} <= loaded, "what is defined or imported is used"
    else:
        assert imported <= {"torch", name} | TRAINING | set(sys.stdlib_module_names)


def calls(node: ast.AST, bound: frozenset[str]) -> set[str]:
    """The functions that are called by a bare name, but for parameters of that name."""
    found: set[str] = set()
    if isinstance(node, ast.FunctionDef):
        bound |= {argument.arg for argument in node.args.args}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in bound:
        found.add(node.func.id)
    return found.union(*[calls(child, bound) for child in ast.iter_child_nodes(node)])


Code = tuple[Any, ...]


def code_of(tree: ast.Module) -> Code:
    """The code alone, without docstrings; comments are not in the tree. All of it, as a row of kinds and values."""
    statements: list[ast.AST] = [tree]
    while statements:
        node = statements.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                assert isinstance(first.value.value, str)
                node.body = node.body[1:]
        for part in ("body", "orelse", "finalbody", "handlers"):
            below = getattr(node, part, ())
            statements += below if isinstance(below, list) else ()
    found: list[Any] = []
    rest: list[Any] = [tree]
    while rest:
        part = rest.pop()
        if isinstance(part, ast.AST):  # a kind of node has the same fields each time
            found.append(type(part))
            rest += [getattr(part, name, None) for name in part._fields]
        elif isinstance(part, list):
            found.append(len(part))
            rest += part
        else:
            found += (type(part), part)
    return tuple(found)


CHECKED: set[tuple[Code, str, str]] = set()
"""Code that `check_tree` has seen: most texts here must have the code of another."""


def codes(net: archdsl.Compiled, *targets: str) -> dict[str, Code]:
    """The code of both files, or of one, of which `check_tree` holds; no text has what must not be in one."""
    found = {}
    for target in targets or TARGETS:
        ((path, text),) = net.emit(target).items()
        assert path == f"{'train_' if target == 'train' else ''}{net.name}.py"
        decode_source(path, text.encode("utf-8"))  # no control characters, nothing that turns the direction of reading
        assert text.endswith("\n")
        tree = ast.parse(text)
        code = found[target] = code_of(tree)
        if (code, net.name, target) not in CHECKED:
            check_tree(tree, net.name, target)
            CHECKED.add((code, net.name, target))
    return found


# Names

PYTHON_NAMES = """
    False None True and_ as async class def del from global import is lambda match nonlocal pass try type yield
"""
BUILTIN_NAMES = "print open eval exec isinstance len list int float bool range super object property next id self cls"
TORCH_NAMES = """
    forward training parameters modules children state_dict apply to train keys items pop append weight bias module
    running_mean T_destination
"""
FILE_NAMES = """
    nn F torch math Tensor OrderedDict Callable ClassVar Module Conv2d Sequential Identity Stage DropPath LayerScale
    Permute SamePad2d zero_init pair fit_padding init_weights SPEC_HASH num_classes in_channels channels image_size x
    blocks stages stem head enter rate i at_1 residual Inner classifier
"""
UNDERSCORED = """
    _ __ _1 _2d __x _x_ __init__ __class__ __dict__ __call__ __name__ __import__ __builtins__ _modules _forward __self
    x_1 _0x1 __debug__
"""
WORDS = [w for text in (PYTHON_NAMES, BUILTIN_NAMES, TORCH_NAMES, FILE_NAMES, UNDERSCORED) for w in text.split()]
NAMES = [*dict.fromkeys(WORDS), "a" * 100, "very_long_" * 9]
"""One or more of every kind: to the compiler all of a kind are alike."""

HEAD = """\
arch 1
use std.ops {
  conv as o_conv, batch_norm as o_norm, relu as o_relu, silu as o_silu, leaky_relu as o_leaky, global_pool as o_pool,
  linear as o_linear, split as o_split, concat as o_concat, layer_scale as o_scale, drop_path as o_drop,
  max_pool as o_max, add as o_add, layer_norm as o_layer
}
block z_head(z; z_classes: 5) = z -> o_pool -> o_linear(z_classes)
"""

BLOCKS = """
block inner(z; z_width) = z -> o_conv(z_width, kernel: 1) -> o_norm
block @1(z; z_width, z_kernel: 1, z_act: o_relu) {
  z_a = z -> o_conv(z_width, kernel: z_kernel) -> o_norm -> z_act
  z_b = z_a -> inner(z_width)
  return z_b -> inner(z_width + 8) -> inner(z_width) -> o_relu
}
block z_outer(z; z_width) = z -> @1(z_width) -> @1(z_width, z_kernel: 3) -> @1(8, z_act: o_silu)
model z_model {
  input:  3 x 8 x 8
  stages: [z_outer(8), @1 { z_width: 16  depth: 2 }]
  head:   z_head
}
"""
"""A block is called by the name."""

SETTINGS = """
block inner(z; @1: 1) = z -> o_conv(8, kernel: @1, padding: "same")
block z_width(z; @1) = z -> inner -> inner(@1: 1) -> inner(@1: 3) -> o_conv(@1, kernel: 1) -> o_conv(@1 + 1, kernel: 1)
block z_window(z; @1: 1) = z -> inner(@1: @1) -> inner(@1: 1) -> o_max(kernel: 3, stride: @1, padding: "same")
block z_flag(z; @1: false) = z -> o_conv(8, kernel: 1) -> o_norm(zero_init: @1)
block z_act(z; @1: o_relu) = z -> @1 -> o_conv(8, kernel: 1) -> @1
block z_choice(z; @1: none) = z -> (o_conv(8, kernel: @1) -> o_norm) when @1
block z_scale(z; @1: 1) = z -> o_layer -> o_scale(@1)
block z_drop(z; @1: 0) = (z -> o_conv(8, kernel: 1) -> o_drop(@1)) + z
block z_all(z; z_1, z_2) {
  z_a = z -> z_width(@1: z_1) -> o_conv(8, kernel: 1) -> z_window(@1: z_2) -> z_flag(@1: z_2 == 1)
  z_b = z_a -> z_act(@1: o_silu if z_2 == 1 else o_relu) -> z_choice(@1: none if z_2 == 1 else 3)
  return z_b -> z_scale(@1: z_2 / 2) -> z_drop(@1: z_2 / 10)
}
block z_classify(z; @1: 5) = z -> o_pool -> o_linear(@1)
model z_model {
  input:  3 x 16 x 16
  stages: [z_all(8, z_2: 1), z_all(12, z_2: 3)]
  head:   z_classify
}
"""
"""A setting is called by the name: a width, a window, a flag, an activation, a choice, numbers, the classes."""

LOCALS = """
block inner(z; z_width) {
  @1 = z -> o_conv(z_width, kernel: 1) -> o_norm
  z_a = z -> o_conv(z_width, kernel: 3)
  z_b = z_a + @1
  return z_b * @1
}
block z_one(z; z_width) {
  @1 = o_conv(z, z_width, kernel: 1)
  return (@1 -> o_norm) + @1 if z.channels == z_width else @1
}
block z_parts(z; z_width) {
  z_a, @1 = z -> o_conv(2 * z_width, kernel: 1) -> o_split(parts: 2)
  z_c = [@1 -> o_conv(4, kernel: z_k) for z_k in [1, 3]]
  return o_concat(z_c[0], z_c[1], z_a, @1) -> o_conv(z_width, kernel: 1)
}
block z_sum(z; z_width) {
  @1 = z + (z -> o_conv(z.channels, kernel: 1)) if z_width == z.channels else z -> o_conv(z_width, kernel: 1)
  return @1 -> o_relu
}
block z_outer(z; z_width) = z -> inner(z_width) -> z_one(z_width) -> z_parts(z_width) -> z_sum(z_width)
model z_model {
  input:  3 x 8 x 8
  stages: z_outer { z_width: 8  depth: 2 }
  head:   z_head
}
"""
"""A local name is that: of a module, of a sequence, of a part, of a sum."""

INPUTS = """
block inner(@1, z_2; z_width) {
  z_a, z_b = @1 -> o_split(parts: 2)
  return (z_b -> o_conv(z_width, kernel: 1)) + @1 + z_2
}
block z_outer(@1; z_width) {
  z_c = @1 -> o_conv(z_width, kernel: 1)
  z_d = inner(z_c, z_c -> o_relu, z_width: z_width)
  return z_d if @1.channels == z_width else z_d * z_c
}
block z_last(@1; z_classes: 5) = @1 -> o_pool -> o_linear(z_classes)
model z_model {
  input:  3 x 8 x 8
  stages: z_outer { z_width: [8, 16]  depth: 2 }
  head:   z_last
}
"""
"""An input is called by the name."""

PROGRAMS = {"block": BLOCKS, "setting": SETTINGS, "local": LOCALS, "input": INPUTS}
HARMLESS = "z_harmless"


def program(role: str, name: str) -> str:
    return HEAD + PROGRAMS[role].replace("@1", name)


def tensors(net: archdsl.Compiled) -> list[str]:
    return [f"{node.path}.{tensor.name}" for node in net.network.nodes for tensor in net.network.tensors(node)]


def live(net: archdsl.Compiled) -> Any:
    """A live module in double precision, its tensors as the graph says, filled in their order with fixed numbers."""
    import torch

    module = net.module().double().eval()
    state = module.state_dict()
    assert sorted(state) == sorted(tensors(net))
    draws = torch.Generator().manual_seed(0)
    for name in tensors(net):
        if state[name].is_floating_point():
            state[name].uniform_(0.1, 1, generator=draws)
    return module


def result(net: archdsl.Compiled) -> Any:
    """What the live module makes of a fixed image."""
    import torch

    draws = torch.Generator().manual_seed(1)
    shape = (2, *map(int, net.network.input))
    return live(net)(torch.rand(shape, generator=draws, dtype=torch.float64))


@cache
def reference(role: str) -> archdsl.Compiled:
    """The program with a harmless name."""
    return archdsl.compile_text(program(role, HARMLESS), name="net")


def check_names(net: archdsl.Compiled, like: archdsl.Compiled) -> None:
    """A program with other names is the same network, under paths that are names."""
    assert net.hash == like.hash
    codes(net, "torch")
    for path in tensors(net):
        for part in path.split("."):
            assert part.isdigit() or part.isidentifier(), path
            assert not part.startswith("_"), path
            assert not keyword.iskeyword(part), path


PARTS = 2
"""Tests over which the names are dealt out."""


def unlike(names: Iterable[str], check: Callable[[str], None]) -> str:
    """What a check says of the names for which it fails, a line each."""
    failures = []
    for name in names:
        try:
            check(name)
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
    return "\n".join(failures)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("role", PROGRAMS)
def test_names(role: str, part: int) -> None:
    """Names in every role: the same network, and a module that computes what the harmless one computes.

    Each name stands in two roles, in all in `make thorough`; some of each kind stand in each.
    """
    torch = importlib.util.find_spec("torch") and torch_or_skip()
    like = result(reference(role)) if torch else None

    def check(name: str) -> None:
        net = archdsl.compile_text(program(role, name), name="net")
        check_names(net, reference(role))
        assert not torch or torch.allclose(result(net), like)

    own = [name for place, name in enumerate(NAMES) if TIMES > 1 or (place + list(PROGRAMS).index(role)) % 4 < 2]
    assert not unlike([name for name in own[part::PARTS] if (role, name) != ("block", "inner")], check)


MODEL_NAMES = [
    name for name in NAMES if not keyword.iskeyword(name) and name not in sys.stdlib_module_names | {"torch"}
]


@pytest.mark.parametrize("part", range(PARTS))
def test_names_of_models(part: int) -> None:
    """The class and the files are called after the model."""
    torch = importlib.util.find_spec("torch") and torch_or_skip()
    like = result(reference("block")) if torch else None
    classes = {n.name for n in ast.walk(ast.parse(reference("block").source)) if isinstance(n, ast.ClassDef)}

    def check(name: str) -> None:
        text = HEAD + BLOCKS.replace("@1", HARMLESS).replace("z_model", name)
        net = archdsl.compile_text(text) if name != "__main__" else archdsl.compile_text(text, name="net")
        assert net.name == (name if name != "__main__" else "net")
        codes(net, *TARGETS if MODEL_NAMES.index(name) % 5 == 0 else ("torch",))
        (class_name,) = {n.name for n in ast.walk(ast.parse(net.source)) if isinstance(n, ast.ClassDef)} - classes
        assert class_name.isidentifier()
        assert not torch or torch.equal(result(net), like)

    assert not unlike(MODEL_NAMES[part::PARTS], check)


# Random names for everything at once

MIXED = """
block @inner(@i1, @i2; @w, @k: 1, @act: o_relu) {
  @l1 = @i1 -> o_conv(@w, kernel: @k) -> o_norm(zero_init: @k == 1) -> @act
  @l2 = @i2 -> o_conv(@w, kernel: 1)
  return @l1 + @l2
}
block @gate(@i1; @w) {
  @l1 = @i1 -> o_pool -> o_conv(@w, kernel: 1) -> o_relu -> o_conv(@i1.channels, kernel: 1)
  return @i1 * @l1
}
block @outer(@i1; @w, @k: 1, @gates: none, @act: o_relu, @rate: 0) {
  @l1, @l2 = @i1 -> o_conv(2 * @w, kernel: @k) -> o_split(parts: 2)
  @l3 = @inner(@l1, @l2, @w: @w, @k: @k, @act: @act)
  @l4 = @l3 -> (@gate(@gates)) when @gates -> o_drop(@rate)
  return @l4 + @l1 -> o_scale(1/2)
}
block @last(@i1; @w: 5) = @i1 -> o_pool -> o_linear(@w)
block z_1(z) = z -> @outer(8, @k: 1, @rate: 0.1) -> @outer(8, @k: 3, @gates: 4, @act: o_silu)
block z_2(z) = z -> @outer(16, @k: 3, @rate: 0.2) -> @outer(16, @gates: 4)
model @model {
  input:  3 x 8 x 8
  stages: [z_1, z_2 { depth: 2 }]
  head:   @last
}
"""
BLOCK_ROLES = ("inner", "gate", "outer", "last", "model")
OTHER_ROLES = ("i1", "i2", "w", "k", "act", "gates", "rate", "l1", "l2", "l3", "l4")
PRELUDE = {"round", "floor", "ceil", "abs", "log", "sqrt", "max", "min", "sum", "count", "gcd", "lcm", "solve"}
SOFT = ("block", "model", "models", "scaling", "arch", "use", "fn", "space", "recipe")
SIMILAR = ("a", "A", "_a", "__a", "a_", "a_2", "a2", "_a_2", "a1", "A1", "_A", "a_channels", "a_width", "a_kernel")

declared_names = st.sampled_from([*NAMES, *SIMILAR, "inner", "gate", "inner_2", "Inner", "Gate"])
local_names = st.one_of(
    declared_names,
    st.sampled_from([*SOFT, *SIMILAR]),
    st.from_regex(r"_{0,2}[a-cxF]{0,2}_{0,2}[0-9]{0,1}_{0,2}", fullmatch=True).filter(str.isidentifier),
)


@st.composite
def renamings(draw: st.DrawFn) -> dict[str, str]:
    """A name for every role; those of one space differ."""
    found: dict[str, str] = {}
    for role in (*BLOCK_ROLES, *OTHER_ROLES):
        names = declared_names if role in BLOCK_ROLES else local_names
        found[role] = draw(names.filter(lambda name: name not in found.values()))
    return found


def mixed(names: Mapping[str, str]) -> str:
    text = MIXED
    for role in sorted(names, key=len, reverse=True):
        text = text.replace(f"@{role}", names[role])
    return HEAD + text


@cache
def plain_mixed() -> archdsl.Compiled:
    return archdsl.compile_text(mixed({role: f"zz_{role}" for role in (*BLOCK_ROLES, *OTHER_ROLES)}), name="net")


@settings(PROFILE, max_examples=many(10))
@given(renamings())
def test_random_names(names: dict[str, str]) -> None:
    check_names(archdsl.compile_text(mixed(names), name="net"), plain_mixed())


ONE_IS_A_CLASS = {role: f"zz_{role}" for role in (*BLOCK_ROLES, *OTHER_ROLES)} | {"gate": "_A", "l4": "A"}
"""The class `A` of a block `_A`, made where a list of modules is collected that is called `A` in the text."""


@settings(PROFILE, max_examples=many(8))
@given(renamings())
@example(ONE_IS_A_CLASS)
def test_random_names_run(names: dict[str, str]) -> None:
    torch = torch_or_skip()
    found = result(archdsl.compile_text(mixed(names), name="net"))
    assert torch.allclose(found, result(plain_mixed()))


# Labels


def test_reserved_names_are_those_of_the_containers(torch: Any) -> None:
    nn = torch.nn
    for made in (nn.Module(), nn.Sequential(), nn.ModuleList(), nn.ModuleDict()):
        public = {name for name in (*dir(made), *dir(type(made))) if not name.startswith("_")}
        assert public <= RESERVED, f"nn.{type(made).__name__} of torch {torch.__version__}"


def test_labels() -> None:
    for name in sorted({*NAMES, *keyword.kwlist, *RESERVED}):
        label = safe_name(name)
        assert label.isidentifier(), name
        assert not label.startswith("_"), name
        assert not keyword.iskeyword(label), name
        assert label not in RESERVED, name


@settings(PROFILE, max_examples=many(200))
@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True))
def test_random_labels(name: str) -> None:
    label = safe_name(name)
    assert label.isidentifier(), name
    assert not label.startswith("_")


# Numbers

NUMBERS = [
    "o_scale(1e400)",
    "o_scale(-1e400)",
    "o_scale(z_v * 1e400)",
    "o_leaky(10 ^ 400)",
    "o_norm(eps: 1e400)",
    "o_norm(eps: 1e-400)",
    "o_layer(eps: 1e-400)",
]


@pytest.mark.parametrize("step", NUMBERS)
def test_numbers_that_no_float_is(step: str) -> None:
    """Numbers of the language have no bounds; those of Python's code have. A diagnostic says so, or all is well."""
    block = f"block part(z; z_v: 1) = z -> o_conv(8, kernel: 1) -> {step}\n"
    stages = "stages: [part(z_v: 1), part(z_v: 1/2)]"
    try:
        net = archdsl.compile_text(f"{HEAD}{block}model net {{ input: 3 x 8 x 8  {stages}  head: z_head }}\n")
    except archdsl.CompileError:
        return
    codes(net)
    assert "inf" not in net.source
    assert "eps=0" not in net.source


# Texts

TEXTS = {
    "quotes": '"""',
    "quotes, then code": '"""\nimport os; os.system("echo")\n"""',
    "quotes after a backslash": '\\"""\nimport os\n\\"""',
    "a quote": '"',
    "two quotes": '""',
    "four quotes": '""""',
    "a quote at the end": 'as they say "so"',
    "single quotes": "'''\nimport os\n'''",
    "a backslash": "\\",
    "a backslash at the end": "so it is\\",
    "a backslash before a quote": '\\"',
    "many backslashes": "\\\\\\ " * 60,
    "many quotes": '" ' * 120,
    "many triple quotes": '""" ' * 60,
    "escapes": "\\n \\x41 \\x \\u0041 \\u \\U00110000 \\N{BULLET} \\N{ \\0",
    "a carriage return": '"""\rimport os\r"""',
    "a carriage return and a line break": '"""\r\nimport os\r\n"""',
    "tabs": '\t"""\timport os\t"""',
    "an expression of a template": "{{ 7 * 7 }} {{ header.__class__ }}",
    "a statement of a template": "{% for i in range(9) %}x{% endfor %} {% raw %}",
    "a comment of a template": "{# x #} #} {#",
    "braces of a format": "{x} {0} {x!r:>{width}} {} {{}} %s %(x)s $x ${x}",
    "an f-string": "f\"{__import__('os')}\"",
    "a comment": "# noqa # type: ignore # fmt: off",
    "a coding": "-*- coding: utf-7 -*- +ACIAIgAi-",
    "other letters": "π ≈ 3; 漢字; é; 🙂; ﬁ",
    "other spaces": "a\u00a0b\u2003c\u3000d\u200be\ufefff",
    "no break": "x" * 500,
    "sentences": "A. B. C. x. Y! Z",
    "dots": ". .. ... . A .",
    "nothing": "",
    "spaces": "   ",
    "a call": "__import__('os').system('echo') or eval('1') or exec('1')",
    "names of the file": "DropPath( Stage( zero_init( pair( Permute( LayerScale( fit_padding( SamePad2d(",
    "names of modules": "math.pi torch.float F. Chollet OrderedDict Callable[int] ClassVar[int]",
}

PAPER = """
{doc}
block part(z; width) {{
  # {line}
  return z -> o_conv(width, kernel: 1) -> o_norm   # {line}
}}

{doc}
block classify(z; classes: 5) = z -> o_pool -> o_linear(classes)

{doc}
model net {{
  input:  3 x 8 x 8
  stages: part {{ width: [8, 16]  depth: 2 }}
  head:   classify
  source {{ paper: "{string}"  note: "{string}"  code: "{string}"  table: "{string}" }}
}}
"""


def commented(text: str) -> str:
    return "\n".join([f"# {line}" for line in text.split("\n")])


def paper(doc: str = "A doc.", string: str = "A text.") -> str:
    """A program with a comment wherever one can stand, and a string wherever one is kept."""
    line = doc.replace("\n", " ")
    return HEAD + PAPER.format(doc=commented(doc), line=line, string=string.replace('"', "").replace("\n", " "))


@cache
def harmless() -> dict[str, Code]:
    return codes(archdsl.compile_text(paper()))


@pytest.mark.parametrize("name", TEXTS)
def test_comments_and_strings(name: str) -> None:
    assert codes(archdsl.compile_text(paper(TEXTS[name], TEXTS[name]))) == harmless()


@pytest.mark.parametrize("name", TEXTS)
def test_settings(name: str) -> None:
    """A change is quoted in the files: as it was written, with a comment and a string in it."""
    text = TEXTS[name]
    string = text.replace('"', "").replace("\n", " ")
    value = f'{commented(text)}\n 5 if "{string}" != 3 else 6'
    assert codes(archdsl.compile_text(paper(), set={"head.classes": value})) == harmless()


CONTROLS = ["\0", "\x01", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\udcff"]


@pytest.mark.parametrize("text", CONTROLS, ids=ascii)
def test_settings_with_characters_that_no_file_may_have(text: str) -> None:
    """From Python or a shell they come unread; they are refused, or no file has them either."""
    for value in (f'# {text}"""\n 5', f'5 if "{text}import os" != 3 else 6'):
        try:
            net = archdsl.compile_text(paper(), set={"head.classes": value})
        except archdsl.CompileError:
            continue
        assert codes(net) == harmless()


@pytest.mark.parametrize("name", TEXTS)
def test_names_of_files(name: str, tmp_path: Path) -> None:
    folder = "".join([c for c in TEXTS[name] if c != "/"])[:60]
    path = tmp_path / f"a{folder}" / "b.arch"
    path.parent.mkdir()
    path.write_text(paper(), encoding="utf-8")
    assert codes(archdsl.compile(path)) == harmless()


@pytest.mark.parametrize("text", [c for c in CONTROLS if c != "\0"], ids=ascii)
def test_names_of_files_with_characters_that_no_file_may_have(text: str, tmp_path: Path) -> None:
    path = tmp_path / f'a{text}"""import os.arch'
    try:
        path.write_text(paper(), encoding="utf-8")
    except (OSError, ValueError):
        pytest.skip("this file system has no such names")
    assert codes(archdsl.compile(path)) == harmless()


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1b", "\u202e"], ids=ascii)
def test_characters_that_are_refused_in_a_file(character: str, tmp_path: Path) -> None:
    """They end a line for some tools and not for others, so no comment or string can have them."""
    for text in (paper(doc=f"a{character}b"), paper(string=f"a{character}b")):
        (tmp_path / "net.arch").write_text(text, encoding="utf-8", newline="")
        with pytest.raises(archdsl.CompileError, match="E113"):
            archdsl.compile(tmp_path / "net.arch")


PIECES = [*"\"'\\{}%#\r\t NxuU0(.;", '"""', "\\N", "{{", "}}", "#}", "import os"]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@settings(PROFILE, max_examples=many(10))
@given(texts, texts, texts)
def test_random_texts(doc: str, string: str, change: str) -> None:
    value = f"{commented(change)}\n 5"
    assert codes(archdsl.compile_text(paper(doc, string), set={"head.classes": value})) == harmless()


def test_texts_stay_readable() -> None:
    """Quoted, not lost: the docstrings have the words of comments and citations."""
    said = 'a "quoted" word, a \\ and {{ braces }}'
    net = archdsl.compile_text(paper(doc=said, string="it's \\N{fine} #}"))
    tree = ast.parse(net.source)
    assert ast.get_docstring(tree).startswith(said)  # type: ignore[union-attr]
    assert "paper: it's \\N{fine} #}" in ast.get_docstring(tree, clean=False)  # type: ignore[operator]
    documents = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert documents.count(f"{said}.") == 3


def test_texts_run(torch: Any) -> None:
    """A module with hostile texts is executed, and does nothing but what it should."""
    text = " ".join(TEXTS.values())
    net = archdsl.compile_text(paper(doc=text, string=text))
    assert torch.equal(result(net), result(archdsl.compile_text(paper())))
