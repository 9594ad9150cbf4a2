"""One peer, in a process of its own: what it counts of a timm model, and how long it takes once it is warm.

Run by `run.py`. `python benchmarks/peers.py NAME` counts the multiply-adds of regnety_040 once; the name `build` builds
`SCALED` instead, on the CPU or on the device behind the name, and counts its parameters. With `--warm N` this is done N
times more, and the shortest time in seconds stands behind the count.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from typing import Any

MODEL = "regnety_040"
SCALED = {"out_chs": (224, 336, 896, 1904), "depth": (2, 7, 14, 2)}
"""The stages of regnety_040 scaled by dWr:4, with groups of 112 channels."""


def load(name: str) -> Any:
    """timm or torchvision, also beside a torch without torchvision's compiled operators."""
    try:
        return importlib.import_module(name)
    except RuntimeError:
        from archdsl.lifting.operators import declare  # here: what is measured otherwise is the peer alone

        declare()
        return importlib.import_module(name)


def fvcore_counter(model: Any, image: Any) -> Callable[[], int]:
    import logging

    from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    return lambda: int(FlopCountAnalysis(model, image).unsupported_ops_warnings(False).total())


def torch_counter(model: Any, image: Any) -> Callable[[], int]:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def total() -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(image)
        return int(counter.get_total_flops())

    return total


def thop_counter(model: Any, image: Any) -> Callable[[], int]:
    from thop import profile

    return lambda: int(profile(model, inputs=(image,), verbose=False)[0])


def ptflops_counter(model: Any, image: Any) -> Callable[[], int]:
    from ptflops import get_model_complexity_info

    def total() -> int:
        macs, _ = get_model_complexity_info(
            model, tuple(image.shape[1:]), as_strings=False, print_per_layer_stat=False, verbose=False
        )
        return int(macs)

    return total


def scaled_builder(device: str) -> Callable[[], int]:
    """Building RegNetY-4GF scaled by dWr:4, whose widths no rule of timm gives: they are put in its place."""
    import torch

    load("timm")
    from timm.models.regnet import RegNet, model_cfgs

    class Scaled(RegNet):
        def _get_stage_args(self, *arguments: Any, **options: Any) -> Any:
            stages, common = super()._get_stage_args(*arguments, **options)
            for index, stage in enumerate(stages):
                numbers = {key: values[index] for key, values in SCALED.items()}
                stage.update(numbers, group_size=112, drop_path_rates=[0.0] * numbers["depth"])
            return stages, common

    def build() -> int:
        model = Scaled(model_cfgs[MODEL], device=torch.device(device))
        return sum(parameter.numel() for parameter in model.parameters())

    return build


COUNTERS = {"fvcore": fvcore_counter, "torch": torch_counter, "thop": thop_counter, "ptflops": ptflops_counter}


def counter(name: str) -> Callable[[], int]:
    """A counter, and timm's model built for it."""
    timm = load("timm")
    import torch

    model = timm.create_model(MODEL).eval()
    return COUNTERS[name](model, torch.zeros(1, 3, 224, 224))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=(*COUNTERS, "build"))
    parser.add_argument("device", nargs="?", default="cpu", choices=("cpu", "meta"))
    parser.add_argument("--warm", type=int, default=0)
    arguments = parser.parse_args()
    count = scaled_builder(arguments.device) if arguments.name == "build" else counter(arguments.name)
    total = count()
    times = []
    for _ in range(arguments.warm):
        start = time.perf_counter()
        count()
        times.append(time.perf_counter() - start)
    print(total, min(times, default=""))


if __name__ == "__main__":
    main()
