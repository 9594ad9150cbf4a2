"""What the network of a checkpoint takes for input: what no shape shows.

Libraries differ in the order of colours, in the mean and standard deviation that images are normalised by, and in how
images are resized and cropped. A checkpoint's names tell its library, and what the library does always is known then;
what it does by model or by run is known only where the checkpoint tells, and is otherwise none: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from archdsl.records import dataclass

ChannelOrder: TypeAlias = Literal["rgb", "bgr"]
CHANNEL_ORDERS: tuple[ChannelOrder, ...] = ("rgb", "bgr")

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue, of values from 0 to 1."""
CLOSE = 1e-6
"""As far apart two means are the same."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a network takes for input; none where nothing tells.

    mean, std    of red, green and blue in this order, of values from 0 to `largest`
    resize       the shorter side in pixels before the crop
    """

    library: str | None = None
    channel_order: ChannelOrder | None = None
    largest: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    interpolation: str | None = None
    resize: int | None = None
    crop: int | None = None


LIBRARIES: tuple[tuple[str, re.Pattern[str], Inputs], ...] = (
    (
        "pycls",
        re.compile(r"s\d+\.b\d+\.(f\.)?(a|b|c|exp|dwise|lin_proj)(_bn)?\.\w+$|head\.head_fc\.weight$"),
        # pycls, pycls/datasets/imagenet.py (ImageNet._prepare_im) and the sizes of pycls/core/config.py
        Inputs("pycls", "bgr", 1, IMAGENET_MEAN, IMAGENET_STD, "bilinear", 256, 224),
    ),
    (
        "timm",
        re.compile(
            r"conv_stem\.weight$|s\d+\.b\d+\.conv1\.conv\.weight$|features\.\d+\.conv_dw\.conv\.weight$"
            r"|stages\.\d+\.blocks\.\d+\.(conv_dw|norm|mlp)\b|stages\.\d+\.downsample\.\d\.weight$"
        ),
        # timm's mean and deviation are by model (pretrained_cfg)
        Inputs("timm", "rgb", 1),
    ),
    (
        "torchvision",
        re.compile(r"trunk_output\.block1\.|features\.\d+\.(\d+|conv)\."),
        # torchvision, torchvision/transforms/_presets.py (ImageClassification); sizes are those of each weights' entry
        Inputs("torchvision", "rgb", 1, IMAGENET_MEAN, IMAGENET_STD),
    ),
    (
        "timm or torchvision",
        re.compile(r"layer\d+\.\d+\.conv1\.weight$"),  # both have these names for ResNets
        Inputs("timm or torchvision", "rgb", 1),
    ),
)
"""Name, what tells it, and what its networks take. The first of which a name is found."""


def inputs_of(names: Iterable[str], arguments: Mapping[str, Any]) -> Inputs:
    """What is known of the inputs, by the checkpoint's names and by what it tells of how its run was started."""
    listed = tuple(names)
    found = next((inputs for _, tells, inputs in LIBRARIES if any(tells.match(name) for name in listed)), Inputs())
    cfg = arguments.get("cfg")
    if found.library == "pycls" and isinstance(cfg, str) and re.search(r"(?m)^\s*DATASET:\s*['\"]?cifar10\b", cfg):
        # pycls, pycls/datasets/cifar10.py: the channels stay as the data set has them
        return replace(
            found,
            channel_order="rgb",
            largest=255,
            mean=(125.3, 123.0, 113.9),
            std=(63.0, 62.1, 66.7),
            interpolation=None,
            resize=None,
            crop=None,
        )
    if {"crop_pct", "mean", "std"} <= arguments.keys():  # timm's train.py
        found = replace(found, library="timm", channel_order="rgb", largest=1)
    elif {"val_resize_size", "val_crop_size"} <= arguments.keys():  # torchvision's references/classification
        found = replace(found, library="torchvision", channel_order="rgb", largest=1)
        found = replace(found, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    return replace(
        found,
        mean=_three(arguments.get("mean")) or found.mean,
        std=_three(arguments.get("std")) or found.std,
        interpolation=_word(arguments.get("interpolation")) or found.interpolation,
        resize=_size(arguments.get("val_resize_size")) or found.resize,
        crop=_size(arguments.get("val_crop_size")) or found.crop,
    )


def told_inputs(inputs: Inputs) -> str:
    """In one line."""
    parts = [
        f"{inputs.channel_order.upper()}" if inputs.channel_order else "channels in an order that nothing tells",
        f"values from 0 to {inputs.largest}" if inputs.largest is not None else "values in a range that nothing tells",
        f"mean {_row(inputs.mean)} and deviation {_row(inputs.std)} of R, G, B"
        if inputs.mean is not None and inputs.std is not None
        else "mean and deviation that nothing tells",
    ]
    if inputs.resize is not None:
        parts.append(f"shorter side {inputs.resize}")
    if inputs.crop is not None:
        parts.append(f"center crop {inputs.crop}")
    if inputs.interpolation is not None:
        parts.append(f"{inputs.interpolation} interpolation")
    library = f"{inputs.library}'s" if inputs.library is not None else "of a library that the names do not tell"
    return f"the checkpoint's network, {library}, takes {', '.join(parts)}"


def differences(
    inputs: Inputs, mean: tuple[float, ...], std: tuple[float, ...], interpolation: str | None, crop: float | None
) -> list[str]:
    """Where the model's own `preprocess` differs, a sentence each; `()` and none are what it does not say."""
    lines = []
    largest = inputs.largest or 1
    for name, theirs, ours in (("mean", inputs.mean, mean), ("std", inputs.std, std)):
        if theirs is None:
            continue
        scaled = tuple(number / largest for number in theirs)
        if not ours:
            lines.append(
                f"the model's preprocess has no {name}, and the training script then takes 0.5: "
                f"preprocess {{ {name}: [{_row(scaled)}] }}"
            )
        elif len(ours) != len(scaled) or any(abs(a - b) > CLOSE for a, b in zip(ours, scaled, strict=True)):
            lines.append(f"the model's preprocess has {name} [{_row(ours)}], the checkpoint's network [{_row(scaled)}]")
    if inputs.interpolation and interpolation and interpolation != inputs.interpolation:
        lines.append(
            f"the model's preprocess has interpolation {interpolation}, the checkpoint's network {inputs.interpolation}"
        )
    if crop is not None and inputs.crop and inputs.resize and abs(crop - inputs.crop / inputs.resize) > CLOSE:
        share = f"{inputs.crop} / {inputs.resize}"
        lines.append(f"the model's preprocess has crop {crop:g}, the checkpoint's network {share}")
    return lines


def _row(numbers: Iterable[float] | None) -> str:
    return ", ".join(f"{number:.6g}" for number in numbers or ())


def _three(value: Any) -> tuple[float, ...] | None:
    listed = tuple(value) if isinstance(value, (list, tuple)) else ()
    return listed if len(listed) == 3 and all(type(n) in (int, float) and 0 <= n <= 255 for n in listed) else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch("[a-z]{1,20}", value) else None


def _size(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 1 << 20 else None
