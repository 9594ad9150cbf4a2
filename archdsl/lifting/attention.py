"""Attention, however a program writes it, as ours: of tokens in heads."""

from __future__ import annotations

import math
from typing import Any

from archdsl.lifting.axes import BATCH, Seen
from archdsl.lifting.layouts import need_map
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Reading


def lifted_attention(reading: Reading, call: Call) -> Any:
    """The fused operation. Raises `Unliftable` for a mask, a scale or a form that ours does not have."""
    q, k, v = (_in_heads(reading, call[name]) for name in ("query", "key", "value"))
    if call["attn_mask"] is not None or call["is_causal"] or float(call["dropout_p"] or 0):
        raise Unliftable("attention with a mask or with dropout")
    heads, each = q.dims[1], q.dims[3]
    size = math.prod(atom.size for atom in each)
    if call["scale"] is not None and not math.isclose(float(call["scale"]), size**-0.5, rel_tol=1e-12):
        raise Unliftable("attention with another scale")
    number = math.prod(atom.size for atom in heads)
    (value,) = reading.apply("attention", [q.value, k.value, v.value], {"heads": number})
    axes = ((*heads, *v.dims[3]), q.axes[1])
    return Seen(value, axes, ((BATCH,), heads, q.axes[1], v.dims[3]))


def _in_heads(reading: Reading, given: Any) -> Seen:
    """Tokens whose channels are heads x channels of a head, as images x heads x tokens x channels."""
    if not isinstance(given, Seen) or len(given.dims) != 4:
        raise Unliftable("attention of what is no tokens in heads")
    seen = given
    if len(seen.axes) == 3 and (*seen.axes[1], *seen.axes[2]) == seen.dims[2]:
        (value,) = reading.apply("tokens", [seen.value])
        seen = Seen(value, (seen.axes[0], (*seen.axes[1], *seen.axes[2])), seen.dims)
    if len(seen.axes) != 2 or seen.dims[2] != seen.axes[1] or (*seen.dims[1], *seen.dims[3]) != seen.axes[0]:
        raise Unliftable("attention of what is no tokens in heads")
    return seen


def lifted_matmul(reading: Reading, call: Call) -> Any:
    """A product of maps, channel by channel. Raises `Unliftable` for other forms."""
    a = call["self"]
    b = call["other"] if call["other"] is not None else call["mat2"]
    if not isinstance(a, Seen) or not isinstance(b, Seen):
        raise Unliftable("a product with a tensor that is the same for every image")
    first, second = need_map(reading, a), need_map(reading, b)
    return reading.new("matmul", [first.value, second.value], "bchw")
