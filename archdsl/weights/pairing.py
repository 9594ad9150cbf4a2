"""Which layer of theirs is which of ours: by our own names, or by the order that fits.

Two things tell the order of a checkpoint's operations: the file, which has them as they were registered, and the names,
of which modules are contiguous and numbers count up. Each leaves a choice where shapes are equal. What both agree on is
taken without a word. Else the words of our paths decide, if one order has more of them in the names that it gives them
than every other has; then the numbers, if one order keeps what counts up in the names more together than every other;
then the names against the file, if they leave a single order; else nobody knows, and the caller asks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations, islice

from archdsl.graph.network import Network
from archdsl.records import dataclass
from archdsl.weights.classes import by_class
from archdsl.weights.faults import Mismatch
from archdsl.weights.layers import Layer, rules_of
from archdsl.weights.names import natural, numberless
from archdsl.weights.orders import MAX_PARTS, Choices, NameTree, OurOrders, Walk
from archdsl.weights.pairs import Choice, Pairing
from archdsl.weights.search import MAX_COMPARISONS, MAX_SOLUTIONS, Key, Pairs, Search, key_of

MAX_DROPPED = 3
"""As many top-level modules may be left out together."""
MAX_DROPS = 50
"""As many choices of them are tried."""
MAX_FILED = 8
"""As many orders of the file are looked at with the names."""


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """The orders that fit, with what the file and the names say of them."""

    orders: dict[Key, Pairs]
    """All that fit either, those that fit both first."""
    named: tuple[Key, ...]
    """Those that fit the names."""
    told: dict[Key, list[str]]
    """In words, where the file has our operations in another order than our own."""
    filed: bool
    """Whether the file's order fits at all."""
    ended_early: bool
    difference: str


class Orders:
    """The search, for one network."""

    def __init__(self, network: Network, ours: Mapping[int, Layer], ordered: bool, may_lack_classifier: bool) -> None:
        self._free = OurOrders(network, ours, free=True)
        self._ordered = ordered
        self._may_lack = may_lack_classifier

    def evidence(self, theirs: Sequence[Layer], most: int = MAX_COMPARISONS, fine: bool = False) -> Evidence:
        """`fine`: modules need not have the parts of one order but where their own names are alike too."""
        tree = NameTree.of(theirs, fine)
        if not self._ordered:
            return self._by_names(tree, most, None)
        filed = Search(self._free.walk, lambda _: iter(theirs), self._may_lack, most)
        if not filed.solutions:
            return self._by_names(tree, most // 3, filed)
        named: dict[Key, Pairs] = {}
        for _, choices in islice(filed.solutions.values(), MAX_FILED):
            found = Search(self._fixed(choices), tree.walk, self._may_lack, most)
            named.update({key: pairs for key, (pairs, _) in found.solutions.items()})
        files = {key: pairs for key, (pairs, _) in filed.solutions.items()}
        both = {key: pairs for key, pairs in files.items() if key in named}
        told = {key: self._free.told(choices) for key, (_, choices) in filed.solutions.items()}
        return Evidence({**both, **files, **named}, tuple(named), told, True, filed.ended_early, filed.difference)

    def _by_names(self, tree: NameTree, most: int, filed: Search | None) -> Evidence:
        """What names alone say: of a file that does not keep the order, or has it otherwise than any of ours."""
        found = Search(self._free.walk, tree.walk, self._may_lack, most)
        orders = {key: pairs for key, (pairs, _) in found.solutions.items()}
        # Of a file that keeps an order, the first difference is the file's.
        difference = found.difference if filed is None else filed.difference
        ended_early = found.ended_early or (filed is not None and filed.ended_early)
        return Evidence(orders, tuple(orders), {}, False, ended_early, difference)

    def _fixed(self, choices: Choices) -> Walk:
        return lambda _: self._free.walk(choices)


def by_order(
    network: Network,
    ours: Mapping[int, Layer],
    theirs: Sequence[Layer],
    ordered: bool,
    may_lack_classifier: bool,
    order: int = 0,
) -> Pairing:
    """The order in which all layers agree, also after whole top-level modules are left out.

    Where several do and nothing decides, the pairing has `choices`, and is that of the one of this number.
    """
    search = Orders(network, ours, ordered, may_lack_classifier)
    whole = search.evidence(theirs)
    found, notes = whole, []
    if not whole.orders:
        extra = {len(theirs) - len(ours), len(theirs) - len(ours) + may_lack_classifier}
        most = MAX_COMPARISONS // 10
        fitting = ((names, e) for names, kept in _drops(theirs, extra) if (e := search.evidence(kept, most)).orders)
        fits = list(islice(fitting, 2))
        if len(fits) > 1:
            first, second = (", ".join(names) for names, _ in fits)
            notes.append(f"{first} is left out; it would fit without {second} as well")
        found = fits[0][1] if fits else whole
    if not found.orders:
        found = search.evidence(theirs, fine=True)
    if not found.orders and (pairing := by_class([*ours.values()], theirs, order)) is not None:
        return pairing
    if not found.orders:
        if whole.ended_early:
            raise Mismatch(f"there are too many orders to try them all; in the first, {whole.difference}")
        raise Mismatch(f"the first difference: {whole.difference}")
    if not ordered:
        notes.append("the file does not keep the order of its tensors: names and shapes stand for it")
    elif not found.filed:
        notes.append("the file's order is not that of the operations: names and shapes stand for it")
    elif not found.named:
        notes.append("the names do not go with the order of the operations: the file's order stands for it")
    if found.ended_early:
        notes.append("not all orders were tried; others may fit as well")
    return _decided(found, notes, order)


def _decided(found: Evidence, notes: list[str], order: int) -> Pairing:
    """The order that the evidence is for, or that of this number where it is for none."""
    orders = _with_doubts(found)
    words = {key: _shared_words(pairs) for key, pairs in orders.items()}
    scores = {key: (words[key], -_scattered(pairs)) for key, pairs in orders.items()}
    ranked = sorted(orders, key=lambda key: scores[key], reverse=True)  # keeps the order of equals
    best = ranked[0]
    whole = len(orders) < MAX_SOLUTIONS and not found.ended_early
    decided = None
    if len(orders) == 1:
        decided = best
    elif whole and scores[best] > scores[ranked[1]]:
        decided = best
        what = "words" if words[best] > words[ranked[1]] else "numbers"
        notes.append(f"{_told_orders(orders, best)}; the {what} in the names decide")
    elif found.filed and len(found.named) == 1 and not found.told.keys() & set(found.named):
        decided = found.named[0]
        notes.append(f"{_told_orders(orders, decided)}; the numbers in the names decide against the file's order")
    if decided is not None:
        return Pairing(orders[decided], (*notes, *found.told.get(decided, ())))
    ranked = [best, *[key for key in ranked if key != best]]
    chosen = ranked[min(order, len(ranked) - 1)]
    told = f"{_told_orders(orders, chosen)}; nothing tells which is right"
    choices = tuple(_choices(orders, chosen))
    return Pairing(orders[chosen], (*notes, told, *found.told.get(chosen, ())), choices, len(orders))


def _with_doubts(found: Evidence) -> dict[Key, Pairs]:
    """The orders; where names go with none of them, also those that exchange two that count down in like names."""
    if found.named or len(found.orders) != 1:
        return found.orders
    pairs = next(iter(found.orders.values()))
    orders = dict(found.orders)
    last: dict[tuple[object, ...], int] = {}
    for place, (one, other) in enumerate(pairs):
        if other is None:
            continue
        alike = numberless(other.path), *((s, t.shape) for s, t in sorted(other.tensors.items()))
        before = last.get(alike)
        last[alike] = place
        if before is None:
            continue
        earlier, theirs = pairs[before]
        if theirs is not None and natural(other.path) < natural(theirs.path):
            exchanged = [*pairs]
            exchanged[before], exchanged[place] = (earlier, other), (one, theirs)
            orders[key_of(tuple(exchanged))] = tuple(exchanged)
    return dict(islice(orders.items(), MAX_SOLUTIONS))


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
    choices = chain.from_iterable(combinations(named, size) for size in range(1, MAX_DROPPED + 1))
    fitting = (names for names in islice(choices, 100 * MAX_DROPS) if sum(sizes[name] for name in names) in extra)
    for names in islice(fitting, MAX_DROPS):
        yield names, [layer for layer, top in zip(theirs, tops, strict=True) if top not in names]


def _shared_words(pairs: Pairs) -> int:
    """How many words of our paths stand in the names that they take: the evidence where shapes leave a choice."""
    return sum(len(_words(one.path) & _words(other.path)) for one, other in pairs if other is not None)


def _scattered(pairs: Pairs) -> int:
    """How often what counts up in their names, such as conv1 and conv2, is in several modules of ours."""
    places: dict[tuple[tuple[str, ...], str, tuple[str, ...]], set[str]] = {}
    for one, other in pairs:
        parts = tuple(other.path.split(".", MAX_PARTS)) if other is not None else ()
        for place, part in enumerate(parts):
            if (series := numberless(part)) != part:
                key = parts[:place], series, parts[place + 1 :]
                places.setdefault(key, set()).add(one.path.rpartition(".")[0])
    return sum(len(found) - 1 for found in places.values())


def _words(path: str) -> set[str]:
    """The words in a path, without numbers: ours count the operations of a text, and theirs something else."""
    return {_MEANING.get(word, word) for word in _WORD.findall(path.lower())}


_WORD = re.compile("[a-z]+")
_SAME = (
    ("query", "queries", "q"),
    ("key", "keys", "k"),
    ("value", "values", "v"),
    ("rows", "row", "height", "vertical"),
    ("columns", "column", "cols", "width", "horizontal"),
    ("gamma", "weight"),
    ("beta", "bias"),
    ("distillation", "distilled", "dist"),
    ("class", "cls"),
)
"""Words that mean the same in names of parts."""
_MEANING = {word: words[0] for words in _SAME for word in words}


def _told_orders(orders: Mapping[Key, Pairs], chosen: Key) -> str:
    first = next(_choices(orders, chosen))
    more = f"{len(orders)} orders" if len(orders) < MAX_SOLUTIONS else f"{MAX_SOLUTIONS} orders or more"
    return f"{more} fit: {first.ours.path} takes {first.takes.path}, and could take {first.others[0].path}"


def _choices(orders: Mapping[Key, Pairs], chosen: Key) -> Iterator[Choice]:
    """The operations that take something else in another order."""
    could: dict[str, dict[str, Layer]] = {}
    for pairs in orders.values():
        for one, other in pairs:
            if other is not None:
                could.setdefault(one.path, {})[other.path] = other
    for one, other in orders[chosen]:
        if other is not None and len(could[one.path]) > 1:
            yield Choice(one, other, tuple(layer for layer in could[one.path].values() if layer.path != other.path))
