"""A name with another in its place: the same networks, by a compiler that knows nothing of the table of names; and what
is refused."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from editor.shipped import Shipped, applied, at, edited
from sampling import TIMES

from archdsl.compiler import Compiled, Compiler
from archdsl.editor import Change, Place, Refused, Workspace, definition, prepare_rename, references, rename

NEW = "renamed_by_a_test"
FILES = (
    "specs/others/mobilevit.arch",
    "specs/resnet/resnext.arch",
    "specs/spaces/rexnet.arch",
    "specs/scaled/regnety.arch",
)
"""Blocks, functions, lists, tables, instances, spaces, and what another file declares."""
PER_FILE = 1_000 if TIMES >= 10 else 4


def checked(files: dict[str, str], path: str) -> tuple[list[str | None], list[str]]:
    """The hashes of a file's models in order, and the codes of what is said of it."""
    reader = Shipped(files)
    _, compilations, diagnostics = Compiler(reader).check(reader.file(path))
    return [c.network.hash if isinstance(c, Compiled) else None for c in compilations], [d.code for d in diagnostics]


def by_path(changes: Iterable[Change]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.path, []).append(change)
    return found


@pytest.mark.parametrize("path", FILES)
def test_the_same_networks_under_another_name(specs: Workspace, path: str) -> None:
    text = specs.text(path)
    draw = random.Random(path)
    document = specs.document(path)
    assert document is not None
    declared = [o.start for o in document.names().occurrences if o.declares]
    before = checked({}, path)
    renamed = 0
    for offset in draw.sample(declared, min(PER_FILE, len(declared))):
        changes = rename(specs, path, offset, NEW)
        if isinstance(changes, Refused):
            continue
        renamed += 1
        files = {p: applied(specs.text(p), own) for p, own in by_path(changes).items()}
        assert checked(files, path) == before
        back = edited()
        for name, other in files.items():
            back.change(name, other)
        place = next(c.start for c in sorted(changes, key=lambda c: c.start) if c.path == path)
        old = text[place : next(c.end for c in changes if c.start == place)]
        again = rename(back, path, place, old)
        assert not isinstance(again, Refused), again
        assert applied(files[path], [c for c in again if c.path == path]) == text
        if len(changes) > 1:  # a use that is left out is missed
            missed = applied(text, [c for c in changes if c.path == path][:-1])
            assert checked({path: missed}, path) != before
    assert renamed


TWO = {
    "parts.arch": """arch 1
use std.ops { conv, batch_norm, relu }
# A convolution and its norm.
block unit(x; width, act: relu) {
  y = x -> conv(width, kernel: 3) -> batch_norm
  return y -> act
}
fn double(a) = 2 * a
""",
    "net.arch": """arch 1
use "parts.arch" { unit, double as twice }
use std.ops { conv }
block loose(x; step: unit, wide: 3) = x -> step(act: conv(8, kernel: 1))
model net(k: 4) {
  input: 3 x 8 x 8
  stages: [
    | block | width    |
    | unit  | twice(k) |
    | unit  |        8 |
  ]
}
""",
}


def project() -> Workspace:
    """The two files, saved; the first is in no editor."""
    workspace = Workspace(Shipped(TWO))
    workspace.change("net.arch", TWO["net.arch"])
    return workspace


def test_over_files() -> None:
    workspace = project()
    place = TWO["parts.arch"].index("unit(x")
    found = rename(workspace, "parts.arch", place, "layer")
    assert not isinstance(found, Refused)
    files = {path: applied(TWO[path], own) for path, own in by_path(found).items()}
    assert set(files) == set(TWO)
    assert files["net.arch"].count("layer") == 4
    assert checked(files, "net.arch") == checked(TWO, "net.arch")
    uses = references(workspace, "net.arch", TWO["net.arch"].index("unit,"))
    assert len(uses) == len(found)
    assert [use.place.path for use in uses if use.declares] == ["parts.arch"]
    # Of another name for something, its own uses change, and none elsewhere.
    alias = rename(workspace, "net.arch", TWO["net.arch"].index("twice(k"), "again")
    assert not isinstance(alias, Refused)
    assert [change.path for change in alias] == ["net.arch", "net.arch"]
    assert [p.path for p in definition(workspace, "net.arch", TWO["net.arch"].index("twice(k"))] == ["parts.arch"]


@pytest.mark.parametrize(
    ("name", "marked", "new", "words"),
    [
        ("std", "use std.ops { co¦nv }", "fold", "word of the language"),
        ("library", "use std.regnet { y_bl¦ock }", "fold", "comes with the language"),
        ("field", "model m { inp¦ut: 3 x 8 x 8 }", "fold", "word of the language"),
        ("no name", "fn f(a) = a ¦+ 1", "b", "no name here"),
        ("not a name", "fn f(a¦) = a + 1", "3b", "is no name"),
        ("reserved", "fn f(a¦) = a + 1", "if", "word of the language"),
        ("prelude", "fn f(a¦) = a + 1", "round", "function of the language"),
        ("caught by a parameter", "fn g(a) = a\nfn f¦(a) = g(a)\nfn h(b) = f(b)", "b", "something else here"),
        ("catches", "fn f(a¦, b) = a + b", "b", "there is a parameter `b` already"),
        ("known by name", "use std.ops { conv }\nblock u(x; wid¦th) = x -> conv(width, kernel: 1)", "w", "by which"),
        ("takes a known name", "use std.ops { conv }\nblock u(x; w¦) = x -> conv(w, kernel: 1)", "width", "by which"),
        (
            "only values tell",
            "use std.ops { conv }\nblock u(x; k¦) = x -> conv(8, kernel: k)\nblock v(x; step: u) = x -> step(k: 3)",
            "size",
            "only values tell",
        ),
        (
            "a column of two blocks",
            "use std.ops { conv }\nblock u(x; k¦) = x -> conv(8, kernel: k)\nblock v(x; k) = x -> conv(9, kernel: k)\n"
            "model m { input: 3 x 8 x 8  stages: [ | block | k | | u | 1 | | v | 3 | ] }",
            "size",
            "a setting of `u` and `v`",
        ),
    ],
)
def test_refused(name: str, marked: str, new: str, words: str) -> None:
    text, offset = at(f"arch 1\n{marked}\n")
    workspace = edited(net=text)
    found = rename(workspace, "net.arch", offset, new)
    assert isinstance(found, Refused), (name, found)
    assert words in found.message
    ready = prepare_rename(workspace, "net.arch", offset)
    assert isinstance(ready, Refused) or words not in ready.note


def test_a_name_that_comes_into_the_way_is_named() -> None:
    text, offset = at("arch 1\nfn other(a) = a\nfn mi¦ne(a) = other(a) + 1\n")
    found = rename(edited(net=text), "net.arch", offset, "other")
    assert isinstance(found, Refused)
    assert found.message == "there is a fn `other` already"
    assert found.place == Place("net.arch", 10, 15)
