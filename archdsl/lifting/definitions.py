"""A block's declaration from its instances: its settings, and a body that gives each of them exactly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from archdsl.graph.blocks import Value
from archdsl.graph.network import Network
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.kinds import Padding, Pair
from archdsl.graph.shapes import Size
from archdsl.lifting.relations import EXTENTS, Column, agrees, constant, expression, ratio_to
from archdsl.lifting.series import Chain, Join, Op, Tangle, inputs_of
from archdsl.lifting.templates import Place, Step, Template, Unlike, kind_of, kind_of_node, template_of
from archdsl.lifting.words import (
    applied_text,
    call_text,
    is_activation,
    setting_kind,
    settings_of,
    symmetric,
    used_name,
    value_text,
)
from archdsl.records import dataclass

SHORT = 4
"""Operations of a shortcut at most."""
SHORTCUT = {"conv", "batch_norm", "avg_pool", "max_pool", "pad_channels", "channel_shuffle", "layer_norm", "group_norm"}
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


@dataclass(frozen=True, eq=False)
class Declaration:
    """A block with its settings, as text, and what each instance gives for them."""

    name: str
    parameters: tuple[str, ...]
    values: tuple[dict[str, Any], ...]
    text: str
    doc: str = ""


class Unit:
    """An instance's chain as a residual block has it: before the fork, main branch, shortcut, after the sum."""

    def __init__(self, chain: Sequence[Step]) -> None:
        self.before: Sequence[Step] = ()
        self.main: Sequence[Step] = chain
        self.short: Sequence[Step] | None = None
        self.after: Sequence[Step] = ()
        for at in range(len(chain) - 1, -1, -1):
            step = chain[at]
            if not isinstance(step, Join) or step.node.operation.name != "add" or len(step.branches) != 2:
                continue
            for short, main in (step.branches, step.branches[::-1]):
                if main and _is_short(short):
                    self.before, self.after = chain[:at], chain[at + 1 :]
                    self.main, self.short = main, short
                    return


def _is_short(chain: Sequence[Step]) -> bool:
    names = [step.node.operation.name for step in chain if isinstance(step, Op)]
    return len(names) == len(chain) <= SHORT and set(names) <= SHORTCUT


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
        atoms = self._atoms()
        for text, vector in atoms:
            if vector == list(present):
                return text
        for (one, a), (two, b) in ((x, y) for x in atoms for y in atoms):
            if one != two and [p and q for p, q in zip(a, b, strict=True)] == list(present):
                return f"{one} and {two}"
        column = tuple(bool(p) for p in present)
        return self.parameter(wanted, column)

    def _atoms(self) -> list[tuple[str, list[bool]]]:
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


def _columns(places: Template, count: int) -> Iterable[tuple[str, Column]]:
    for place in places:
        for branch in place.branches:
            yield from _columns(branch, count)
        if place.kind[0] == "call":
            names = {name for step in place.members.values() for name in step.settings}  # type: ignore[union-attr]
            for name in names:
                yield name, _column(place, count, lambda step, name=name: step.settings.get(name))
        elif place.kind[0] not in ("join", "tangle", "act"):
            operation = next(iter(place.members.values())).node.operation  # type: ignore[union-attr]
            for attribute in operation.attributes:
                yield attribute.name, _setting_column(place, count, attribute.name)


def _column(place: Place, count: int, of: Any) -> Column:
    return tuple([of(place.members[i]) if i in place.members else None for i in range(count)])


def _setting_column(place: Place, count: int, name: str) -> Column:
    return _column(place, count, lambda step: comparable(step.node.operation, name))


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
    return value


def _one_or_both(height: int, width: int) -> int | Size:
    return height if height == width else Size((height, width))


# Bodies.


class Body:
    """The text of a block's body."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def flow(self, places: Template, base: str) -> str:
        """What flows through places from a value: an expression."""
        text = base
        at = 0
        while at < len(places):
            place = places[at]
            if place.kind[0] == "join":
                text = self._join(place, self.scope.bind(text, "t"))
                if at + 1 < len(places) and not text.startswith("concat("):
                    text = self.scope.bind(text, "t")
            elif place.kind[0] == "tangle":
                text = self._tangle(place, self.scope.bind(text, "t"))
                if at + 1 < len(places) and not text.startswith("concat("):
                    text = self.scope.bind(text, "t")
            elif place.optional(self.scope.count):
                end = at
                while end < len(places) and places[end].members.keys() == place.members.keys():
                    end += 1
                steps = [self._step(one) for one in places[at:end]]
                present = [i in place.members for i in range(self.scope.count)]
                condition = self.scope.condition(present, f"with_{self._word(place)}")
                together = steps[0] if len(steps) == 1 else f"({' -> '.join(steps)})"
                text = f"{text} -> {together} when {condition}"
                at = end - 1
            else:
                text = f"{text} -> {self._step(place)}"
            at += 1
        return text

    def _word(self, place: Place) -> str:
        return str(place.kind[1] if place.kind[0] == "call" else place.kind[0])

    def _step(self, place: Place) -> str:
        scope = self.scope
        if place.kind[0] == "call":
            names = list(dict.fromkeys(n for step in place.members.values() for n in step.settings))  # type: ignore[union-attr]
            given = []
            for name in names:
                column = _column(place, scope.count, lambda step, name=name: step.settings.get(name))
                told = scope.slot("call", "gate_width" if name == "width" else name, column)
                given.append(told if name == names[0] == "width" else f"{name}: {told}")
            return str(place.kind[1]) + (f"({', '.join(given)})" if given else "")
        steps = [place.members[i].node.operation if i in place.members else None for i in range(scope.count)]  # type: ignore[union-attr]
        return self.operation(steps)

    def operation(self, steps: Sequence[Operation | None], operands: list[str] | None = None) -> str:
        """One operation of every instance."""
        scope = self.scope
        some = next(step for step in steps if step is not None)
        if is_activation(some):
            column = tuple([None if step is None else step.name for step in steps])
            scope.used.update([name for name in column if name is not None])
            single = constant(column)
            name = single if single is not None else scope.parameter("act", tuple([c and Word(c) for c in column]))
            return f"{name}({', '.join(operands)})" if operands else name
        if len({type(step) for step in steps if step is not None}) > 1:
            raise Unlike
        name_ = used_name(some)
        if name_ is not None:
            scope.used.add(name_)
        given: dict[str, str] = {}
        told = [settings_of(step) for step in steps if step is not None]
        for attribute in some.attributes:
            name = attribute.name
            if not any(name in one for one in told):
                continue
            column = tuple([None if step is None else comparable(step, name) for step in steps])
            if constant(column) is not None and not (name in EXTENTS and isinstance(constant(column), int)):
                continue  # as the first has it
            if name in ("init",) or not all(
                v is None or isinstance(v, int | str | Size) or hasattr(v, "denominator") for v in column
            ):
                if constant(column) is None:
                    raise Unlike
                continue
            given[name] = scope.slot(some.name, name, column)
        if operands is not None:
            return applied_text(some, operands, given)
        return call_text(some, given)

    def _join(self, place: Place, base: str) -> str:
        operands = []
        wanted = ("branch", "other", "third", "fourth")
        if place.kind[1] == "mul":
            wanted = ("gate",) * 4
        for at, branch in enumerate(place.branches):
            if not branch:
                operands.append(base)
                continue
            text = self.flow(branch, base)
            operands.append(self.scope.bind(text, wanted[min(at, 3)]))
        steps = [place.members[i].node.operation for i in range(self.scope.count)]  # type: ignore[union-attr]
        return self.operation(steps, operands)

    def _tangle(self, place: Place, base: str) -> str:
        return Tangled(self, [place.members[i] for i in range(self.scope.count)]).text(base)  # type: ignore[misc]


class Word(str):
    """A name of the program as a value."""

    __slots__ = ()


class Tangled:
    """Operations in no simple order: each value that is needed twice has a name."""

    def __init__(self, body: Body, tangles: Sequence[Tangle]) -> None:
        self.body = body
        self.tangles = tangles
        self.nodes = body.scope.network.nodes
        shapes = {self._shape(tangle) for tangle in tangles}
        if len(shapes) > 1:
            raise Unlike

    def _shape(self, tangle: Tangle) -> Any:
        place = {index: at for at, index in enumerate(tangle.indices)}
        wires = [
            (kind_of_node(self.nodes[i]), tuple([(place.get(v.node, -1), v.output) for v in inputs_of(self.nodes[i])]))
            for i in tangle.indices
        ]
        return tuple(wires), place.get(tangle.result.node, -1)

    def text(self, base: str) -> str:
        """An expression for the result; what comes before is bound to names."""
        return self.texts(base, [self.tangles[0].result])[0]

    def texts(self, base: str, results: Sequence[Value]) -> list[str]:
        """The same of several results."""
        first = self.tangles[0]
        uses: dict[Value, int] = {}
        for index in first.indices:
            for value in inputs_of(self.nodes[index]):
                uses[value] = uses.get(value, 0) + 1
        for result in results:
            uses[result] = uses.get(result, 0) + 1
        told: dict[Value, str] = {first.source: base}
        scope = self.body.scope
        for at, index in enumerate(first.indices):
            node = self.nodes[index]
            steps = [self.nodes[tangle.indices[at]].operation for tangle in self.tangles]
            operands = [told[value] for value in inputs_of(node)]
            if len(operands) == 1:
                simple = operands[0].isidentifier() or "->" in operands[0] or operands[0].endswith("]")
                left = operands[0] if simple else scope.bind(operands[0], "t")
                text = f"{left} -> {self.body.operation(steps)}"
            elif node.operation.learned:
                text = self.body.operation(steps)
            else:
                named = [scope.bind(one, "t") if not one.endswith("]") else one for one in operands]
                text = self.body.operation(steps, named)
            if len(node.shapes) > 1 or node.operation.lists:
                name = scope.bind(text, "parts")
                for output in range(len(node.shapes)):
                    told[Value(index, output)] = f"{name}[{output}]"
                continue
            value = Value(index)
            told[value] = text if uses.get(value, 0) == 1 else scope.bind(text, "t")
        return [told[result] for result in results]


def declare(
    network: Network, name: str, instances: Sequence[Instance], called: str, *, wide: bool
) -> tuple[Declaration, set[str]]:
    """A block of these instances, and the operations that its text uses. `wide`: its width is a setting of its own.
    Raises `Unlike`."""
    scope = Scope(network, instances, called)
    units = [Unit(instance.chain) for instance in instances] if called != "gate" else []
    residual = any(unit.short is not None for unit in units)
    if residual:
        _settle(units)
    parts = _templates(units) if residual else [template_of([i.chain for i in instances])]
    for part in parts:
        scope.columns += list(_columns(part, scope.count))
    widths = tuple([instance.width for instance in instances])
    if wide and any(column == widths for setting, column in scope.columns if setting in EXTENTS):
        scope.known = {"width": widths, **scope.known}
        scope.parameters["width"] = widths
    stride = _strides(scope)
    if stride is not None:
        scope.parameters["stride"] = stride
        scope.defaults["stride"] = "1"
        scope.known["stride"] = stride
    body = Body(scope)
    result = _residual(body, units, parts) if residual else body.flow(parts[0], "x")
    return _declaration(scope, name, result), scope.used


def _strides(scope: Scope) -> Column | None:
    """The stride of the block: that of its windows, where some have one."""
    for setting, column in scope.columns:
        whole = all(isinstance(v, int) for v in column)
        if setting == "stride" and whole and constant(column) is None:
            return column
    return None


def _settle(units: Sequence[Unit]) -> None:
    """Chains without a sum beside those that have one: what stands behind the sums is behind their branch."""
    after = next(unit.after for unit in units if unit.short is not None)
    for unit in units:
        if unit.short is None:
            n = len(after)
            tail = unit.main[len(unit.main) - n :] if n else ()
            if [kind_of(s) for s in tail] != [kind_of(s) for s in after] or any(
                u.before for u in units if u.short is not None
            ):
                raise Unlike
            unit.main, unit.after = unit.main[: len(unit.main) - n], tail


def _templates(units: Sequence[Unit]) -> list[Template]:
    found = [template_of([part(unit) for unit in units]) for part in (_before, _main, _after)]
    projected = [unit.short for unit in units if unit.short]
    if projected:
        kinds = {tuple([kind_of(step) for step in short]) for short in projected}
        if len(kinds) > 1 and not _mergeable(kinds):
            raise Unlike
        found.append(template_of([unit.short or () for unit in units]))
    return found


def _mergeable(kinds: set[tuple[Any, ...]]) -> bool:
    return len({kind for kind in kinds if len(kind) == max(map(len, kinds))}) == 1


def _before(unit: Unit) -> Sequence[Step]:
    return unit.before


def _main(unit: Unit) -> Sequence[Step]:
    return unit.main


def _after(unit: Unit) -> Sequence[Step]:
    return unit.after


def _residual(body: Body, units: Sequence[Unit], parts: Sequence[Template]) -> str:
    """The text of a block with a shortcut: an identity, a projection, or none, by a condition."""
    scope = body.scope
    base = scope.bind(body.flow(parts[0], "x"), "start") if parts[0] else "x"
    branch = scope.bind(body.flow(parts[1], base), "branch")
    kinds = ["none" if u.short is None else "projected" if u.short else "same" for u in units]
    shortcut = base
    if "projected" in kinds:
        projected = [kind == "projected" for kind in kinds]
        shortcut = " -> ".join([base, *_short_steps(body, parts[3], kinds)])
        if "same" in kinds:
            condition = _told(scope, [kind == "same" for kind in kinds], [kind != "none" for kind in kinds], projected)
            shortcut = f"{base} if {condition} else {shortcut}"
        shortcut = f"({shortcut})" if "none" in kinds else scope.bind(shortcut, "shortcut")
    total = f"{branch} + {shortcut}"
    if "none" in kinds:
        condition = scope.condition([kind != "none" for kind in kinds], "residual")
        total = f"{total} if {condition} else {branch}"
        return body.flow(parts[2], scope.bind(total, "total")) if parts[2] else total
    if not parts[2]:
        return total
    if len(parts[2]) == 1 and parts[2][0].kind == ("act",):
        steps_ = [parts[2][0].members[i].node.operation for i in range(scope.count)]  # type: ignore[union-attr]
        return body.operation(steps_, [total])
    return body.flow(parts[2], scope.bind(total, "total"))


def _short_steps(body: Body, places: Template, kinds: Sequence[str]) -> list[str]:
    """The steps of a projection; those that only some have are conditional among the projected ones."""
    found = []
    scope = body.scope
    projected = [i for i, kind in enumerate(kinds) if kind == "projected"]
    for place in places:
        text = body._step(place)
        if set(place.members) < set(projected):
            present = [i in place.members for i in range(scope.count)]
            loose = [None if i not in projected else present[i] for i in range(scope.count)]
            atoms = scope._atoms()
            fits = next((t for t, v in atoms if all(w is None or w == x for w, x in zip(loose, v, strict=True))), None)
            text = f"{text} when {fits or scope.condition(present, 'pooled')}"
        found.append(text)
    return found


def _told(scope: Scope, same: Sequence[bool], _: Sequence[bool], __: Sequence[bool]) -> str:
    usual = [("stride == 1", "x.channels == width")]
    atoms = dict(scope._atoms())
    atoms |= {"x.channels == width": atoms.get("x.channels == width", atoms.get("width == x.channels", []))}
    for one, two in usual:
        if one in atoms and atoms[two] and [p and q for p, q in zip(atoms[one], atoms[two], strict=True)] == list(same):
            return f"{one} and {two}"
    return scope.condition(same, "same")


def _inlined(line: str, name: str, text: str) -> str:
    """A name that is used once as what it stands for; in brackets where it is a part of something."""
    line = re.sub(rf"(?<=[(:,] )\b{name}\b(?=[,)])|(?<=\()\b{name}\b(?=[,)])", lambda _: text, line)
    return re.sub(rf"\b{name}\b(?!:)", lambda _: f"({text})", line)


def _declaration(scope: Scope, name: str, result: str) -> Declaration:
    for formula, text_ in scope.formulas.items():
        uses = sum(
            len(re.findall(rf"\b{formula}\b", line)) for line in [*scope.lines, result, *scope.formulas.values()]
        )
        if uses > 1:
            scope.lines.insert(list(scope.formulas).index(formula), f"{formula} = {text_}")
        else:
            scope.lines = [_inlined(line, formula, text_) for line in scope.lines]
            result = _inlined(result, formula, text_)
    signature = ["x"]
    order = sorted(scope.parameters, key=lambda p: p in scope.defaults)
    if order:
        told = [f"{p}: {scope.defaults[p]}" if p in scope.defaults else p for p in order]
        signature = [f"x; {', '.join(told)}"]
    if scope.lines:
        body = "\n".join([f"  {line}" for line in scope.lines])
        text = f"block {name}({signature[0]}) {{\n{body}\n  return {result}\n}}"
    else:
        text = f"block {name}({signature[0]}) {{\n  return {result}\n}}"
    values = tuple([{p: scope.parameters[p][i] for p in order} for i in range(scope.count)])
    return Declaration(name, tuple(order), values, text)


__all__ = ["Chain", "Declaration", "Instance", "Word", "declare"]
