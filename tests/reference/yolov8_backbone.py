"""The backbone of YOLOv8 as plain modules, made of the rows of its published file (ultralytics, yolov8.yaml).

There is no library to compare with here: this is written from the file's rows and what they say of each module, and
`PARAMETERS` are the counts that the library prints for the same rows of yolov8n.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

ROWS = (
    ("Conv", 1, 64, 3),
    ("Conv", 1, 128, 3),
    ("C2f", 3, 128, 0),
    ("Conv", 1, 256, 3),
    ("C2f", 6, 256, 0),
    ("Conv", 1, 512, 3),
    ("C2f", 6, 512, 0),
    ("Conv", 1, 1024, 3),
    ("C2f", 3, 1024, 0),
    ("SPPF", 1, 1024, 5),
)
"""Module, how often, width, kernel; every convolution has a stride of 2."""
GIVEN = (4, 6, 9)
"""The rows whose maps a detector takes."""
PARAMETERS = (464, 4672, 7360, 18560, 49664, 73984, 197632, 295424, 460288, 164608)


class Conv(nn.Sequential):
    def __init__(self, given: int, width: int, kernel: int = 1, stride: int = 1) -> None:
        norm = nn.BatchNorm2d(width, eps=1e-3, momentum=0.03)
        super().__init__(nn.Conv2d(given, width, kernel, stride, kernel // 2, bias=False), norm, nn.SiLU())


class Bottleneck(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(Conv(width, width, 3), Conv(width, width, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class C2f(nn.Module):
    def __init__(self, given: int, width: int, count: int) -> None:
        super().__init__()
        half = width // 2
        self.first = Conv(given, 2 * half)
        self.steps = nn.ModuleList(Bottleneck(half) for _ in range(count))
        self.last = Conv((2 + count) * half, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.first(x).chunk(2, 1))
        for step in self.steps:
            parts.append(step(parts[-1]))
        return self.last(torch.cat(parts, 1))


class SPPF(nn.Module):
    def __init__(self, given: int, width: int, kernel: int) -> None:
        super().__init__()
        self.first = Conv(given, given // 2)
        self.pool = nn.MaxPool2d(kernel, 1, kernel // 2)
        self.last = Conv(4 * (given // 2), width)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Backbone(nn.Module):
    """The rows at a depth, a width and a largest width of the file's `scales`."""

    def __init__(self, depth: float = 0.33, width: float = 0.25, most: int = 1024) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        given = 3
        for module, count, columns, kernel in ROWS:
            wide = math.ceil(min(columns, most) * width / 8) * 8
            if module == "Conv":
                layers.append(Conv(given, wide, kernel, 2))
            elif module == "C2f":
                layers.append(C2f(given, wide, max(round(count * depth), 1)))
            else:
                layers.append(SPPF(given, wide, kernel))
            given = wide
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in GIVEN:
                found.append(x)
        return tuple(found)
