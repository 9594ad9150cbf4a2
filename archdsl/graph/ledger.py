"""The ledger: what one operation computes and stores, term by term, for one image.

Columns hold counts, not verdicts: which of them are "flops", "params" or "acts" is a convention's
business (`conventions.py`). Counts are exact; they are integers, or whatever the shapes are made of.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from archdsl.graph.shapes import Dim
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Ledger:
    """The terms of one operation, or of a sum of operations."""

    multiply_adds: Dim = 0
    """Multiplications that are each followed by an addition: of convolutions, linear layers, matmul and attention."""
    window_products: Dim = 0
    """Of a transposed convolution: what it would multiply if every output element had a whole window."""
    bias_adds: Dim = 0
    """Additions of a conv's or linear's bias: one an output element."""
    norm_elements: Dim = 0
    """Elements that a norm shifts by a mean and divides by a deviation."""
    affine_elements: Dim = 0
    """Elements that a norm then scales and shifts by its parameters."""
    activation_elements: Dim = 0
    """Elements that an activation function maps."""
    pooled_elements: Dim = 0
    """Elements that enter a pooling or a reduction."""
    gate_multiplications: Dim = 0
    """Products and quotients of two values, elementwise: one an output element."""
    residual_adds: Dim = 0
    """Sums and differences of two values, elementwise, one an output element; and the additions of a softmax."""
    scaled_elements: Dim = 0
    """Elements that a learned factor or a number is applied to."""
    interpolated_elements: Dim = 0
    """Elements that an upsampling makes."""
    weights: Dim = 0
    """Weights of conv and linear."""
    biases: Dim = 0
    """Biases of conv and linear."""
    norm_parameters: Dim = 0
    """Scales and shifts of norms."""
    other_parameters: Dim = 0
    """Learned scales of layer scale, slopes of prelu, and tensors of `parameter`."""
    running_statistics: Dim = 0
    """Elements of a batch norm's running mean and variance."""
    counters: Dim = 0
    """Elements of buffers that count steps: one a batch norm (PyTorch's `num_batches_tracked`)."""
    outputs: Dim = 0
    """Elements of all outputs."""

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(*[getattr(self, name) + getattr(other, name) for name in COLUMNS])

    @property
    def parameters(self) -> Dim:
        """All learned elements."""
        return self.weights + self.biases + self.norm_parameters + self.other_parameters

    @property
    def buffers(self) -> Dim:
        """All stored elements that are not learned, as `sum(b.numel() for b in module.buffers())` gives them."""
        return self.running_statistics + self.counters

    def terms(self) -> dict[str, Any]:
        """The columns that are not 0, by name."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        return {name: value for name, value in columns.items() if not isinstance(value, int) or value}


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Ledger))
