"""The end of a program: its results as the outputs of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.graph.blocks import Value
from archdsl.lifting.axes import Seen
from archdsl.lifting.curves import ErrorFunction
from archdsl.lifting.layouts import as_flat, need_map
from archdsl.lifting.lifted import Gap, Lifted, Unliftable
from archdsl.lifting.reading import HOLE, Reading, needed


def finished(
    reading: Reading,
    results: Sequence[Any],
    values: Sequence[Any],
    name: str,
    learned: Sequence[str],
    called: tuple[str, ...],
    partly: bool,
) -> Lifted:
    """What was read as a network with these results, by the names that they are called. `values` are all that were
    read, and `learned` the names of the program's learned tensors; `partly`: with gaps it ends before them."""
    outputs = []
    for result in results:
        if isinstance(result, Seen):
            try:
                outputs.append(_output(reading, result))
            except Unliftable as fault:
                reading.gaps.append(Gap("output", "", str(fault)))
        elif result is not HOLE:
            reading.gaps.append(Gap("output", "", "it gives something that is no tensor of the image"))
    if not results:
        reading.gaps.append(Gap("output", "", "it gives nothing"))
    left = _stand_ins(reading, outputs)
    if left:
        modules = reading.origins[left[0]].modules
        reading.gaps.append(Gap("erf", modules[-1][0] if modules else "", "the error function otherwise than in GELU"))
    if partly and reading.gaps:
        reached = [value for value in values if isinstance(value, Seen) and value.value.node >= 0]
        reached = [value for value in reached if not _stand_ins(reading, [value.value])]
        outputs = [max([seen.value for seen in reached])] if reached else []
    elif reading.gaps:
        outputs = []
    return reading.lifted(outputs, name, dict.fromkeys(learned), called if len(called) == len(outputs) else ())


def _stand_ins(reading: Reading, outputs: Sequence[Value]) -> list[int]:
    """Operations that the language does not have and that the outputs need."""
    nodes = reading.builder.nodes
    return [index for index in needed(reading.builder, outputs) if isinstance(nodes[index].operation, ErrorFunction)]


def _output(reading: Reading, seen: Seen) -> Value:
    """An output in the order that an emitted module gives it."""
    if len(seen.dims) == 2:
        seen = as_flat(reading, seen)
        return reading.apply("flatten", [seen.value])[0] if len(seen.axes) == 3 else seen.value
    if len(seen.dims) == 4 and "1" not in seen.form:
        return need_map(reading, seen).value
    if seen.form != "blc" and "1" not in seen.form:
        raise Unliftable("its output stands in another order than channels first")
    return seen.value


__all__ = ["finished"]
