"""What a declaration uses, directly or through others: by their texts, so that two programs can be told to agree in it.

A name in a text is taken for a use wherever it stands: of too many, a declaration is worked out again for nothing; of
too few it would be wrong. The library does not change, and is not followed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

from archdsl.analysis.program import Definition, Instance, Module, Named, Program, walk
from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.syntax import ast

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PIECE = re.compile(r'"[^"\n]*"?|#[^\n]*|[^\s"#]+')
"""What stands between blanks: strings, comments, and the rest."""

_SAID = ("expect", "source")
"""Sections of a model that its network does not depend on."""

Key: TypeAlias = tuple[str, str]
"""A module and a name in it."""


class Region(NamedTuple):
    """A declaration, or a row of a table of models, as it stands in a text."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Used:
    """A model or recipe with all that it uses: keys of its text, and where it stands."""

    exact: bytes
    """Of every character, of the names that the files know, and of what syntax errors took from them."""
    plain: bytes
    """Of the text without comments and blanks, and of the comments that are documentation, where these count."""
    made: bytes
    """The same without claims, sources, documentation and the model's name: of equal ones, the networks are equal."""
    regions: tuple[Region, ...]
    files: frozenset[str]
    """The files of the program, by their keys."""


class _Node(NamedTuple):
    """A name with what it stands for, as digests of its text with blanks, without, and without claims; what it uses."""

    exact: bytes
    plain: bytes
    made: bytes
    uses: tuple[Key, ...]
    regions: tuple[Region, ...]
    module: Module | None


class Uses:
    """What the declarations of one program use. Several threads may ask.

    `documented` says whether what is documentation belongs to a declaration's text.
    """

    def __init__(self, program: Program, *, documented: bool = True) -> None:
        self.program = program
        self._documented = documented
        self._lock = Lock()
        self._nodes: dict[Key, _Node] = {}
        self._reached: dict[Key, frozenset[Key]] = {}
        self._files = frozenset([module.source.key for module in program.modules if not module.library])

    def model(self, name: str) -> Used:
        """A model or a recipe of the entry file."""
        entry = self.program.entry
        reached, nodes = self._reached_nodes(entry, name, entry.names[name])
        modules = {node.module.name: node.module for node in nodes if node.module is not None}
        known = [
            text
            for module in modules.values()
            for text in (module.name, str(module.incomplete), str(module.broken), *module.names)
        ]
        exact = _digest(*[str(key) for key in reached], *[node.exact for node in nodes], *known)
        plain = _digest(*[str(key) for key in reached], *[node.plain for node in nodes])
        made = _digest(*[str(key) for key in reached[1:]], *[node.made for node in nodes])
        return Used(exact, plain, made, tuple([region for node in nodes for region in node.regions]), self._files)

    def block(self, definition: Definition) -> bytes:
        """A key of the text of a declaration and of all that it uses."""
        reached, nodes = self._reached_nodes(definition.module, definition.name, definition)
        return _digest(*[str(key) for key in reached], *[node.exact for node in nodes])

    def _reached_nodes(self, module: Module, name: str, named: Named) -> tuple[list[Key], list[_Node]]:
        """A name, and what it uses, directly or through others, in the order of their keys."""
        with self._lock:  # a node is entered before those that it uses
            own = self._key(module, name, named)
            reached = [own, *sorted(self._reach(own) - {own})]
            return reached, [self._nodes[key] for key in reached]

    def _reach(self, key: Key) -> frozenset[Key]:
        """What a name uses, directly or through others, and itself."""
        known = self._reached.get(key)
        if known is not None:
            return known
        found: set[Key] = set()
        waiting = [key]
        while waiting:
            one = waiting.pop()
            if one not in found:
                within = self._reached.get(one)
                if within is not None:
                    found |= within
                else:
                    found.add(one)
                    waiting += self._nodes[one].uses
        reached = self._reached[key] = frozenset(found)
        return reached

    def _key(self, module: Module, name: str, named: Named) -> Key:
        """The key of a name of a module, entered with all that it uses."""
        first = self._own(module, name, named)
        waiting = [(first, module, name, named)]
        while waiting:
            key, within, written, value = waiting.pop()
            if key in self._nodes:
                continue
            node, used = self._node(within, written, value)
            self._nodes[key] = node
            waiting += used
        return first

    @staticmethod
    def _own(module: Module, name: str, named: Named) -> Key:
        if isinstance(named, Definition | Instance):
            return named.module.name, named.name
        return module.name, name

    def _node(self, module: Module, name: str, named: Named) -> tuple[_Node, list[tuple[Key, Module, str, Named]]]:
        kind = type(named).__name__
        if not isinstance(named, Definition | Instance) or named.module.library:
            known = _digest(kind, name, module.used.get(name, ""), getattr(named, "name", ""))
            return _Node(known, known, known, (), (), None), []
        own = named.module
        regions = tuple(_regions(named))
        parts = [_words(region.text) for region in regions]
        words = sorted(frozenset[str]().union(*[names for _, names in parts]))
        if isinstance(named, Instance):
            words.append(named.family)
        uses = [(word, own.names[word]) for word in words if word in own.names and word != named.name]
        doc = named.declaration.doc if self._documented and isinstance(named, Definition) else ""
        head = (kind, named.kind, own.source.name, str(named.name in own.circular))
        under = [f"{word} {self._own(own, word, value)}" for word, value in uses]
        exact = _digest(*head, doc, *under, *[region.text for region in regions])
        plain = _digest(*head, doc, *under, *[text for text, _ in parts])
        made = _digest(*head, *under, _open(_words(_made(named))[0]))
        found = [(self._own(own, word, value), own, word, value) for word, value in uses]
        return _Node(exact, plain, made, tuple([key for key, *_ in found]), regions, own), found


def _digest(*parts: str | bytes) -> bytes:
    digest = sha256()
    for part in parts:
        digest.update((part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part) + b"\0")
    return digest.digest()


def _regions(named: Definition | Instance) -> list[Region]:
    nodes: list[Any] = [named.header, named.row] if isinstance(named, Instance) else [named.declaration]
    return [Region(named.module.source, node.span.start, node.span.end) for node in nodes]


def _made(named: Definition | Instance) -> str:
    """The text of a declaration; of a model, without its name, what it says of its network, and where it comes from."""
    regions = _regions(named)
    if isinstance(named, Instance) or named.kind != "model":
        return "\0".join([region.text for region in regions])
    said = [node.span for node in walk(named.declaration) if isinstance(node, ast.Section) and node.path.text in _SAID]
    [whole] = regions
    kept, at = [], named.declaration.name.span.end
    for span in sorted(said, key=lambda span: span.start):
        if span.start >= at:  # one within another goes with it
            kept.append(whole.source.text[at : span.start])
            at = span.end
    return " ".join([*kept, whole.source.text[at : whole.end]])


def _open(words: str) -> str:
    """The words of a declaration without the braces at its end: where one is not typed yet, it is taken to be there."""
    return words.rstrip(" }").removesuffix(" with {")


def pieces(text: str) -> list[re.Match[str]]:
    """What stands between the blanks and comments of a text."""
    return [match for match in _PIECE.finditer(text) if match[0][0] != "#"]


@lru_cache(maxsize=2048)
def _words(text: str) -> tuple[str, frozenset[str]]:
    """A text without comments, its pieces one space apart; and the names in it."""
    plain = " ".join([match[0] for match in pieces(text)])
    return plain, frozenset(_NAME.findall(plain))


__all__ = ["Region", "Used", "Uses", "pieces"]
