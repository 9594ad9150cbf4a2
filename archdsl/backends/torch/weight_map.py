"""What the layers of a folded network are made of, as a table in Python.

Blocks repeat, and so do their layers: an entry stands for all whose names differ in the numbers of their places, with
`*` for these numbers. It does so only where `expanded`, which reads a table as the emitted file does, gives back what
it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from archdsl.backends.torch.python import Dict, Expression, List, Literal, Tuple
from archdsl.graph.folding import Chain, Some, Sum, paths_of

T = TypeVar("T")


def table_of(layers: Mapping[str, Chain], trained: Sequence[str]) -> Dict:
    """Layer -> what it is made of: a list of names, with a tuple for a sum. `trained` are all layers with tensors."""
    entries = dict(_shortened(layers, trained))
    return Dict(tuple([(Literal(name), _chain(chain)) for name, chain in entries.items()]), spread=True)


def _shortened(layers: Mapping[str, Chain], trained: Sequence[str]) -> Iterator[tuple[str, Chain]]:
    """Entries for layers, those that stand for one before those that stand for the rest of the same names."""
    groups: dict[str, dict[tuple[str, Chain], list[str]]] = {}
    for name, chain in layers.items():
        starred = _starred(name, chain)
        groups.setdefault(starred[0], {}).setdefault(starred, []).append(name)
    done: set[str] = set()
    for rules in groups.values():
        general, alike = max(rules.items(), key=lambda rule: len(rule[1]))
        single = [name for rule, names in rules.items() if rule != general for name in names]
        before = done.union(*[paths_of(layers[name]) for name in single])
        whole = set(expanded(general, trained, before)) == {(name, layers[name]) for name in alike}
        explicit = single if whole and len(alike) > 1 else [*single, *alike]
        yield from [(name, layers[name]) for name in explicit]
        if explicit is single:
            yield general
        done.update(*[paths_of(layers[name]) for name in (*single, *alike)])


def _starred(name: str, chain: Chain) -> tuple[str, Chain]:
    """An entry with `*` for the numbers in what all its names begin with."""
    names = [name, *paths_of(chain)]
    parts = [each.split(".") for each in names]
    common = 0
    while all(len(each) > common + 1 and each[common] == parts[0][common] for each in parts):
        common += 1

    def star(path: str) -> str:
        words = path.split(".")
        return ".".join(["*" if at < common and word.isdigit() else word for at, word in enumerate(words)])

    return star(name), _mapped(chain, star)


def expanded(
    entry: tuple[str, Chain], trained: Sequence[str], done: set[str] | frozenset[str]
) -> Iterator[tuple[str, Chain]]:
    """What an entry stands for among layers of the training form, of which entries before it have some."""
    name, chain = entry
    first = next(paths_of(chain))
    pattern = re.compile(re.escape(first).replace(r"\*", r"(\d+)"))
    for layer in trained:
        found = pattern.fullmatch(layer)
        if found is not None and layer not in done:
            numbers = found.groups()

            def numbered(path: str, numbers: tuple[str, ...] = numbers) -> str:
                return path.replace("*", "{}").format(*numbers)

            yield numbered(name), _mapped(chain, numbered)


def _mapped(chain: Chain, name: Any) -> Chain:
    """A chain with other names."""
    return tuple([_part(part, name) for part in chain])


def _part(part: str | Some | Sum, name: Any) -> str | Some | Sum:
    if isinstance(part, Sum):
        return Sum(tuple([_mapped(branch, name) for branch in part.branches]))
    return part._replace(path=name(part.path)) if isinstance(part, Some) else name(part)


def _chain(chain: Chain) -> List:
    return List(tuple([_written(part) for part in chain]))


def _written(part: str | Some | Sum) -> Expression:
    if isinstance(part, Sum):
        return Tuple(tuple([_chain(branch) for branch in part.branches]))
    if isinstance(part, Some):
        return Literal(f"{part.path}[{part.start}:{part.stop}]")
    return Literal(part)


def by_pattern(values: Mapping[str, T]) -> dict[str, T]:
    """A value for each layer by its name with `*` for every number; by its name alone where such layers differ."""
    groups: dict[str, dict[str, T]] = {}
    for name, value in values.items():
        groups.setdefault(re.sub(r"\.\d+(?=\.|$)", ".*", name), {})[name] = value
    found: dict[str, T] = {}
    for pattern, group in groups.items():
        different = list(group.values())
        alike = all(value == different[0] for value in different)
        found |= {pattern: different[0]} if alike else group
    return found


__all__ = ["by_pattern", "expanded", "table_of"]
