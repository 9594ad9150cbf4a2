"""The emitted module of a network with its weights, as `archdsl export` takes it. Needs torch."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import click

from archdsl import __version__, api, emission
from archdsl.commands.common import library
from archdsl.commands.study.images import emitted, images_of
from archdsl.compiler import Compiled
from archdsl.exporting.differences import drawn_images
from archdsl.exporting.quantizing import Calibration
from archdsl.exporting.run import Subject
from archdsl.exporting.states import draw
from archdsl.exporting.targets import TARGETS, TargetName, target_of, told_suffixes
from archdsl.quiet import quiet
from archdsl.views.tables import size
from archdsl.weights.checkpoints import WeightsFault
from archdsl.weights.conversion import Choices, convert

STEP = 32
"""Heights and widths of most networks are multiples of it."""
BATCH = 8
"""Images at a time that ranges are taken on."""
BY_HAND = {
    ".tflite": "files of LiteRT are made of the module by its own converter, litert-torch: docs/export.md says how",
    ".mlpackage": "files of Core ML are made of a .pt2 file by its own converter, coremltools: docs/export.md says how",
}
"""Files that others make."""
OTHERWISE = "`archdsl weights` brings it to the module's names by these options, and writes a file that export takes"


def target_asked(output: str | None, target: TargetName | None) -> TargetName:
    """The target that was asked for, by its name or the file's suffix. Raises `click.UsageError`."""
    if output is None:
        if target is None:
            raise click.UsageError(f"say what to write: -o FILE, or --target {'|'.join(TARGETS)}.")
        return target
    by_hand = BY_HAND.get(Path(output).suffix)
    if by_hand is not None:
        raise click.BadParameter(f"'{output}': {by_hand}", param_hint="--output")
    found = target_of(Path(output))
    if found is None or (target is not None and target != found):
        raise click.BadParameter(f"'{output}': its suffix is one of {told_suffixes()}", param_hint="--output")
    return found


def paths_of(first: Path, target: TargetName, weights: str | None, *, force: bool) -> dict[str, Path]:
    """The files of a target by suffix, `first` and those beside it. Ends the command where they may not be written."""
    paths = {suffix: first.with_suffix(suffix) for suffix in (TARGETS[target].suffix, *TARGETS[target].others)}
    for path in paths.values():
        if path.is_dir():
            raise click.ClickException(f"{path}: it is a folder")
        if os.path.lexists(path) and not force:
            raise click.ClickException(f"{path} exists already; --force overwrites it")
        if weights is not None and path.exists() and Path(weights).exists() and path.samefile(weights):
            raise click.ClickException(f"{path}: it is the checkpoint itself")
    return paths


def libraries(target: TargetName, *, quantized: bool) -> None:
    """End the command where the libraries of a target are not installed, with a line that says what is missing."""
    with quiet():
        for name in TARGETS[target].libraries:
            library(name, f"--target {target} needs", "torch" if name == "torch" else TARGETS[target].extra)
        if quantized and not TARGETS[target].by_onnx:
            library("torchao", f"--quantize of {target} needs", "quantize")


def calibration_of(result: Compiled, data: str | None, number: int, seed: int) -> Calibration:
    """Images to take ranges on: those to validate on, or drawn ones. Ends the command for data that cannot be read."""
    if data is None:
        batches = [drawn_images(int(result.network.input[0]), seed + 1)(n, *_size(result)) for n in _parts(number)]
        return Calibration(tuple(batches), f"{number} drawn images, which say little of real ones")
    with emitted(result) as script, tempfile.TemporaryDirectory(prefix="archdsl-") as scratch:
        found, source = images_of(script, data, number, seed, BATCH, scratch)
    wrong = next((each for each in found if tuple(each.shape[1:]) != tuple(result.network.input)), None)
    if wrong is not None:
        raise click.ClickException(
            f"{data}: images are {size(wrong.shape[1:])}, the network's {size(result.network.input)}"
        )
    return Calibration(tuple(found), f"{sum(map(len, found))} images of {source}")


def _size(result: Compiled) -> tuple[int, int]:
    return int(result.network.input[1]), int(result.network.input[2])


def _parts(number: int) -> list[int]:
    return [BATCH] * (number // BATCH) + ([number % BATCH] if number % BATCH else [])


def subject_of(result: Compiled, weights: str | None, seed: int, *, features: bool) -> Subject:
    """The module with weights of a checkpoint, or drawn ones. Raises `WeightsFault`."""
    import torch

    network = result.network
    about = emission.about_of(result, result.name, "", ())
    offered = emission.interface(network, about)
    torch.manual_seed(seed)
    module = api.Compiled(result, about).module().eval()
    if weights is None:
        draw(module, seed, [int(extent) for extent in network.input])
    else:
        _load(module, network, weights)
    names = _names(len(network.outputs), network.output_names, offered.num_classes is not None)
    strides = [int(stride) for stride in getattr(module, "feature_strides", ())]
    if features:
        module, names = _features(module), tuple([f"features_{n}" for n in range(len(strides))])
    told = {"archdsl": __version__, "network": result.name, "hash": network.hash}
    for key, values in (("mean", about.mean), ("std", about.std)):
        if values:
            told[key] = " ".join([f"{float(value):.6g}" for value in values])
    shape = tuple([int(extent) for extent in network.input])
    return Subject(module, shape, names, max([STEP, *strides]), offered.sizes_padding, told)


def _load(module: Any, network: Any, weights: str) -> None:
    try:
        made = convert(network, weights, Choices())
    except WeightsFault as fault:
        if fault.help is None or "--" not in fault.help:
            raise
        raise WeightsFault(fault.file, fault.message, f"{fault.help}; {OTHERWISE}", fault.notes) from None
    missing, _ = module.load_state_dict(made.state, strict=False)
    left = [name for name in missing if not name.endswith("num_batches_tracked")]
    if left:
        raise WeightsFault(weights, f"it has no {left[0]}, which stays as it starts", OTHERWISE)


def _names(count: int, declared: tuple[str, ...], classifies: bool) -> tuple[str, ...]:
    if declared:
        return declared
    if count == 1:
        return ("logits" if classifies else "output",)
    return tuple([f"output_{n}" for n in range(count)])


def _features(module: Any) -> Any:
    """A module that gives the maps at each stride."""
    from torch import nn

    if not hasattr(module, "feature_maps"):
        raise click.ClickException("the network has no feature maps: nothing of it halves the image step by step")

    class Features(nn.Module):
        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Any) -> Any:
            return tuple(self.network.feature_maps(images))

    return Features(module).eval()


__all__ = ["calibration_of", "libraries", "paths_of", "subject_of", "target_asked"]
