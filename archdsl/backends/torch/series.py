"""Lists of modules that are alike: one expression for all of them in the constructor, and one loop in `forward`.

Nothing is known here of how the text came to them: modules are alike where what makes them is the same up to numbers
that count up with their place, and steps are where they take the same values, those of the step before, or one of
several in turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple

from archdsl.backends.torch.bodies import Ref
from archdsl.backends.torch.forward import LIST, Series, Turn, Unit
from archdsl.backends.torch.python import (
    Attribute,
    Binary,
    Dict,
    DictOf,
    Expression,
    Generator,
    Index,
    List,
    Literal,
    Name,
    Starred,
    Tuple,
    call,
    names,
    rewritten,
)
from archdsl.records import dataclass

LEAST = 3
"""Two modules are no series."""
PLACE = Name("i")
LAYER, INDEX, SO_FAR = Name("?layer"), Name("?index"), Name("?so_far")
"""What stands for the module of an element, for its place and for the elements before it, until they have names."""


# What makes them


def module_list(made: Sequence[Expression]) -> Expression:
    """The list of modules that `forward` calls one by one."""
    items = listed(made)
    whole = len(items) == 1 and isinstance(items[0], Starred)
    return call("nn.ModuleList", items[0].value if whole and isinstance(items[0], Starred) else List(items))


def listed(made: Sequence[Expression]) -> tuple[Expression, ...]:
    """The items of a list of modules, with those that are alike made in a loop."""
    found: list[Expression] = []
    for first, last, template in _runs(range(len(made)), made):
        if template is None:
            found.append(made[first])
        elif PLACE.name in names(template):
            found.append(Starred(Generator(template, PLACE.name, _range(first, last))))
        else:
            found.append(Starred(Generator(template, "_", _range(0, last - first))))
    return tuple(found)


def keyed(made: Mapping[str, Expression], *, spread: bool = False) -> Expression:
    """A dict of modules by their keys, with those that are alike made in a loop where the keys are places."""
    plain = tuple([(Literal(key), value) for key, value in made.items()])
    if not all(key.isdecimal() and str(int(key)) == key for key in made):
        return Dict(plain, spread)
    places = [int(key) for key in made]
    found: list[tuple[Expression | None, Expression]] = []
    for first, last, template in _runs(places, list(made.values())):
        if template is None:
            found.append((Literal(str(first)), made[str(first)]))
        else:
            found.append((None, DictOf(call("str", PLACE), template, PLACE.name, _range(first, last))))
    if len(found) == 1 and found[0][0] is None:
        return found[0][1]
    return Dict(tuple(found), spread)


def _range(first: int, last: int) -> Expression:
    return call("range", *[Literal(first)] * (first > 0), Literal(last + 1))


def _runs(places: Sequence[int], made: Sequence[Expression]) -> list[tuple[int, int, Expression | None]]:
    """Runs of modules at places that follow each other: the first and the last, and the expression in `i` for them;
    none for one by itself."""
    found: list[tuple[int, int, Expression | None]] = []
    start = 0
    while start < len(made):
        end, template = start, None
        while end + 1 < len(made) and places[end + 1] == places[end] + 1:
            fitting = _fitting(made[end], made[end + 1], places[end])
            if fitting is None or (template is not None and fitting != template):
                break
            template, end = fitting, end + 1
        first, earlier = start, len(found)
        while (
            template is not None
            and earlier
            and found[earlier - 1][2] is None
            and places[first - 1] + 1 == places[first]
        ):
            if _at(template, places[first - 1]) != made[first - 1]:
                break
            first, earlier = first - 1, earlier - 1
        if end - first + 1 < LEAST:
            found.append((places[start], places[start], None))
            start += 1
        else:
            found[earlier:] = [(places[first], places[end], template)]
            start = end + 1
    return found


def _at(template: Expression, place: int) -> Expression:
    """A template with a place in it, as a person writes that: `a + (i - 1) * b` is `a` at 1 and `a + b` at 2."""

    def calculated(made: Expression) -> Expression:
        if not isinstance(made, Binary):
            return made
        left, right = made.left, made.right
        if isinstance(left, Literal) and isinstance(right, Literal) and isinstance(left.value, int):
            numbers = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
            known = made.operator in numbers and isinstance(right.value, int)
            return Literal(numbers[made.operator](left.value, right.value)) if known else made  # type: ignore[arg-type]
        if made.operator == "*" and left in (Literal(0), Literal(1)):
            return right if left == Literal(1) else Literal(0)
        return left if made.operator == "+" and right == Literal(0) else made

    return rewritten(template, {PLACE: Literal(place)}, calculated)


def _fitting(first: Expression, second: Expression, place: int) -> Expression | None:
    """The expression in `i` that is one at a place and the other at the next; none if there is none."""
    if first == second:
        return first
    if type(first) is not type(second):
        return None
    if isinstance(first, Literal) and isinstance(second, Literal):
        if type(first.value) is int and type(second.value) is int and second.value > first.value:
            return _line(second.value - first.value, first.value - (second.value - first.value) * place)
        return None
    changed: dict[str, object] = {}
    for part in fields(first):  # type: ignore[arg-type]
        one, other = getattr(first, part.name), getattr(second, part.name)
        found = _fitting_parts(one, other, place)
        if found is None:
            return None
        changed[part.name] = found[0]
    return replace(first, **changed)  # type: ignore[type-var]


def _fitting_parts(one: object, other: object, place: int) -> tuple[object] | None:
    if one == other:
        return (one,)
    if isinstance(one, Expression) and isinstance(other, Expression):
        made = _fitting(one, other, place)
        return None if made is None else (made,)
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        parts = [_fitting_parts(a, b, place) for a, b in zip(one, other, strict=True)]
        return None if None in parts else (tuple([part[0] for part in parts if part is not None]),)
    return None


def _line(slope: int, offset: int) -> Expression:
    """`slope * i + offset`"""
    made: Expression = PLACE if slope == 1 else Binary("*", Literal(slope), PLACE)
    return made if offset == 0 else Binary("+" if offset > 0 else "-", made, Literal(abs(offset)))


# How they run


def looped(units: Sequence[Unit], outputs: Sequence[Ref], name: str, container: Container) -> list[Unit]:
    """The units of `forward` with those of a list's elements in a loop, from the first that others are like.

    `outputs` are those of `forward`.
    """
    found = _elements(units, name, container)
    uses = Counter([ref for unit in units for ref in unit.inputs] + [*outputs])
    for start in range(len(found) - LEAST + 1):
        loop = _Loop(found[start:], _known(units, found[start]), uses)
        if len(loop.alike) >= LEAST:
            inside = {id(unit) for element in loop.alike for unit in element.units}
            at = next(index for index, unit in enumerate(units) if id(unit) in inside)
            made = loop.unit(name, container)
            return [*units[:at], made, *[unit for unit in units[at:] if id(unit) not in inside]]
    return list(units)


@dataclass(frozen=True, slots=True)
class Container:
    """What holds the modules of a list's elements."""

    access: Expression
    keys: tuple[str, ...]
    by_place: bool
    """Whether it is a list, and no dict."""

    def at(self, key: Expression) -> Expression:
        """The module at a place."""
        return Index(self.access, key if self.by_place else call("str", key))

    def of(self, place: int) -> Expression:
        """The module of an element."""
        return Index(self.access, Literal(place if self.by_place else str(place)))

    @property
    def all(self) -> Expression:
        """All modules in their order."""
        return self.access if self.by_place else call(Attribute(self.access, "values"))


class _Element(NamedTuple):
    """One element of a list: the steps that make it, in their order, the last of which gives it."""

    place: int
    module: Expression
    units: list[Unit]

    @property
    def output(self) -> Ref:
        return self.units[-1].outputs[0]


def _elements(units: Sequence[Unit], name: str, container: Container) -> list[_Element]:
    """The elements that have modules, up to a place that has none."""
    by_place: dict[int, list[Unit]] = {}
    for unit in units:
        first, place, _ = (*unit.outputs[0].label.split(".", 2), "", "")[:3]
        if first == name and place.isdecimal():
            by_place.setdefault(int(place), []).append(unit)
    places = sorted([int(key) for key in container.keys if int(key) in by_place])
    places = [place for index, place in enumerate(places) if place == places[0] + index]
    return [_Element(place, container.of(place), by_place[place]) for place in places]


def _known(units: Sequence[Unit], element: _Element) -> frozenset[Ref]:
    """The values that are there before an element."""
    found: list[Ref] = []
    for unit in units:
        if unit is element.units[0]:
            break
        found += unit.outputs
    return frozenset(found)


class _Loop:
    """As many elements as are like the first: of each value from elsewhere that one takes, where the others have it."""

    def __init__(self, elements: Sequence[_Element], known: frozenset[Ref], uses: Mapping[Ref, int]) -> None:
        self.first, second = elements[0], elements[1]
        self.known, self.uses = known, uses
        self.so_far: set[int] = set()
        """The units that take the list so far."""
        self.before: set[tuple[int, int]] = set()
        """The operands that are the element before."""
        self.in_turn: dict[tuple[int, int], list[Ref]] = {}
        """The operands that are one of several values in turn."""
        self.alike: list[_Element] = []
        self.template: Expression | None = None
        if len(self.first.units) == len(second.units):
            self._sort(second)
            for element in elements:
                if not self._takes(element):
                    break
                self.alike.append(element)
        if len(self.alike) < LEAST or not self._initial():
            self.alike = []

    def _sort(self, second: _Element) -> None:
        """Tell the operands apart by the first two elements."""
        for number, (one, other) in enumerate(zip(self.first.units, second.units, strict=True)):
            if other.inputs == (*one.inputs, self.first.output):
                self.so_far.add(number)
                continue
            for operand, (here, there) in enumerate(zip(one.inputs, other.inputs, strict=False)):
                if there == self.first.output:
                    self.before.add((number, operand))
                elif here != there and not self._is_own(here, self.first):
                    self.in_turn[number, operand] = []

    @staticmethod
    def _is_own(ref: Ref, element: _Element) -> bool:
        return any(ref in unit.outputs for unit in element.units)

    def _takes(self, element: _Element) -> bool:
        """Whether an element takes what the first does, each in its place; keeps what it takes in turn."""
        if len(element.units) != len(self.first.units):
            return False
        turns: list[tuple[tuple[int, int], Ref]] = []
        outputs = [other.output for other in self.alike]
        for number, (one, other) in enumerate(zip(self.first.units, element.units, strict=True)):
            if number in self.so_far:
                if other.inputs != (*one.inputs, *outputs):
                    return False
                continue
            if len(other.inputs) != len(one.inputs):
                return False
            for operand, (ref, usual) in enumerate(zip(other.inputs, one.inputs, strict=True)):
                slot = number, operand
                if slot in self.before:
                    if outputs and ref != outputs[-1]:
                        return False
                elif slot in self.in_turn:
                    if ref.label and ref not in self.known:
                        return False
                    turns.append((slot, ref))
                elif ref != usual and not self._is_own(ref, element):
                    return False
        template = self._written(element)
        if template is None or (self.template is not None and template != self.template):
            return False
        self.template = template
        for slot, ref in turns:
            self.in_turn[slot].append(ref)
        return True

    def _written(self, element: _Element) -> Expression | None:
        """An element with words for what it takes from elsewhere; none if it is not one expression."""
        made: dict[Ref, Expression] = {}
        for number, unit in enumerate(element.units):
            if number in self.so_far:
                written = rewritten(unit.write([SO_FAR]), {Tuple((SO_FAR,)): LIST})
                if SO_FAR.name in names(written):
                    return None  # it takes them one by one
            else:
                if any(unit.inputs[operand] in made for operand in unit.repeats):
                    return None
                words = [_word(number, operand) for operand in range(len(unit.inputs))]
                written = unit.write([made.pop(ref, word) for ref, word in zip(unit.inputs, words, strict=True)])
            if len(unit.outputs) != 1 or (unit is not element.units[-1] and self.uses[unit.outputs[0]] != 1):
                return None
            made[unit.outputs[0]] = written
        whole = rewritten(made.pop(element.output), {element.module: LAYER})
        return whole if not made and LAYER.name in names(whole) else None

    def _initial(self) -> bool:
        """Whether the list that the loop begins with is one: what it takes so far ends with what is before it."""
        begun = {self.first.units[number].inputs for number in self.so_far}
        last = {self.first.units[number].inputs[operand] for number, operand in self.before}
        self.initial = next(iter(begun), tuple(last))
        return len(begun) < 2 and len(last) < 2 and (not last or self.initial[-1:] == tuple(last))

    def unit(self, name: str, container: Container) -> Unit:
        """The loop as one unit."""
        over: list[Turn] = []
        values: dict[Expression, Expression] = {_word(*slot): Index(LIST, Literal(-1)) for slot in self.before}
        if len(self.alike) == len(container.keys):
            over.append(Turn(LAYER, "layer", container.all))
        else:
            over.append(Turn(INDEX, "index", _range(self.alike[0].place, self.alike[-1].place)))
            values[LAYER] = container.at(INDEX)
        turns: dict[tuple[Ref, ...], Name] = {}
        for slot, refs in self.in_turn.items():  # the same values in turn are one
            values[_word(*slot)] = turns.setdefault(tuple(refs), _word(*slot))
        over += [Turn(word, "part", refs) for refs, word in turns.items()]
        others = {
            _word(number, operand): ref
            for number, unit in enumerate(self.first.units)
            for operand, ref in enumerate(unit.inputs)
            if number not in self.so_far and (number, operand) not in {*self.before, *self.in_turn}
            if not self._is_own(ref, self.first)
        }
        body = rewritten(self.template or LIST, values)
        taken = [*self.initial, *others.values(), *[ref for refs in self.in_turn.values() for ref in refs]]
        series = Series(self.initial, tuple(over), body, others)
        outputs = tuple([element.output for element in self.alike])
        return Unit(name, tuple(dict.fromkeys(taken)), outputs, self.first.units[-1].write, series=series)


def _word(number: int, operand: int) -> Name:
    """What stands for an operand until it has a name."""
    return Name(f"?{number}.{operand}")
