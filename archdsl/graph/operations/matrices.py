# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Matrices: tokens are one with a row for every token, and a map is one of its height x width in every channel.

So products, `q k^T` among them, read as papers write them. Heads are matrices beside each other: a map of as many
channels, with a row for every token.
"""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import NOTHING_SAVED, Operation, Saved, attribute, need_map, need_tokens, operation
from archdsl.graph.operations.kinds import EXTENT
from archdsl.graph.operations.layout import Layout
from archdsl.graph.shapes import Dim, Shape, differ, divides, elements, exact_divide, is_one, noun, show, show_shape


def _need_matrix(name: str, shape: Shape) -> None:
    """E403 for a vector."""
    if len(shape) == 1:
        raise RuleError(
            "E403",
            f"{name} needs a matrix, which tokens are and every channel of a map, and got a vector of "
            f"{show_shape(shape)}",
        )


def _rows(shape: Shape) -> tuple[Dim, Dim]:
    """Rows and columns."""
    return (shape[1], shape[0]) if len(shape) == 2 else (shape[1], shape[2])


@operation
class Matmul(Operation):
    """The product of two matrices, row by column: of tokens with tokens, or of maps, channel by channel."""

    name: ClassVar[str] = "matmul"
    arity: ClassVar[int | None] = 2
    counts_channels: ClassVar[bool] = True

    def stride_behind(self, stride: int) -> int | None:
        """None: rows and columns are no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(M, N) of (K, N) and (M, K), which is N x K times K x M of rows x columns; (C, I, J) of (C, I, K) and
        (C, K, J), where one may have a single channel. Raises E403 for a vector, E401 where they do not fit."""
        a, b = inputs
        for shape in inputs:
            _need_matrix(self.name, shape)
        if len(a) != len(b):
            raise RuleError(
                "E401",
                f"matmul needs tokens and tokens, or two maps, and got {noun(a)} of {show_shape(a)} and {noun(b)} of "
                f"{show_shape(b)}",
            )
        rows, inner = _rows(a)
        others, columns = _rows(b)
        if differ(inner, others):
            raise RuleError(
                "E401",
                f"matmul of {show(rows)} x {show(inner)} and {show(others)} x {show(columns)}: the first has "
                f"{show(inner)} columns, the second {show(others)} rows; "
                + ("rows are tokens, columns channels" if len(a) == 2 else "rows are the height, columns the width"),
                help=self._help(rows, inner, others, columns),
            )
        if len(a) == 2:
            return ((columns, rows),)
        if differ(a[0], b[0]) and not (is_one(a[0]) or is_one(b[0])):
            raise RuleError(
                "E401",
                f"matmul needs as many channels in both maps, or one, and got {show_shape(a)} and {show_shape(b)}",
            )
        return ((b[0] if is_one(a[0]) else a[0], rows, columns),)

    def _help(self, rows: Dim, inner: Dim, others: Dim, columns: Dim) -> str | None:
        """The transposition with which they fit."""
        if not differ(inner, columns):
            return "transpose the second: matmul(a, transpose(b))"
        return "transpose the first: matmul(transpose(a), b)" if not differ(rows, others) else None

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """For each element of the output as many multiply-adds as a row has columns."""
        count = elements(outputs[0])
        return Ledger(multiply_adds=count * _rows(inputs[0])[1], outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Each matrix, where the other one needs a gradient."""
        return Saved(inputs=(0, 1), crossed=(0, 1))


@operation
class Transpose(Layout):
    """Rows as columns: of tokens channels and number change places, of a map height and width."""

    name: ClassVar[str] = "transpose"
    views: ClassVar[bool] = True
    counts_channels: ClassVar[bool] = True

    def stride_behind(self, stride: int) -> int | None:
        """None: rows and columns are no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(N, C) of (C, N), (C, W, H) of (C, H, W). Raises E403 for a vector."""
        _need_matrix(self.name, inputs[0])
        *others, a, b = inputs[0]
        return ((*others, b, a),)


@operation
class SplitHeads(Layout):
    """Equal parts of the channels of tokens beside each other: a map with a channel for every head and a row for every
    token."""

    name: ClassVar[str] = "split_heads"
    leading: ClassVar[str | None] = "heads"
    views: ClassVar[bool] = True
    counts_channels: ClassVar[bool] = True

    heads: Any = attribute(EXTENT, "number of equal parts of the channels")

    def stride_behind(self, stride: int) -> int | None:
        """None: tokens have no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(heads, N, C / heads). Raises E403 for what is no tokens, E404 where the heads do not divide C."""
        channels, count = need_tokens(self.name, inputs[0])
        if not divides(self.heads, channels):
            raise RuleError(
                "E404",
                f"split_heads cannot make {show(self.heads)} equal heads of {show(channels)} channels",
                attribute="heads",
            )
        return ((self.heads, count, exact_divide(channels, self.heads)),)


@operation
class MergeHeads(Layout):
    """The channels of all heads one behind the other again: a map with a row for every token as tokens."""

    name: ClassVar[str] = "merge_heads"
    counts_channels: ClassVar[bool] = True

    def stride_behind(self, stride: int) -> int | None:
        """None: tokens have no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C W, H) of (C, H, W). Raises E403 for what is no map."""
        heads, count, channels = need_map(self.name, inputs[0])
        return ((heads * channels, count),)


@operation
class RelativeLogits(Operation):
    """For every two positions of a map the sum of what the first has for their offset down and for that along
    (Srinivas et al. 2021): a bias of attention."""

    name: ClassVar[str] = "relative_logits"
    arity: ClassVar[int | None] = 2
    counts_channels: ClassVar[bool] = True

    def stride_behind(self, stride: int) -> int | None:
        """None: rows and columns are positions, and have no places in the image."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(h, N, N) of (h, N, 2 H - 1) and (h, N, 2 W - 1) with N = H W. Raises E403 for what is no map, E404 for an
        even number of offsets, E401 where heads or positions differ."""
        down, along = inputs
        heads, count, _ = need_map(self.name, down)
        others = need_map(self.name, along)
        height, width = self._side("down", down[2]), self._side("along", along[2])
        if differ(heads, others[0]) or differ(count, others[1]) or differ(count, height * width):
            raise RuleError(
                "E401",
                f"relative_logits for offsets in a map of {show(height)} x {show(width)} needs as many heads in both "
                f"and {show(height * width)} positions, and got {show_shape(down)} and {show_shape(along)}",
            )
        return ((heads, count, count),)

    def _side(self, direction: str, offsets: Dim) -> Dim:
        """The extent that has so many offsets."""
        if not divides(2, offsets + 1):
            raise RuleError(
                "E404",
                f"relative_logits needs 2 n - 1 offsets {direction} a map of n positions that way, and got "
                f"{show(offsets)}",
            )
        return exact_divide(offsets + 1, 2)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """The sums."""
        count = elements(outputs[0])
        return Ledger(residual_adds=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: a gradient is moved back."""
        return NOTHING_SAVED


__all__ = ["Matmul", "MergeHeads", "RelativeLogits", "SplitHeads", "Transpose"]
