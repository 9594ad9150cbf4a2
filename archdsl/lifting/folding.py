"""What of a program is the same for every image: worked out beforehand, with a note of what it was made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Held, Standard, parts_of


def fold(node: Any, call: Call) -> Any:
    """What is the same for every image: worked out."""
    import torch

    one_only = call.operation in ("reshape_as", "view_as", "expand_as", "type_as")
    looked = [call.arguments["self"]] if one_only else list(call.arguments.values())
    held = [part for part in parts_of(looked) if isinstance(part, Held)]
    operation = node.target
    if call.operation == "batch_norm":
        return _standardized(call)
    if call.operation == "expand" and _only_images(call["size"], held[0].tensor.shape):
        (one,) = held  # as often as there are images
        if one.tensor.ndim == len(call["size"]):
            return one
        return replace(one, tensor=one.tensor[None], places=None if one.places is None else one.places[None])
    found = _run(call, operation, _numbers)
    if found is None:
        raise Unliftable("it cannot be worked out beforehand")
    names = tuple(dict.fromkeys([name for part in parts_of(list(call.arguments.values())) for name in _names(part)]))
    learned = any(part.learned for part in held)
    of = [part for part in held if part.learned]
    base = of[0].base if of and all(part.base is of[0].base for part in of) else None
    looks = call.operation in LOOKS_AT and not any(part.computed for part in of)
    standard = len(of) == 1 and call.operation in LOOKS_AT
    factor = of[0].factor if len(of) == 1 and call.operation in LOOKS_AT else _factor(call, of)

    seen = _run(call, operation, _places) if looks and base is not None else None

    def wrap(one: Any, at: int = -1) -> Any:
        if not isinstance(one, torch.Tensor):
            return one
        places = seen[at] if at >= 0 and seen is not None else seen
        return Held(one, names, learned, places, base, not looks, factor, of[0].standard if standard else None)

    return [wrap(one, at) for at, one in enumerate(found)] if isinstance(found, list | tuple) else wrap(found)


def _names(part: Any) -> tuple[str, ...]:
    return part.names if isinstance(part, Held) else ()


def _numbers(held: Held) -> Any:
    return held.tensor


def _places(held: Held) -> Any:
    return held.places if held.learned else held.tensor


def _run(call: Call, operation: Any, tensor: Callable[[Held], Any]) -> Any:
    """What an operation gives of tensors that are the same for every image; none where it does not take these."""
    import torch

    def plain(part: Any) -> Any:
        if isinstance(part, Held):
            found = tensor(part)
            return found.clone() if call.operation.endswith("_") and found is not None else found
        return [plain(one) for one in part] if isinstance(part, list | tuple) else part

    given = {key: plain(value) for key, value in call.arguments.items()}
    try:
        with torch.no_grad():
            if call.operation == "getitem":
                return given["self"][given["index"]]
            return operation(**given) if hasattr(operation, "_schema") else operation(*given.values())
    except Exception:  # whatever PyTorch raises of tensors that do not fit
        return None


# fmt: off
LOOKS_AT = frozenset(
    (
        "_to_copy", "_unsafe_view", "alias", "cat", "chunk", "clone", "contiguous", "detach", "detach_", "expand",
        "flatten", "flip", "gather", "getitem", "index", "index_select", "lift_fresh_copy", "movedim", "narrow",
        "numpy_T", "permute", "repeat", "reshape", "reshape_as", "select", "slice", "split", "split_with_sizes",
        "squeeze", "swapaxes", "t", "to", "transpose", "unbind", "unflatten", "unfold", "unsqueeze", "view",
        "view_as",
    )
)
# fmt: on
"""Operations that look at elements of a tensor and compute nothing."""


def _factor(call: Call, of: list[Held]) -> float | None:
    """The number by which the one learned tensor is multiplied."""
    other = [part for part in (call["self"], call["other"]) if not isinstance(part, Held) or not part.learned]
    if call.operation != "mul" or len(of) != 1 or len(other) != 1 or of[0].computed:
        return None
    number = other[0].tensor if isinstance(other[0], Held) else other[0]
    return float(number) if isinstance(number, int | float) or number.numel() == 1 else None


def _standardized(call: Call) -> Held:
    """Weights whose every output channel is brought to a mean of 0 and a deviation of 1, as `std_conv` has them."""
    rows, factor = call["input"], call["weight"]
    plain = isinstance(rows, Held) and rows.learned and not rows.computed and rows.base is not None
    if not plain or not call["training"] or call["bias"] is not None or call["running_mean"] is not None:
        raise Unliftable("a norm of what is the same for every image")
    weight = rows.base.tensor
    if rows.tensor.shape[0] != 1 or rows.tensor.numel() != weight.numel() or rows.tensor.shape[1] != weight.shape[0]:
        raise Unliftable("a norm of weights that is not over each output channel")
    gain, number = None, 1.0
    if isinstance(factor, Held) and factor.learned:
        gain = factor.base
        number = 1.0 if not factor.computed else factor.factor or 0.0
        if gain is None or gain.tensor.numel() != weight.shape[0] or not number:
            raise Unliftable("standardized weights with a factor that is worked out otherwise")
    elif isinstance(factor, Held):
        number = float(factor.tensor.flatten()[0])
        if not bool((factor.tensor == factor.tensor.flatten()[0]).all()):
            raise Unliftable("standardized weights with a constant factor of every channel")
    standard = Standard(float(call["eps"]), gain, number)
    names = (*rows.names, *(gain.names if gain is not None else ()))
    return Held(rows.tensor, names, True, None, rows.base, True, None, standard)


def _only_images(size: Any, shape: Any) -> bool:
    """Whether a tensor is repeated for every image, and otherwise as it was."""
    own = tuple(shape)[1:] if len(size) == len(shape) else tuple(shape)
    return len(size) == len(own) + 1 and all(a in (-1, b) for a, b in zip(size[1:], own, strict=True))
