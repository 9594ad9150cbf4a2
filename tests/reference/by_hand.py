"""Networks that no library of the tests has, written by hand in plain torch from what is published of them."""

from __future__ import annotations

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
