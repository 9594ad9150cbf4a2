"""What is known within a block: columns of numbers by name, and the settings and conditions that they become."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from archdsl.graph.network import Network
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.kinds import Padding, Pair
from archdsl.graph.shapes import Size
from archdsl.lifting.relations import EXTENTS, Column, agrees, constant, expression, ratio_to
from archdsl.lifting.templates import Place, Step, Template
from archdsl.lifting.words import Word, setting_kind, symmetric, value_text
from archdsl.records import dataclass

ROLES = {
    "conv.kernel": "kernel",
    "conv.stride": "stride",
    "conv.groups": "groups",
    "conv.dilation": "dilation",
    "drop_path.rate": "drop",
    "dropout.rate": "dropout_rate",
    "layer_scale.init": "scale",
    "attention.heads": "heads",
}


@dataclass(frozen=True, eq=False)
class Instance:
    """One occurrence of a block."""

    chain: Sequence[Step]
    indices: tuple[int, ...]
    channels: int
    """Of what flows in."""
    width: int
    """Channels of what flows out."""


class Scope:
    """What is known within a block: columns of numbers by name, and the settings that came to be."""

    def __init__(self, network: Network, instances: Sequence[Instance], called: str) -> None:
        self.network = network
        self.instances = instances
        self.count = len(instances)
        self.called = called
        self.columns: list[tuple[str, Column]] = []
        """All columns of the block's places by setting, also those that are not looked at yet."""
        channels = tuple([instance.channels for instance in instances])
        self.known: dict[str, Column] = {"x.channels": channels}
        self.parameters: dict[str, Column] = {}
        self.defaults: dict[str, str] = {}
        self.lines: list[str] = []
        self.names: set[str] = {"x"}
        self.used: set[str] = set()
        self.formulas: dict[str, str] = {}
        """Local names for widths, with what they are."""

    def local(self, wanted: str) -> str:
        """A local name."""
        name, number = wanted, 2
        while name in self.names or name in self.parameters:
            name, number = f"{wanted}{number}", number + 1
        self.names.add(name)
        return name

    def bind(self, text: str, wanted: str) -> str:
        """A name for an expression."""
        if text.isidentifier():
            return text
        name = self.local(wanted)
        self.lines.append(f"{name} = {text}")
        return name

    def parameter(self, wanted: str, column: Column) -> str:
        """A setting with this column: one that there is, or a new one."""
        for name, other in self.parameters.items():
            if agrees(column, other) and type(constant(column)) is type(constant(other)):
                return name
        name, number = wanted, 2
        while name in self.parameters or name in self.names:
            name, number = f"{wanted}_{number}", number + 1
        self.parameters[name] = column
        if any(value is None for value in column):
            self.defaults[name] = "none"
        if all(isinstance(v, int) and not isinstance(v, bool) for v in column):
            self.known[name] = column
        return name

    def fullest(self, setting: str, column: Column) -> Column:
        """The column of another place that says the same wherever this one says anything, and says more."""
        best = column
        for name, other in self.columns:
            more = sum(v is not None for v in other) > sum(v is not None for v in best)
            if name == setting and more and agrees(column, other):
                best = other
        return best

    def slot(self, operation: str, setting: str, column: Column) -> str:
        """The expression for a setting of a place."""
        whole = all(_is_whole(v) for v in column if v is not None)
        single = constant(column)
        role = ROLES.get(f"{operation}.{setting}", ROLES.get(f"conv.{setting}", setting))
        full = self.fullest(setting, column)
        if single is not None and None in column and role in self.parameters and agrees(column, self.parameters[role]):
            return role  # a projection has the stride of its block
        if whole and setting in EXTENTS and operation != "channel_shuffle":
            for wanted in (full, column) if full != column else (column,):
                found = expression(wanted, self.known) if constant(wanted) != 1 else None
                if found is not None and (constant(wanted) is None or found in self.known or self._telling()):
                    return self._formula(setting, found, wanted)
                if wanted is full and full != column and constant(full) is None:
                    return self._width(full) if role == "width" else self.parameter(role, full)
        if single is not None:
            return value_text(single)
        if whole:
            known = {k: v for k, v in self.known.items() if k in self.parameters or setting in EXTENTS}
            found = expression(column, known)
            if found is not None:
                return found
        return self._width(full) if role == "width" and self.called != "gate" else self.parameter(role, full)

    def _width(self, column: Column) -> str:
        """A width that nothing else gives: a setting, or a part or multiple of something by one."""
        names = ["x.channels", *[name for name in self.parameters if name in ("width", "inner")]]
        ratio = ratio_to(column, self.known, names)
        if ratio is None:
            return self.parameter("inner", column)
        name, ratios = ratio
        larger = all(r is None or r >= 1 for r in ratios)
        told = self.parameter("expand" if larger else "ratio", _plain(ratios))
        return self._formula("width", f"{name} * {told}", column)

    def _formula(self, setting: str, text: str, column: Column) -> str:
        """An expression; one for a width that is more than a name gets a name of its own."""
        if setting != "width" or text in self.known or self.called != "unit":
            return text
        name = "inner" if "inner" not in {*self.known, *self.parameters} else "hidden"
        if name in self.known or name in self.parameters:
            return text
        self.names.add(name)
        self.known[name] = column
        self.formulas[name] = text
        return name

    def _telling(self) -> bool:
        """Whether a rule that fits a single number is one that a person would see in it."""
        return len({c for instance in self.instances for c in (instance.channels, instance.width)}) > 1

    def condition(self, present: Sequence[bool], wanted: str) -> str:
        """A condition that holds for exactly those instances; a setting of its own where none does."""
        rate = self.parameters.get("drop")
        if rate is not None and [bool(value) for value in rate] == list(present):
            self.parameters["drop"] = tuple([value or 0 for value in rate])
            self.defaults["drop"] = "0"
            return "drop > 0"
        for name, column in self.parameters.items():
            if [value is not None for value in column] == list(present):
                return name
        atoms = self.atoms()
        for text, vector in atoms:
            if vector == list(present):
                return text
        for (one, a), (two, b) in ((x, y) for x in atoms for y in atoms):
            if one != two and [p and q for p, q in zip(a, b, strict=True)] == list(present):
                return f"{one} and {two}"
        column = tuple(bool(p) for p in present)
        return self.parameter(wanted, column)

    def atoms(self) -> list[tuple[str, list[bool]]]:
        """Conditions on settings and widths, each with the instances that it holds for."""
        found: list[tuple[str, list[bool]]] = []
        known = [(name, column) for name, column in self.known.items() if all(v is not None for v in column)]
        if "stride" in self.parameters:
            found.append(("stride == 1", [v == 1 for v in self.parameters["stride"]]))
        for i, (one, a) in enumerate(known):
            for two, b in known[i + 1 :]:
                if "stride" in (one, two) or "kernel" in (one, two):
                    continue
                found.append((f"{one} == {two}", [p == q for p, q in zip(a, b, strict=True)]))
                found.append((f"{one} != {two}", [p != q for p, q in zip(a, b, strict=True)]))
                found.append((f"{one} <= {two}", [p <= q for p, q in zip(a, b, strict=True)]))
        whole = [n for n in ("stride", "expand") if n in self.parameters and None not in self.parameters[n]]
        return found + [(f"{name} != 1", [v != 1 for v in self.parameters[name]]) for name in whole]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(ratios: Column) -> Column:
    return tuple([r if r is None or r.denominator != 1 else int(r) for r in ratios])


# Columns of places.


def columns_of(places: Template, count: int) -> Iterable[tuple[str, Column]]:
    """The columns of the settings of all places, those of so many instances, each with the name of the setting."""
    for place in places:
        for branch in place.branches:
            yield from columns_of(branch, count)
        if place.kind[0] == "call":
            yield from called_columns(place, count).items()
        elif place.kind[0] not in ("join", "tangle", "act"):
            operations = place.operations(count)
            for attribute in next(one for one in operations if one is not None).attributes:
                yield attribute.name, setting_column(operations, attribute.name)


def called_columns(place: Place, count: int) -> dict[str, Column]:
    """The settings of calls of a block: a column of each, by its name."""
    calls = place.calls()
    names = dict.fromkeys([name for call in calls.values() for name in call.settings])
    return {name: tuple([calls[i].settings.get(name) if i in calls else None for i in range(count)]) for name in names}


def setting_column(operations: Sequence[Operation | None], name: str) -> Column:
    """One setting of an operation of every instance; none where there is no operation."""
    return tuple([None if one is None else comparable(one, name) for one in operations])


def comparable(operation: Operation, name: str) -> Any:
    """A setting's value as columns hold it: one number where both directions are equal."""
    value, kind = getattr(operation, name), setting_kind(operation, name)
    if isinstance(kind, Padding):
        if value == symmetric(operation):
            return "symmetric"
        if isinstance(value, tuple) and value[0] == value[1] and value[2] == value[3]:
            return _one_or_both(value[0], value[2])
    elif isinstance(kind, Pair) and value is not None:
        return _one_or_both(*value)
    return Word("none") if value is None else value


def _one_or_both(height: int, width: int) -> int | Size:
    return height if height == width else Size((height, width))


__all__ = ["Instance", "Scope", "called_columns", "columns_of", "setting_column"]
