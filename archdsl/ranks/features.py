"""Singular values of what a module computes. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.ranks.layers import Layer, Values

LAWS = {"normal": "the standard normal distribution", "uniform": "the uniform distribution between -1 and 1"}
"""Laws of X, each element by itself."""


def matrix_of(features: Any) -> Any:
    """Features N x C, N x C x H x W or N x tokens x C as a matrix with a row for each channel."""
    if features.ndim == 4:
        return features.permute(1, 0, 2, 3).reshape(features.shape[1], -1)
    if features.ndim == 3:
        return features.reshape(-1, features.shape[2]).T
    if features.ndim == 2:
        return features.T
    raise ValueError(f"features of {features.ndim} extents are no matrix")


def singular_values(matrix: Any) -> list[float]:
    """The singular values, the largest first, in the dtype of the matrix."""
    import torch

    found: list[float] = torch.linalg.svdvals(matrix).double().tolist()
    return found


def layer_values(layer: Layer, module: Any, shape: Sequence[int], columns: int, law: str, dtype: str) -> Values:
    """Singular values of a layer's features of images that are drawn, its norms by the statistics of these.

    `module` makes the module with new weights; `shape` is that of an image, `columns` as in `layers.Study`.
    """
    import torch

    kind = getattr(torch, dtype)
    channels, height, width = shape
    images = -(-columns * layer.d_out // (height * width))
    torch.manual_seed(layer.seed)
    network = module().train()
    generator = torch.Generator().manual_seed(layer.seed)
    size = (max(2, images), channels, height, width)
    if law == "normal":
        x = torch.randn(size, generator=generator, dtype=kind)
    else:
        x = 2 * torch.rand(size, generator=generator, dtype=kind) - 1
    with torch.no_grad():
        matrix = matrix_of(network.to(kind)(x))
    return Values(singular_values(matrix), (int(matrix.shape[0]), int(matrix.shape[1])))


__all__ = ["LAWS", "layer_values", "matrix_of", "singular_values"]
