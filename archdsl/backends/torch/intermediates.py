"""What a wrapper of an emitted module runs of it: the map before the head together with the feature maps, and the head.

The methods are written as those of the module's class are, for a class that is derived from it: each value is computed
once, so that norms see a batch once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from archdsl.backends.torch.bodies import Ref
from archdsl.backends.torch.classes import Plan
from archdsl.backends.torch.forward import Unit
from archdsl.backends.torch.model import ModelWriter, feature_places, head_of
from archdsl.backends.torch.python import Function
from archdsl.backends.torch.write import method
from archdsl.graph.network import Value
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Intermediates:
    """What can be had of a network besides its output."""

    before: Value | None
    """What enters the head, or is the last map where there is none; none where several values enter the head."""
    chain: bool
    """Whether the stages are modules one behind the other, each with one value in and out."""
    last_and_maps: Function | None
    """A method that gives the value before the head, where there is one, and behind it all feature maps."""
    forward_head: Function | None
    """A method that takes the value before the head to the output; none where several enter the head."""


def intermediates(plan: Plan, shared: Fraction | None) -> Intermediates:
    """What a wrapper of the module can run. `shared` is the rate of stochastic depth that the blocks share."""
    writer = ModelWriter(plan, shared)
    writer.run()
    head, entering = head_of(writer)
    outputs = writer.program.outputs
    refs = plan.root.bodies[0].refs
    single = len(outputs) == 1 and (len(entering) == 1 or not head)
    before = (next(iter(entering)) if head else outputs[0]) if single else None
    maps = [refs[value] for _, value, _ in feature_places(plan.network)]
    wanted = [*([before] if before is not None else []), *maps]
    every = None
    if maps:
        said = "What enters the head, and the feature maps." if before is not None else "The feature maps."
        every = method("last_and_maps", writer.units, {0: "x"}, wanted, said, many=True)
    value = next((value for value, ref in refs.items() if ref == before), None)
    return Intermediates(value, writer.staged, every, _head(head, before, outputs) if before is not None else None)


def _head(head: Sequence[Unit], before: Ref, outputs: Sequence[Ref]) -> Function:
    taken = Unit("x", (Ref("", 0),), (before,), lambda x: x[0])
    units = [*([taken] if before.label else []), *head]
    return method("_head", units, {0: "x"}, outputs, "What the head makes of what enters it.")


__all__ = ["Intermediates", "intermediates"]
