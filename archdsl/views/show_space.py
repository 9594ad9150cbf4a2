"""A space as canonical `.arch` text that stands alone: what `archdsl show` prints of one.

What it refines is in it, and what it takes from files is written out; the standard library is taken by `use`. The text
is compiled again before it is returned: it has the same laws, and the same networks for settings that are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from archdsl import __version__
from archdsl.analysis.check_space import MODEL, REWARDED
from archdsl.analysis.program import Instance, Reader
from archdsl.analysis.values import Environment
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import MEASURES
from archdsl.source import Source
from archdsl.spaces.entry import context_of, space_named
from archdsl.spaces.laws import Draw
from archdsl.spaces.member import Member, member_of
from archdsl.spaces.search import Search
from archdsl.spaces.space import Derived, Space
from archdsl.syntax import ast
from archdsl.syntax.formatter import format_source
from archdsl.views.names import Names, comment, edited, names_in

_TRIED = 20
"""Settings whose networks are compared."""


def show_space(space: Space, reader: Reader) -> str:
    """A space as text. Raises `ValueError` where no text can be given, with the reason."""
    text = _Writer(space).text()
    compiler, diagnostics = Compiler(reader), Diagnostics()
    program = compiler.program(Source(f"{space.name}.arch", text), diagnostics)
    again = space_named(compiler, program, space.name, diagnostics)
    if again is None or not _same(compiler, space, again):
        raise ValueError(f"`{space.name}` cannot be written as one text that means the same space")
    return text


def _same(compiler: Compiler, space: Space, again: Space) -> bool:
    """Whether two spaces have the same laws, and the same networks for some settings."""
    drawn = [draw for draw in space.draws if not space.is_fixed(draw)]
    if list(map(_law_of, drawn)) != list(map(_law_of, again.draws)):
        return False
    context = context_of(compiler)
    for setting in islice(Search(space, 0), _TRIED):
        one = member_of(context, space, setting)
        numbers = space.numbers(setting)
        other = member_of(context, again, [number for draw in again.draws for number in numbers[draw.name]])
        if _outcome(one) != _outcome(other):
            return False
    return True


def _law_of(draw: Draw) -> tuple[object, ...]:
    law = draw.law
    return draw.name, draw.count, draw.tied, law.domain.size, law.probability, law.weights


def _outcome(found: Member) -> tuple[bool, str | None, dict[str, int]]:
    return found.valid, found.network.hash if found.network is not None else None, dict(found.costs)


class _Writer:
    def __init__(self, space: Space) -> None:
        self.space = space
        derived = [n.text for step in space.steps if isinstance(step, Derived) for n in step.binding.names]
        self.own = frozenset([*[draw.name for draw in space.draws], *derived])
        self.seen = self.own | {MODEL, *MEASURES}
        self.names = Names(space.name, reserved=self.seen)

    def text(self) -> str:
        list(self._entries())  # once for what they need, then for their text
        self.names.settle()
        space = "\n".join([f"space {self.space.name} {{", *self._entries(), "}"])
        parts = ["\n".join(["arch 1", *self.names.uses()]), *self.names.declarations(), comment(self.space.doc) + space]
        head = comment(f"`{self.space.name}`, written out by archdsl {__version__}")
        return head + "\n" + format_source(Source(f"{self.space.name}.arch", "\n\n".join(parts) + "\n"))

    def _entries(self) -> Iterator[str]:
        space = self.space
        for draw in sorted(space.draws, key=space.is_fixed):  # what is fixed is no draw here, and stands behind them
            origin = space.origins[draw.name]
            sign = "=" if space.is_fixed(draw) else "~"
            yield f"{draw.name} {sign} {self._written(_law(origin.expression), origin.environment, frozenset())}"
        for step in space.steps:
            if isinstance(step, Derived):
                names = ", ".join([name.text for name in step.binding.names])
                yield f"{names} = {self._written(step.binding.value, step.environment, self.seen)}"
            else:
                yield f"require {self._written(step.condition, step.environment, self.seen)}"
        yield f"model: {self._written(space.model, space.environment, self.own)}"
        if space.convention is not None:
            yield f'convention: "{space.convention}"'
        if space.at is not None:
            yield f"input: {' x '.join(map(str, space.at))}"
        for name, origin_, own in (("recipe", space.recipe, self.own), ("reward", space.reward, frozenset(REWARDED))):
            if origin_ is not None:
                yield f"{name}: {self._written(origin_.expression, origin_.environment, own)}"

    def _written(self, node: ast.Node, env: Environment, local: frozenset[str]) -> str:
        """An expression of a file with the names of this text."""
        found = names_in(node, env.module, local)
        for _, named in found:
            if isinstance(named, Instance):
                raise ValueError(f"`{named.name}`, a row of a table of models, cannot be written out")
            self.names.add(named)
        return edited(node.span, [(span, self.names.of(named)) for span, named in found])


def _law(e: ast.Node) -> ast.Node:
    """A law without `reweighted`, which is said where a space is refined."""
    match e:
        case ast.Call(function=ast.Reference(name="reweighted"), arguments=(ast.Argument(value=law),)):
            return law
        case _:
            return e
