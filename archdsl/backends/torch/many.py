"""Steps that stand for the elements of a list of any length, as text: what makes their modules, and the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archdsl.backends.torch.bodies import LAST, Ref
from archdsl.backends.torch.forward import LIST, Series, Turn, Unit, behind
from archdsl.backends.torch.python import (
    Attribute,
    Binary,
    Dict,
    DictOf,
    Expression,
    Generator,
    Index,
    List,
    ListOf,
    Literal,
    Name,
    Starred,
    call,
)
from archdsl.backends.torch.terms import Chosen, Parameter
from archdsl.backends.torch.union import Program, UnionStep

PLACE, LAYER = Name("i"), Name("?layer")


def modules_of(step: UnionStep, chosen: Chosen, made: Expression, others: Mapping[str, Expression]) -> Expression:
    """The container of a list's modules, those of its elements made by one expression, behind others: a `ModuleList`
    where they count from 0, else a `ModuleDict` whose keys are their indices."""
    if _first(step) == len(others):
        generator = Generator(made, *_over(step, chosen))
        return call("nn.ModuleList", List((*others.values(), Starred(generator))) if others else generator)
    entries = entries_of(step, chosen, made)
    if others:
        entries = Dict((*[(Literal(key), other) for key, other in others.items()], (None, entries)))
    return call("nn.ModuleDict", entries)


def run_of(step: UnionStep, access: Expression, others: int) -> Expression:
    """The modules of a list's elements, in their order, out of a container that has so many others before them."""
    if _first(step) == others:
        return behind(access, others)
    values = call(Attribute(access, "values"))
    return behind(call("list", values), others) if others else values


def entries_of(step: UnionStep, chosen: Chosen, made: Expression) -> Expression:
    """The modules by their indices."""
    first = _first(step)
    if (count := chosen.counts.get(step.label)) is not None:
        start = [Literal(first)] if first else []
        end = _plus(Name(count.name), first)
        return DictOf(call("str", PLACE), made, PLACE.name, call("range", *start, end))
    targets, values = _over(step, chosen)
    several = "," in targets
    indexed = call("enumerate", values, *([Literal(first)] if first else []))
    return DictOf(call("str", PLACE), made, f"{PLACE.name}, {f'({targets})' if several else targets}", indexed)


def _first(step: UnionStep) -> int:
    listed = step.one.listed
    return listed.first if listed is not None else 0


def _plus(value: Expression, number: int) -> Expression:
    return Binary("+", value, Literal(number)) if number else value


def _over(step: UnionStep, chosen: Chosen) -> tuple[str, Expression]:
    """What a generator of the modules goes over: the arguments that each has of its own, or their number."""
    if (count := chosen.counts.get(step.label)) is not None:
        return "_", call("range", Name(count.name))
    loops: Mapping[str, Parameter] = chosen.loops[step.label]
    values = [Name(parameter.name) for parameter in loops.values()]
    over = values[0] if len(values) == 1 else call("zip", *values, strict=Literal(True))
    return ", ".join(loops), over


def is_sequence(step: UnionStep, program: Program) -> bool:
    """Whether the elements of a list follow each other, and nothing asks for any but the last."""
    listed = step.one.listed
    whole = Ref(step.label)
    asked = whole in program.outputs or any(whole in other.inputs for other in program.steps)
    return listed is not None and listed.how == "chain" and len(step.inputs) == 1 and not asked


def sequence_unit(step: UnionStep, access: Expression, name: str) -> Unit:
    """The run of a list's elements that are a sequence."""
    return Unit(name, step.inputs, (Ref(step.label, LAST),), lambda x: call(access, *x))


def unit_of(step: UnionStep, program: Program, modules: Expression, name: str, given: tuple[str, ...]) -> Unit:
    """The run of a list's elements by their modules."""
    if step.one.listed is not None and step.one.listed.how == "map":
        return Unit(name, step.inputs, (Ref(step.label),), _mapped(modules), given=given, listed=True)
    source, *others = step.inputs
    words = {Name(f"?{place}"): ref for place, ref in enumerate(others)}
    body = call(LAYER, Index(LIST, Literal(-1)), *words)
    series = Series(_initial(step, program), (Turn(LAYER, "layer", modules),), body, words)
    taken = tuple(dict.fromkeys([*series.initial, source, *others]))
    return Unit(name, taken, (Ref(step.label), Ref(step.label, LAST)), lambda x: x[0], series=series, listed=True)


def _mapped(modules: Expression) -> Callable[[Sequence[Expression]], Expression]:
    def write(x: Sequence[Expression]) -> Expression:
        values = x[0].value if isinstance(x[0], Starred) else x[0]
        over = call("zip", modules, values, strict=Literal(True))
        return ListOf(call("layer", Name("part"), *x[1:]), "layer, part", over)

    return write


def _initial(step: UnionStep, program: Program) -> tuple[Ref, ...]:
    """What the list begins with: what all that take it have in front of the elements, if that ends with what the first
    of these takes; else that alone."""
    whole, source = Ref(step.label), step.inputs[0]
    before: set[tuple[Ref, ...]] = set()
    for other in program.steps:
        if whole in other.inputs:
            before.add(other.inputs[: other.inputs.index(whole)])
    found = before.pop() if len(before) == 1 else ()
    lists = {Ref(each.label) for each in program.steps if each.one.listed is not None}
    return found if found and found[-1] == source and not lists.intersection(found) else (source,)


__all__ = ["entries_of", "is_sequence", "modules_of", "run_of", "sequence_unit", "unit_of"]
