"""Which parts of a network are blocks of the standard library, and with what settings.

Parts that one block of a text would stand for are recognised together, or not at all: by a block of the library that
makes exactly each of them (`fitting.py`). Of several the one is taken that needs the fewest settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from archdsl.analysis.program import Primitive
from archdsl.analysis.values import Block, Value
from archdsl.compiler import Compiler
from archdsl.graph.blocks import Value as Place
from archdsl.graph.network import Network
from archdsl.graph.operations.base import Operation
from archdsl.lifting.candidates import Candidate, Candidates
from archdsl.lifting.fitting import Fitting
from archdsl.lifting.fragments import Fragment, Graph
from archdsl.lifting.words import Word, call_text, used_name
from archdsl.records import dataclass

NOTHING: Mapping[str, Collection[str]] = {}


@dataclass(frozen=True)
class Recognised:
    """Parts of a text that a block of the library stands for."""

    block: str
    module: str
    """`std.resnet`."""
    place: str
    """`stages`, `stem`, `head`, or `blocks`: within blocks of the text's own."""
    count: int
    """So many parts of that place are this block."""
    total: int
    """Of so many."""


@dataclass(frozen=True, eq=False)
class Use:
    """A part as a block of the library."""

    candidate: Candidate
    fragment: Fragment
    settings: Mapping[str, Value]
    """Those without which it is another block."""
    values: Mapping[str, Any]
    """What is written of its settings: those that any of the parts needs which were recognised with it."""
    used: frozenset[str]
    """The operations of `std.ops` that these name."""


class Recognition:
    """Blocks of the library for parts of networks. Keeps what it found."""

    def __init__(self, compiler: Compiler) -> None:
        self.candidates = Candidates(compiler)
        self.fitting = Fitting()
        self._known: dict[Any, dict[str, Value] | None] = {}
        self._graphs: dict[int, Graph] = {}

    def graph(self, network: Network) -> Graph:
        """What parts of a network are taken of."""
        found = self._graphs.get(id(network))
        if found is None or found.network is not network:
            found = self._graphs[id(network)] = Graph(network)
        return found

    def uses(
        self,
        network: Network,
        parts: Sequence[tuple[Sequence[int], Place, Place]],
        taken: Collection[str],
        used: Mapping[str, Collection[str]] = NOTHING,
    ) -> list[Use] | None:
        """For each part, as operations between two values, the block that it is: one for all of them; none where no
        block is all. `taken` are names that the text has given to its own; blocks that the modules declare or use of
        which it has `used` some come before others."""
        graph = self.graph(network)
        fragments: list[Fragment] = []
        for indices, source, result in parts:
            fragment = graph.fragment(indices, source, result)
            if fragment is None:
                return None
            fragments.append(fragment)
        distinct = {fragment.identity: fragment for fragment in fragments}
        hardest = sorted(distinct.values(), key=lambda one: -one.counts.total())
        seen = {name for module in used for name in self.candidates.visible(module)}
        best: tuple[Any, Candidate, dict[Any, dict[str, Value]]] | None = None
        for candidate in self.candidates.all:
            other = any(candidate.name in names for module, names in used.items() if module != candidate.module)
            if other or candidate.name in taken or not all(candidate.bounds.admit(one.counts) for one in hardest):
                continue
            found = self._fitted(candidate, hardest)
            if found is None:
                continue
            rank = self._rank(candidate, found.values(), seen, alone=len(parts) == 1)
            if best is None or rank < best[0]:
                best = rank, candidate, found
        if best is None:
            return None
        _, candidate, settings = best
        return _used(candidate, fragments, [settings[one.identity] for one in fragments])

    def _rank(
        self, candidate: Candidate, settings: Collection[Mapping[str, Value]], seen: set[str], *, alone: bool
    ) -> Any:
        """What comes first among blocks that fit: those of modules that the text uses, then those with the fewest
        settings. Where a text uses no module and a part stands `alone`, few settings say little: then the block comes
        first that most modules of the library use."""
        written = {name for one in settings for name in one}
        known = f"{candidate.module}.{candidate.name}" in seen
        parameters = len(candidate.definition.parameter_names)
        place = (-self.candidates.seen(candidate), parameters, candidate.module, candidate.name)
        if not seen and alone:
            return place[0], len(written), place
        return bool(seen) and not known, len(written), place

    def _fitted(self, candidate: Candidate, fragments: Sequence[Fragment]) -> dict[Any, dict[str, Value]] | None:
        """For each fragment settings that make the block it; none where one has none."""
        found: dict[Any, dict[str, Value]] = {}
        for fragment in fragments:
            key = candidate.module, candidate.name, fragment.identity
            if key not in self._known:
                starts = list(found.values())[-3:]
                self._known[key] = self.fitting.fit(candidate, fragment, starts)
            settings = self._known[key]
            if settings is None:
                return None
            found[fragment.identity] = settings
        return self._alike(candidate, fragments, found)

    def _alike(
        self, candidate: Candidate, fragments: Sequence[Fragment], found: dict[Any, dict[str, Value]]
    ) -> dict[Any, dict[str, Value]]:
        """The same with values that many have in the place of others that come to the same: widths are rounded, so
        several ratios may give one."""
        found = {key: dict(settings) for key, settings in found.items()}
        for name in candidate.definition.parameter_names:
            values = [settings[name] for settings in found.values() if name in settings]
            common = Counter([repr(_shown(value)) for value in values]).most_common()
            if name in candidate.direct or len(common) < 2:
                continue
            for fragment in fragments:
                settings = found[fragment.identity]
                for text, _ in common if name in settings else ():
                    value = next(one for one in values if repr(_shown(one)) == text)
                    other = {**settings, name: value}
                    if self.fitting.makes(candidate, fragment, other):
                        found[fragment.identity] = other
                        break
        return found

    def stays(self, use: Use, name: str, value: Value) -> bool:
        """Whether a part is as it is with another value of a setting, or has none of that name."""
        if name not in use.candidate.definition.parameter_names:
            return False
        return self.fitting.makes(use.candidate, use.fragment, {**use.settings, name: value})


def _used(candidate: Candidate, fragments: Sequence[Fragment], settings: Sequence[Mapping[str, Value]]) -> list[Use]:
    """The uses, each with all settings that any has, where their defaults are values."""
    names = [name for name in candidate.definition.parameter_names if any(name in one for one in settings)]
    names.sort(key=lambda name: name != "width")
    found = []
    for fragment, own in zip(fragments, settings, strict=True):
        values = {n: own.get(n, candidate.defaults.get(n)) for n in names if n in own or n in candidate.defaults}
        used = [name for value in values.values() for name in _names_in(value)]
        found.append(Use(candidate, fragment, own, {n: _shown(v) for n, v in values.items()}, frozenset(used)))
    return found


def _operation(block: Block) -> Operation:
    if not isinstance(block.of, Primitive):
        raise TypeError(f"{block.name} is no operation")
    return block.of.operation.bind({name: setting.value for name, setting in block.settings.items()})


def _shown(value: Value) -> Any:
    """A value as a text has it."""
    return Word(call_text(_operation(value))) if isinstance(value, Block) else value


def _names_in(value: Value) -> list[str]:
    name = used_name(_operation(value)) if isinstance(value, Block) else None
    return [name] if name is not None else []


__all__ = ["Recognised", "Recognition", "Use"]
