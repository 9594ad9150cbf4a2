"""The orders that both sides may have.

A walk yields layers one after the other, or what it needs to know before it can go on; a search answers with choices.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TypeAlias

from archdsl.graph.blocks import Application, Declared, Step
from archdsl.graph.network import Network
from archdsl.graph.operations.norms import LayerScale
from archdsl.records import dataclass
from archdsl.weights.layers import Layer
from archdsl.weights.names import natural, numberless

MAX_PARTS = 40
"""As many parts of a name are told apart."""


@dataclass(frozen=True, slots=True)
class Open:
    """A choice that a walk needs before it can go on. `options` are tried in their order."""

    key: Hashable
    options: Iterable[object]


Choices: TypeAlias = Mapping[Hashable, object]
Walk: TypeAlias = Callable[[Choices], Iterator[Layer | Open]]

_SCALES = "layer scales"
"""No name of a branch, all of which are names of modules."""
Before: TypeAlias = frozenset[tuple[str, str]]
"""Pairs of branches of which the first comes before the second."""


class OurOrders:
    """Our layers, in every order that a checkpoint may have; only in our own if not `free`.

    A branch is a run of a block's steps with the same first part of the label. What a walk leaves open for a block is
    which of its branches comes next, whether the elements of a list are taken apart, and whether its layer scales come
    before all else.
    """

    def __init__(self, network: Network, layers: Mapping[int, Layer], free: bool) -> None:
        self._network = network
        self._layers = layers
        self._free = free
        self._branches: dict[int, dict[str, list[Step]]] = {}
        self._reads: dict[int, Before] = {}
        self._scales: dict[int, list[Layer]] = {}
        self._names: dict[Declared, list[str]] = {}
        self._known: dict[tuple[int, Before], tuple[list[str], list[str]]] = {}
        self._read(network.root)

    def _read(self, application: Application) -> dict[int, str]:
        """Note the branches of an application and of those within; node -> branch."""
        place: dict[int, str] = {}
        branches: dict[str, list[Step]] = {}
        scales: list[Layer] = []
        last = ""
        for step in application.steps:
            name = step.label.split(".")[0]
            if name != last.split(" ")[0]:
                last = f"{name} {len(branches)}" if name in branches else name  # taken up again: a branch of its own
            branches.setdefault(last, []).append(step)
            if isinstance(step.applied, int):
                place[step.applied] = last
                scales += [self._layers[step.applied]] if self._is_scale(step.applied) else []
            else:
                place.update(dict.fromkeys(self._read(step.applied), last))
                scales += self._scales[id(step.applied)]
        with_tensors = {branch for node, branch in place.items() if node in self._layers}
        reads = {
            (place[value.node], branch)
            for node, branch in place.items()
            for value in self._network.nodes[node].inputs
            if place.get(value.node, branch) != branch
        }
        self._branches[id(application)] = {name: steps for name, steps in branches.items() if name in with_tensors}
        self._reads[id(application)] = _closed(reads)
        self._scales[id(application)] = scales
        names, at = self._names.setdefault(application.declared, []), 0
        for name in self._branches[id(application)]:
            if name not in names:
                names.insert(at, name)
            at = names.index(name) + 1
        return place

    def _is_scale(self, node: int) -> bool:
        return isinstance(self._network.nodes[node].operation, LayerScale)

    def walk(self, choices: Choices) -> Iterator[Layer | Open]:
        return self._walk(self._network.root, choices, scales_too=True)

    def _walk(self, application: Application, choices: Choices, scales_too: bool) -> Iterator[Layer | Open]:
        declared, branches = application.declared, self._branches[id(application)]
        if scales_too and self._free and self._scales[id(application)]:
            if (declared, _SCALES) not in choices:
                yield Open((declared, _SCALES), [False, True])
                return
            if choices[declared, _SCALES]:
                yield from self._scales[id(application)]
                scales_too = False
        chosen = choices.get(declared)
        before: Before = chosen if isinstance(chosen, frozenset) else frozenset()
        order, ready = self._sorted(application, before)
        for name in order:
            steps, parted = branches[name], self._by_part(branches[name]) if self._free else None
            if parted is not None:
                if (declared, name) not in choices:
                    yield Open((declared, name), [False, True])
                    return
                steps = parted if choices[declared, name] else steps
            for step in steps:
                if not isinstance(step.applied, int):
                    yield from self._walk(step.applied, choices, scales_too)
                elif step.applied in self._layers and (scales_too or not self._is_scale(step.applied)):
                    yield self._layers[step.applied]
        if ready:
            yield Open(declared, (_before_all(before, name, ready) for name in ready))

    def _by_part(self, steps: list[Step]) -> list[Step] | None:
        """The layers of a list's elements, each part of all elements before the next, as a module has them that keeps a
        list of convolutions and one of norms: `y.0.conv`, `y.1.conv`, `y.0.norm`. None where that is no other order."""
        parts: dict[str, list[Step]] = {}
        layers = [step for step in steps if not isinstance(step.applied, int) or step.applied in self._layers]
        for step in layers:
            _, index, part = (*step.label.split(".", 2), "", "")[:3]
            if not index.isdigit() or "." in part:
                return None
            parts.setdefault(part, []).append(step)
        found = [step for part in parts.values() for step in part]
        return found if found != layers else None

    def _sorted(self, application: Application, before: Before) -> tuple[list[str], list[str]]:
        """The branches in order, up to where it is open which of some comes next, and these."""
        key = id(application), before
        if key in self._known:
            return self._known[key]
        branches = self._branches[id(application)]
        places = {name: place for place, name in enumerate(branches)}
        behind: dict[str, list[str]] = {name: [] for name in branches}
        waits = dict.fromkeys(branches, 0)
        for first, second in self._reads[id(application)] | before:
            if first in waits and second in waits:
                behind[first].append(second)
                waits[second] += 1
        ready, order, left = [places[name] for name in branches if not waits[name]], [], dict(waits)
        names = list(branches)
        while left:
            if len(ready) > 1 and self._free:
                break
            name = names[ready.pop(0)] if ready else next(iter(left))  # each waits for another: as they stand
            order.append(name)
            del left[name]
            for other in behind[name]:
                waits[other] -= 1
                if not waits[other] and other in left:
                    insort(ready, places[other])
        self._known[key] = order, [names[place] for place in ready]
        return self._known[key]

    def told(self, choices: Choices) -> list[str]:
        """The choices that are not our own order, in words."""
        lines = []
        for declared, names in self._names.items():
            before, left, order = choices.get(declared), list(names), []
            while left and isinstance(before, frozenset):
                order.append(next((n for n in left if not any((o, n) in before for o in left)), left[0]))
                left.remove(order[-1])
            if order and order != names:
                lines.append(f"in {declared.name} the checkpoint has {' before '.join(order)}")
            parted = [name for name in names if choices.get((declared, name))]
            lines += [
                f"in {declared.name} the checkpoint has the parts of `{name}` one after the other" for name in parted
            ]
            if choices.get((declared, _SCALES)):
                lines.append(f"in {declared.name} the checkpoint has the layer scale before all else")
        return lines


def _closed(pairs: Iterable[tuple[str, str]]) -> Before:
    """The transitive closure."""
    after: dict[str, set[str]] = {}
    for first, second in pairs:
        after.setdefault(first, set()).add(second)
    found: set[tuple[str, str]] = set()
    for first in after:
        reached, stack = set(after[first]), list(after[first])
        while stack:
            more = after.get(stack.pop(), set()) - reached
            reached |= more
            stack += more
        found.update((first, second) for second in reached)
    return frozenset(found)


def _before_all(before: Before, name: str, others: Iterable[str]) -> Before:
    """A closed relation, with one before others as well."""
    first = {name, *(one for one, other in before if other == name)}
    second = {other for other in others if other != name}
    second |= {behind for one, behind in before if one in second}
    return before | {(one, other) for one in first for other in second}


class NameTree:
    """The tree of a checkpoint's names, for a file that does not keep their order."""

    def __init__(self) -> None:
        self.layer: Layer | None = None
        self.modules: dict[str, NameTree] = {}
        self.names: tuple[str, ...] = ()
        self.series: dict[str, str] = {}
        """Name -> the series in which it counts up: its name without what counts."""
        self.key: Hashable = ()
        """Modules with one key have their parts in one order."""

    @classmethod
    def of(cls, layers: Iterable[Layer], fine: bool = False) -> NameTree:
        """The tree. Modules with parts of the same names have these in one order; if `fine`, those of one name do."""
        root = cls()
        trees = [root]
        for layer in layers:
            at = root
            for part in layer.path.split(".", MAX_PARTS):
                if part not in at.modules:
                    at.modules[part] = cls()
                    at.modules[part].key = numberless(part) if fine else ""
                    trees.append(at.modules[part])
                at = at.modules[part]
            at.layer = layer
        for tree in trees:
            tree.names = tuple(sorted(tree.modules, key=natural))
            tree.series = _series_of(tree.names)
            tree.key = (tree.names, tree.key)
        return root

    def walk(self, choices: Choices) -> Iterator[Layer | Open]:
        """The layers, in the order that was chosen for modules with parts of these names."""
        if self.layer is not None:
            yield self.layer
        chosen = choices.get(self.key)
        order = list(chosen) if isinstance(chosen, tuple) else []
        for name in order:
            yield from self.modules[name].walk(choices)
        while len(order) < len(self.names):
            series: dict[str, str] = {}
            for name in self.names:
                if name not in order:
                    series.setdefault(self.series[name], name)
            if len(series) > 1:
                yield Open(self.key, [(*order, name) for name in series.values()])
                return
            order += series.values()
            yield from self.modules[order[-1]].walk(choices)


_LETTER = re.compile("(?<![A-Za-z])([a-zA-Z])(?![A-Za-z])")


def _series_of(names: tuple[str, ...]) -> dict[str, str]:
    """Name -> series. Numbers count up, and so do letters that stand alone, if they are a, b, … without a gap."""
    found = {name: numberless(name) for name in names}
    lettered: dict[str, list[str]] = {}
    for name in names:
        if len(letters := _LETTER.findall(found[name])) == 1:
            lettered.setdefault(_LETTER.sub("@", found[name]), []).append(letters[0])
    for series, letters in lettered.items():
        if len(letters) > 1 and "".join(sorted(letters)).lower() in "abcdefghijklmnopqrstuvwxyz"[: len(letters)]:
            found.update({name: series for name in names if _LETTER.sub("@", found[name]) == series})
    return found
