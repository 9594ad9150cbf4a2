# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Tokens: (C, N) in the language, N vectors of C channels. Between maps and tokens, one of them, and attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import (
    Operation,
    Saved,
    attribute,
    need_map,
    need_tokens,
    operation,
)
from archdsl.graph.operations.kinds import EXTENT, PAIR, OrNone, Whole
from archdsl.graph.operations.layout import Layout
from archdsl.graph.shapes import (
    Dim,
    Shape,
    below,
    decided,
    differ,
    divides,
    elements,
    exact_divide,
    is_one,
    show,
    show_shape,
)


class _Ordered(Layout):
    """The positions of a map in an order."""

    __slots__ = ()

    views: ClassVar[bool] = True
    later: ClassVar[Mapping[str, Any]] = {"window": (1, 1), "step": (1, 1)}

    window: tuple[Any, Any]
    step: tuple[Any, Any]

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Raises E306 for window and step together."""
        if values["window"] != (1, 1) and values["step"] != (1, 1):
            raise RuleError("E306", f"{cls.name} takes window or step, not both", attribute="step")

    def shares_memory(self, training: bool) -> bool:
        """Where positions stand row by row."""
        return self.window == self.step == (1, 1)

    def check_places(self, height: Dim, width: Dim) -> None:
        """Raises E404 where windows or steps do not divide a map."""
        for name, pair in (("window", self.window), ("step", self.step)):
            if not (divides(pair[0], height) and divides(pair[1], width)):
                raise RuleError(
                    "E404",
                    f"a {name} of {show(pair[0])} x {show(pair[1])} does not divide a map of {show(height)} x "
                    f"{show(width)}",
                    attribute=name,
                )


WINDOW = "windows that follow each other, positions in each row by row"
STEP = "positions that are so far apart follow each other, row by row"


@operation
class Tokens(_Ordered):
    """The positions of a map as tokens, row by row."""

    name: ClassVar[str] = "tokens"

    window: tuple[Any, Any] = attribute(PAIR, WINDOW, 1)
    step: tuple[Any, Any] = attribute(PAIR, STEP, 1)

    def stride_behind(self, stride: int) -> int | None:
        """None: tokens have no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, H W). Raises E403 for what is no map, E404 where windows or steps do not divide it."""
        channels, height, width = need_map(self.name, inputs[0])
        self.check_places(height, width)
        return ((channels, height * width),)


@operation
class Map(_Ordered):
    """Tokens as the positions of a map, row by row, as high and as wide as another map."""

    name: ClassVar[str] = "map"
    arity: ClassVar[int | None] = 2
    takes_size: ClassVar[bool] = True
    views: ClassVar[bool] = True

    window: tuple[Any, Any] = attribute(PAIR, WINDOW, 1)
    step: tuple[Any, Any] = attribute(PAIR, STEP, 1)

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, H, W) of C x N tokens and a map of H x W. Raises E403 for another kind of value, E404 where N is not
        H W, and where windows or steps do not divide the map."""
        channels, count = need_tokens(self.name, inputs[0])
        _, height, width = need_map(self.name, inputs[1])
        if differ(count, height * width):
            raise RuleError(
                "E404",
                f"map of {show(height)} x {show(width)} has {show(height * width)} positions and got {show(count)} "
                "tokens",
                help="take as many tokens as the map has positions: those that were added to them go first",
            )
        self.check_places(height, width)
        return ((channels, height, width),)


@operation
class Token(Layout):
    """One of the tokens, as a vector."""

    name: ClassVar[str] = "token"
    leading: ClassVar[str | None] = "index"
    views: ClassVar[bool] = True

    index: Any = attribute(Whole(0), "which one, counted from 0")

    def stride_behind(self, stride: int) -> int | None:
        """None: a vector has no places."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C,). Raises E403 for what is no tokens, E404 where there are not so many."""
        channels, count = need_tokens(self.name, inputs[0])
        if decided(count) and decided(self.index) and not below(self.index, count):
            raise RuleError(
                "E404",
                f"token {show(self.index)}, counted from 0, of {show(count)} tokens is none",
                attribute="index",
                help=f"index: {show(count - 1)}",
            )
        return ((channels,),)


@operation
class Attention(Operation):
    """softmax(q k / sqrt(d) + bias) v of queries, keys and values, in heads of d channels (Vaswani et al. 2017)."""

    name: ClassVar[str] = "attention"
    arity: ClassVar[int | None] = 3
    optional: ClassVar[int] = 1
    counts_channels: ClassVar[bool] = True
    later: ClassVar[Mapping[str, Any]] = {"parts": None, "size": None}

    heads: Any = attribute(EXTENT, "equal parts of the channels, each with weights of its own", 1)
    parts: Any = attribute(OrNone(EXTENT), "equal parts of the tokens, each of which sees itself alone", None)
    size: Any = attribute(OrNone(EXTENT), "tokens of each such part", None)

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Raises E306 for parts and size together."""
        if values["parts"] is not None and values["size"] is not None:
            raise RuleError("E306", "attention takes parts or size, not both", attribute="size")

    def stride_behind(self, stride: int) -> int | None:
        """None: tokens have no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(D, N) of q: (C, N), k: (C, M), v: (D, M); of maps, with a head in every channel, (H, N, D) of (H, N, C),
        (H, M, C) and (H, M, D), where keys and values may have one channel for all heads. A bias is (H, N, M) or
        (1, N, M), and of parts (H, N / parts, M / parts). Raises E403 for what is neither tokens nor maps, E401 where
        shapes differ, E404 where heads or parts do not divide."""
        q, k, v, *bias = inputs
        heads, queries, channels = self._matrices(q)
        _, keys, theirs = self._matrices(k)
        _, values, width = self._matrices(v)
        others = [shape[0] for shape in (k, v) if len(q) == 3 and not is_one(shape[0])]
        if not len(q) == len(k) == len(v) or any(differ(q[0], heads_of) for heads_of in others):
            shapes = ", ".join(show_shape(shape) for shape in (q, k, v))
            raise RuleError(
                "E401",
                f"attention needs tokens alone, or maps of as many heads (keys and values: or one), and got {shapes}",
            )
        if differ(channels, theirs):
            raise RuleError(
                "E401",
                f"attention needs as many channels in queries and keys and got {show_shape(q)} and {show_shape(k)}",
            )
        if differ(keys, values):
            raise RuleError(
                "E401", f"attention needs as many values as keys and got {show_shape(k)} and {show_shape(v)}"
            )
        for what, extent in (("keys", channels), ("values", width)) if len(q) == 2 else ():
            if not divides(self.heads, extent):
                raise RuleError(
                    "E404",
                    f"attention cannot make {show(self.heads)} equal heads of {what} of {show(extent)} channels",
                    attribute="heads",
                )
        for what, extent in (("queries", queries), ("keys", keys)):
            for name, number in (("parts", self.parts), ("size", self.size)):
                if number is not None and not divides(number, extent):
                    parts = f"{show(number)} equal parts" if name == "parts" else f"parts of {show(number)}"
                    raise RuleError("E404", f"attention cannot make {parts} of {show(extent)} {what}", attribute=name)
        parts = self._parts(queries)
        if self.size is not None and differ(queries, keys):
            raise RuleError("E401", f"attention in parts of {show(self.size)} needs as many keys as queries")
        for shape in bias:
            wanted = (heads, exact_divide(queries, parts), exact_divide(keys, parts))
            fits = len(shape) == 3 and not any(map(differ, shape[1:], wanted[1:]))
            if not fits or (differ(shape[0], heads) and not is_one(shape[0])):
                raise RuleError(
                    "E401",
                    f"the bias of this attention needs a shape of {show_shape(wanted)}, heads x queries x keys, and "
                    f"got {show_shape(shape)}",
                )
        return ((width, queries),) if len(q) == 2 else ((heads, queries, width),)

    def _matrices(self, shape: Shape) -> tuple[Dim, Dim, Dim]:
        """Heads, tokens and channels, those of tokens in all heads."""
        if len(shape) != 3:
            channels, count = need_tokens(self.name, shape)
            return self.heads, count, channels
        for name, value, plain in (("heads", self.heads, 1), ("parts", self.parts, None), ("size", self.size, None)):
            if value != plain:
                raise RuleError(
                    "E403",
                    f"{name} of attention are those of tokens; a map of {show_shape(shape)} has "
                    f"{'a head in every channel' if name == 'heads' else 'none'}",
                    attribute=name,
                )
        return shape

    def _parts(self, queries: Dim) -> Dim:
        if self.size is not None:
            return exact_divide(queries, self.size)
        return 1 if self.parts is None else self.parts

    def _pairs(self, inputs: tuple[Shape, ...]) -> tuple[Dim, Dim, Dim]:
        """Pairs of queries and keys that meet, in one head; queries; heads."""
        heads, queries, _ = self._matrices(inputs[0])
        return queries * exact_divide(self._matrices(inputs[1])[1], self._parts(queries)), queries, heads

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Each of the N M pairs: C multiply-adds of q with k, D of its weights with v, and a softmax in every head."""
        pairs, queries, heads = self._pairs(inputs)
        inner, width = (self._matrices(shape)[2] * (heads if len(shape) == 3 else 1) for shape in inputs[::2][:2])
        return Ledger(
            multiply_adds=pairs * inner + pairs * width,
            activation_elements=pairs * heads,
            residual_adds=(pairs - queries) * heads + (pairs * heads if len(inputs) > 3 else 0),
            outputs=elements(outputs[0]),
        )

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Queries, keys and values, the output, and for each token in each head the logarithm of its sum: what fused
        kernels keep, PyTorch's for CPUs among them. They need as many channels in values as in keys, and no bias that
        is learned; otherwise the weights are kept, and queries and keys as they were scaled, the keys in every head."""
        pairs, queries, heads = self._pairs(inputs)
        if len(inputs) > 3 or differ(self._matrices(inputs[0])[2], self._matrices(inputs[2])[2]):
            keys = elements(inputs[1]) if len(inputs[1]) == 2 else elements((heads, *inputs[1][1:]))
            return Saved(inputs=(2,), values=pairs * heads + elements(inputs[0]) + keys)
        return Saved(inputs=(0, 1, 2), outputs=(0,), values=queries * heads)


__all__ = ["Attention", "Map", "Token", "Tokens"]
