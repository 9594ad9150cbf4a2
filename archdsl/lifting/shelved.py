"""Parts of one text that blocks of the library stand for: stages, stem, head, and gates within blocks of its own."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archdsl.graph.blocks import Value
from archdsl.graph.network import Network
from archdsl.lifting.gates import gated
from archdsl.lifting.recognition import Recognised, Recognition, Use
from archdsl.lifting.series import Join, operations
from archdsl.lifting.templates import Called
from archdsl.lifting.units import Piece

RATE = "drop"
"""The setting that rises along a network, as blocks have it."""


class Shelved:
    """What one text takes from the library; nothing where none is given."""

    def __init__(self, library: Recognition | None, network: Network, taken: set[str]) -> None:
        self.library, self.network, self.taken = library, network, taken
        self.used: dict[str, set[str]] = {}
        """Modules, with the blocks that the text uses of them."""
        self.operations: set[str] = set()
        """Operations that their settings name."""
        self.recognised: tuple[Recognised, ...] = ()

    def units(self, groups: Sequence[Sequence[tuple[int, Piece]]]) -> dict[int, tuple[str, dict[str, Any]]]:
        """For the pieces of groups that are blocks of the library the block, with what is written of its settings."""
        if self.library is None:
            return {}
        uses: dict[int, Use] = {}
        for group in groups:
            uses |= self._units(group)
        pieces = {at: piece for group in groups for at, piece in group}
        total = len(pieces)
        for candidate in list(dict.fromkeys([use.candidate for use in uses.values()])):
            some = [at for at, use in uses.items() if use.candidate is candidate]
            together = self._units([(at, pieces[at]) for at in some])  # with settings that all of them have
            if all(use.candidate is candidate for use in together.values()):
                uses |= together
            self.note([uses[at] for at in some], "stages", total)
        units = [at for at, piece in sorted(pieces.items()) if piece.name]
        rates = _rates(self.library, [uses[at] for at in units]) if uses.keys() >= set(units) else []
        given = dict(zip(units, rates, strict=False))
        return {
            at: (use.candidate.name, {**_widths(use, pieces[at]), **use.values, **given.get(at, {})})
            for at, use in uses.items()
        }

    def alike(self, pieces: Sequence[Piece]) -> list[Use] | None:
        """Pieces as one block, which is not taken yet; none where they are none."""
        return self._found([(piece.indices, piece.source, piece.result) for piece in pieces])

    def _units(self, group: Sequence[tuple[int, Piece]]) -> dict[int, Use]:
        found = self.alike([piece for _, piece in group])
        return dict(zip([at for at, _ in group], found, strict=True)) if found is not None else {}

    def end(self, place: str, pieces: Sequence[Piece]) -> tuple[str, dict[str, Any]] | None:
        """The stem or the head as a block."""
        indices = [index for piece in pieces for index in piece.indices]
        found = self._found([(indices, pieces[0].source, pieces[-1].result)])
        if found is None:
            return None
        self.note(found, place, 1)
        return found[0].candidate.name, dict(found[0].values)

    def gates(self, joins: Sequence[Join]) -> dict[int, Called] | None:
        """Calls in the place of gates, by their operations."""
        found = self._found(
            [(tuple(operations((join,))), join.node.inputs[1 - gated(join)], Value(join.index)) for join in joins]
        )
        if found is None:
            return None
        self.note(found, "blocks", len(joins))
        return {
            join.index: Called(use.candidate.name, dict(use.values), (), int(use.fragment.input[0]))
            for join, use in zip(joins, found, strict=True)
        }

    def _found(self, parts: Sequence[tuple[Sequence[int], Value, Value]]) -> list[Use] | None:
        """The block that all parts are."""
        if self.library is None:
            return None
        own = {name for names in self.used.values() for name in names}
        return self.library.uses(self.network, parts, self.taken - own, self.used)

    def note(self, uses: Sequence[Use], place: str, total: int) -> None:
        """Take a block, and what its settings name."""
        module, name = uses[0].candidate.module, uses[0].candidate.name
        self.used.setdefault(module, set()).add(name)
        self.taken.add(name)
        self.operations.update(*[use.used for use in uses])
        self.recognised = (*self.recognised, Recognised(name, module, place, len(uses), total))


def _widths(use: Use, piece: Piece) -> dict[str, Any]:
    """What stands before a stage says its width, also where that is the default: it would take the stage's."""
    if piece.name or "width" not in use.candidate.defaults:
        return {}
    return {"width": use.settings.get("width", use.candidate.defaults["width"])}


def _rates(library: Recognition, uses: Sequence[Use]) -> list[dict[str, Any]]:
    """Rates that rise evenly along all blocks, also of those that have no shortcut, and so no rate to be seen."""
    seen: dict[int, Fraction] = {}
    for k, use in enumerate(uses):
        rate = use.settings.get(RATE)
        if rate and isinstance(rate, int | Fraction):
            seen[k] = Fraction(rate)
    steps = {rate / k for k, rate in seen.items() if k}
    if len(steps) != 1 or 0 in seen:
        return []
    (step,) = steps
    rates = [step * k for k in range(len(uses))]
    if not all(library.stays(use, RATE, rate) for use, rate in zip(uses, rates, strict=True)):
        return []
    return [{RATE: rate} for rate in rates]


__all__ = ["Shelved"]
