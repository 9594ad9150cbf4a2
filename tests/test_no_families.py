"""Python knows primitive operations only: no family, block, rule or scaling stands in the package by name.

The names are those that specs/ declares, so that the list is never stale, and the roots of the families'
names. They may stand in prose (comments and docstrings cite papers), and in the name and the words of a
convention of counting, which says whose figures it gives; not in code or in any other string.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import fields
from pathlib import Path

import pytest

from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.operations import OPERATIONS

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "archdsl").rglob("*.py"))
SPECS = sorted((ROOT / "specs").rglob("*.arch"))

ROOTS = re.compile(
    "regnet|resnet|resnext|efficientnet|rexnet|mobilenet|convnext|densenet|shufflenet|inception|repvgg|ghost"
    "|mbconv|squeeze_?excite|bottleneck_block|quantized_linear|piecewise_linear|round_filters|round_group|dwr|compound",
    re.IGNORECASE,
)
"""Parts of names that belong to families, wherever they stand in a name."""

ALLOWED = {text for convention in CONVENTIONS.values() for text in (convention.name, convention.text)}
"""Strings that may name a paper's network."""

DECLARATION = re.compile(r"^[ \t]*(?:block|fn|models?|scaling)\s+([A-Za-z_]\w*)", re.MULTILINE)


def declared() -> set[str]:
    """What specs/ declares, but for names of one or two letters and the names of operations and their settings."""
    names = {name for path in SPECS for name in DECLARATION.findall(path.read_text(encoding="utf-8"))}
    settings = {field.name for operation in OPERATIONS.values() for field in fields(operation)}
    return {name for name in names if len(name) > 2} - set(OPERATIONS) - settings


def offences(text: str, names: set[str]) -> list[tuple[int, str]]:
    """Line and word of every forbidden name in a module's identifiers and strings.

    A name that could be an English word (`transition`) counts in a string only where it is the whole string.
    """
    found: set[tuple[int, str]] = set()

    def look_at(line: int, word: str, known: set[str]) -> None:
        if word in known or ROOTS.search(word):
            found.add((line, word))

    if ROOTS.search(text) or not names.isdisjoint(re.findall(r"\w+", text)):  # else no token is at fault
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                look_at(token.start[0], token.string, names)
    tree = ast.parse(text)
    nodes = [*ast.walk(tree)]
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    telling = {name for name in names if not (name.isalpha() and name.islower())}
    for node in nodes:
        if isinstance(node, ast.Name):  # names within an f-string are no tokens of their own in Python 3.11
            look_at(node.lineno, node.id, names)
        elif isinstance(node, ast.Attribute):
            look_at(node.lineno, node.attr, names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            if node.value in names:
                look_at(node.lineno, node.value, names)
            elif node.value not in ALLOWED:
                for word in re.findall(r"\w+", node.value):
                    look_at(node.lineno, word, telling)
    return sorted(found)


def test_there_are_operations_and_declarations() -> None:
    assert {"conv", "batch_norm", "linear", "concat"} <= set(OPERATIONS)
    assert not [name for name in OPERATIONS if ROOTS.search(name)]
    assert {"y_block", "squeeze_excite", "quantized_linear", "regnety_4gf", "dWr"} <= declared()


def test_no_family_stands_in_the_package() -> None:
    assert len(MODULES) > 100
    names = declared()
    found = {path.relative_to(ROOT).as_posix(): offences(path.read_text(encoding="utf-8"), names) for path in MODULES}
    assert not {path: words for path, words in found.items() if words}


def test_the_check_sees_what_it_looks_for() -> None:
    text = '''
"""After RegNet (squeeze_excite)."""
# y_block
LIMIT = 1
"""As in EfficientNet."""
def f(scale_dWr, y_block):
    """mbconv."""
    return {"regnet_2020": f"a {y_block.simple_stem} b", "use a resnet50 here": x.RexNet}
WORDS = ("a transition from", "transition", "at y_block")
'''
    assert offences(text, {"y_block", "simple_stem", "transition"}) == [
        (6, "scale_dWr"),
        (6, "y_block"),
        (8, "RexNet"),
        (8, "resnet50"),
        (8, "simple_stem"),
        (8, "y_block"),
        (9, "transition"),
        (9, "y_block"),
    ]
