"""A map that the user gives, as a pairing of layers; and a pairing as a map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.weights.faults import Mismatch
from archdsl.weights.layers import COUNTER, RESHAPE, Extents, Layer, Stored, rules_of, told_tensors
from archdsl.weights.mapfile import Entry, Line, read_map, resolved
from archdsl.weights.pairs import Pairing
from archdsl.weights.plan import Plan

MAX_REMARKED = 4
"""As many others are named that a tensor could take."""


def names_of(ours: Mapping[int, Layer]) -> list[str]:
    """What may stand on the left of a map: operations, and their tensors."""
    return [name for layer in ours.values() for name in (layer.path, *[t.name for t in layer.tensors.values()])]


def entries_of(text: str, ours: Mapping[int, Layer]) -> dict[str, Entry]:
    """What each operation takes by the text of a map. Raises `Mismatch`."""
    return resolved(read_map(text), names_of(ours))


def by_map(ours: Mapping[int, Layer], tensors: Mapping[str, Extents], text: str) -> Pairing:
    """The pairing that a map says, checked: every operation of ours, no tensor twice, all shapes. Raises `Mismatch`."""
    entries = entries_of(text, ours)
    pairs: list[tuple[Layer, Layer | None]] = []
    taken: dict[str, str] = {}
    for layer in ours.values():
        other, line = _partner(layer, tensors, entries)
        pairs.append((layer, other))
        if other is None:
            continue
        for stored in other.tensors.values():
            if stored.name in taken:
                raise Mismatch(
                    f"line {line}: {layer.path} takes {stored.name}, which {taken[stored.name]} takes already"
                )
            taken[stored.name] = layer.path
        if rules_of(layer, other) is None:
            raise Mismatch(
                f"line {line}: {layer.path} has {told_tensors(layer)}, and {other.path} has {told_tensors(other)}"
            )
    return Pairing(tuple(pairs), ("the map says which tensor goes where",))


def _partner(layer: Layer, tensors: Mapping[str, Extents], entries: Mapping[str, Entry]) -> tuple[Layer | None, int]:
    """The layer of theirs that a map gives one of ours, and the line that does."""
    if layer.path in entries:
        entry = entries[layer.path]
        if entry.theirs is None:
            if not layer.classifies:
                raise Mismatch(f"line {entry.line}: {layer.path} must take something: only the classifier may stay new")
            return None, entry.line
        held = {short: f"{entry.theirs}.{short}" for short in layer.tensors}
        if entry.theirs in tensors and len([short for short in layer.tensors if short != COUNTER]) == 1:
            held = {next(short for short in layer.tensors if short != COUNTER): entry.theirs}
        lines = dict.fromkeys(held, entry.line)
    else:
        found = {short: entries.get(stored.name) for short, stored in layer.tensors.items()}
        missing = [layer.tensors[short].name for short, one in found.items() if one is None and short != COUNTER]
        if missing:
            what = layer.path if len(missing) == len(layer.tensors.keys() - {COUNTER}) else missing[0]
            raise Mismatch(f"the map does not say what {what} takes", "--propose-map FILE writes a map to complete")
        held = {short: one.theirs for short, one in found.items() if one is not None and one.theirs is not None}
        lines = {short: one.line for short, one in found.items() if one is not None}
    stored = {short: Stored(name, tensors[name]) for short, name in held.items() if name in tensors}
    gone = next((short for short in held if short not in stored and short != COUNTER), None)
    if gone is not None:
        raise Mismatch(f"line {lines[gone]}: the checkpoint has no {held[gone]}, which {layer.path} is to take")
    line = next(iter(lines.values()))
    path = next(iter(stored.values())).name.rpartition(".")[0]
    return Layer(path, stored), line


# A pairing as a map


def lines_of(plan: Plan, ours: Mapping[int, Layer]) -> list[Line]:
    """The lines of a map that says what a plan does, in the order of our operations."""
    return [line for layer in ours.values() for line in _lines(layer, plan)]


def _lines(layer: Layer, plan: Plan) -> Iterator[Line]:
    names = {stored.name: short for short, stored in layer.tensors.items()}
    loaded = [entry for entry in plan.loaded if entry.ours in names]
    if not loaded:
        yield Line(layer.path, None, new=True)
        return
    could = {choice.ours: choice.others for choice in plan.choices}
    others = next((could[entry.ours] for entry in loaded if entry.ours in could), ())
    more = f" and {len(others) - MAX_REMARKED:,} others" if len(others) > MAX_REMARKED else ""
    remark = (
        f"nothing tells: {layer.path} could take {', '.join(others[:MAX_REMARKED])}{more} as well" if others else ""
    )
    shapes = {entry.ours: entry.their_shape for entry in loaded if RESHAPE in entry.rules}
    paths = {entry.theirs.rpartition(".")[0] for entry in loaded}
    alike = all(entry.theirs.rpartition(".")[2] == names[entry.ours] for entry in loaded)
    path = next(iter(paths))
    if len(paths) == 1 and path and alike and len(shapes) < 2:
        yield Line(layer.path, path, next(iter(shapes.values()), None), remark)
    else:
        for entry in loaded:
            yield Line(entry.ours, entry.theirs, shapes.get(entry.ours), remark)
            remark = ""


def partial_lines(ours: Mapping[int, Layer], found: Sequence[tuple[Layer, Layer | None]]) -> list[Line]:
    """The lines of a map of what is known so far; the others are open."""
    partners = {one.path: other for one, other in found}
    lines = []
    for layer in ours.values():
        other = partners.get(layer.path)
        if other is None:
            lines.append(Line(layer.path, None, remark=f"open: {layer.path} has {told_tensors(layer)}"))
        else:
            rules = rules_of(layer, other) or {}
            shape = other.tensors["weight"].shape if rules.get("weight") == RESHAPE else None
            left = layer.tensors["weight"].name if other.bare else layer.path
            lines.append(Line(left, other.path, shape))
    return lines
