"""What the emitted PyTorch module offers to the code that uses it.

The PyTorch backend gives it; the backends that write programs around the module read it instead of the module.
"""

from __future__ import annotations

from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Interface:
    """The class of an emitted module: its name and the keyword arguments of its constructor.

    The class maps N x C x H x W images to N x num_classes logits. Beside it the module has `SPEC_HASH`, the network's
    hash in hexadecimal.
    """

    class_name: str
    num_classes: int | None
    """The declared number of classes; none where the network has no classifier."""
    in_channels: int
    """The channels of the image."""
    drop_path_rate: float | None
    """The declared rate; none where the class has no such argument."""
    image_size: tuple[int, int]
    """The declared height and width of the input."""
    sizes_padding: bool
    """Whether the class takes `image_size`, a tuple (height, width), because its padding depends on the size."""
    takes_classes: bool = True
    """Whether the class takes `num_classes`; not where more than the classifier depends on it."""
    takes_channels: bool = True
    """Whether the class takes `in_channels`; not where more than the first layers depends on them."""


__all__ = ["Interface"]
