"""Tokens and attention: emitted modules against torch; and learned tensors that fix the size of the image."""

from __future__ import annotations

from collections.abc import Callable

import emitted
import pytest
import torch
from torch import Tensor, nn

HEADER = """arch 1
use std.ops {
  adaptive_avg_pool, attention, concat, drop_path, exp, gelu, global_pool, layer_norm, linear, map, max_pool, mean,
  parameter, softmax, split, token, tokens
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
]


@pytest.mark.parametrize("body", FREE)
def test_other_sizes_are_as_compiled_for_them(body: str) -> None:
    image = values(2, 8, 7, 9)
    torch.testing.assert_close(module_of(body)(image), module_of(body, "8 x 7 x 9")(image))
