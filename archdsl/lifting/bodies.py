"""The body of a block as text: what flows through its places, one operation of all instances at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.graph.blocks import Value
from archdsl.graph.operations.base import Operation
from archdsl.graph.shapes import Size
from archdsl.lifting.relations import EXTENTS, constant
from archdsl.lifting.scopes import Scope, called_columns, setting_column
from archdsl.lifting.series import Tangle, inputs_of
from archdsl.lifting.templates import Place, Template, Unlike, kind_of_node
from archdsl.lifting.words import Word, applied_text, call_text, is_activation, settings_of, used_name


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
                steps = [self.step(one) for one in places[at:end]]
                present = [i in place.members for i in range(self.scope.count)]
                condition = self.scope.condition(present, f"with_{self._word(place)}")
                together = steps[0] if len(steps) == 1 else f"({' -> '.join(steps)})"
                text = f"{text} -> {together} when {condition}"
                at = end - 1
            else:
                text = f"{text} -> {self.step(place)}"
            at += 1
        return text

    def _word(self, place: Place) -> str:
        return str(place.kind[1] if place.kind[0] == "call" else place.kind[0])

    def step(self, place: Place) -> str:
        """A place that is no join and no tangle, as it stands behind an arrow."""
        scope = self.scope
        if place.kind[0] == "call":
            given: list[str] = []
            for name, column in called_columns(place, scope.count).items():
                told = scope.slot("call", "gate_width" if name == "width" else name, column)
                given.append(told if name == "width" and not given else f"{name}: {told}")
            return str(place.kind[1]) + (f"({', '.join(given)})" if given else "")
        return self.operation(place.operations(scope.count))

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
            column = setting_column(steps, name)
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
        return self.operation(place.operations(self.scope.count), operands)

    def _tangle(self, place: Place, base: str) -> str:
        return Tangled(self, place.tangles()).text(base)


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


__all__ = ["Body", "Tangled"]
