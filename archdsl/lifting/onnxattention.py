"""Attention as one node of ONNX, since version 23."""

from __future__ import annotations

import math
from typing import Any

from archdsl.lifting.attention import attention as attended
from archdsl.lifting.axes import Seen, permuted, regrouped, size_of
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.onnxnodes import Node
from archdsl.lifting.reading import Call

WITHOUT = {
    "is_causal": 0,
    "softcap": 0.0,
    "qk_matmul_output_mode": 0,
    "left_window_size": -1,
    "right_window_size": -1,
}
"""Attributes that make it another attention than ours where they have other values than these."""


def attention(node: Node) -> Any:
    """`Attention` of tokens, in heads already or with so many to split."""
    q, k, v, mask, *others = [*node.inputs, None, None, None, None][:7]
    if any(one is not None for one in others) or len(node.shapes) > 1:
        raise Unliftable("attention with keys and values of before")
    odd = next((name for name, plain in WITHOUT.items() if node.attribute(name, plain) != plain), None)
    if odd is not None:
        raise Unliftable(f"attention with {odd}")
    heads, of_keys = (node.attribute(name) for name in ("q_num_heads", "kv_num_heads"))
    if heads != of_keys:
        raise Unliftable("attention with fewer heads of keys and values than of queries")
    names = "query", "key", "value"
    given = {name: _in_heads(node, one, heads) for name, one in zip(names, (q, k, v), strict=True)}
    plainly, scale = size_of(given["query"].dims[-1]) ** -0.5, node.attribute("scale")
    if scale is None or math.isclose(scale, plainly, rel_tol=node.reading.rounding):
        scale = plainly
    arguments = {**given, "attn_mask": mask, "scale": scale}
    call = Call("scaled_dot_product_attention", arguments, node.shape, node.reading.modules)
    found = attended(node.reading, call)
    if heads is None or not isinstance(found, Seen):
        return found
    whole = regrouped(permuted(found, [0, 2, 1, 3]), node.shape, node.reading.images)
    if whole is None:
        raise Unliftable("attention whose heads are no factors of the channels")
    return whole


def _in_heads(node: Node, seen: Any, heads: int | None) -> Seen:
    """Images x heads x tokens x channels of a head."""
    if not isinstance(seen, Seen):
        raise Unliftable("attention of what is the same for every image")
    if heads is None:
        return seen
    if len(seen.dims) != 3:
        raise Unliftable("attention of what is no tokens")
    images = node.reading.images
    sizes = [images, *[size_of(dim) for dim in seen.dims[1:]]]
    found = regrouped(seen, [*sizes[:2], heads, sizes[2] // heads], images)
    if found is None:
        raise Unliftable("attention whose heads are no factors of the channels")
    return permuted(found, [0, 2, 1, 3])


__all__ = ["attention"]
