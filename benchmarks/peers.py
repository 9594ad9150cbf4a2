"""One peer, in a process of its own: what it counts of timm's regnety_040, and how long it takes once it is warm.

Run by `run.py`. `python benchmarks/peers.py NAME` counts once; with `--warm N` it counts N times more and prints the
shortest time in seconds behind the count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

MODEL = "regnety_040"


def load_timm() -> Any:
    """timm; beside a torch without torchvision's compiled operators their names are declared first."""
    import torch

    try:
        import timm
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for schema in (
            "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        ):
            library.define(schema)
        import timm
    return timm


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


COUNTERS = {"fvcore": fvcore_counter, "torch": torch_counter, "thop": thop_counter, "ptflops": ptflops_counter}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=COUNTERS)
    parser.add_argument("--warm", type=int, default=0)
    arguments = parser.parse_args()
    timm = load_timm()
    import torch

    model = timm.create_model(MODEL).eval()
    count = COUNTERS[arguments.name](model, torch.zeros(1, 3, 224, 224))
    total = count()
    times = []
    for _ in range(arguments.warm):
        start = time.perf_counter()
        count()
        times.append(time.perf_counter() - start)
    print(total, min(times, default=""))


if __name__ == "__main__":
    main()
