"""A network without a classifier, whose maps a detector takes, against modules written for the comparison."""

from __future__ import annotations

from collections import Counter

import emitted
import pytest
import torch
from reference import by_hand
from test_other_families import copied, filled
from test_reference_numerics import assert_equal, pixels

from archdsl.graph.cost import count, group_of

SCALES = {"n": (0.33, 0.25, 1024), "s": (0.33, 0.5, 1024), "m": (0.67, 0.75, 768), "x": (1.0, 1.25, 512)}
"""The depth, the width and the largest width of the published file's scales."""


def test_published_parameters() -> None:
    """Row by row as the library prints them: a stage is a convolution and what follows it."""
    with torch.device("meta"):
        rows = [sum(p.numel() for p in layer.parameters()) for layer in by_hand.YOLOv8Backbone().model]
    assert rows == list(by_hand.PARAMETERS)
    first, *others, last = rows
    found: Counter[str] = Counter()
    for row in count(emitted.spec_network("yolov8n_backbone")).rows:
        found[group_of(row.path, "stage")] += int(row.params)
    assert list(found.values()) == [first, *[sum(others[i : i + 2]) for i in range(0, 8, 2)], last]


@pytest.mark.parametrize("scale", SCALES)
def test_scales(scale: str) -> None:
    depth, width, most = SCALES[scale]
    network = emitted.text_network(
        'use "others/yolov8.arch" { yolov8_backbone }\n'
        f"model m = yolov8_backbone(width_mult: {width}, depth_mult: {depth}, most: {most})"
    )
    with torch.device("meta"):
        wanted = sum(parameter.numel() for parameter in by_hand.YOLOv8Backbone(depth, width, most).parameters())
    assert count(network).params == wanted


def test_maps() -> None:
    """All maps that are given out, in doubles, for an image whose extents the strides do not divide."""
    reference = filled(by_hand.YOLOv8Backbone())
    model = copied(emitted.emitted_spec("yolov8n_backbone"), reference)
    image = pixels((75, 91), batch=1).double()
    with torch.no_grad():
        found, wanted = model.feature_maps(image), reference(image)
    assert [tuple(map_.shape) for map_ in wanted] == [(1, 64, 10, 12), (1, 128, 5, 6), (1, 256, 3, 3)]
    for number, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        assert_equal(ours, theirs, f"map {number}")
