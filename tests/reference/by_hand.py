"""Networks that no library of the tests has, written by hand in plain torch from what is published of them."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn


def twice(channels: int, width: int) -> nn.Sequential:
    """Two convolutions with norms."""
    layers: list[nn.Module] = []
    for given in (channels, width):
        layers += [nn.Conv2d(given, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


class Up(nn.Module):
    """Twice the extent, and two convolutions of it beside what came down."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(channels, width, 2, stride=2)
        self.conv = twice(channels, width)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        found: Tensor = self.conv(torch.cat((beside, self.enlarge(x)), 1))
        return found


class UNet(nn.Module):
    """Figure 1 of arXiv:1505.04597, with padding and norms; the path up joins what came down with what comes up."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        widths = (64, 128, 256, 512, 1024)
        self.down = nn.ModuleList([twice(a, b) for a, b in zip((3, *widths), widths, strict=False)])
        self.up = nn.ModuleList([Up(a, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)])
        self.out = nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for index, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if index else x)
            kept.append(x)
        for block, beside in zip(self.up, kept[-2::-1], strict=True):
            x = block(x, beside)
        logits: Tensor = self.out(x)
        return logits


# YOLOv8, row by row as its published file has it (ultralytics, cfg/models/v8/yolov8.yaml): where a row takes its input
# from (-1: the row before), how often it stands there, what it is, and its arguments.

Row: TypeAlias = "tuple[int | tuple[int, ...], int, str, tuple[Any, ...]]"
YOLOV8: tuple[Row, ...] = (
    (-1, 1, "Conv", (64, 3, 2)),
    (-1, 1, "Conv", (128, 3, 2)),
    (-1, 3, "C2f", (128, True)),
    (-1, 1, "Conv", (256, 3, 2)),
    (-1, 6, "C2f", (256, True)),
    (-1, 1, "Conv", (512, 3, 2)),
    (-1, 6, "C2f", (512, True)),
    (-1, 1, "Conv", (1024, 3, 2)),
    (-1, 3, "C2f", (1024, True)),
    (-1, 1, "SPPF", (1024, 5)),
    (-1, 1, "Upsample", ()),
    ((-1, 6), 1, "Concat", ()),
    (-1, 3, "C2f", (512, False)),
    (-1, 1, "Upsample", ()),
    ((-1, 4), 1, "Concat", ()),
    (-1, 3, "C2f", (256, False)),
    (-1, 1, "Conv", (256, 3, 2)),
    ((-1, 12), 1, "Concat", ()),
    (-1, 3, "C2f", (512, False)),
    (-1, 1, "Conv", (512, 3, 2)),
    ((-1, 9), 1, "Concat", ()),
    (-1, 3, "C2f", (1024, False)),
    ((15, 18, 21), 1, "Detect", (80,)),
)
BACKBONE = YOLOV8[:10]
GIVEN = (4, 6, 9)
"""The rows of the backbone whose maps a detector takes."""
PARAMETERS = (464, 4672, 7360, 18560, 49664, 73984, 197632, 295424, 460288, 164608)
"""What the library prints for the rows of YOLOv8n's backbone."""


class Conv(nn.Module):
    def __init__(self, channels: int, width: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=1e-3, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.silu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.cv1, self.cv2, self.shortcut = Conv(width, width, 3), Conv(width, width, 3), shortcut

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.cv2(self.cv1(x))
        return x + found if self.shortcut else found


class C2f(nn.Module):
    def __init__(self, channels: int, times: int, width: int, shortcut: bool) -> None:
        super().__init__()
        half = width // 2
        self.cv1, self.cv2 = Conv(channels, width), Conv((2 + times) * half, width)
        self.m = nn.ModuleList([Bottleneck(half, shortcut) for _ in range(times)])

    def forward(self, x: Tensor) -> Tensor:
        parts = [*self.cv1(x).chunk(2, 1)]
        for block in self.m:
            parts.append(block(parts[-1]))
        found: Tensor = self.cv2(torch.cat(parts, 1))
        return found


class SPPF(nn.Module):
    def __init__(self, channels: int, width: int, kernel: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(channels, channels // 2), Conv(2 * channels, width)
        self.pool = nn.MaxPool2d(kernel, 1, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        found: Tensor = self.cv2(torch.cat(parts, 1))
        return found


class Detect(nn.Module):
    """The predictions as they are trained: 16 chances for each side of a box, and a score of every class."""

    def __init__(self, channels: list[int], classes: int) -> None:
        super().__init__()
        sides, wide = max(16, channels[0] // 4, 64), max(channels[0], min(classes, 100))

        def branch(given: int, width: int, ends: int) -> nn.Sequential:
            return nn.Sequential(Conv(given, width, 3), Conv(width, width, 3), nn.Conv2d(width, ends, 1))

        self.cv2 = nn.ModuleList([branch(given, sides, 64) for given in channels])
        self.cv3 = nn.ModuleList([branch(given, wide, classes) for given in channels])

    def forward(self, *maps: Tensor) -> list[Tensor]:
        return [torch.cat((a(x), b(x)), 1) for x, a, b in zip(maps, self.cv2, self.cv3, strict=True)]


class YOLOv8(nn.Module):
    """The rows with the depth, the width and the most channels of one of the file's scales; `n` if none is given."""

    def __init__(
        self, depth: float = 0.33, width: float = 0.25, most: int = 1024, rows: tuple[Row, ...] = YOLOV8
    ) -> None:
        super().__init__()
        self.rows = rows
        self.model = nn.ModuleList()
        channels: list[int] = []
        for source, times, kind, given in rows:
            taken = [channels[at] if channels else 3 for at in (source if isinstance(source, tuple) else (source,))]
            times = max(round(times * depth), 1) if times > 1 else times
            wide = math.ceil(min(given[0], most) * width / 8) * 8 if given else sum(taken)
            made: nn.Module = nn.Identity()
            if kind == "Conv":
                made = Conv(taken[0], wide, *given[1:])
            elif kind == "C2f":
                made = C2f(taken[0], times, wide, *given[1:])
            elif kind == "SPPF":
                made = SPPF(taken[0], wide, *given[1:])
            elif kind == "Upsample":
                made = nn.Upsample(scale_factor=2)
            elif kind == "Detect":
                made = Detect(taken, *given)
            self.model.append(made)
            channels.append(wide)

    def kept(self, x: Tensor) -> list[Any]:
        """What each row gives."""
        found: list[Any] = []
        for layer, (source, _, kind, _) in zip(self.model, self.rows, strict=True):
            taken = [found[at] if found else x for at in (source if isinstance(source, tuple) else (source,))]
            found.append(torch.cat(taken, 1) if kind == "Concat" else layer(*taken))
        return found

    def forward(self, x: Tensor) -> list[Tensor]:
        found: list[Tensor] = self.kept(x)[-1]
        return found


class YOLOv8Backbone(YOLOv8):
    """The rows before the neck, and the maps that a detector takes of them."""

    def __init__(self, depth: float = 0.33, width: float = 0.25, most: int = 1024) -> None:
        super().__init__(depth, width, most, BACKBONE)

    def forward(self, x: Tensor) -> list[Tensor]:
        found = self.kept(x)
        return [found[at] for at in GIVEN]
