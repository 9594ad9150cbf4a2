"""Which layer of theirs is which of ours: by our own names, or by the first order that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice

from archdsl.backends.weights.faults import Mismatch
from archdsl.backends.weights.layers import Layer, rules_of
from archdsl.backends.weights.orders import NameTree, OurOrders
from archdsl.backends.weights.search import MOST_SOLUTIONS, Pairs, Search
from archdsl.graph.network import Network

MOST_DROPPED = 3
"""As many top-level modules may be left out together."""
MOST_DROPS = 50
"""As many choices of them are tried."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Layers of ours with theirs; none where the checkpoint lacks the classifier."""

    pairs: Pairs
    notes: tuple[str, ...] = ()


def by_name(ours: Mapping[int, Layer], theirs: Sequence[Layer]) -> Pairing | None:
    """The pairing of a checkpoint of the emitted module itself, whose names are ours."""
    by_path = {layer.path: layer for layer in theirs}
    pairs = []
    for layer in ours.values():
        other = by_path.get(layer.path)
        if (other is None or rules_of(layer, other) is None) and not (other is None and layer.classifies):
            return None
        pairs.append((layer, other))
    return Pairing(tuple(pairs)) if any(other for _, other in pairs) else None


def by_order(
    network: Network, ours: Mapping[int, Layer], theirs: Sequence[Layer], ordered: bool, may_lack_classifier: bool
) -> Pairing:
    """The first order in which all layers agree, also after whole top-level modules are left out."""
    walk = OurOrders(network, ours, free=ordered)

    def search(layers: Sequence[Layer]) -> Search:
        walk_theirs = NameTree.of(layers).walk if not ordered else lambda _: iter(layers)
        return Search(walk.walk, walk_theirs, may_lack_classifier)

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
