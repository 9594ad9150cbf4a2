"""Strides to the input: feature outputs, and dilation in place of stride."""

from __future__ import annotations

from archdsl.analysis.model import Model, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.values import Setting, Tensor, Value
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.network import Builder, Feature, strides


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
    reached = strides(builder.nodes)[value.place.node + 1]
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
    by_node = strides(builder.nodes)

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
