"""Strides to the input: feature outputs, and dilation in place of stride."""

from __future__ import annotations

from archdsl.analysis.model import Model, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.values import Setting, Tensor, Value
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.network import Builder, Feature


def strides(builder: Builder) -> list[int | None]:
    """The stride to the input of every node's output, the input's own first; none behind global pooling.

    A nominal stride: the product of the strides on the way, divided by upsampling, whatever the size.
    """
    found: list[int | None] = [1]
    for node in builder.nodes:
        before = [s for value in node.inputs if (s := found[value.node + 1]) is not None]
        if not before:
            found.append(None)
            continue
        stride = max(before)
        name = node.operation.name
        if name in ("global_pool", "adaptive_avg_pool", "flatten", "linear", "reshape"):
            found.append(None)
            continue
        step = getattr(node.operation, "stride", None)
        if step is not None:
            stride *= int(step[0])
        factor = getattr(node.operation, "factor", None)
        if factor is not None:
            vertical = factor[0] if isinstance(factor, tuple) else factor
            stride = max(1, stride // int(vertical))
        found.append(stride)
    return found


def dilate(
    model: Model, stage: Stage, builder: Builder, settings: dict[str, Setting], dilation: int, value: Value
) -> tuple[dict[str, Setting], int, int]:
    """Trade a stage's stride for dilation once the output stride is reached.

    Returns the settings, the dilation of the first block, which still sees the denser map, and that of the
    others. Raises E317 where the block has no `dilation`.
    """
    wanted = model.output_stride
    if wanted is None or not isinstance(value, Tensor):
        return settings, dilation, dilation
    stride = settings.get("stride")
    reached = strides(builder)[value.place.node + 1]
    step = stride.value if stride is not None and isinstance(stride.value, int) else 1
    if reached is None or reached * step <= wanted.value:
        kept = {**settings, "dilation": Setting(dilation)} if dilation > 1 else settings
        return kept, dilation, dilation
    if "dilation" not in setting_names(stage.block.of):
        message = f"`{stage.block.name}` has no `dilation`, so the output stride cannot be {wanted.value}"
        span = wanted.origin.span if wanted.origin is not None else stage.span
        raise Fault(Diagnostic("E317", message, span, help="give the block a setting `dilation`"))
    after = dilation * step
    return {**settings, "stride": Setting(1), "dilation": Setting(after)}, dilation, after


def features_of(model: Model, ends: list[tuple[str, Tensor]], builder: Builder) -> list[Feature]:
    """The features that a model asks for, from the ends of its stem and stages. Raises E317."""
    request = model.features
    if request is None:
        return []
    by_node = strides(builder)

    def stride_of(tensor: Tensor) -> int | None:
        return by_node[tensor.place.node + 1]

    if request.places:
        tensors = dict(ends)
        for name, place in request.places:
            if place not in tensors:
                message = f"the feature `{name}` stands at {place}, which the model does not have"
                raise Fault(Diagnostic("E317", message, request.span or model.span))
        return [Feature(n, tensors[p].place, stride_of(tensors[p])) for n, p in request.places]
    found = []
    for stride in request.strides:
        at = [tensor for _, tensor in ends if stride_of(tensor) == stride]
        if not at:
            available = sorted({s for _, t in ends if (s := stride_of(t)) is not None})
            message = f"no stage ends at stride {stride}"
            help_ = f"the strides are {', '.join(map(str, available))}"
            raise Fault(Diagnostic("E317", message, request.span or model.span, help=help_))
        found.append(Feature(f"stride{stride}", at[-1].place, stride))
    return found
