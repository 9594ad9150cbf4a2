"""Strides to the input: feature outputs, and dilation in place of stride."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archdsl.analysis.context import Context
from archdsl.analysis.model import Model, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.outputs import held, only, picked
from archdsl.analysis.settings import end_value
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Output, Setting, Tensor, Value, tensors_of, whole
from archdsl.diagnostics import Diagnostic, Fault, Label
from archdsl.graph.network import Composer, Feature, Network, Node, strides
from archdsl.graph.shapes import Size
from archdsl.source import Span


class Dilation:
    """Trades strides of blocks for dilation once a model's `output_stride` is reached.

    A block that would go beyond the output stride gets stride 1; it still sees the denser map as the block before
    it left it, so its own dilation is that of the blocks in front, and those behind it get the old stride times as
    much. A block may ask for both, as `dilation` and `next_dilation`: they differ where a stride was replaced.

    What cannot be dilated is E317: a stride outside the blocks' setting `stride` (in a stem, in `enter`, a constant
    in a block), a block without `dilation`, and windows behind a replaced stride that no dilation reaches. Of a block
    that dilates some of its windows, the others are said.
    """

    def __init__(self, ctx: Context, model: Model, composer: Composer, wanted: Setting) -> None:
        self.ctx, self.model, self.composer, self.wanted = ctx, model, composer, wanted
        self._most = wanted.value if whole(wanted.value) else 1
        """The output stride."""
        self.present = 1
        """The dilation that the next block starts with."""
        self._seen = 1
        """The dilation of the last block: of the map that it was given."""
        self._strides: list[int | None] = []
        self._said: set[str] = set()
        """The operations that a warning names already."""
        self._start = 0
        """The first node of the block that is being built."""

    def block(
        self, stage: Stage, path: str, settings: Mapping[str, Setting], override: Mapping[str, Setting], value: Value
    ) -> dict[str, Setting]:
        """The settings of a block on the map `value`. Raises E317 where its stride can be neither kept nor replaced."""
        changed = dict(settings)
        names = setting_names(stage.block.of)
        self._seen = self.present
        step = self._step(stage, settings)
        reached = self._stride(value) if step > 1 else None
        if reached is not None and reached * step > self._most:
            if "dilation" not in names:
                message = f"{path} goes from stride {reached} to {reached * step}, beyond the output stride of "
                message += f"{self.wanted.value}, and its block `{stage.block.name}` has no `dilation`"
                raise self._fault(message, f"give `{stage.block.name}` a setting `dilation`")
            changed["stride"] = Setting(1)
            self.present *= step
        for name, factor in (("dilation", self._seen), ("next_dilation", self.present)):
            if name in names and name not in override and self.present > 1:
                own = settings.get(name) or settings.get("dilation") or end_value(self.ctx, stage.block, "dilation")
                changed[name] = Setting(_times(own.value if own is not None else 1, factor))
        return changed

    def begin(self) -> None:
        """A block is built from here on."""
        self._start = len(self.composer.nodes)

    def enter(self, path: str) -> None:
        """What stands before a stage gets no dilation: E317 if it slides windows over a denser map."""
        self._seen = self.present
        self.verify_windows(path, asked=False)

    def verify_windows(self, path: str, *, asked: bool) -> None:
        """E317 if the block that was built slides windows over a denser map, and dilates none of them.

        A fault where the block was `asked` to dilate; a warning where it has no `dilation`, and no stride to replace.
        """
        if self._seen == 1:
            return
        windows = [node for node in self.composer.nodes[self._start :] if _slides(node)]
        if windows and all(max(_pair(node, "dilation")) == 1 for node in windows):
            message = f"the output stride of {self.wanted.value} asks for dilation in {path}, and `{windows[0].path}` "
            message += "is not dilated"
            if asked:
                raise self._fault(message, "pass the block's `dilation` to the operation", windows[0])
            self._warn(message, "give the block a setting `dilation`, and pass it on", windows[0])
            self._said.update(window.path for window in windows)

    def verify_against(self, plain: Network) -> None:
        """A warning for windows that see other positions than in `plain`, the network without an output stride.

        The strides in front of a window say how far apart its taps are in the image; on a denser map as much more
        dilation gives the same taps. The first operation without it is named. A head that names the maps that it takes
        is one for them as they are.
        """
        own = "head." if self.model.head is not None and held(self.model.head) else None
        before = {node.path: (node, stride) for node, stride in zip(plain.nodes, _in_front(plain.nodes), strict=True)}
        for node, here in zip(self.composer.nodes, _in_front(self.composer.nodes), strict=True):
            first, there = before.get(node.path, (node, None))
            if there is None or here is None or node.path in self._said or not _slides(node):
                continue
            if own is not None and node.path.startswith(own):
                continue
            found, wanted = _pair(node, "dilation"), tuple([part * there // here for part in _pair(first, "dilation")])
            if found != wanted:
                message = f"`{node.path}` is dilated by {_shown(found)}, and where it stands the output stride of "
                message += f"{self.wanted.value} asks for {_shown(wanted)}"
                help_ = (
                    "`dilation` is for what stands before the stride of a block, `next_dilation` for what is behind it"
                )
                self._warn(message, help_, node)
                return

    def verify_single(self, path: str, flowing: int, named: Sequence[str]) -> None:
        """E317 where a block of the body takes anything but the one map before it, which is at one stride."""
        if flowing != 1 or named:
            what = f"takes {', '.join(named)}" if named else f"takes {flowing} maps"
            message = f"{path} {what}: an output stride is for models in which one map goes from block to block"
            raise self._fault(message, "remove `output_stride`")

    def verify_end(self, path: str, end: Value) -> None:
        """E317 for a stem or stage that ends beyond the output stride, with the operation that has the stride."""
        if not isinstance(end, Tensor):
            return  # what takes it is refused
        reached = self._stride(end)
        if reached is None or reached <= self._most:
            return
        index, before = end.place.node, True
        while before:
            operands = [v.node for v in self.composer.nodes[index].inputs]
            before = any((self._strides[n + 1] or 0) > self._most for n in operands)
            index = next((n for n in operands if (self._strides[n + 1] or 0) > self._most), index)
        node = self.composer.nodes[index]
        message = f"{path} ends at stride {reached}, beyond the output stride of {self.wanted.value}: the stride of "
        message += f"`{node.path}` cannot be replaced by dilation"
        if path == "stem":
            help_ = f"an output stride of {reached} or more: a stem keeps its strides"
        elif node.path.startswith(f"{path}.enter"):
            help_ = f"leave the stride to the first block of {path}, as its `stride`: what enters a stage keeps its own"
        else:
            help_ = "make it the block's setting `stride`, with a `dilation` beside it"
        raise self._fault(message, help_, node)

    def _step(self, stage: Stage, settings: Mapping[str, Setting]) -> int:
        """The stride of a block, given or by default; 1 where it is not the same in both directions."""
        setting = settings.get("stride") or end_value(self.ctx, stage.block, "stride")
        value = setting.value if setting is not None else 1
        if isinstance(value, Size) and len(set(value)) == 1:
            value = value[0]
        return value if whole(value) else 1

    def _stride(self, value: Value) -> int | None:
        """The stride to the input of a map; none for several, and behind global pooling."""
        if not isinstance(value, Tensor):
            return None
        strides(self.composer.nodes, self._strides)
        return self._strides[value.place.node + 1]

    def _warn(self, message: str, help_: str, node: Node) -> None:
        self.ctx.report(replace(self._fault(message, help_, node).diagnostic, severity="warning"))

    def _fault(self, message: str, help_: str, node: Node | None = None) -> Fault:
        origin = self.wanted.origin
        span = origin.span if origin is not None else self.model.span
        labels = (Label(node.span, "this operation"),) if node is not None and node.span is not None else ()
        return Fault(Diagnostic("E317", message, span, labels=labels, help=help_))


def _times(dilation: Value, factor: int) -> Value:
    """A block's own dilation, in one direction or both, and that of the map."""
    if isinstance(dilation, Size):
        return Size([part * factor for part in dilation])
    return dilation * factor if whole(dilation) else dilation


def _pair(node: Node, name: str) -> tuple[int, ...]:
    found: Any = getattr(node.operation, name, (1, 1))
    return tuple(found) if isinstance(found, tuple) else (found,)


def _in_front(nodes: Sequence[Node]) -> list[int | None]:
    """The largest stride to the input among what each node takes; none behind global pooling."""
    by_node = strides(nodes)
    return [max([s for v in node.inputs if (s := by_node[v.node + 1]) is not None], default=None) for node in nodes]


def _shown(pair: tuple[int, ...]) -> str:
    return show_value(pair[0] if len(set(pair)) == 1 else Size(pair))


def _slides(node: Node) -> bool:
    """Whether an operation sees more than one position of a map that has more than one."""
    return max(_pair(node, "kernel")) > 1 and len(node.shapes[0]) == 3


def features_of(model: Model, ends: Mapping[str, Value], composer: Composer) -> list[Feature]:
    """The features that a model asks for, from what its stem and stages give. Raises E311 and E317."""
    request = model.features
    if request is None:
        return []
    by_node = strides(composer.nodes)
    span = request.span or model.span

    def stride_of(tensor: Tensor) -> int | None:
        return by_node[tensor.place.node + 1]

    if request.places:
        tensors = {name: _feature(name, output, ends, span) for name, output in request.places}
        return [Feature(name, tensor.place, stride_of(tensor)) for name, tensor in tensors.items()]
    given = [tensor for path, end in ends.items() if path != "input" for tensor in tensors_of(end) or ()]
    found = []
    for stride in request.strides:
        at = [tensor for tensor in given if stride_of(tensor) == stride]
        if not at:
            available = sorted({s for t in given if (s := stride_of(t)) is not None})
            message = f"no stage ends at stride {stride}"
            help_ = f"the strides are {', '.join(map(str, available))}"
            raise Fault(Diagnostic("E317", message, span, help=help_))
        found.append(Feature(f"stride{stride}", at[-1].place, stride))
    return found


def _feature(name: str, output: Output, ends: Mapping[str, Value], span: Span) -> Tensor:
    """The one tensor that a feature names."""
    tensors = tensors_of(ends.get(output.place))
    if tensors is None:
        message = f"the feature `{name}` stands at {output.text}, which the model does not have"
        raise Fault(Diagnostic("E317", message, span))
    return only("the feature", name, output, picked(output, tensors, span), span)
