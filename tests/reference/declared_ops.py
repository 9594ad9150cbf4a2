"""Importing this module makes `import torchvision`, and so `import timm`, work beside any build of torch.

torchvision's compiled operators are built against one build of torch: a wheel of the CUDA build does not load beside
the CPU build that tests use. Its Python part then goes on without them, but registers shape functions for two
operators that no library has declared, which is an error of torch. So where the compiled library does not load, the
operators' schemas are declared here, without kernels. Detection alone needs those; classification networks do not.

Import it before torchvision or timm, always under this name (of two modules the second could not declare again):

    from reference import declared_ops  # noqa: F401
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,"
    " int sampling_ratio, bool aligned) -> Tensor",
    "roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width)"
    " -> (Tensor, Tensor)",
    "ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,"
    " int sampling_ratio) -> (Tensor, Tensor)",
    "ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width)"
    " -> (Tensor, Tensor)",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h,"
    " SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups,"
    " SymInt offset_groups, bool use_mask) -> Tensor",
)
"""What torchvision registers shapes or gradients for, or names when it is loaded."""


def declare() -> Any:
    """Load the compiled operators, or else declare them; the library that holds the declarations, which must live on.

    Nothing where torch or torchvision is missing: who needs them says so.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or importlib.util.find_spec("torch") is None:
        return None
    import torch

    for path in sorted(Path(found.origin).parent.glob("_C*.so")):
        try:
            torch.ops.load_library(str(path))
        except (OSError, RuntimeError):
            continue
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
    return library


DECLARED = declare()
