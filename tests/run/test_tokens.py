"""Tokens and attention: emitted modules against torch; and learned tensors that fix the size of the image."""

from __future__ import annotations

from collections.abc import Callable

import emitted
import pytest
import torch
from torch import Tensor, nn

HEADER = """arch 1
use std.ops {
  adaptive_avg_pool, attention, concat, conv, drop_path, exp, gelu, global_pool, layer_norm, linear, map, matmul,
  max_pool, mean, merge_heads, parameter, relative_bias, relative_logits, relu, softmax, split, split_heads, token,
  tokens, transpose
}
"""
SIZE = "8 x 5 x 4"


def text_of(body: str, size: str = SIZE) -> str:
    return f"{HEADER}{body}\nmodel m {{ input: {size}  stages: b }}"


def module_of(body: str, size: str = SIZE) -> nn.Module:
    """The emitted module of a block `b`, in doubles."""
    made: nn.Module = emitted.emitted_text(text_of(body, size)).make().double()
    return made


def values(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def rows(x: Tensor) -> Tensor:
    """Tokens of a map: batch x positions x channels."""
    return x.flatten(2).transpose(1, 2)


EXPRESSIONS: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("x -> tokens", rows),
    ("map(x -> tokens, x)", lambda x: x),
    ("x -> tokens -> token(7)", lambda x: x[:, :, 1, 3]),
    ("mean(x -> tokens, over: tokens) -> token(0)", lambda x: x.mean((2, 3))),
    ("softmax(x -> tokens, over: tokens)", lambda x: rows(x).softmax(1)),
    ("softmax(x -> tokens, over: channels)", lambda x: rows(x).softmax(2)),
    ("(x -> tokens) * max(x -> tokens, over: channels) - 2", lambda x: rows(x) * rows(x).amax(2, True) - 2),
    ("concat(x -> tokens, x -> max_pool(kernel: 3, stride: 3) -> tokens, over: tokens) -> token(21)",
     lambda x: nn.functional.max_pool2d(x, 3, 3, 1)[:, :, 0, 1]),
    ("[p -> gelu for p in split(x -> tokens, sizes: [3, 5])] -> concat", lambda x: nn.functional.gelu(rows(x))),
    ("[p -> gelu for p in split(x -> tokens, parts: 4)] -> concat", lambda x: nn.functional.gelu(rows(x))),
    ("mean(x, over: height) + max(x, over: width)", lambda x: x.mean(2, True) + x.amax(3, True)),
    ("softmax(x, over: height) * softmax(x, over: width)", lambda x: x.softmax(2) * x.softmax(3)),
    ("[p -> gelu for p in split(x, parts: 5, over: height)] -> concat(over: height)", nn.functional.gelu),
    ("[p -> gelu for p in split(x, sizes: [1, 3], over: width)] -> concat(over: width)", nn.functional.gelu),
    ("split(x -> tokens, parts: 4, over: tokens)[2]", lambda x: rows(x)[:, 10:15]),
    ("concat(split(x -> tokens, sizes: [6, 6, 8], over: tokens)[1], x -> tokens, over: tokens)",
     lambda x: torch.cat((rows(x)[:, 6:12], rows(x)), 1)),
    ("matmul(x -> tokens -> transpose, x -> tokens)", lambda x: rows(x).mT @ rows(x)),
    ("matmul(x -> transpose, x)", lambda x: x.mT @ x),
    ("matmul(mean(x, over: channels), x -> transpose)", lambda x: x.mean(1, True) @ x.mT),
    ("x -> tokens -> split_heads(2)", lambda x: torch.stack((rows(x)[:, :, :4], rows(x)[:, :, 4:]), 1)),
    ("x -> merge_heads", lambda x: torch.cat(x.unbind(1), 2)),
    ("x -> tokens -> split_heads(4) -> merge_heads", rows),
    ("x -> tokens(window: 5 x 2)", lambda x: torch.cat((rows(x[:, :, :, :2]), rows(x[:, :, :, 2:])), 1)),
    ("x -> tokens(step: 1 x 2)", lambda x: torch.cat((rows(x[:, :, :, ::2]), rows(x[:, :, :, 1::2])), 1)),
    ("map(x -> tokens(window: 5 x 2), x, window: 5 x 2)", lambda x: x),
    ("map(x -> tokens(step: 5 x 2), x, step: 5 x 2)", lambda x: x),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "wanted"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expressions(expression: str, wanted: Callable[[Tensor], Tensor]) -> None:
    image = values(2, 8, 5, 4)
    found = module_of(f"block b(x) = {expression}")(image)
    torch.testing.assert_close(found, wanted(image), rtol=1e-12, atol=1e-12)


ATTENTION = """block b(x) {
  q, k, v = x -> tokens -> linear(3 * x.channels) -> split(parts: 3)
  return attention(q, k, v, heads: 4) -> linear(x.channels)
}"""


def test_attention_in_heads() -> None:
    """Against PyTorch's module with the same weights; values and gradients."""
    theirs = nn.MultiheadAttention(8, 4, batch_first=True).double()
    emitted.randomise(theirs, seed=1)
    ours = module_of(ATTENTION)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(other)
    image, same = (values(2, 8, 5, 4).requires_grad_() for _ in range(2))
    result, (wanted, _) = ours(image), theirs(rows(same), rows(same), rows(same))
    torch.testing.assert_close(result, wanted, rtol=1e-12, atol=1e-12)
    result.square().sum().backward()
    wanted.square().sum().backward()
    torch.testing.assert_close(image.grad, same.grad, rtol=1e-10, atol=1e-10)


CROSS = """block b(x) {
  q = x -> tokens
  k = x -> max_pool(kernel: 3, stride: 3) -> tokens
  u, v = split(k, parts: 2)
  return attention(q, k, v, heads: 2)
}"""


def test_fewer_keys_and_narrower_values() -> None:
    image = values(2, 8, 5, 4)
    queries, keys = rows(image), rows(nn.functional.max_pool2d(image, 3, 3, 1))
    found = []
    for head in range(2):
        q, k = (y[:, :, 4 * head : 4 * head + 4] for y in (queries, keys))
        found.append((q @ k.transpose(1, 2) / 2).softmax(2) @ keys[:, :, 4 + 2 * head : 6 + 2 * head])
    torch.testing.assert_close(module_of(CROSS)(image), torch.cat(found, 2), rtol=1e-12, atol=1e-12)


PARTS = """block b(x) {
  q, k, v = x -> tokens(window: 5 x 2) -> linear(3 * x.channels) -> split(parts: 3)
  a = attention(q, k, v, heads: 2, parts: 2)
  return map(a - attention(q, k, v, heads: 2, size: 10), x, window: 5 x 2) + map(a, x, window: 5 x 2)
}"""


def test_attention_in_parts_is_attention_in_each() -> None:
    image, model = values(2, 8, 5, 4), module_of(PARTS)
    whole = module_of(ATTENTION.replace("heads: 4", "heads: 2").replace(" -> linear(x.channels)", ""), "8 x 5 x 2")
    whole.load_state_dict(model.state_dict())
    maps = [whole(half).mT.reshape(2, 8, 5, 2) for half in image.split(2, 3)]
    torch.testing.assert_close(model(image), torch.cat(maps, 3), rtol=1e-12, atol=1e-12)


def test_a_bias_of_parts_is_that_of_each() -> None:
    body = """block b(x) {
      q, k, v = x -> tokens(window: 5 x 2) -> linear(3 * x.channels) -> split(parts: 3)
      bias = relative_bias(2, size: 5 x 2, init: normal(std: 1))
      return map(attention(q, k, v, bias, heads: 2, size: 10), x, window: 5 x 2)
    }"""
    model, whole = module_of(body), module_of(body, "8 x 5 x 2")
    whole.load_state_dict(model.state_dict())
    image = values(2, 8, 5, 4)
    wanted = torch.cat([whole(half) for half in image.split(2, 3)], 3)
    torch.testing.assert_close(model(image), wanted, rtol=1e-12, atol=1e-12)
    assert model(values(2, 8, 10, 6)).shape == (2, 8, 10, 6)  # its windows are as large in images of all sizes


WRITTEN_OUT = """block b(x) {
  q, k, v = x -> tokens -> linear(3 * x.channels) -> split_heads(2) -> split(parts: 3, over: width)
  bias    = relative_bias(2, size: x.height x x.width, init: normal(std: 1))
  shares  = softmax(matmul(q, transpose(k)) / 2 + bias, over: width)
  return matmul(shares, v) -> merge_heads
}"""
BIASED = WRITTEN_OUT.replace("matmul(shares, v)", "attention(q, k, v, bias)").replace("  shares", "  # shares")
OF_TOKENS = """block b(x) {
  q, k, v = x -> tokens -> linear(3 * x.channels) -> split_heads(2) -> split(parts: 3, over: width)
  bias    = relative_bias(2, size: x.height x x.width, init: normal(std: 1))
  return attention(q -> merge_heads, k -> merge_heads, v -> merge_heads, bias, heads: 2, parts: 1)
}"""


def test_a_bias_of_offsets() -> None:
    """Attention is what it is written out; the bias of a pair is the table's number for their distance."""
    image, model = values(2, 8, 5, 4), module_of(WRITTEN_OUT)
    wanted = model(image)
    for body in (BIASED, OF_TOKENS):
        other = module_of(body)
        other.load_state_dict(model.state_dict())
        torch.testing.assert_close(other(image), wanted, rtol=1e-12, atol=1e-12)
    table = model.state_dict()["stages.0.blocks.0.bias.weight"]
    assert table.shape == (9 * 7, 2)
    alone = module_of("block b(x) = relative_bias(2, size: 5 x 4, init: zeros) + parameter([1, 1, 1], init: zeros)")
    alone.load_state_dict({**alone.state_dict(), next(iter(alone.state_dict())): table})
    pairs = alone(image)
    for n, m in ((0, 0), (7, 18), (19, 2)):
        down, along = n // 4 - m // 4, n % 4 - m % 4
        torch.testing.assert_close(pairs[1, :, n, m], table[(down + 4) * 7 + along + 3])


def test_absolute_offsets() -> None:
    """The table of one quarter: mirrored by hand it is that of signed offsets."""
    body = "block b(x) = relative_bias(2, size: 5 x 4, init: zeros) + parameter([1, 1, 1], init: zeros)"
    signed, absolute = module_of(body), module_of(body.replace("init: zeros)", 'init: zeros, offsets: "absolute")', 1))
    table = values(2, 5, 4)
    down, along = torch.arange(-4, 5).abs(), torch.arange(-3, 4).abs()
    for model, weight in ((absolute, table.flatten(1)), (signed, table[:, down][:, :, along].flatten(1).mT)):
        state = model.state_dict()
        name = next(iter(state))
        assert state[name].shape == weight.shape
        model.load_state_dict({**state, name: weight})
    image = values(2, 8, 5, 4)
    torch.testing.assert_close(absolute(image), signed(image), rtol=0, atol=0)


BY_CONTENT = """block b(x) {
  q       = x -> tokens -> split_heads(2)
  rows    = parameter([1, 2 * x.height - 1, q.width], init: normal(std: 1))
  columns = parameter([1, 2 * x.width - 1, q.width], init: normal(std: 1))
  return relative_logits(matmul(q, transpose(rows)), matmul(q, transpose(columns)))
}"""


@pytest.mark.parametrize(("height", "width"), [(5, 4), (1, 3), (3, 1)])
def test_logits_of_offsets(height: int, width: int) -> None:
    """What a query says to a key is its product with the vectors for how far below and to the right of it that is."""
    model, image = module_of(BY_CONTENT, f"8 x {height} x {width}"), values(2, 8, height, width)
    rows, columns = (parameter[0] for parameter in model.parameters())
    assert (len(rows), len(columns)) == (2 * height - 1, 2 * width - 1)
    found = model(image)
    q = image.reshape(2, 2, 4, height, width)
    places = [(h, w) for h in range(height) for w in range(width)]
    for n, (h, w) in enumerate(places):
        for m, (i, j) in enumerate(places):
            vector = rows[i - h + height - 1] + columns[j - w + width - 1]
            torch.testing.assert_close(found[:, :, n, m], torch.einsum("bhc,c->bh", q[..., h, w], vector))


def test_drop_path_drops_whole_images() -> None:
    model = module_of("block b(x) = x -> tokens -> drop_path(1/2)").train()
    torch.manual_seed(0)
    found = model(torch.ones(64, 8, 5, 4, dtype=torch.float64))
    assert found.shape == (64, 20, 8)
    assert {tuple(image.unique().tolist()) for image in found} == {(0.0,), (2.0,)}


# Learned tensors and the size of the image

POSITIONS = "block b(x) {\n  t = x -> tokens\n  return t + parameter(x.channels x t.tokens, init: ones)\n}"
FIXED = [
    (POSITIONS, SIZE, "5 x 4"),
    (POSITIONS, "8 x 1 x 1", "1 x 1"),
    ("block b(x) = x + parameter([x.channels, x.height, x.width], init: ones)", SIZE, "5 x 4"),
    ("block b(x) = x + parameter([x.channels, x.height, x.width], init: ones)", "8 x 1 x 1", "1 x 1"),
    ("block b(x) = exp(-parameter([x.channels, 1, x.width], init: ones)) * x", "8 x 6 x 1", "6 x 1"),
    (WRITTEN_OUT, SIZE, "5 x 4"),
    (BIASED, SIZE, "5 x 4"),
    (BIASED, "8 x 1 x 1", "1 x 1"),
    (BY_CONTENT, SIZE, "5 x 4"),
    (BY_CONTENT, "8 x 1 x 1", "1 x 1"),
    ("block b(x) = matmul(x, parameter([1, x.width, 3], init: ones))", "8 x 6 x 4", "6 x 4"),
    ("block b(x) = (x -> tokens -> transpose) * parameter(1 x 8, init: ones)", "8 x 1 x 1", "1 x 1"),
    ("block c(y) = y * parameter(8 x y.tokens, init: ones)\nblock b(x) = x -> tokens -> c", SIZE, "20"),
]


@pytest.mark.parametrize(("body", "size", "said"), FIXED)
def test_another_size_is_refused(body: str, size: str, said: str) -> None:
    model = module_of(body, size)
    _, height, width = map(int, size.split(" x "))
    model(values(2, 8, height, width))
    for other in ((height + 1, width + 1), (2 * height, 2 * width)):
        with pytest.raises(AssertionError, match=f"a learned tensor fixes the size to {said}: compile for another"):
            model(values(2, 8, *other))


FREE = [
    "block b(x) = x + parameter(8 x 1 x 1, init: ones)",
    "block b(x) = (x -> adaptive_avg_pool(2)) + parameter(8 x 2 x 2, init: ones)",
    "block b(x) = (x -> global_pool) + parameter(8 x 1 x 1, init: ones)",
    "block b(x) = concat(parameter(8 x 3, init: zeros), x -> tokens, over: tokens)",
    "block b(x) {\n  t = x -> tokens\n  return attention(parameter(8 x 3, init: ones), t, t)\n}",
    "block b(x) = map(x -> tokens -> layer_norm, x)",
    "block b(x) = matmul(x -> tokens -> transpose, x -> tokens)",
    "block b(x) = x -> tokens -> split_heads(2) -> transpose -> softmax(over: width)",
    "block b(x) = mean(x -> tokens, over: tokens) + matmul(parameter(5 x 1, init: ones), parameter(8 x 5, init: ones))",
]


@pytest.mark.parametrize("body", FREE)
def test_other_sizes_are_as_compiled_for_them(body: str) -> None:
    image = values(2, 8, 7, 9)
    torch.testing.assert_close(module_of(body)(image), module_of(body, "8 x 7 x 9")(image))


SHARED = """
block b(x; heads: 4) {
  q = x -> tokens -> split_heads(heads)
  few = x -> max_pool(kernel: 2, stride: 2) -> tokens
  k, v = few -> linear(4) -> split_heads(1) -> split(parts: 2, over: width)
  return attention(q, k, v)
}
"""


def test_attention_with_keys_and_values_of_one_head() -> None:
    """Multi-query attention: as many multiply-adds as with keys for every head; the fused kernel keeps one head's."""
    built = emitted.emitted_text(text_of(SHARED, "8 x 6 x 4"))
    model = emitted.randomise(built.make().double())
    image = values(2, 8, 6, 4)
    layer = next(module for module in model.modules() if isinstance(module, nn.Linear))
    k, v = layer(rows(nn.functional.max_pool2d(image, 2, 2))).chunk(2, dim=2)
    wanted = [torch.softmax(q @ k.transpose(1, 2) / 2**0.5, 2) @ v for q in rows(image).chunk(4, dim=2)]
    torch.testing.assert_close(model(image), torch.stack(wanted, 1), rtol=1e-12, atol=1e-12)
    attention = next(node.operation for node in built.network.nodes if node.operation.name == "attention")
    shapes = (4, 24, 2), (1, 6, 2), (1, 6, 2)
    assert attention.cost(shapes, ((4, 24, 2),)).multiply_adds == 4 * 24 * 6 * (2 + 2)
    saved = attention.saved(shapes, ((4, 24, 2),))
    assert (saved.inputs, saved.outputs, saved.values) == ((0, 1, 2), (0,), 4 * 24)
    biased = attention.saved((*shapes, (1, 24, 6)), ((4, 24, 2),))
    assert (biased.inputs, biased.values) == ((2,), 4 * 24 * 6 + 4 * 24 * 2 + 4 * 6 * 2)


def test_an_argument_of_several_expressions_is_one_attribute() -> None:
    body = """
      block b(x; heads) {
        q, k = [x -> tokens -> linear(8) -> split_heads(heads), x -> tokens -> linear(8) -> split_heads(heads)]
        v = x -> tokens -> linear(8) -> split_heads(heads) -> transpose -> transpose
        return map(attention(q, k, v) -> merge_heads, x)
      }
    """
    text = emitted.emitted_text(f"{HEADER}{body}model m {{ input: {SIZE}  stages: b {{ heads: [2, 4] }} }}").text
    assert text.count("self.heads = heads") == 1
    assert text.count(", self.heads)") == 3
    assert "_heads_heads" not in text
