"""Singular values of what a module computes. Needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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


class Gram:
    """Features of many images, a batch at a time: their products with themselves, summed in float64.

    The square roots of its eigenvalues are the singular values of all features side by side, however many columns that
    are; those below about 1e-8 of the largest are no more than noise.
    """

    def __init__(self) -> None:
        self._sum: Any = None
        self.columns = 0

    def add(self, features: Any) -> None:
        """The features of one batch more. Raises ValueError for what is no matrix, or holds what is no number."""
        import torch

        matrix = matrix_of(features.detach().to("cpu", torch.float64))
        if not bool(torch.isfinite(matrix).all()):
            raise ValueError("features hold what is no finite number")
        product = matrix @ matrix.T
        if self._sum is not None and product.shape != self._sum.shape:
            raise ValueError("features of different images have different channels")
        self._sum = product if self._sum is None else self._sum + product
        self.columns += int(matrix.shape[1])

    def values(self) -> list[float]:
        """The singular values, the largest first: as many as there are rows or columns, whichever are fewer."""
        import torch

        if self._sum is None:
            raise ValueError("there are no features")
        found = torch.linalg.eigvalsh(self._sum).clamp(min=0).sqrt().flip(0)
        kept: list[float] = found[: min(len(found), self.columns)].tolist()
        return kept

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of all features side by side."""
        return (0 if self._sum is None else int(self._sum.shape[0])), self.columns


def gathered(module: Any, places: Sequence[str], batches: Iterable[Any]) -> dict[str, Gram]:
    """The features at places within a module, or of its output for the place \"\", over batches of images.

    Raises ValueError as `Gram` does, and for a place that gives no tensor.
    """
    import torch

    found = {place: Gram() for place in places}
    kept: dict[str, Any] = {}

    def keeper(place: str) -> Callable[[Any, Any, Any], None]:
        def keep(_module: Any, _inputs: Any, output: Any) -> None:
            kept[place] = (
                output.clone() if isinstance(output, torch.Tensor) else output
            )  # what follows may work in place

        return keep

    hooks = [module.get_submodule(place).register_forward_hook(keeper(place)) for place in places]
    try:
        with torch.no_grad():
            for images in batches:
                kept.clear()
                module(images)
                for place, gram in found.items():
                    if not isinstance(kept.get(place), torch.Tensor):
                        raise ValueError(f"{place or 'the network'} gives no single tensor")
                    gram.add(kept[place])
    finally:
        for hook in hooks:
            hook.remove()
    return found


__all__ = ["LAWS", "Gram", "gathered", "layer_values", "matrix_of", "singular_values"]
