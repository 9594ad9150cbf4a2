"""The settings with which a block of the library makes exactly a given part of a network, if there are any.

Settings are looked for one after the other: of the values that the part suggests each is tried, by the compiler's own
tracing, and the one is kept that comes nearest. What is found counts only if the block then makes the same operations
with the same settings and wires (`fragments.py`); the search only says where to look, and looks at so many traces.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from types import NoneType
from typing import Any, TypeAlias

from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.language import evaluation
from archdsl.analysis.program import Primitive
from archdsl.analysis.traces import Traces
from archdsl.analysis.tracing import trace
from archdsl.analysis.values import Block, Environment, Setting, Value
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.base import Operation
from archdsl.graph.shapes import Size
from archdsl.lifting.candidates import Candidate
from archdsl.lifting.fragments import Fragment, Likeness, features_of, likeness_of
from archdsl.lifting.words import settings_of
from archdsl.syntax import ast

MOST_TRACES = 300
"""So often a block is traced for one part of a network."""
MOST_IN_ALL = 30_000
"""So often all blocks together, for one network: half a minute. What is left then is not recognised."""
ROUNDS = 4
"""So often each setting is looked at again, after others were found."""
SAME = 4
"""A setting that changes nothing by so many values is left as it is."""
RATIOS = tuple([Fraction(1, n) for n in (2, 3, 4, 6, 8, 12, 16, 24, 32)])
"""Ratios that are tried beside those of the part's own widths: of rounded widths no quotient is the ratio."""
NEAR = -4
"""So few names and settings apart, two that were settled wrongly are looked for."""
WIDTH = frozenset({"width"})
SIZES = frozenset({"width", "groups"})
"""Settings that numbers of channels are in."""
MOST_PARTS = 64
"""Of a quotient that is tried, numerator and denominator are no larger."""

Settings: TypeAlias = "Mapping[str, Value]"
Score: TypeAlias = "tuple[bool, int, int]"
"""Whether the output has the fragment's channels; the operations that are right with all that leads to them; names and
settings of operations that the fragment has and the block not, or the other way."""
FAR: Score = (False, -1, 0)
"""Of settings that a block refuses."""


class Fitting:
    """Blocks tried on parts of networks."""

    def __init__(self) -> None:
        self.traces = Traces()
        self.left = MOST_IN_ALL

    def fit(self, candidate: Candidate, fragment: Fragment, starts: Sequence[Settings]) -> dict[str, Value] | None:
        """Settings that make a block the fragment, as few as there need be; none where none are found. `starts` are
        settings to begin with, besides the defaults."""
        for some in [starts, ()] if starts else [()]:
            search = _Search(self, candidate, fragment, min(self.left, MOST_TRACES))
            found = search.found(some)
            self.left -= len(search.known)
            if found is not None:
                return found
        return None

    def makes(self, candidate: Candidate, fragment: Fragment, settings: Settings) -> bool:
        """Whether a block with settings is exactly the fragment."""
        like = self.traced(candidate, fragment, settings)
        return like is not None and like.key == fragment.like.key

    def traced(self, candidate: Candidate, fragment: Fragment, settings: Settings) -> Likeness | None:
        """What a block makes of what flows into the fragment; none where it refuses that or its settings."""
        of = candidate.definition
        block = Block(of, {name: Setting(value) for name, value in settings.items()})
        site = ast.Identifier(of.declaration.name.span, of.name)
        ctx = evaluation(Diagnostics(), None, self.traces)
        try:
            found = trace(ctx, block, (fragment.input,), of.name, site, Environment(of.module), fitted=False)
        except (Fault, AlreadyReported):
            return None  # settings that do not go together
        return likeness_of(found.subgraph)


class _Search:
    """One block, one fragment."""

    def __init__(self, fitting: Fitting, candidate: Candidate, fragment: Fragment, most: int) -> None:
        self.fitting, self.candidate, self.fragment, self.left = fitting, candidate, fragment, most
        self.known: dict[Any, Likeness | None] = {}
        of = candidate.definition
        self.names = of.parameter_names
        self.required = [name for name, default in of.defaults.items() if default is None]
        self.blocks = _blocks_of(fragment)

    def found(self, starts: Sequence[Settings]) -> dict[str, Value] | None:
        """The settings."""
        width = int(self.fragment.output[0])
        plain = dict.fromkeys(self.required, width)
        begun = [{**plain, **start} for start in (*starts, {})]
        begun += [{**one, "width": width} for one in begun if "width" in self.names and one.get("width") != width]
        tried = [(self._score(one), one) for one in begun]
        best, settings = max(tried, key=lambda pair: pair[0])
        seeds = [*starts]
        for _ in range(ROUNDS):
            before = best
            for name in self.names:
                if self._is_it(settings) or self.left <= 0:
                    break
                best, settings = self._settled(name, best, settings, seeds)
            if best == before:
                break
        if not self._is_it(settings) and best[2] >= NEAR:
            settings = self._two_at_once(settings)
        return self._fewest(settings) if self._is_it(settings) else None

    def _settled(
        self, name: str, best: Score, settings: dict[str, Value], seeds: Sequence[Settings]
    ) -> tuple[Score, dict[str, Value]]:
        """The settings with the value of one of them that comes nearest."""
        kept = settings
        before, same = self._key(kept), 0
        for value in self._values(name, kept, seeds):
            other = {**kept, name: value}
            score = self._score(other)
            if score > best:
                best, settings = score, other
            same = same + 1 if same >= 0 and self._key(other) == before else -1
            if same == SAME:
                break
        if name in kept and name not in self.required:
            other = {key: value for key, value in kept.items() if key != name}
            score = self._score(other)
            if score >= best:
                best, settings = score, other
        return best, settings

    def _two_at_once(self, settings: dict[str, Value]) -> dict[str, Value]:
        """The same with two operations otherwise, where that is it: of two that are in each other's place neither is
        nearer where it belongs while the other is there."""
        defaults = self.candidate.defaults
        names = [name for name in self.names if isinstance(defaults.get(name, 0), Block | NoneType)]
        for one, two in itertools.combinations(names, 2):
            for first, second in itertools.permutations(self.blocks, 2):
                other = {**settings, one: first, two: second}
                if self.left > 0 and self._score(other)[2] == 0 and self._is_it(other):
                    return other
        return settings

    def _fewest(self, settings: dict[str, Value]) -> dict[str, Value]:
        """The same without those that are as they are without them."""
        for name in [name for name in settings if name not in self.required]:
            other = {key: value for key, value in settings.items() if key != name}
            if self._is_it(other):
                settings = other
        return settings

    # How near

    def _like(self, settings: Settings) -> Likeness | None:
        key = tuple(sorted([(name, type(value).__name__, repr(value)) for name, value in settings.items()]))
        if key not in self.known:
            self.left -= 1
            self.known[key] = self.fitting.traced(self.candidate, self.fragment, settings)
        return self.known[key]

    def _is_it(self, settings: Settings) -> bool:
        return self._key(settings) == self.fragment.like.key

    def _key(self, settings: Settings) -> str:
        like = self._like(settings)
        return like.key if like is not None else ""

    def _score(self, settings: Settings) -> Score:
        like = self._like(settings)
        if like is None:
            return FAR
        own = self.fragment.like
        apart = (own.features - like.features).total() + (like.features - own.features).total()
        return like.channels == own.channels, (own.marks & like.marks).total(), -apart

    # What is tried

    def _values(self, name: str, settings: Settings, seeds: Sequence[Settings]) -> list[Value]:
        """Values for a setting that the fragment suggests; those come first that other fragments have."""
        default = self.candidate.defaults.get(name)
        given = [seed[name] for seed in seeds if name in seed]
        if isinstance(default, bool):
            return [True, False]
        if isinstance(default, Block):
            return _once([*given, *self.blocks, None])
        direct = self.candidate.direct.get(name)
        if direct is not None:
            told = [value for _, text in self.fragment.like.features if (value := _told(text, direct)) is not None]
            values = _once([*given, *sorted(told, key=repr)])
        else:
            ratios = RATIOS if default is None or isinstance(default, Fraction) else ()
            values = _once([*given, *ratios, *self._quotients(settings), 1, 0])
        if default is None and name in self.candidate.defaults:
            values += self.blocks
        return [*values, None]

    def _quotients(self, settings: Settings) -> list[Value]:
        """Quotients of the numbers that are not right yet and the widths that there are, the simplest first."""
        own = self.fragment.like.features
        like = self._like(settings)
        missing = own - like.features if like is not None else own
        wrong = [value for _, text in missing or own if isinstance(value := _told(text, SIZES), int) and value]
        sizes = {int(self.fragment.input[0]), int(self.fragment.output[0])}
        sizes |= {value for _, text in own if isinstance(value := _told(text, WIDTH), int)}
        found: set[Fraction] = set()
        for number in wrong:
            found |= {Fraction(number, size) for size in sizes} | {Fraction(size, number) for size in sizes}
        simple = [one for one in found if one.denominator == 1 or max(one.numerator, one.denominator) <= MOST_PARTS]
        simple.sort(key=lambda one: (max(one.numerator, one.denominator), one))
        return [int(one) if one.denominator == 1 else one for one in simple]


def _blocks_of(fragment: Fragment) -> list[Value]:
    """The operations of a fragment that a setting may be: of one value each, of which they keep the shape."""
    texts = sorted(fragment.kept, key=lambda text: (features_of(text)[0], text))
    return [_as_block(fragment.operations[text]) for text in texts]


def _as_block(operation: Operation) -> Block:
    settings = {name: Setting(value) for name, value in settings_of(operation).items()}
    return Block(Primitive(operation.name, OPERATIONS[operation.name]), settings)


def _told(text: str, names: Collection[str]) -> Any:
    """The value of a setting of one of these names; none of another, or where it is no plain value."""
    name, _, value = text.partition("=")
    return _read(value) if name in names else None


def _read(text: str) -> Any:
    """A setting's value of the text that a hash is made of: a whole number, a fraction, a size, a word; else none."""
    try:
        if text.startswith("'"):
            return text[1:-1]
        if text.startswith("["):
            parts = [int(part, 16) for part in text[1:-1].split(",")]
            return None if len(parts) != 2 else parts[0] if parts[0] == parts[1] else Size(tuple(parts))
        top, slash, bottom = text.partition("/")
        return Fraction(int(top, 16), int(bottom, 16)) if slash else int(text, 16)
    except ValueError:  # a setting of another kind
        return None


def _once(values: Iterable[Value]) -> list[Value]:
    """Without those that stood before; 1 and `true` are two."""
    found: list[Value] = []
    for value in values:
        if not any(type(other) is type(value) and other == value for other in found):
            found.append(value)
    return found


__all__ = ["Fitting", "Settings"]
