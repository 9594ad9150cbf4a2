"""Attention, however a program writes it, as ours: of tokens in heads; and products of matrices."""

from __future__ import annotations

import math
from typing import Any

from archdsl.lifting.axes import BATCH, Extent, Seen, distinct, fresh, inside, size_of
from archdsl.lifting.layouts import as_matrices, as_rows, need_map
from archdsl.lifting.learned import offsets, start_of
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Held, Reading, number
from archdsl.lifting.relaid import relaid


def attention(reading: Reading, call: Call) -> Any:
    """The fused operation. Raises `Unliftable` for a mask, or a form that ours does not have."""
    if call["is_causal"] or float(call["dropout_p"] or 0):
        raise Unliftable("attention with a mask or with dropout")
    q, k, v = (_seen(call[name]) for name in ("query", "key", "value"))
    bias = _bias(reading, call["attn_mask"])
    size = size_of(q.dims[-1])
    if call["scale"] is not None and not math.isclose(float(call["scale"]), size**-0.5, rel_tol=1e-12):
        q = reading.kept("scale", q, {"factor": number(float(call["scale"]) * size**0.5)})
    heads = [one.dims[-3] if len(one.dims) > 3 else () for one in (q, k, v)]
    dims = (*q.dims[:-1], v.dims[-1])
    if all(one.dims == ((BATCH,), *one.axes) for one in (q, k, v)) or any(one != heads[0] and not one for one in heads):
        maps = [as_matrices(reading, one) for one in (q, k, v)]
        if any(len(one.axes) != 3 for one in maps):
            raise Unliftable("attention of what is no tokens in heads")
        (value,) = reading.apply("attention", [*[one.value for one in maps], *bias])
        return Seen(value, dims[1:], dims)
    laid = [_in_heads(reading, one) for one in (q, k, v)]
    settings: dict[str, Any] = {"heads": size_of(laid[0][1])}
    if laid[0][2]:
        settings |= _parts(reading, laid[0][0], laid[0][2], q.dims[-2])
    (value,) = reading.apply("attention", [*[one[0].value for one in laid], *bias], settings)
    return Seen(value, ((*laid[0][1], *v.dims[-1]), laid[0][0].axes[1]), dims)


def _seen(given: Any) -> Seen:
    if not isinstance(given, Seen) or len(given.dims) < 3:
        raise Unliftable("attention of what is no tokens in heads")
    return given


def _bias(reading: Reading, given: Any) -> list[Any]:
    """What is added to the logits."""
    if given is None:
        return []
    if isinstance(given, Seen):
        return [need_map(reading, given).value]
    if not isinstance(given, Held) or not given.learned or given.base is None:
        raise Unliftable("attention with a mask that is no learned number")
    tensor = given.tensor
    while tensor.ndim > 3 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 3:
        raise Unliftable("attention with a mask in another form than heads x queries x keys")
    if given.places is not None and given.base.tensor.numel() == tensor.numel():
        return [parameter(reading, given, tensor).value]
    return [offsets(reading, given, tuple(tensor.shape)).value]


def parameter(reading: Reading, held: Held, tensor: Any) -> Seen:
    """A learned map."""
    shape = tuple([int(side) for side in tensor.shape])
    return fresh(reading.parameter(held, tensor, shape, start_of(reading, held)), shape, "bchw")


def _in_heads(reading: Reading, seen: Seen) -> tuple[Seen, Extent, Extent]:
    """Tokens whose channels are heads x channels of a head; the heads; and what counts parts of the tokens that see
    themselves alone."""
    inner = seen.dims[-3] if len(seen.dims) > 3 else ()
    outer = tuple([atom for dim in (seen.dims[:-3] if len(seen.dims) > 3 else seen.dims[:1]) for atom in inside(dim)])
    last = None
    for heads, parts in ((inner, outer), ((*outer, *inner), ()), (outer, inner)):
        try:
            found = relaid(reading, seen, ((*heads, *seen.dims[-1]), (*parts, *seen.dims[-2])))
        except Unliftable as fault:
            last = fault
            continue
        return found, heads, parts
    raise last or Unliftable("attention of what is no tokens in heads")


def _parts(reading: Reading, seen: Seen, parts: Extent, each: Extent) -> dict[str, Any]:
    """Parts of the tokens: of a size where they are windows of neighbours, else so many."""
    node = reading.builder.nodes
    at = seen.value
    while at.node >= 0 and node[at.node].operation.name != "tokens" and len(node[at.node].inputs) == 1:
        at = node[at.node].inputs[0]
    operation = node[at.node].operation if at.node >= 0 else None
    if operation is not None and getattr(operation, "window", (1, 1)) != (1, 1):
        return {"size": size_of(each)}
    return {"parts": size_of(parts)}


def matmul(reading: Reading, call: Call) -> Any:
    """A product of matrices: of maps, channel by channel, or of tokens. Raises `Unliftable` for other forms."""
    a = call["self"]
    b = call["other"] if call["other"] is not None else call["mat2"]
    one = a if isinstance(a, Seen) else b
    if not isinstance(one, Seen):
        raise Unliftable("a product with a tensor that is the same for every image")
    a, b = (part if isinstance(part, Seen) else _learned(reading, part, one) for part in (a, b))
    if len(a.dims) == len(b.dims) == 3 and a.dims[0] == b.dims[0] == (BATCH,):
        first, second = as_rows(reading, a), as_rows(reading, b)
        (value,) = reading.apply("matmul", [first.value, second.value])
        return distinct(Seen(value, (b.dims[2], a.dims[1]), (a.dims[0], a.dims[1], b.dims[2])))
    first, second = need_map(reading, a), need_map(reading, b)
    (value,) = reading.apply("matmul", [first.value, second.value])
    axes = (a.dims[1] or b.dims[1], a.dims[2], b.dims[3])
    return distinct(Seen(value, axes, ((BATCH,), *axes)))


def _learned(reading: Reading, held: Any, beside: Seen) -> Seen:
    """A learned matrix, or a learned one transposed."""
    if not isinstance(held, Held) or not held.learned or held.places is None or len(beside.dims) != 4:
        raise Unliftable("a product with a tensor that is the same for every image")
    shape = [1] * (4 - held.tensor.ndim) + list(held.tensor.shape)
    base = held.base.tensor
    if shape[0] != 1 or base.numel() != held.tensor.numel():
        raise Unliftable("a product with a learned tensor that is worked out from another")
    tensor, places = held.tensor.reshape(shape[1:]), held.places.reshape(shape[1:])
    if bool((places.flatten() == places.flatten().sort().values).all()):
        return parameter(reading, held, tensor)
    turned = places.transpose(-2, -1).flatten()
    if not bool((turned == turned.sort().values).all()):
        raise Unliftable("a product with a learned tensor whose elements stand in another order")
    return reading.new("transpose", [parameter(reading, held, tensor.transpose(-2, -1)).value], "bchw")
