"""Arithmetic of tensors, reductions and learned tensors: emitted modules against torch, timm, and each other."""

from __future__ import annotations

import math
from collections.abc import Callable

import emitted
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.graph.network import Network
from archdsl.weights import map_state

HEADER = """arch 1
use std.ops {
  conv, batch_norm, relu, sigmoid, global_pool, concat, split, reshape, flatten,
  square, exp, mean, softmax, parameter, affine, scale, reciprocal, sub, div, linear, add, tanh
}
"""


def network_of(body: str, size: str = "6 x 5 x 4") -> Network:
    """The network of a block `b`."""
    return emitted.text_network(f"{HEADER}{body}\nmodel m {{ input: {size}  stages: b }}")


def module_of(body: str, size: str = "6 x 5 x 4") -> nn.Module:
    """The emitted module of a block `b`, in doubles."""
    made: nn.Module = emitted.emitted_text(f"{HEADER}{body}\nmodel m {{ input: {size}  stages: b }}").make().double()
    return made


def values(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


SPACE = (2, 3)
EXPRESSIONS: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("x - max(x, over: space)", lambda x: x - x.amax(SPACE, keepdim=True)),
    ("max(x, over: space) - min(x, over: channels)", lambda x: x.amax(SPACE, True) - x.amin(1, True)),
    ("mean(x, over: channels) + x", lambda x: x.mean(1, keepdim=True) + x),
    ("x * sum(x, over: channels)", lambda x: x * x.sum(1, keepdim=True)),
    ("sum(x, over: space) / mean(x, over: channels)", lambda x: x.sum(SPACE, True) / x.mean(1, keepdim=True)),
    ("x + 1/3", lambda x: x + 1 / 3),
    ("2 - x", lambda x: 2 - x),
    ("x - 2 - (1 - x)", lambda x: x - 2 - (1 - x)),
    ("-x * 3", lambda x: -x * 3),
    ("x / 7 / sqrt(2)", lambda x: x / 7 / math.sqrt(2)),
    ("3 / exp(x)", lambda x: 3 / torch.exp(x)),
    ("sqrt(1 + square(x))", lambda x: torch.sqrt(1 + torch.square(x))),
    ("x -> square -> sqrt", torch.abs),
    ("x -> affine(factor: -1/3, term: 2)", lambda x: 2 - x / 3),
    ("softmax(x, over: channels)", lambda x: torch.softmax(x, 1)),
    ('softmax(x, over: "space")', lambda x: torch.softmax(x.flatten(2), 2).reshape(x.shape)),
    ("softmax(flatten(x), over: channels) - mean(flatten(x), over: channels)",
     lambda x: torch.softmax(x.flatten(1), 1) - x.flatten(1).mean(1, keepdim=True)),
    ("[x - k for k in [1, 2]] -> concat", lambda x: torch.cat([x - 1, x - 2], 1)),
    ("max(x, 1 - x)", lambda x: torch.maximum(x, 1 - x)),
    ("min([x, tanh(x), 2 * x, max(x, over: channels)])",
     lambda x: torch.stack([x, torch.tanh(x), 2 * x, x.amax(1, True).expand_as(x)]).amin(0)),
    ("[x, -x] -> max -> tanh", lambda x: torch.tanh(x.abs())),
    ("max([x]) + min(x, over: channels)", lambda x: x + x.amin(1, True)),
    ("concat(softmax(x, tanh(x), 2 * x))",
     lambda x: torch.cat(list(torch.stack([x, torch.tanh(x), 2 * x]).softmax(0)), 1)),
    ("concat(split(x, parts: 3) -> softmax)", lambda x: torch.cat(list(torch.stack(x.chunk(3, 1)).softmax(0)), 1)),
    ("x -> sum(over: space)", lambda x: x.sum(SPACE, keepdim=True)),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "wanted"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expressions(expression: str, wanted: Callable[[Tensor], Tensor]) -> None:
    image = values(2, 6, 5, 4)
    found = module_of(f"block b(x) = {expression}")(image)
    torch.testing.assert_close(found, wanted(image), rtol=1e-12, atol=1e-12)


GRN = """block b(x; eps: 1e-6) {
  norm  = sqrt(sum(square(x), over: space))
  ratio = norm / (mean(norm, over: channels) + eps)
  gamma = parameter(x.channels x 1 x 1, init: zeros)
  beta  = parameter(x.channels x 1 x 1, init: zeros)
  return x + gamma * (x * ratio) + beta
}"""


def test_global_response_normalisation() -> None:
    """As the paper writes it, against timm's layer; values and gradients."""
    timm = emitted.reference("timm")
    theirs = timm.layers.grn.GlobalResponseNorm(6, channels_last=False).double()
    ours = module_of(GRN)
    weight, bias = values(6), values(2, 6)[1]
    theirs.load_state_dict({"weight": weight, "bias": bias})
    found = dict(ours.named_parameters())
    assert [tuple(parameter.shape) for parameter in found.values()] == [(6, 1, 1), (6, 1, 1)]
    with torch.no_grad():
        for parameter, value in zip(found.values(), (weight, bias), strict=True):
            parameter.copy_(value.reshape(6, 1, 1))
    image, same = (values(2, 6, 5, 4).requires_grad_() for _ in range(2))
    result, wanted = ours(image), theirs(same)
    torch.testing.assert_close(result, wanted, rtol=1e-12, atol=1e-12)
    (result.square().sum()).backward()
    (wanted.square().sum()).backward()
    torch.testing.assert_close(image.grad, same.grad, rtol=1e-10, atol=1e-10)
    for parameter, other in zip(found.values(), theirs.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad.flatten(), other.grad, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("radix", [1, 2, 3, 4])
def test_split_attention(radix: int) -> None:
    """ResNeSt's convolution of any radix against timm's."""
    timm = emitted.reference("timm")
    theirs = timm.layers.SplitAttn(12, 8, 3, padding=1, radix=radix, norm_layer=nn.BatchNorm2d)
    emitted.randomise(theirs, seed=1)
    theirs = theirs.double().eval()
    state = theirs.state_dict()
    text = f"""arch 1
use "resnet/resnest.arch" {{ split_attention }}
model m {{ input: 12 x 5 x 4  stages: split_attention(8, radix: {radix}) }}
"""
    plan = map_state(emitted.text_network(text), {name: tuple(tensor.shape) for name, tensor in state.items()})
    assert (plan.new, plan.unused) == ((), ())
    ours = emitted.emitted_text(text).make().double()
    wanted = ours.state_dict()
    ours.load_state_dict({e.ours: state[e.theirs].reshape(wanted[e.ours].shape) for e in plan.loaded})
    image = values(2, 12, 5, 4)
    torch.testing.assert_close(ours.eval()(image), theirs(image), rtol=1e-10, atol=1e-10)


LEARNED = """block b(x) {
  zero  = parameter(2 x 5 x 4, init: zeros)
  one   = parameter(1 x 1 x 4, init: ones)
  third = parameter([3], init: 1/3)
  wild  = parameter(40 x 5 x 4, init: normal(std: 1/50))
  maps  = concat(x, zero, sigmoid(one) * wild)
  return mean(maps, over: space) -> flatten -> linear(3) -> sub(third)
}"""


def test_learned_tensors_are_values_of_every_image() -> None:
    """Also where nothing joins them with the image: `concat` asks for as many images."""
    torch.manual_seed(0)
    model = module_of(LEARNED)
    state = model.state_dict()
    tensors = {name.split(".")[-2]: tensor for name, tensor in state.items() if "linear" not in name}
    assert tensors["zero"].shape == (2, 5, 4)
    assert not tensors["zero"].any()
    assert (tensors["one"] == 1).all()
    assert (tensors["third"] == torch.tensor(1 / 3, dtype=torch.float32)).all()
    assert 0.018 < float(tensors["wild"].std()) < 0.022
    image = values(3, 6, 5, 4)
    with torch.no_grad():
        alone = torch.cat([model(each[None]) for each in image])
        torch.testing.assert_close(model(image), alone)
        with FlopCounterMode(display=False) as counter:
            model(image)
    assert counter.get_total_flops() == 3 * 2 * 48 * 3
    model(image).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_number_is_its_nearest_double() -> None:
    text = emitted.emitted_text(f"{HEADER}block b(x) = sqrt(2) * x / 3\nmodel m {{ input: 6 x 5 x 4  stages: b }}").text
    assert "x * 1.4142135623730951 * 0.3333333333333333" in text
    assert float("0.3333333333333333") == 1 / 3
    assert float("1.4142135623730951") == math.sqrt(2)


SAME = [
    ("1 - x", "x -> affine(factor: -1, term: 1)"),
    ("x - 1/2", "affine(x, term: -1/2)"),
    ("x / 4", "x -> scale(1/4)"),
    ("-x", "scale(x, factor: -1)"),
    ("2 / x", "x -> reciprocal(2)"),
    ("x - sqrt(x)", "(x, x -> sqrt) -> sub"),
    ("x + parameter(6 x 1 x 1, init: zeros)", "parameter(6 x 1 x 1, init: 0) + x"),
    ("x + parameter(6 x 1 x 1, init: ones)", "bias(x) + x"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_to_write_it(one: str, other: str) -> None:
    """The last: a learned tensor is the same in a block of its own."""
    inner = "block bias(y) = parameter(y.channels x 1 x 1, init: ones)\n"
    assert network_of(f"block b(x) = {one}").hash == network_of(f"{inner}block b(x) = {other}").hash


def test_what_the_hash_tells_apart() -> None:
    texts = ["x - 1", "1 - x", "x / 2", "2 / x", "x - sqrt(x)", "sqrt(x) - x", "sum(x, over: space)"]
    texts += ["sum(x, over: channels)", "x + parameter(6 x 1 x 1, init: 0)", "x + parameter(6 x 1 x 1, init: 1)"]
    texts += ["x + parameter(1 x 5 x 4, init: 0)", "x + parameter(6 x 1 x 1, init: normal(std: 1))"]
    assert len({network_of(f"block b(x) = {text}").hash for text in texts}) == len(texts)


def test_names_of_places() -> None:
    """What is known to be of tensors is named in order. The rest comes last: it may be of numbers, or of a tensor that
    a setting holds."""
    body = """block joined(x; other) {
      branch = x -> conv(x.channels / 2 - 1, kernel: 1)
      left   = x - 1
      right  = (x -> relu) / 2
      return concat(branch, left - right, -x, other / 2 - 1)
    }
    block b(x) = joined(x, other: x)"""
    paths = [node.path.removeprefix("stages.0.blocks.0.joined.") for node in network_of(body).nodes]
    assert sorted(paths) == sorted(
        ["branch", "left", "right.relu", "right.div", "sub", "neg", "div_2", "sub_3", "concat"]
    )


def test_memory_of_an_emitted_module() -> None:
    """What autograd keeps, and that a learned tensor is none of it."""
    from archdsl.graph.memory import training_bytes

    body = GRN.replace("block b", "block grn") + "\nblock b(x) = x -> conv(8, kernel: 3) -> grn -> conv(4, kernel: 1)"
    model = module_of(body).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = model(values(2, 6, 5, 4))
    assert training_bytes(network_of(body), "float64", 2) == sum(kept.values())
    del result
