"""A lifted network as a text of the language that a person could have written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from archdsl.graph.blocks import INPUT
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.shapes import show_shape
from archdsl.lifting.bodies import Body, Tangled
from archdsl.lifting.definitions import Declaration, declare
from archdsl.lifting.gates import gated, gates_in, replaced
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.recognition import Recognised, Recognition, Use
from archdsl.lifting.scopes import Instance, Scope
from archdsl.lifting.series import Chain, Join, Op, Tangle, chain_of
from archdsl.lifting.shelved import Shelved
from archdsl.lifting.tables import call, stages_of
from archdsl.lifting.templates import Called, Step, Unlike, signature
from archdsl.lifting.units import Piece, pieces_of
from archdsl.lifting.words import RESERVED

LEVELS = ("merged", "apart", "whole")
"""How much of what instances share is looked for: blocks with conditions; blocks for every structure; one block."""


class Text:
    """The text of one network."""

    def __init__(self, lifted: Lifted, name: str, level: str, library: Recognition | None = None) -> None:
        """`library`: what recognises blocks of the library, if they are looked for."""
        self.lifted, self.network, self.name, self.level = lifted, lifted.network, identifier(name), level
        self.declarations: list[Declaration] = []
        self.used: set[str] = set()
        self.taken = {*OPERATIONS, *RESERVED, self.name}
        self.stages = 1
        self.shelved = Shelved(library, self.network, self.taken)

    @property
    def recognised(self) -> tuple[Recognised, ...]:
        """What of the text is a block of the library; known once it is written."""
        return self.shelved.recognised

    def written(self, comment: str, starts: Mapping[str, str]) -> str:
        """The whole text, without layout. `starts` are the lines of its `init`."""
        if self.level == "whole" or len(self.network.outputs) > 1:
            stem, stages, head = None, self._whole(), None
        else:
            stem, stages, head = self._parts()
        lines = ["arch 1"]
        used = {"std.ops": self.used | self.shelved.operations, **self.shelved.used}
        lines += [f"use {module} {{ {', '.join(sorted(used[module]))} }}" for module in sorted(used) if used[module]]
        fields = [f"  input: {show_shape(self.network.input)}"]
        if stem:
            fields.append(f"  stem: {stem}")
        fields.append(f"  stages: {stages}")
        if head:
            fields.append(f"  head: {head}")
        if starts:
            fields.append(f"  init {{ {'  '.join([f'{key}: {start}' for key, start in starts.items()])} }}")
        names = self.network.output_names
        if names:
            last = "head" if head else f"stages[{self.stages - 1}]"
            places = [f"{last}[{at}]" if len(names) > 1 else last for at in range(len(names))]
            told = "  ".join([f"{name}: {place}" for name, place in zip(names, places, strict=True)])
            fields.append(f"  outputs {{ {told} }}")
        model = f"{_commented(comment)}model {self.name} {{\n" + "\n".join(fields) + "\n}"
        return "\n".join([*lines, "", *[f"{one.text}\n" for one in self.declarations], model, ""])

    # One block for all.

    def _whole(self) -> str:
        nodes = self.network.nodes
        name = self._free("network")
        instance = Instance((), tuple(range(len(nodes))), int(self.network.input[0]), 0)
        scope = Scope(self.network, [instance], "whole")
        scope.known = {}
        tangle = Tangle(instance.indices, INPUT, self.network.outputs[0])
        told = Tangled(Body(scope), [tangle]).texts("x", self.network.outputs)
        self.used |= scope.used
        result = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
        body = "".join([f"  {line}\n" for line in scope.lines])
        self.declarations.append(Declaration(name, ({},), f"block {name}(x) {{\n{body}  return {result}\n}}"))
        return f"[{name}]"

    # Stem, stages, head.

    def _parts(self) -> tuple[str | None, str, str | None]:
        pieces = pieces_of(self.lifted)
        units = [at for at, piece in enumerate(pieces) if piece.name]
        if not units:
            return None, self._whole(), None
        middle = range(units[0], units[-1] + 1)
        ends = {"stem": range(units[0]), "head": range(units[-1] + 1, len(pieces))}
        known = self._known({at: pieces[at] for at in middle})
        told = {end: self._known_end(end, [pieces[at] for at in places]) for end, places in ends.items()}
        done = {at for end, places in ends.items() if told[end] for at in places} | known.keys()
        chains = [
            () if at in done else chain_of(self.network, p.indices, p.source, p.result) for at, p in enumerate(pieces)
        ]
        chains = self._with_gates(chains)
        for end, places in ends.items():
            some = slice(places.start, places.stop)
            told[end] = told[end] or self._loose(pieces[some], chains[some], f"{end}_block")
        calls = {**known, **self._calls({at: (pieces[at], chains[at]) for at in middle if at not in known})}
        library = {name for name, _ in known.values()}
        stages, self.stages = stages_of([(pieces[at], *calls[at]) for at in middle], library)
        return told["stem"], stages, told["head"]

    # Blocks of the library.

    def _known(self, pieces: Mapping[int, Piece]) -> dict[int, tuple[str, dict[str, Any]]]:
        """The pieces that are blocks of the library, each with its settings; all of one class are, or none."""
        nodes = self.network.nodes
        groups: dict[Any, list[int]] = {}
        for at, piece in pieces.items():
            apart = [] if self.level == "merged" else [nodes[i].operation.name for i in piece.indices]
            groups.setdefault((piece.name or at, *apart), []).append(at)
        return self.shelved.units([[(at, pieces[at]) for at in places] for places in groups.values()])

    def _known_end(self, place: str, pieces: Sequence[Piece]) -> str | None:
        """The stem or the head as a block of the library; none where it is none."""
        found = self.shelved.end(place, pieces) if pieces else None
        return call(*found) if found is not None else None

    def _instance(self, piece: Piece, chain: Sequence[Step]) -> Instance:
        shape_in, shape_out = self.network.shape(piece.source), self.network.shape(piece.result)
        return Instance(chain, piece.indices, int(shape_in[0]), int(shape_out[0]))

    def _calls(self, pieces: dict[int, tuple[Piece, Any]]) -> dict[int, tuple[str, dict[str, Any]]]:
        """For each piece the block that it is, with its settings."""
        groups: dict[Any, list[int]] = {}
        for at, (piece, chain) in pieces.items():
            key = (piece.name,) if piece.name and self.level == "merged" else (piece.name, signature(chain))
            groups.setdefault(key, []).append(at)
        found: dict[int, tuple[str, dict[str, Any]]] = {}
        for key, places in groups.items():
            instances = [self._instance(*pieces[at]) for at in places]
            wanted = self._wanted(pieces[places[0]][0], bool(key[0]))
            for declaration, members in self._declared(instances, wanted, pieces=[pieces[at][0] for at in places]):
                for at, values in zip(members, declaration.values, strict=True):
                    found[places[at]] = declaration.name, values
        return found

    def _wanted(self, piece: Piece, unit: bool) -> str:
        if unit:
            return snake(piece.name)
        stacks = [self.lifted.origins[i].modules for i in piece.indices]
        words = [re.sub(r"\d+", "", part) for stack in stacks[:1] for path, _ in stack[-2:] for part in path.split(".")]
        named = [
            word.strip("_")
            for word in words
            if len(word.strip("_")) > 2
            and word not in ("stages", "layers", "features", "blocks", "body", "conv", "norm")
        ]
        return snake(named[-1]) if named else "between"

    def _declared(
        self, instances: list[Instance], wanted: str, called: str = "unit", pieces: Sequence[Piece] = ()
    ) -> list[tuple[Declaration, list[int]]]:
        """One block for all instances, or else one for each structure, or else for each instance. Some of several may
        be blocks of the library, where the instances are given as pieces."""
        ways = [[list(range(len(instances)))]] if self.level == "merged" or called == "gate" else []
        by: dict[Any, list[int]] = {}
        for at, instance in enumerate(instances):
            by.setdefault(signature(instance.chain), []).append(at)
        ways += [list(by.values()), [[at] for at in range(len(instances))]]
        for way in ways:
            names = {*self.taken}
            made = []
            used: set[str] = set()
            shelved: list[list[Use]] = []
            try:
                for members in way:
                    uses = self.shelved.alike([pieces[at] for at in members]) if pieces and len(way) > 1 else None
                    if uses is not None:
                        shelved.append(uses)
                        names.add(uses[0].candidate.name)
                        values = tuple([dict(use.values) for use in uses])
                        made.append((Declaration(uses[0].candidate.name, values, ""), members))
                        continue
                    name = self._free(wanted, names)
                    names.add(name)
                    some = [instances[at] for at in members]
                    declaration, ops = declare(self.network, name, some, called, wide=called == "unit")
                    made.append((declaration, members))
                    used |= ops
            except Unlike:
                continue
            self.taken.update(names)
            self.used |= used
            self.declarations += [declaration for declaration, _ in made if declaration.text]
            for uses in shelved:
                self.shelved.note(uses, "stages", len(instances))
            return made
        raise Unlike

    def _free(self, wanted: str, taken: set[str] | None = None) -> str:
        names = self.taken if taken is None else taken
        name, number = wanted, 2
        while name in names:
            name, number = (
                (f"{wanted}_block", number) if f"{wanted}_block" not in names else (f"{wanted}_{number}", number + 1)
            )
        if taken is None:
            self.taken.add(name)
        return name

    def _loose(self, pieces: Sequence[Piece], chains: Sequence[Chain], wanted: str) -> str | None:
        """The stem or the head: operations with arrows between, or a block."""
        if not pieces:
            return None
        chain = tuple([step for one in chains for step in one])
        merged = Piece(tuple([i for p in pieces for i in p.indices]), pieces[0].source, pieces[-1].result, "", "")
        instance = self._instance(merged, chain)
        operations = [step.node.operation for step in chain if isinstance(step, Op)]
        if len(operations) == len(chain):
            scope = Scope(self.network, [instance], "unit")
            scope.known = {}
            told = [Body(scope).operation([operation]) for operation in operations]
            self.used |= scope.used
            return " -> ".join(told)
        ((declaration, _),) = self._declared([instance], wanted, "loose")
        return call(declaration.name, declaration.values[0])

    # Gates.

    def _with_gates(self, chains: list[Chain]) -> list[Any]:
        """Chains with calls of blocks in the place of gates: a value times what a branch makes of it."""
        found: list[Join] = []
        for chain in chains:
            gates_in(chain, found)
        groups: dict[Any, list[Join]] = {}
        for join in found:
            groups.setdefault(signature(join.branches[gated(join)]), []).append(join)
        calls: dict[int, Called] = {}
        for joins in groups.values():
            shelved = self.shelved.gates(joins)
            if shelved is not None:
                calls |= shelved
                continue
            instances = []
            for join in joins:
                shape = self.network.nodes[join.index].shapes[0]
                instances.append(Instance((join,), (), int(shape[0]), int(shape[0])))
            wanted = self._gate_name(joins[0])
            for declaration, members in self._declared(instances, wanted, "gate"):
                for at, values in zip(members, declaration.values, strict=True):
                    calls[joins[at].index] = Called(declaration.name, values, (), instances[at].channels)
        return [replaced(chain, calls) for chain in chains]

    def _gate_name(self, join: Join) -> str:
        for path, name in reversed(self.lifted.origins[join.index].modules):
            if path and not name.startswith(("Sequential", "ModuleList")):
                inside = [o for o in self.lifted.origins if any(place == path for place, _ in o.modules)]
                if len(inside) < 20:
                    return snake(name)
                break
        return "gate"


def _commented(text: str) -> str:
    return "".join([f"# {line}\n" for line in text.splitlines()])


def snake(text: str) -> str:
    """A class's name as that of a block."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text).lower().split("_")
    found: list[str] = []
    for at, word in enumerate(words):
        beside = [words[k] for k in (at - 1, at + 1) if 0 <= k < len(words)]
        if found and len(word) < 3 and any(len(other) < 3 for other in beside):
            found[-1] += word  # such as ConvNeXt
        else:
            found.append(word)
    return identifier("_".join(found))


def identifier(text: str) -> str:
    """A name of the language."""
    found = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return found if found and not found[0].isdigit() else f"n{found}"


__all__ = ["LEVELS", "Text"]
