# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Tokens: (C, N) in the language, N vectors of C channels. Between maps and tokens, one of them, and attention."""

from __future__ import annotations

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
from archdsl.graph.operations.kinds import EXTENT, Whole
from archdsl.graph.operations.layout import Layout
from archdsl.graph.shapes import Dim, Shape, below, decided, differ, divides, show, show_shape


@operation
class Tokens(Layout):
    """The positions of a map as tokens, row by row."""

    name: ClassVar[str] = "tokens"
    views: ClassVar[bool] = True

    def stride_behind(self, stride: int) -> int | None:
        """None: tokens have no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, H W). Raises E403 for what is no map."""
        channels, height, width = need_map(self.name, inputs[0])
        return ((channels, height * width),)


@operation
class Map(Layout):
    """Tokens as the positions of a map, row by row, as high and as wide as another map."""

    name: ClassVar[str] = "map"
    arity: ClassVar[int | None] = 2
    takes_size: ClassVar[bool] = True
    views: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, H, W) of C x N tokens and a map of H x W. Raises E403 for another kind of value, E404 where N is not
        H W."""
        channels, count = need_tokens(self.name, inputs[0])
        _, height, width = need_map(self.name, inputs[1])
        if differ(count, height * width):
            raise RuleError(
                "E404",
                f"map of {show(height)} x {show(width)} has {show(height * width)} positions and got {show(count)} "
                "tokens",
                help="take as many tokens as the map has positions: those that were added to them go first",
            )
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
    """softmax(q k / sqrt(d)) v of queries, keys and values, in heads of d channels (Vaswani et al. 2017)."""

    name: ClassVar[str] = "attention"
    arity: ClassVar[int | None] = 3
    counts_channels: ClassVar[bool] = True

    heads: Any = attribute(EXTENT, "equal parts of the channels, each with weights of its own", 1)

    def stride_behind(self, stride: int) -> int | None:
        """None: tokens have no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(D, N) of q: (C, N), k: (C, M), v: (D, M). Raises E403 for what is no tokens, E401 where C or M differ, E404
        where the heads do not divide C and D."""
        channels, count = need_tokens(self.name, inputs[0])
        theirs, places = need_tokens(self.name, inputs[1])
        width, values = need_tokens(self.name, inputs[2])
        if differ(channels, theirs):
            raise RuleError(
                "E401",
                "attention needs as many channels in queries and keys and got "
                f"{show_shape(inputs[0])} and {show_shape(inputs[1])}",
            )
        if differ(places, values):
            raise RuleError(
                "E401",
                f"attention needs as many values as keys and got {show_shape(inputs[1])} and {show_shape(inputs[2])}",
            )
        for what, extent in (("keys", channels), ("values", width)):
            if not divides(self.heads, extent):
                raise RuleError(
                    "E404",
                    f"attention cannot make {show(self.heads)} equal heads of {what} of {show(extent)} channels",
                    attribute="heads",
                )
        return ((width, count),)

    def _weights(self, inputs: tuple[Shape, ...]) -> Dim:
        return inputs[0][1] * inputs[1][1]

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Each of the N M pairs: C multiply-adds of q with k, D of its weights with v, and a softmax in every head."""
        pairs = self._weights(inputs)
        count = outputs[0][0] * outputs[0][1]
        return Ledger(
            multiply_adds=pairs * inputs[0][0] + pairs * inputs[2][0],
            activation_elements=pairs * self.heads,
            residual_adds=(pairs - inputs[0][1]) * self.heads,
            outputs=count,
        )

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Queries, keys and values, the output, and for each token in each head the logarithm of its sum: what fused
        kernels keep, PyTorch's for CPUs among them. They need as many channels in values as in keys; otherwise the
        weights are kept instead."""
        if differ(inputs[0][0], inputs[2][0]):
            return Saved(inputs=(0, 1, 2), values=self._weights(inputs) * self.heads)
        return Saved(inputs=(0, 1, 2), outputs=(0,), values=inputs[0][1] * self.heads)


__all__ = ["Attention", "Map", "Token", "Tokens"]
