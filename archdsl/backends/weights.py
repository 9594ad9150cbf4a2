"""Weights from elsewhere: which tensor of a checkpoint is which tensor of the emitted module.

What enters is a network, and the names and shapes of a checkpoint of the same network by another library; what leaves
is a plan, or a `Mismatch` that names the first difference. No table of names stands behind it: the order of the
operations and the shapes of their tensors decide, and every tensor of both sides is accounted for.

**The order of a checkpoint** is that in which a module registers its parts. It is the order of execution but for two
things: branches that do not depend on each other come in any order (a projection before or after the residual branch),
and a parameter of a block itself, such as a layer scale, comes before the parameters of the block's modules. So the
search runs over the orders of independent branches, the same for all applications of one block, with our own first.

**A file may not keep the order** (safetensors sorts names). Then the names' tree stands for it: modules are contiguous,
numbers in names count up, modules with the same parts have the same order, and where shapes still leave a choice the
names' natural order is tried first.

Where several orders fit, a note of the plan says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, zip_longest
from typing import NamedTuple, TypeAlias

from archdsl.graph.blocks import INPUT, Application, Declared, Step
from archdsl.graph.network import Network
from archdsl.graph.operations.convolution import Conv, Linear
from archdsl.graph.operations.norms import LayerScale
from archdsl.graph.shapes import show_shape

Extents: TypeAlias = tuple[int, ...]

INPUT_RULES = {
    "sum": "one channel, the sum of the checkpoint's",
    "mean": "every channel is the mean of the checkpoint's",
    "repeat": "the checkpoint's channels over and over, times theirs / ours",
}
"""What makes the first convolution's input channels from others, by name."""
CLASSIFIER_RULES = {"new": "the classifier stays as it starts"}
"""What becomes of a classifier for other classes, by name."""
RESHAPE = "reshape"
"""The rule for equal numbers in shapes that differ by extents of 1: a 1 x 1 convolution and a linear layer."""

INPUT_CHANNELS, CLASSES = "input channels", "classes"
"""What differs, where the user chooses the rule."""

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What PyTorch's and other wrappers put before all names."""

SHORT_NAMES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
COUNTER = "num_batches_tracked"
"""Older checkpoints have none, and PyTorch then counts from 0."""

MOST_COMPARISONS = 300_000
"""The limit of one search, about two seconds."""
MORE_COMPARISONS = 100_000
"""The limit of looking for another order that fits."""
MOST_SOLUTIONS = 8
"""As many orders that fit are looked at."""
MOST_DROPPED = 3
"""As many top-level modules may be left out together."""
MOST_DROPS = 50
"""As many choices of them are tried."""
MOST_PARTS = 40
"""As many parts of a name are told apart."""


class Mismatch(Exception):
    """The checkpoint cannot be mapped. `message` is one sentence, `help` what would mend it."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class Loaded(NamedTuple):
    """A tensor of ours that takes the numbers of one of theirs; by `rule` where they are not the same as they are."""

    ours: str
    theirs: str
    rule: str | None
    shape: Extents
    their_shape: Extents


class Left(NamedTuple):
    """A tensor of one side that has no part on the other, and why."""

    name: str
    shape: Extents
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every tensor of both sides goes."""

    loaded: tuple[Loaded, ...]
    """In the order of the network's operations."""
    new: tuple[Left, ...]
    """Ours that stay as they start."""
    unused: tuple[Left, ...]
    """Theirs that no operation takes."""
    notes: tuple[str, ...]


class Stored(NamedTuple):
    name: str
    shape: Extents


@dataclass(frozen=True, slots=True)
class Layer:
    """An operation with tensors, of either side: short name -> tensor."""

    path: str
    tensors: Mapping[str, Stored]
    kind: str = ""
    takes_image: bool = False
    """Whether it is ours, and the convolution that reads the input."""
    classifies: bool = False
    """Whether it is ours, and the last linear layer or convolution."""


def map_state(
    network: Network,
    tensors: Mapping[str, Sequence[int]],
    *,
    ordered: bool = True,
    input_rule: str | None = None,
    classifier_rule: str | None = None,
    allow_unused: bool = False,
) -> Plan:
    """The plan for a checkpoint: the names and shapes of its tensors, in its order if `ordered`. Raises `Mismatch`."""
    ours = our_layers(network)
    theirs = their_layers({name: tuple(shape) for name, shape in tensors.items()})
    pairing = _by_name(ours, theirs) or _by_order(network, ours, theirs, ordered, classifier_rule == "new")
    plan = _plan(ours, pairing, input_rule, classifier_rule)
    kept = {entry.theirs for entry in plan.loaded} | {entry.name for entry in plan.unused}
    rest = [Left(name, tuple(shape), "no operation has it") for name, shape in tensors.items() if name not in kept]
    if rest and not allow_unused:
        first, more = rest[0], f", nor do {len(rest) - 1:,} others" if len(rest) > 1 else ""
        raise Mismatch(
            f"the checkpoint's {first.name} ({show_shape(first.shape) or 'a number'}) belongs to no operation{more}",
            "--allow-unused leaves them out, and lists them",
        )
    return Plan(plan.loaded, plan.new, (*plan.unused, *rest), plan.notes)


def unwrapped(names: Iterable[str]) -> tuple[dict[str, str], str]:
    """Names -> names without what wrappers put before all of them, and what that was. A wrapper's own counters stay."""
    found = {name: name for name in names}
    removed = ""
    while True:
        dotted = [name for name in found.values() if "." in name]
        prefix = next((w for w in WRAPPERS if dotted and all(name.startswith(w) for name in dotted)), None)
        if prefix is None:
            return found, removed
        shorter = {name: short.removeprefix(prefix) for name, short in found.items()}
        if len(set(shorter.values())) < len(shorter):
            return found, removed
        found, removed = shorter, removed + prefix


# Both sides as layers


def our_layers(network: Network) -> dict[int, Layer]:
    """The operations with tensors, by their node."""
    layers = {}
    last = max((index for index, node in enumerate(network.nodes) if network.tensors(node)), default=-1)
    classified = any(len(shape) == 1 or tuple(shape[1:]) == (1, 1) for shape in map(network.shape, network.outputs))
    for index, node in enumerate(network.nodes):
        tensors = {t.name: Stored(f"{node.path}.{t.name}", tuple(map(int, t.shape))) for t in network.tensors(node)}
        if not tensors:
            continue
        takes_image = isinstance(node.operation, Conv) and node.inputs[0] == INPUT and node.operation.groups == 1
        classifies = index == last and isinstance(node.operation, (Conv, Linear)) and classified
        layers[index] = Layer(node.path, tensors, node.operation.name, takes_image, classifies)
    return layers


def their_layers(tensors: Mapping[str, Extents]) -> list[Layer]:
    """The operations of a checkpoint by the names' prefixes, without tensors that can be no operation's."""
    groups: dict[str, dict[str, Stored]] = {}
    for name, shape in tensors.items():
        prefix, _, short = name.rpartition(".")
        if short in SHORT_NAMES:
            groups.setdefault(prefix, {})[short] = Stored(name, shape)
        elif len(shape) == 1 or (len(shape) == 3 and shape[1:] == (1, 1)):  # a block's own parameter: a layer scale
            groups[name] = {"weight": Stored(name, shape)}
    return [Layer(path, stored) for path, stored in groups.items()]


def _rules(ours: Layer, theirs: Layer) -> dict[str, str | None] | None:
    """The rule by which each of our tensors becomes one of theirs; none where the two are not the same operation.

    `INPUT_CHANNELS` and `CLASSES` stand for the rules that the user chooses.
    """
    if set(ours.tensors) - {COUNTER} != set(theirs.tensors) - {COUNTER} or theirs.tensors.keys() - ours.tensors.keys():
        return None
    found: dict[str, str | None] = {}
    for short, (_, shape) in ours.tensors.items():
        if short not in theirs.tensors:
            continue
        other = theirs.tensors[short].shape
        if shape == other:
            found[short] = None
        elif _same_numbers(shape, other):
            found[short] = RESHAPE
        elif ours.takes_image and len(shape) == len(other) == 4 and (shape[0], *shape[2:]) == (other[0], *other[2:]):
            found[short] = INPUT_CHANNELS
        elif ours.classifies and _padded(shape)[1:] == _padded(other)[1:]:
            found[short] = CLASSES
        else:
            return None
    return found


def _same_numbers(shape: Extents, other: Extents) -> bool:
    """Whether one is the other with extents of 1 behind: of a matrix and a 1 x 1 kernel, or of two scales."""
    return {len(shape), len(other)} in ({2, 4}, {1, 3}) and _padded(shape) == _padded(other)


def _padded(shape: Extents) -> Extents:
    return shape + (1,) * (4 - len(shape))


# Orders


@dataclass(frozen=True, slots=True)
class Open:
    """A choice that a walk needs before it can go on. `options` are tried in their order."""

    key: Hashable
    options: Iterable[object]


Choices: TypeAlias = Mapping[Hashable, object]
Walk: TypeAlias = Callable[[Choices], Iterator[Layer | Open]]


Before: TypeAlias = frozenset[tuple[str, str]]
"""Pairs of branches of which the first comes before the second."""


class _Ours:
    """Our layers, in every order that a checkpoint may have; only in our own if not `free`.

    A branch is a run of a block's steps with the same first part of the label. What a walk leaves open for a block is
    which of its branches comes next, and whether its layer scales come before all else.
    """

    def __init__(self, network: Network, layers: Mapping[int, Layer], free: bool) -> None:
        self._network = network
        self._layers = layers
        self._free = free
        self._branches: dict[int, dict[str, list[Step]]] = {}
        self._reads: dict[int, Before] = {}
        self._scales: dict[int, list[Layer]] = {}
        self._names: dict[Declared, list[str]] = {}
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
            if (declared, "scales") not in choices:
                yield Open((declared, "scales"), [False, True])
                return
            if choices[declared, "scales"]:
                yield from self._scales[id(application)]
                scales_too = False
        chosen = choices.get(declared)
        before: Before = chosen if isinstance(chosen, frozenset) else frozenset()
        needs = self._reads[id(application)]
        names = list(branches)
        while names:
            ready = [n for n in names if not any((o, n) in needs or (o, n) in before for o in names)] or names[:1]
            if len(ready) > 1 and self._free:
                yield Open(declared, [_closed(before | {(n, o) for o in ready if o != n}) for n in ready])
                return
            names.remove(ready[0])
            for step in branches[ready[0]]:
                if not isinstance(step.applied, int):
                    yield from self._walk(step.applied, choices, scales_too)
                elif step.applied in self._layers and (scales_too or not self._is_scale(step.applied)):
                    yield self._layers[step.applied]

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
            if choices.get((declared, "scales")):
                lines.append(f"in {declared.name} the checkpoint has the layer scale before all else")
        return lines


def _closed(pairs: Iterable[tuple[str, str]]) -> Before:
    """The transitive closure."""
    found = frozenset(pairs)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


class _Tree:
    """The tree of a checkpoint's names, for a file that does not keep their order."""

    def __init__(self) -> None:
        self.layer: Layer | None = None
        self.modules: dict[str, _Tree] = {}
        self.names: tuple[str, ...] = ()

    @classmethod
    def of(cls, layers: Iterable[Layer]) -> _Tree:
        root = cls()
        trees = [root]
        for layer in layers:
            at = root
            for part in layer.path.split(".", MOST_PARTS):
                at = at.modules.setdefault(part, cls())
                trees.append(at)
            at.layer = layer
        for tree in trees:
            tree.names = tuple(sorted(tree.modules, key=_natural))
        return root

    def walk(self, choices: Choices) -> Iterator[Layer | Open]:
        """The layers, in the order that was chosen for modules with parts of these names."""
        if self.layer is not None:
            yield self.layer
        chosen = choices.get(self.names)
        order = list(chosen) if isinstance(chosen, tuple) else []
        for name in order:
            yield from self.modules[name].walk(choices)
        while len(order) < len(self.names):
            series: dict[str, str] = {}
            for name in self.names:
                if name not in order:
                    series.setdefault(_NUMBER.sub("#", name), name)  # numbers in names count up
            if len(series) > 1:
                yield Open(self.names, [(*order, name) for name in series.values()])
                return
            order += series.values()
            yield from self.modules[order[-1]].walk(choices)


_NUMBER = re.compile("([0-9]+)")


def _natural(name: str) -> list[tuple[int, str]]:
    """`b2` before `b10`. A number goes by its digits, of which a stranger's name may have thousands."""
    parts = [part.lstrip("0") if place % 2 else part for place, part in enumerate(_NUMBER.split(name))]
    return [*[(len(part) if place % 2 else -1, part) for place, part in enumerate(parts)], (-1, name)]


# The search


Pairs: TypeAlias = tuple[tuple[Layer, Layer | None], ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Layers of ours with theirs; none where the checkpoint lacks the classifier."""

    pairs: Pairs
    notes: tuple[str, ...] = ()


class _Search:
    """Tries orders one after the other until layers agree in all shapes."""

    def __init__(self, ours: Walk, theirs: Walk, may_lack_classifier: bool) -> None:
        self._walks = ours, theirs
        self._may_lack = may_lack_classifier
        self._known: dict[tuple[int, int], bool] = {}
        self._left = MOST_COMPARISONS
        self._furthest = -1
        self.difference = "neither has an operation with weights"
        self.solutions: list[tuple[Pairs, Choices]] = []
        self._run()

    @property
    def ended_early(self) -> bool:
        """Whether there were more orders than were tried."""
        return self._left <= 0

    def _run(self) -> None:
        """Depth first: every attempt starts anew, with one choice more. A mistake ends it where it is."""
        stack: list[Iterator[Choices]] = [iter([{}])]
        while stack and self._left > 0 and len(self.solutions) < MOST_SOLUTIONS:
            choices = next(stack[-1], None)
            if choices is None:
                stack.pop()
                continue
            found = self._attempt(choices)
            if isinstance(found, Open):
                stack.append(self._chosen(choices, found))
            elif found is not None:
                known = [{(a.path, b.path) for a, b in pairs if b} for pairs, _ in self.solutions]
                if {(a.path, b.path) for a, b in found if b} not in known:
                    self.solutions.append((found, choices))
                self._left = min(self._left, MORE_COMPARISONS)

    @staticmethod
    def _chosen(choices: Choices, choice: Open) -> Iterator[Choices]:
        return ({**choices, choice.key: option} for option in choice.options)

    def _attempt(self, choices: Choices) -> Pairs | Open | None:
        ours, theirs = self._walks
        pairs: list[tuple[Layer, Layer | None]] = []
        for one, other in zip_longest(ours(choices), theirs(choices)):
            if isinstance(one, Open):
                return one
            if isinstance(other, Open):
                return other
            self._left -= 1
            if one is None or not self._agree(one, other):
                if len(pairs) > self._furthest:
                    self._furthest, self.difference = len(pairs), _difference(one, other)
                return None
            pairs.append((one, other))
        return tuple(pairs)

    def _agree(self, one: Layer, other: Layer | None) -> bool:
        if other is None:
            return one.classifies and self._may_lack
        key = id(one), id(other)
        if key not in self._known:
            self._known[key] = _rules(one, other) is not None
        return self._known[key]


def _difference(one: Layer | None, other: Layer | None) -> str:
    """In words: our operation with its shape, their tensor with its shape."""
    if one is None:
        stored = next(iter(other.tensors.values())) if other is not None else Stored("", ())
        return f"the network ends where the checkpoint has {stored.name} {show_shape(stored.shape)}"
    if other is None:
        return f"the checkpoint ends before {one.path}, a {one.kind} with {_told(one, next(iter(one.tensors)))}"
    shorts = [s for s in SHORT_NAMES if s in one.tensors or s in other.tensors]
    short = next((s for s in shorts if s not in one.tensors or s not in other.tensors), shorts[0])
    for candidate in shorts:
        if candidate in one.tensors and candidate in other.tensors:
            shape, their_shape = one.tensors[candidate].shape, other.tensors[candidate].shape
            if shape != their_shape and not _same_numbers(shape, their_shape):
                short = candidate
                break
    theirs = other.tensors.get(short)
    has = f"{theirs.name} {show_shape(theirs.shape) or 'as a number'}" if theirs else f"{other.path} without {short}"
    return f"{one.path} is a {one.kind} with {_told(one, short)}, and the checkpoint has {has}"


def _told(layer: Layer, short: str) -> str:
    return f"{short} {show_shape(layer.tensors[short].shape)}" if short in layer.tensors else f"no {short}"


def _by_name(ours: Mapping[int, Layer], theirs: Sequence[Layer]) -> Pairing | None:
    """The pairing of a checkpoint of the emitted module itself, whose names are ours."""
    by_path = {layer.path: layer for layer in theirs}
    pairs = []
    for layer in ours.values():
        other = by_path.get(layer.path)
        if (other is None or _rules(layer, other) is None) and not (other is None and layer.classifies):
            return None
        pairs.append((layer, other))
    return Pairing(tuple(pairs)) if any(other for _, other in pairs) else None


def _by_order(
    network: Network, ours: Mapping[int, Layer], theirs: Sequence[Layer], ordered: bool, may_lack_classifier: bool
) -> Pairing:
    """The first order in which all layers agree, also after whole top-level modules are left out."""
    walk = _Ours(network, ours, free=ordered)

    def search(layers: Sequence[Layer]) -> _Search:
        walk_theirs = _Tree.of(layers).walk if not ordered else lambda _: iter(layers)
        return _Search(walk.walk, walk_theirs, may_lack_classifier)

    whole = search(theirs)
    found, notes = whole, []
    if not whole.solutions:
        extra = {len(theirs) - len(ours), len(theirs) - len(ours) + may_lack_classifier}
        fitting = ((names, s) for names, kept in _drops(theirs, extra) if (s := search(kept)).solutions)
        fits = list(islice(fitting, 2))
        if len(fits) > 1:
            first, second = (", ".join(names) for names, _ in fits)
            notes.append(f"{first} is left out; it would fit without {second} as well")
        found = fits[0][1] if fits else whole
    if not found.solutions:
        if whole.ended_early:
            raise Mismatch(f"there are too many orders to try them all; in the first, {whole.difference}")
        raise Mismatch(f"the first difference: {whole.difference}")
    if not ordered:
        notes.append("the file does not keep the order of its tensors: names and shapes stand for it")
    if found.ended_early:
        notes.append("not all orders were tried; others may fit as well")
    best = max(range(len(found.solutions)), key=lambda i: (_shared_words(found.solutions[i][0]) if ordered else 0, -i))
    pairs, choices = found.solutions[best]
    if len(found.solutions) > 1:
        notes.append(_told_others(pairs, [other for i, (other, _) in enumerate(found.solutions) if i != best]))
    return Pairing(pairs, (*notes, *walk.told(choices)))


def _drops(theirs: Sequence[Layer], extra: set[int]) -> Iterator[tuple[tuple[str, ...], list[Layer]]]:
    """Top-level modules that may be left out, with the layers that stay: the fewest, and the last, first."""
    parts = [layer.path.split(".") for layer in theirs]
    depth = 0
    while parts and all(len(p) > depth + 1 and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    tops = [".".join(part[: depth + 1]) for part in parts]
    sizes = Counter(tops)
    named = [
        top for top in reversed(sizes) if not top.rpartition(".")[2].isdigit()
    ]  # a number is a place in a sequence
    choices = chain.from_iterable(combinations(named, size) for size in range(1, MOST_DROPPED + 1))
    fitting = (names for names in islice(choices, 100 * MOST_DROPS) if sum(sizes[name] for name in names) in extra)
    for names in islice(fitting, MOST_DROPS):
        yield names, [layer for layer, top in zip(theirs, tops, strict=True) if top not in names]


def _shared_words(pairs: Pairs) -> int:
    """How many words of our paths stand in the names that they take: the evidence where shapes leave a choice."""
    return sum(len(_words(one.path) & _words(other.path)) for one, other in pairs if other is not None)


def _words(path: str) -> set[str]:
    return {part for part in path.split(".") if not part.isdigit()}


def _told_others(pairs: Pairs, others: Sequence[Pairs]) -> str:
    theirs = {one.path: other.path for one, other in others[0] if other is not None}
    path, name, other = next((a.path, b.path, theirs[a.path]) for a, b in pairs if b and theirs.get(a.path) != b.path)
    more = f"{len(others) + 1} orders" if len(others) + 1 < MOST_SOLUTIONS else f"{MOST_SOLUTIONS} orders or more"
    return f"{more} fit: {path} takes {name}, and could take {other}"


# The plan


def _plan(ours: Mapping[int, Layer], pairing: Pairing, input_rule: str | None, classifier_rule: str | None) -> Plan:
    """What every tensor of ours takes, with the rules that the user chose. Raises `Mismatch` where one is missing."""
    partners = {one.path: other for one, other in pairing.pairs}
    loaded, new, unused = [], [], []
    for layer in ours.values():
        other = partners[layer.path]
        rules = _rules(layer, other) or {} if other is not None else {}
        if other is None or CLASSES in rules.values():
            if classifier_rule is None:
                raise Mismatch(*_classifier_fault(layer, other))
            new += [Left(*stored, "the classifier, by the rule new") for stored in layer.tensors.values()]
            if other is not None:
                unused += [Left(*stored, "the classifier, by the rule new") for stored in other.tensors.values()]
            continue
        for short, stored in layer.tensors.items():
            if short not in rules:
                new.append(Left(*stored, "not in the checkpoint"))
                continue
            rule = rules[short]
            if rule == INPUT_CHANNELS:
                rule = _input_rule(stored, other.tensors[short], input_rule)
            loaded.append(
                Loaded(stored.name, other.tensors[short].name, rule, stored.shape, other.tensors[short].shape)
            )
    return Plan(tuple(loaded), tuple(new), tuple(unused), pairing.notes)


def _input_rule(ours: Stored, theirs: Stored, rule: str | None) -> str:
    channels = (
        f"{ours.name} has {ours.shape[1]} input channels, and the checkpoint's {theirs.name} has {theirs.shape[1]}"
    )
    if rule is None:
        options = "; ".join(f"{name}: {text}" for name, text in INPUT_RULES.items())
        raise Mismatch(channels, f"--input-rule says how to make them: {options}")
    if rule == "sum" and ours.shape[1] != 1:
        raise Mismatch(f"{channels}; the rule sum makes one channel", "use --input-rule mean or repeat")
    return rule


def _classifier_fault(ours: Layer, theirs: Layer | None) -> tuple[str, str]:
    stored = ours.tensors["weight"]
    has = "has no classifier"
    if theirs is not None:
        has = f"has {theirs.tensors['weight'].name} for {theirs.tensors['weight'].shape[0]}"
    message = f"{stored.name} is for {stored.shape[0]} classes, and the checkpoint {has}"
    return message, "--classifier-rule new leaves the classifier as it starts"


__all__ = [
    "CLASSIFIER_RULES",
    "INPUT_RULES",
    "RESHAPE",
    "Left",
    "Loaded",
    "Mismatch",
    "Plan",
    "map_state",
    "unwrapped",
]
