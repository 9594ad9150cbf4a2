"""The tree of Python that emitted modules are made of: its text is read back by Python, and laid out as by ruff."""

from __future__ import annotations

import ast
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.backends.torch import printer
from archdsl.backends.torch.printer import lines, text
from archdsl.backends.torch.python import (
    Assign,
    Attribute,
    Binary,
    Call,
    Class,
    Conditional,
    Dict,
    Expression,
    Function,
    Generator,
    If,
    Index,
    Keyword,
    Lambda,
    List,
    Literal,
    Name,
    Negative,
    Parameter,
    Return,
    Starred,
    Tuple,
    call,
    joined,
    names,
    split,
    substituted,
)
from archdsl.backends.torch.templates import EXTRAS, extra

A, B, C = Name("a"), Name("b"), Name("c")


def read_back(node: ast.expr) -> Expression:
    """The tree of an expression as Python's own parser reads it, without its nodes of our own for chains."""
    match node:
        case ast.Name(name):
            return Name(name)
        case ast.Constant(value):
            assert not isinstance(value, bytes | complex)
            return Literal(value)
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            return Literal(-value)
        case ast.UnaryOp(ast.USub(), operand):
            return Negative(read_back(operand))
        case ast.BinOp(left, operator, right):
            return Binary(BINARY[type(operator)], read_back(left), read_back(right))
        case ast.BoolOp(operator, values):
            return joined("and" if isinstance(operator, ast.And) else "or", [read_back(value) for value in values])
        case ast.Compare(left, [operator], [right]):
            return Binary(COMPARED[type(operator)], read_back(left), read_back(right))
        case ast.IfExp(test, body, orelse):
            return Conditional(read_back(body), read_back(test), read_back(orelse))
        case ast.Attribute(value, name):
            return Attribute(read_back(value), name)
        case ast.Subscript(value, index):
            return Index(read_back(value), read_back(index))
        case ast.Tuple(items):
            return Tuple(tuple([read_back(item) for item in items]))
        case ast.List(items):
            return List(tuple([read_back(item) for item in items]))
        case ast.Call(function, arguments, keywords):
            named = [Keyword(keyword.arg or "", read_back(keyword.value)) for keyword in keywords]
            return Call(read_back(function), (*[read_back(each) for each in arguments], *named))
        case ast.Starred(value):
            return Starred(read_back(value))
        case ast.Lambda(body=body):
            return Lambda(read_back(body))
    raise AssertionError(ast.dump(node))


BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.MatMult: "@",
    ast.Pow: "**",
    ast.BitOr: "|",
}
COMPARED = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
}
OPERATORS = [operator for operator in printer.OPERATORS if operator not in ("and", "or")]
leaf = st.one_of(
    st.sampled_from([A, B, C]),
    st.sampled_from([0, 7, -3, 0.5, -1e-06, True, False, None, "nearest", 'a "quote"', "it's", "back\\slash"]).map(
        Literal
    ),
)


def inner(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Binary, st.sampled_from(OPERATORS), parts, parts),
        st.builds(lambda operator, operands: joined(operator, operands), st.sampled_from(["and", "or"]), pairs(parts)),
        st.builds(Conditional, parts, parts, parts),
        st.builds(Attribute, parts.filter(lambda part: not isinstance(part, Literal)), st.just("shape")),
        st.builds(Index, parts.filter(lambda part: not isinstance(part, Literal)), parts),
        st.builds(Call, st.just(A), several),
        st.builds(lambda part: Call(B, (Starred(part), Keyword("stride", part))), parts),
        st.builds(Tuple, several),
        st.builds(List, several),
        st.builds(Negative, parts.filter(lambda part: not isinstance(part, Literal))),
        st.builds(lambda part: Call(C, (Lambda(part),)), parts),
    )


def pairs(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[list[Expression]]:
    """Operands of `and` and `or` that are no such chain themselves: Python reads two chains of one operator as one."""
    single = parts.filter(lambda part: not (isinstance(part, Binary) and part.operator in ("and", "or")))
    return st.lists(single, min_size=2, max_size=3)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.recursive(leaf, inner, max_leaves=12))
def test_text_is_read_back(expression: Expression) -> None:
    assert read_back(ast.parse(text(expression), mode="eval").body) == expression


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.recursive(leaf, inner, max_leaves=16))
def test_lines_are_read_back(expression: Expression) -> None:
    """Broken into lines it is the same expression."""
    tree = ast.parse("\n".join(lines(Return(Call(Name("f"), (expression, Name("x" * 60)))), 0)))
    whole = ast.parse(f"return {text(Call(Name('f'), (expression, Name('x' * 60))))}")
    assert ast.dump(tree) == ast.dump(whole)


def test_numbers_of_another_kind_are_other_literals() -> None:
    assert len({Literal(1), Literal(1.0), Literal(True), Literal("1")}) == 4
    assert Literal(0) != Literal(False)


def test_brackets() -> None:
    assert text(Binary("*", Binary("+", A, B), C)) == "(a + b) * c"
    assert text(Binary("+", A, Binary("*", B, C))) == "a + b * c"
    assert text(Binary("-", A, Binary("-", B, C))) == "a - (b - c)"
    assert text(Binary("**", Literal(-2), A)) == "(-2) ** a"
    assert text(Binary("==", Binary("==", A, B), C)) == "(a == b) == c"
    assert text(Conditional(Conditional(A, B, C), B, C)) == "(a if b else c) if b else c"
    assert text(Attribute(Binary("+", A, B), "shape")) == "(a + b).shape"
    assert text(Index(Name("tuple"), Tuple((Name("int"), Literal(...))))) == "tuple[int, ...]"
    assert text(call(A, Starred(Generator(B, "i", C)))) == "a(*(b for i in c))"
    assert text(call("sum", Generator(B, "i", C))) == "sum(b for i in c)"


def test_split_and_substituted() -> None:
    whole = joined("and", [A, Binary("or", B, C), B])
    assert split("and", whole) == (A, Binary("or", B, C), B)
    assert split("or", A) == (A,)
    doubled = Binary("*", Literal(2), A)
    assert text(substituted(doubled, {"a": Binary("+", B, C)})) == "2 * (b + c)"
    assert names(call("nn.Conv2d", A, stride=B), Keyword("c", A)) == {"nn", "a", "b"}


LONG = [Name(f"{letter * 30}") for letter in "pqrs"]
STATEMENTS = [
    Assign(A, joined("and", LONG)),
    Assign(A, Conditional(call(LONG[0], LONG[1]), Binary("==", LONG[2], B), LONG[3])),
    Assign(A, call("f", *LONG)),
    Assign(A, call("f", *LONG[:2], LONG[2])),
    Assign(A, call("f", call("g", *LONG))),
    Assign(A, call("f", List(tuple(LONG)))),
    Assign(A, call("f", Dict(tuple([(Literal(str(i)), name) for i, name in enumerate(LONG)])))),
    Assign(A, call("f", B, key=Conditional(LONG[0], LONG[1], LONG[2]))),
    Assign(A, call("f", B, key=Binary("+", LONG[0], Binary("*", LONG[1], LONG[2])))),
    Assign(A, call("f", Starred(Generator(call(LONG[0], LONG[1]), "i", call("range", LONG[2]))), B)),
    Assign(A, call("f", Starred(Generator(call(LONG[0], B), "i", C)), LONG[1])),
    Assign(A, Tuple(tuple(LONG))),
    Assign(Tuple((A, B)), call("f", *LONG[:3])),
    If(joined("or", LONG[:3]), (Return(A),), (If(A, (Return(B),), (Return(C),)),)),
]

FUNCTIONS = (
    Function(
        "f", tuple([Parameter(name.name, Name("int"), Literal(2)) for name in LONG]), A, (Return(A),), "What it is."
    ),
    Function(
        "f", (Parameter("self"), *[Parameter(name.name) for name in LONG[:2]]), LONG[2], (Return(Tuple(tuple(LONG))),)
    ),
)


def test_lines_are_as_ruff_lays_them_out() -> None:
    written = ["if a:", *[line for statement in STATEMENTS for line in lines(statement, 4)], "", ""]
    written += [*lines(Class("X", A, "Words. " * 20, FUNCTIONS)), ""]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--diff", "-"],
        input="\n".join(written),
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout


def test_what_extras_read() -> None:
    """The table of the modules that PyTorch does not have says what their texts read."""
    builtins = set(dir(__builtins__)) | set(__builtins__ if isinstance(__builtins__, dict) else ())
    for name, said in EXTRAS.items():
        settings = {"Stage": {"enter": True}, "check_classes": {"features": True}}.get(name, {})
        nodes = list(ast.walk(ast.parse(extra(name, **settings))))
        bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        read = {node.id for node in nodes if isinstance(node, ast.Name)} - bound - builtins - {"nn", "Tensor"}
        assert read == set(said) - ({"fit_padding"} if name == "SamePad2d" else set()), name
