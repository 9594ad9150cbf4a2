"""No misspelled name is ever accepted: every key and name of every spec, deleted, doubled, transposed, misspelled.

A mutated spec is rejected at the right line, or is legal and gives other networks or other names. The same
networks may come out where a name was declared, since renaming it is legal, and where the name of a function was
deleted that did nothing to its argument. What the compiler then suggests is counted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from reading import Texts
from sampling import many

from archdsl.analysis.program import walk
from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.resources import read_data, spec_files
from archdsl.source import Source
from archdsl.spaces.check import check_spaces
from archdsl.syntax import ast
from archdsl.syntax.parser import parse, tokens
from archdsl.views.spaces import drawn_text

FILES = [f"specs/{name}.arch" for name in (
    *("regnety_4gf", "regnet/regnetx", "regnet/anynet", "resnet/resnext", "efficientnet/efficientnet", "rexnet/rexnet"),
    *("efficientnet/efficientnetv2_base", "mobilenet/mobilenetv2", "others/convnext"),
    *("others/shufflenetv2", "others/repvgg", "scaled/regnety"),
    *("others/res2net", "others/convnextv2", "others/yolov8", "resnet/resnest", "resnet/nf_resnet"),
    "spaces/efficientnetv2",
)]  # fmt: skip
"""Files of every form: whole models, tables of instances, lists, blocks of their own, scalings; lists that grow and
flow, arithmetic of tensors and functions of several, learned tensors, standardized weights; spaces."""
TEXTS = {path: read_data(path) for path in spec_files()}
COMPILER = Compiler(Texts(TEXTS))
KINDS = ("NAME", "KIND")
MOST, LEAST = many(80), many(20)
"""Networks that are compiled for the mutations of one file, and mutations of a file of many networks."""
CLAIMS = "E5"
"""How the codes of claims begin."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Mutation:
    """One occurrence of a name, and what stands in its place."""

    source: Source
    start: int
    end: int
    way: str
    new: str

    @property
    def old(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def text(self) -> str:
        return self.source.text[: self.start] + self.new + self.source.text[self.end :]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}: {self.way} `{self.old}`: `{self.new}`"


def transposed(name: str, draw: random.Random) -> str:
    """Two neighbouring letters that differ, exchanged."""
    places = [i for i in range(len(name) - 1) if name[i] != name[i + 1]]
    if not places:
        return name
    i = draw.choice(places)
    return name[:i] + name[i + 1] + name[i] + name[i + 2 :]


def misspelled(name: str, draw: random.Random) -> str:
    """One letter lost, one too many, or another one."""
    i, letter = draw.randrange(len(name)), draw.choice(LETTERS)
    fewer = name[:i] + name[i + 1 :] if len(name) > 1 else name + letter
    return draw.choice([fewer, name[:i] + letter + name[i:], name[:i] + letter + name[i + 1 :]])


def mutations(source: Source) -> list[Mutation]:
    """All mutations of a source, or a sample that is the same in every run: fewer where it has many networks."""
    draw = random.Random(source.name)
    found = []
    for kind, start, end in tokens(source):
        if kind in KINDS:
            name = source.text[start:end]
            ways = {
                "deleted": "",
                "doubled": name * 2,
                "transposed": transposed(name, draw),
                "misspelled": misspelled(name, draw),
            }
            found += [Mutation(source, start, end, way, new) for way, new in ways.items() if new != name]
    most = max(LEAST, MOST // (2 + len(meaning(source)[0])))
    return sorted(draw.sample(found, most), key=lambda m: m.start) if len(found) > most else found


@cache
def declared(source: Source) -> frozenset[int]:
    """Where names are declared: there another name is as good."""
    places: set[int] = set()
    for item in parse(source)[0].items:
        nodes: list[ast.Node] = walk(item)
        for node in nodes:
            match node:
                case ast.Declaration(name=name) | ast.Parameter(name=name):
                    places.add(name.span.start)
                case ast.Binding(names=names) | ast.Draw(names=names):
                    places.update(name.span.start for name in names)
                case ast.Comprehension(variable=variable):
                    places.add(variable.span.start)
                case ast.Alias(name=name, local=local) if name is not local:
                    places.add(local.span.start)
                case ast.Instances(table=table):
                    header, *rows = table.rows
                    column = [getattr(cell, "name", None) for cell in header.cells].index("name")
                    places.update(row.cells[column].span.start for row in rows)
                case _:
                    pass
    return frozenset(places)


def meaning(source: Source) -> tuple[dict[str, object], Diagnostics]:
    """The hash of every model's network; of every space its laws, its requirements, and its first member."""
    program, found, diagnostics = COMPILER.check(source)
    meant: dict[str, object] = {c.name: c.network.hash for c in found if isinstance(c, Compiled)}
    for each in check_spaces(COMPILER, program, diagnostics):
        member = each.member
        laws = [(draw.name, draw.count, draw.tied, drawn_text(draw)) for draw in each.space.draws]
        network = (member.setting, member.network.hash) if member is not None and member.network is not None else None
        meant[each.space.name] = laws, [requirement.text for requirement in each.space.requirements], network
    return meant, diagnostics


def lines_of(source: Source, name: str) -> Iterator[int]:
    """The lines on which a name stands."""
    for _, start, end in tokens(source):
        if source.text[start:end] == name:
            yield source.position(start)[0]


def at_right_line(mutation: Mutation, said: list[Diagnostic]) -> bool:
    """A diagnostic at the mutation, at a use of the name, or at what follows on a deleted one."""
    right = {mutation.line, *lines_of(mutation.source, mutation.old)}
    if mutation.way == "deleted":  # then what stood beside it is at fault
        ends = [(start, end) for _, start, end in tokens(mutation.source)]
        before = [start for start, end in ends if end <= mutation.start][-1:]
        after = [start for start, _ in ends if start >= mutation.end][:1]
        right.update(mutation.source.position(place)[0] for place in before + after)
        right.add(mutation.line + 1)
    places = [d.span for d in said] + [label.span for d in said for label in d.labels]
    return any(
        span.source.name == mutation.source.name and span.source.position(span.start)[0] in right for span in places
    )


def suggests(mutation: Mutation, said: list[Diagnostic]) -> bool:
    """Whether an edit of a diagnostic gives back the spec as it was, or a help names the name that was meant."""
    text = mutation.text
    here = [d for d in said if d.span.source.name == mutation.source.name]
    edited = [text[: e.span.start] + e.replacement + text[e.span.end :] for d in here for e in d.edits]
    helps = [d.help or "" for d in here if d.span.start <= mutation.start <= d.span.end]
    return mutation.source.text in edited or any(f"`{mutation.old}`" in help_ for help_ in helps)


@dataclass(frozen=True)
class Outcome:
    """What became of the mutations of one spec."""

    accepted: list[str]
    """Misspelled names that meant the same as before."""
    astray: list[str]
    """Faults that were told at another line."""
    typos: list[tuple[str, bool]]
    """The rejected typos, with whether the name that was meant was suggested."""


def outcome(name: str) -> Outcome:
    """Compile every mutation of a file."""
    source = Source(name, TEXTS[name])
    original, diagnostics = meaning(source)
    assert not diagnostics.failed
    result = Outcome([], [], [])
    for mutation in mutations(source):
        found, diagnostics = meaning(Source(name, mutation.text))
        said = list(diagnostics)
        renamed = mutation.start in declared(source)
        if not diagnostics.failed:
            if found == original and not renamed and mutation.way != "deleted":
                result.accepted.append(str(mutation))
            continue
        if found != original and all(d.code.startswith(CLAIMS) for d in said):
            continue  # legal, and another network, which its claims find
        if not at_right_line(mutation, said):
            places = [(d.span.source.position(d.span.start), d.message) for d in said]
            result.astray.append(f"{mutation}: {places}")
        if mutation.way in ("transposed", "misspelled") and not renamed and len(mutation.old) > 1:  # no letter is near
            result.typos.append((str(mutation), suggests(mutation, said)))
    return result


@pytest.mark.parametrize("path", FILES)
def test_mutations(path: str) -> None:
    """Each is rejected at the right line, or means the same and may, or is legal and changes the network.

    The name that was meant is suggested for at least 95 of 100 typos of one edit.
    """
    found = outcome(path)
    assert not found.accepted
    assert not found.astray
    missed = [mutation for mutation, right in found.typos if not right]
    assert len(found.typos) >= 5
    assert len(missed) <= max(1, 0.05 * len(found.typos)), "\n".join(missed)
