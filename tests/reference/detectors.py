"""Detectors made of the modules of timm and torchvision, where neither has the whole; each gives its predictions as
they are before boxes are decoded.

`archdsl.lifting.operators.declare` is called before this is imported.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from timm.models.rexnet import RexNet
from torch import Tensor, nn
from torchvision.models.detection import ssdlite

NORM = partial(nn.BatchNorm2d, eps=1e-5, momentum=0.1)
EXTRA = (512, 256, 256, 128)


class SSDLiteOfMobileNet(nn.Module):
    """torchvision's SSDLite on MobileNetV3-Large."""

    def __init__(self) -> None:
        super().__init__()
        found = ssdlite.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
        self.backbone, self.head = found.backbone, found.head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        found = self.head(list(self.backbone(x).values()))
        return found["cls_logits"], found["bbox_regression"]


class SSDLiteOfReXNet(nn.Module):
    """torchvision's extra layers and heads on timm's ReXNet: the first map is the expansion of the last block that has
    a stride, the second the last map."""

    def __init__(self, width_mult: float, classes: int = 81) -> None:
        super().__init__()
        found = RexNet(width_mult=width_mult)
        self.stem, self.features = found.stem, found.features
        *_, last = found.features
        self.within = next(i for i, block in reversed([*enumerate(found.features)]) if strided(block))
        widths = [last.conv.out_channels, *EXTRA]
        self.extra = nn.ModuleList([ssdlite._extra_block(a, b, NORM) for a, b in zip(widths, EXTRA, strict=False)])
        expanded: Any = found.features[self.within]
        widths = [expanded.conv_exp.conv.out_channels, *widths]
        self.head = ssdlite.SSDLiteHead(widths, [3, *[6] * 5], classes, NORM)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        maps = []
        for index, block in enumerate(self.features):
            if index == self.within:
                x = block.conv_exp(x)
                maps.append(x)
                x = block.conv_pwl(block.act_dw(block.se(block.conv_dw(x))))
            else:
                x = block(x)
        maps.append(x)
        for block in self.extra:
            maps.append(block(maps[-1]))
        found = self.head(maps)
        return found["cls_logits"], found["bbox_regression"]


def strided(block: Any) -> bool:
    """Whether one of timm's blocks has a stride."""
    return hasattr(block, "conv_dw") and block.conv_dw.conv.stride[0] == 2


def rows(maps: list[Tensor], classes: int) -> list[Tensor]:
    """Scores of the classes at all positions of some maps, and the four offsets of as many, as torchvision gives them:
    one row a box."""
    half = len(maps) // 2
    flat = [x.permute(0, 2, 3, 1).flatten(1) for x in maps]
    return [torch.cat(flat[:half], 1).unflatten(1, (-1, classes)), torch.cat(flat[half:], 1).unflatten(1, (-1, 4))]
