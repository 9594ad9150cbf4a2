"""What the tests of emitted code share: a network emitted, its text executed as a module, and what that module shows.

Where torch is missing, importing this skips the module of tests that does it.
"""

from __future__ import annotations

import linecache
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeAlias

import pytest
from families.compiling import COMPILER, few_names, network_of, some_names, spec_source, text_source, zoo_names

from archdsl.backends import About
from archdsl.backends import torch as backend
from archdsl.backends.interface import Interface
from archdsl.compiler import Changes, Compilation
from archdsl.emission import about_of
from archdsl.graph.blocks import Application
from archdsl.graph.cost import count
from archdsl.graph.network import Network
from archdsl.graph.shapes import laid_out
from archdsl.lifting.operators import declare
from archdsl.source import Source

numpy: Any = pytest.importorskip("numpy", reason="random weights are NumPy's")
torch: Any = pytest.importorskip("torch", reason="emitted code runs on torch")
torch.set_num_threads(1)  # of small networks several threads mostly wait for each other where tests share the cores

Extents: TypeAlias = tuple[int, int]
"""Height x width."""

WITHOUT_MODULES = {
    *("add", "sub", "mul", "div", "scale", "affine", "reciprocal", "sqrt", "square", "exp"),
    *("mean", "sum", "max", "min", "concat", "split", "flatten", "resize", "tokens", "map", "token", "attention"),
    *("matmul", "transpose", "split_heads", "merge_heads", "maximum", "minimum", "joint_softmax", "relative_logits"),
}
"""Operations that an emitted `forward` may compute by an expression, so that no hook sees them."""


class Undrawn(torch.overrides.TorchFunctionMode):  # type: ignore[misc]  # torch is imported as Any
    """Modules constructed without initial values, where nobody asks for them.

    They are zeros where there is memory: what draws again until values are within bounds ends with those alone.
    """

    def __torch_function__(
        self, function: Callable[..., Any], _: object, positional: tuple[Any, ...] = (), named: Any = None
    ) -> Any:
        named = named or {}
        if getattr(function, "__module__", "") == "torch.nn.init" or function in _DRAWN:
            filled = positional[0] if positional else named["tensor"]
            if self.leaves(filled):
                if not filled.is_meta:
                    filled.detach().zero_()
                return filled
        return function(*positional, **named)

    def leaves(self, _: Any) -> bool:
        """Whether a tensor stays as it is."""
        return True


class Shapes(Undrawn):
    """Quickly on the meta device: what has no numbers is not drawn, and a batch norm is a product and a sum.

    There PyTorch has its random numbers and its batch norm in Python, hundreds of times an operation of C++: three
    quarters of the time of construction and forward pass. The shapes and the gradients' shapes are the same.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: object, positional: tuple[Any, ...] = (), named: Any = None
    ) -> Any:
        if function is torch.nn.functional.batch_norm and positional[0].is_meta:
            return _norm_of_shapes(*positional, **(named or {}))
        return super().__torch_function__(function, types, positional, named)

    def leaves(self, tensor: Any) -> bool:
        return bool(tensor.is_meta)


_DRAWN = frozenset((torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.erfinv_))
"""By which a library's own initial values are made."""


def _norm_of_shapes(
    x: Any, mean: Any, var: Any, weight: Any = None, bias: Any = None, training: bool = False, *_: Any, **__: Any
) -> Any:
    """What a batch norm gives on the meta device; refuses what it refuses."""
    assert training or mean is not None
    assert (mean is None) == (var is None)
    for tensor in (mean, var, weight, bias):
        assert tensor is None or tuple(tensor.shape) == (x.shape[1],)
    along = (-1, *(1 for _ in x.shape[2:]))
    if weight is not None:
        x = x * weight.view(along)
    return x + bias.view(along) if bias is not None else x * 1


@contextmanager
def shapes() -> Iterator[None]:
    """For forward passes on the meta device of which only shapes are asked."""
    with torch.no_grad(), Shapes():
        yield


@dataclass(frozen=True)
class Emitted:
    """A network with its emitted text, and the text executed."""

    network: Network
    text: str
    module: ModuleType
    interface: Interface

    def make(self, **arguments: Any) -> Any:
        """The network's class, constructed; on the CPU in evaluation mode."""
        return getattr(self.module, self.interface.class_name)(**arguments).eval()

    def on_meta(self, **arguments: Any) -> Any:
        """The same without data."""
        with torch.device("meta"), Shapes():
            return self.make(**arguments)


def emitted(network: Network, about: About) -> Emitted:
    """Emit a network, and execute the text."""
    plan = backend.planned(network, about)
    text = backend.emit(network, about, plan)[f"{about.name}.py"]
    module = ModuleType(f"emitted_{about.name}_{network.hash}")
    path = f"<{module.__name__}>"
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)  # for tracebacks
    exec(compile(text, path, "exec"), module.__dict__)
    return Emitted(network, text, module, backend.interface(network, about, plan))


def emitted_text(text: str) -> Emitted:
    """The one model of a program, emitted."""
    return _emitted(compilation(text_source(text)), "network")


def text_network(text: str, size: Extents | None = None) -> Network:
    """The network of a program's one model."""
    return network_of(compilation(text_source(text), None, size))


@lru_cache(maxsize=4)
def emitted_spec(name: str) -> Emitted:
    """A shipped network, emitted at its declared size."""
    return _emitted(compilation(spec_source(name), name), name)


@lru_cache(maxsize=4)
def spec_on_meta(name: str) -> Any:
    """A shipped network's module without data, which its tests share and leave as it is."""
    return emitted_spec(name).on_meta()


@lru_cache(maxsize=4)
def spec_network(name: str, size: Extents | None = None) -> Network:
    """A shipped network."""
    return network_of(compilation(spec_source(name), name, size))


def compilation(source: Source, model: str | None = None, size: Extents | None = None) -> Compilation:
    """A model compiled, at an input of height x width if a size is given."""
    return COMPILER.compile(source, model, Changes(input=f"{size[0]}x{size[1]}" if size else None))


def _emitted(compiled: Compilation, name: str) -> Emitted:
    return emitted(network_of(compiled), about_of(compiled, name, f"specs/{name}.arch", ()))


SAMPLE = (
    *("regnetx_400mf", "regnety_4gf", "regnetz_500mf", "resnet18", "resnet50", "resnext50", "efficientnet_b0"),
    *("efficientnet_lite0", "efficientnetv2_b0", "efficientnetv2_s", "rexnet_1_0x", "rexnet_plain", "rexnet_lite_1_0x"),
    *("mobilenetv1", "mobilenetv2", "mobilenetv3_large", "mnasnet_a1", "regnetz_500mf_to_4gf", "convnext_t"),
    *("densenet121", "shufflenetv2_1_0x", "repvgg_a0", "ghostnet_1_0x", "squeezenet_1_1"),
    "ese_vovnet39b",
)
"""One or two of each family, for what takes long, and runs at small sizes."""

BACKBONES = ("yolov8n_backbone",)
"""Those without a classifier, for which maps are given out."""
MODELS = tuple(name for name in zoo_names() if name in (*SAMPLE, *BACKBONES, *some_names()))
"""Shipped networks of each kind; every one in `make thorough`."""
CLASSIFYING = [name for name in MODELS if name not in BACKBONES]
OF_EACH_OPERATION = [name for name in CLASSIFYING if name in few_names()]
"""Fewer, for what depends on operations and on no block; every one in `make thorough`."""


# What a network says that a module must show


def tensor_shapes(network: Network, *, parameters: bool | None = None) -> dict[str, tuple[int, ...]]:
    """Name -> shape of all tensors of a network, or of its parameters or its buffers alone."""
    return {
        f"{node.path}.{tensor.name}": tuple(map(int, tensor.shape))
        for node in network.nodes
        for tensor in network.tensors(node)
        if parameters is None or tensor.is_parameter == parameters
    }


def output_shapes(network: Network) -> list[tuple[int, ...]]:
    """The shapes of a network's outputs."""
    return [tuple(map(int, laid_out(network.shape(value)))) for value in network.outputs]


@dataclass
class Seen:
    """What hooks saw in one run, for one image."""

    shapes: dict[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """Module path -> the shapes of its outputs."""
    calls: Counter[str] = field(default_factory=Counter)
    acts: int = 0
    """Elements in the outputs of convolutions, linear layers, and windows that pool."""
    values: tuple[Any, ...] = ()
    """The outputs themselves."""

    @property
    def outputs(self) -> list[tuple[int, ...]]:
        """The shapes of the outputs."""
        return [tuple(t.shape[1:]) for t in self.values]


def in_order(value: Any) -> tuple[Any, ...]:
    """The outputs of a module: one tensor, or several."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def watch(model: Any, image: Any) -> Seen:
    """Run a module with a hook on every module within it."""
    from torch import nn

    seen = Seen()
    counted = (nn.Conv2d, nn.ConvTranspose2d, nn.Conv1d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d)

    def note(path: str) -> Any:
        def hook(module: Any, _: Any, output: Any) -> None:
            seen.calls[path] += 1
            seen.shapes[path] = tuple([tuple(t.shape[1:]) for t in in_order(output)])
            if isinstance(module, counted) or type(module).__name__ == "SameAvgPool2d":
                seen.acts += output[0].numel()  # of the first image

        return hook

    hooks = [module.register_forward_hook(note(path)) for path, module in model.named_modules() if path]
    try:
        with shapes():
            seen.values = in_order(model(image))
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def check_shapes(network: Network, seen: Seen) -> None:
    """What hooks saw are the shapes and acts of the network, and each module was called once."""
    assert seen.outputs == output_shapes(network)
    for node in network.nodes:
        if node.path not in seen.shapes:
            assert node.operation.name in WITHOUT_MODULES, node.path
            continue
        shapes = tuple([laid_out(shape) for shape in node.shapes])
        if node.operation.name == "layer_norm" and len(shapes[0]) == 3:
            shapes = ((*shapes[0][1:], shapes[0][0]),)  # PyTorch's module wants the channels last
        assert seen.shapes[node.path] == shapes, node.path
        assert seen.calls[node.path] == 1, node.path
    _check_blocks(network, network.root, seen)
    assert seen.acts == count(network).acts


def _check_blocks(network: Network, application: Application, seen: Seen) -> None:
    """All applications of blocks are modules, with the outputs that the blocks have."""
    for step in application.steps:
        if isinstance(step.applied, Application):
            path = step.applied.path
            outputs = [laid_out(network.shape(value)) for value in step.applied.outputs if value is not None]
            assert seen.shapes[path] == tuple(outputs), path
            assert seen.calls[path] == 1, path
            _check_blocks(network, step.applied, seen)


# Values


def randomise(model: Any, seed: int = 0) -> Any:
    """Fill all parameters and statistics so that none is trivial, and values stay of order 1. Gives the model back.

    Numbers are NumPy's: PyTorch takes twelve times as long for normal doubles, of which networks have millions.
    """
    draws = numpy.random.Generator(numpy.random.SFC64(seed))

    def uniform(tensor: Any, least: float, most: float) -> None:
        drawn = torch.from_numpy(draws.random(tuple(tensor.shape), dtype=numpy.float32))
        with torch.no_grad():
            tensor.copy_(drawn.mul_(most - least).add_(least))

    for name, tensor in model.state_dict().items():
        kind = name.rpartition(".")[2]
        if not tensor.is_floating_point():
            tensor.fill_(7)
        elif tensor.dim() in (2, 4):
            bound = (3 / tensor[0].numel()) ** 0.5  # the deviation of numbers up to the square root of 3 is 1
            uniform(tensor, -bound, bound)
        elif kind in ("bias", "running_mean"):
            uniform(tensor, -0.35, 0.35)
        else:
            uniform(tensor, 0.75, 1.25)
    return model


def images(network: Network, batch: int = 2, size: Extents | None = None, seed: int = 0, **options: Any) -> Any:
    """Random images of a network's input, in double precision if nothing else is said."""
    shape = (batch, int(network.input[0]), *(size or tuple(map(int, network.input[1:]))))
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=draws, dtype=torch.float64).to(**{"dtype": torch.float64, **options})


def reference(library: str) -> Any:
    """A library whose modules are compared with emitted ones; where it is missing, the test that asks is skipped.

    timm and ptflops import torchvision, which beside some builds of torch does not load without these declarations.
    """
    declare()
    return pytest.importorskip(library, reason=f"{library} is not installed", exc_type=ImportError)
