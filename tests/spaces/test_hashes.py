"""A draw's network is that of its text: the model of its space with the values written in, compiled by itself."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_engine import SPECS

from archdsl.analysis.values import Block
from archdsl.compiler import Changes, Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.source import Source
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.arrays.engine import Engine
from archdsl.spaces.entry import context_of, space_named
from archdsl.spaces.member import member_of

MEMBERS = 2
"""Of each space."""
NAME = re.compile(r"(?<![\w.])[a-z]\w*(?![\w(:])")
"""A name that stands there as a value."""


def text_of(value: Any) -> str:
    """A drawn value as it is written."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(text_of, value))}]"
    if isinstance(value, Block):
        settings = ", ".join([f"{name}: {text_of(setting.value)}" for name, setting in value.settings.items()])
        return f"{value.name}({settings})" if settings else value.name
    return f"({value.numerator}/{value.denominator})" if isinstance(value, Fraction) else str(value)


def model_of(text: str, space: str) -> str:
    """The expression behind `model:` of a space, or of the one that it refines."""
    found = re.search(rf"^space {space}\b(?: refines (\w+))? \{{(?:.*\}}$|(?:\n  .*|\n(?!\}}))*)", text, re.M)
    assert found is not None
    own = re.search(r"^  model: +(.*)$", found[0], re.M)
    return own[1] if own is not None else model_of(text, found[1])


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.arch")), ids=lambda path: path.stem)
def test_members_have_the_hashes_of_their_texts(path: Path) -> None:
    project = Project(str(path))
    source, compiler, diagnostics = project.source(), Compiler(project), Diagnostics()
    program, context = compiler.program(source, diagnostics), context_of(compiler)
    hashes: dict[str, str] = {}
    written = [source.text]
    for name in re.findall(r"^space (\w+)", source.text, re.M):
        space = space_named(compiler, program, name, diagnostics)
        assert space is not None
        engine, count = Engine(context, space), 512
        batch = engine.evaluate(draw(space, 11, 0, count))
        while batch.valid.sum() < MEMBERS and count < 1 << 18:
            count *= 8
            batch = engine.evaluate(draw(space, 11, 0, count))
        valid = np.flatnonzero(batch.valid)[:MEMBERS].tolist()
        assert len(valid) == MEMBERS, name
        for row in valid:
            member = member_of(context, space, batch.settings[row].tolist())
            assert member.network is not None
            own = f"zz_{name}_{row}"
            hashes[own] = member.network.hash
            values = {each: text_of(value) for each, value in member.values.items()}
            written.append(f"model {own} = {NAME.sub(partial(_value, values), model_of(source.text, name))}\n")
    alone, said = Compiler(project), Diagnostics()
    of_texts = alone.program(Source(source.name, "\n".join(written)), said)
    assert not said.failed, list(said)
    for own, expected in hashes.items():
        found = alone.elaborate(of_texts, own, Changes(), said)
        assert isinstance(found, Compiled), own
        assert found.network.hash == expected, own


def _value(values: dict[str, str], name: re.Match[str]) -> str:
    return values.get(name[0], name[0])
