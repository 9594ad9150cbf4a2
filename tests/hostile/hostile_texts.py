"""Hostile texts, and what each ends in: a result, or a diagnostic of a code."""

# ruff: noqa: E501, RUF001 (texts that are long, and letters that look like others, are the point)

from __future__ import annotations

from sampling import TIMES

from archdsl import limits

HEAD = "arch 1\nuse std.ops { conv, relu, add, concat, split, max_pool, reshape, pad_channels, upsample, linear, flatten }\n"
BLOCK = "block b(x; width, kernel: 1, stride: 1) { return x -> conv(width, kernel: kernel, stride: stride) }\n"


def model(stages: str, size: str = "3 x 8 x 8", more: str = "") -> str:
    return f"model m {{ {more}  input: {size}  stages: {stages} }}\n"


def width(expression: str, before: str = "") -> str:
    """A program that has an expression for a width."""
    return HEAD + BLOCK + before + model(f"b {{ width: {expression} }}")


def value(expression: str, before: str = "") -> str:
    """A program that evaluates an expression and throws it away."""
    return HEAD + BLOCK + before + model("b { width: 8 }", more=f"_v = {expression}")


def body(text: str, size: str = "3 x 8 x 8") -> str:
    """A program with a block of this body."""
    return HEAD + f"block h(x; f: none, width: 8) {{ {text} }}\n" + model("h", size)


def most(count: int, least: int = 0) -> int:
    """How many of a thing a text has: so many in `make thorough`, else a quarter, and `least` to pass a limit.

    A quarter is as far above what Python's stack holds, and what grows by its square takes more memory than there is.
    """
    return count if TIMES > 1 else max(count // 4, least)


DEEP = 100_000
BEYOND = limits.MAX_LIST + 1

NESTED: dict[str, str] = {
    "parentheses": width("(" * DEEP + "8" + ")" * DEEP),
    "parentheses, open": width("(" * DEEP),
    "parentheses, closed": width("8" + ")" * DEEP),
    "lists": width("[" * DEEP + "8" + "]" * DEEP),
    "lists, open": width("[" * DEEP),
    "bodies": HEAD + BLOCK + "model m " + "{ a " * DEEP + "}" * DEEP,
    "bodies, open": "model m " + "{ a " * DEEP,
    "configured blocks": width("b { width: " * DEEP + "8" + "}" * DEEP),
    "calls": width("max(" * DEEP + "8" + ")" * DEEP),
    "call after call": width("max" + "(1)" * DEEP),
    "tables": HEAD + BLOCK + model("[| a | " * DEEP),
    "indices": width("x" + "[0]" * DEEP),
    "indices in indices": width("x[" * DEEP + "0" + "]" * DEEP),
    "attributes": width("x" + ".y" * DEEP),
    "paths": "model m { a" + ".b" * DEEP + ": 1 }",
    "path indices": "model m { a" + "[0]" * DEEP + ": 1 }",
    "comprehensions": width("[" * DEEP + "j" + " for j in [1]]" * DEEP),
    "minus": width("-" * DEEP + "8"),
    "spaced minus": width("- " * DEEP + "8"),
    "not": width("not " * DEEP + "8"),
    **{
        f"operator {o.strip()}": width(o.join(["8"] * DEEP))
        for o in (" + ", " - ", " * ", " / ", " // ", " % ", "^", " == ", " and ", " or ", " .. ")
    },
    "conditions": width("8 if 1 else " * DEEP + "8"),
    "conditions in parentheses": width("8 if (" * 90 + "1" + ") else 8" * 90),
    "steps": body("return x" + " -> relu" * DEEP),
    "steps with a condition": body("return x -> relu" + " when 1" * DEEP),
    "with": HEAD + BLOCK + "model m = m" + " with { }" * DEEP,
    "configurations": width("b" + " { }" * DEEP),
    "comments": HEAD + "#" * DEEP + "\n" + "#\n" * DEEP,
    "names": HEAD + BLOCK + "model m { a" + ", a" * DEEP + " = 1 }",
    "returned": body("return x" + ", x" * DEEP),
    "arguments": width("max(8" + ", 8" * most(50_000) + ")"),
    "parameters": "fn f(" + ", ".join(f"p{i}" for i in range(most(50_000))) + ") = 1\n",
    "uses": "use std.ops { " + ", ".join(["conv"] * most(50_000)) + " }\n",
    "module names": "use std" + ".a" * DEEP + " { b }\n",
    "declarations": "".join(f"fn f{i}(a) = a\n" for i in range(most(20_000))),
    "cells": HEAD + BLOCK + model("[|" + " block |" * most(50_000) + "]"),
    "quotes": width('"' * DEEP),
    "bars": width("[" + "|" * DEEP),
    "dots": width("." * DEEP),
    "colons": "model m { " + ":" * DEEP,
    "declaration words": "model " * DEEP,
    "one name": "a" * 1_000_000,
    "one number": width("1" * 900_000),
    "one string": 'use "' + "a" * 900_000 + '" { b }\n',
    "one line": HEAD + BLOCK + " " * 900_000 + model("b { wdith: 8 }"),
    "blank lines": "\n" * 1_000_000 + "?",
    "tabs": "\t" * 1_000_000 + "?",
}


DOUBLING = "fn f0(a) = [a, a]\n" + "".join(f"fn f{i}(a) = [f{i - 1}(a), f{i - 1}(a)]\n" for i in range(1, 60))
BINDINGS = "a0 = [1, 1]  " + "  ".join(f"a{i} = [a{i - 1}, a{i - 1}]" for i in range(1, 60))
FANOUT = "fn f0(a) = a + 1\n" + "".join(f"fn f{i}(a) = {' + '.join([f'f{i - 1}(a)'] * 20)}\n" for i in range(1, 30))
CHAIN = "fn f0(a) = a + 1\n" + "".join(f"fn f{i}(a) = f{i - 1}(a) + 1\n" for i in range(1, 5000))
BLOCK_FANOUT = "block b0(x) { return x -> relu }\n" + "".join(
    f"block b{i}(x) {{ return x{f' -> b{i - 1}' * 20} }}\n" for i in range(1, 30)
)
OMEGA = "block w(x; f: none) { return x -> f(f: f) }\n"

MEANING: dict[str, str] = {
    "depth 1e9": HEAD + BLOCK + model("b { width: 8  depth: 1e9 }"),
    "depth 10000 twice": HEAD + BLOCK + model("b { width: 8  depth: [10000, 10000] }"),
    "depth 10000": HEAD + BLOCK + model("b { width: 8  depth: 10000 }"),
    "depth of a long list": HEAD + BLOCK + model("b { width: [8 for j in 1 .. 10000] }"),
    "100000 stages": HEAD + BLOCK + model("b { width: 8  depth: [1 for j in 1 .. 100000] }"),
    "10000 stages": HEAD + BLOCK + model("b { width: 8  depth: [1 for j in 1 .. 10000] }"),
    "a table of 100000 stages": HEAD + BLOCK + model("[| block | width |" + "\n| b | 8 |" * most(30_000, BEYOND) + "]"),
    "a table of 9000 stages": HEAD + BLOCK + model("[| block | width |" + "\n| b | 8 |" * 9_000 + "]"),
    "a list of 30000 stages": HEAD + BLOCK + model("[" + "b { width: 8 }, " * most(25_000, BEYOND) + "]"),
    "a table of many columns": HEAD
    + BLOCK
    + model("[| block " + " ".join(f"| c{i}" for i in range(most(40_000))) + "|]"),
    "width 10^40": width("10 ^ 40"),
    "width 10^40 in digits": width("1" + "0" * 40),
    "a tower of powers": width("2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2"),
    "a tower of fractions": width("2 ^ 2 ^ 2 ^ 2 ^ (2 ^ (1/2))"),
    "a huge exponent": width("1e999999999"),
    "a tiny exponent": width("1e-999999999"),
    "a power of a huge exponent": width("2 ^ 1e400"),
    "a power of a negative one": width("2 ^ -1e300"),
    "a root of a large degree": width("round(2 ^ (1 / 1e300))"),
    "a small power": width("8 + round(2 ^ (-1 / 1e300)) - 1"),
    "a log of a huge number": width("round(log(1e400))"),
    "logs of logs": width("round(log(log(log(1e300))))"),
    "a fraction with large terms": width("round(8 * (1e300 + 1) / (1e300 + 3))"),
    "a power of a fraction": width("round(8 * (1 + 1e-200) ^ (1/7))"),
    "nearly a tie": width("round(8 + (1 + 1e-300) ^ (1/2) - 1/2)"),
    "a sum of roots": width("round(" + " + ".join(f"{p} ^ (1/{p})" for p in range(2, 60)) + ")"),
    "a product of roots": width("round(" + " * ".join(f"{p} ^ (1/{p})" for p in range(2, 60)) + ")"),
    "a power of a sum of roots": width("round((2 ^ (1/2) + 3 ^ (1/3) + 5 ^ (1/5)) ^ 40)"),
    "a root of a sum of roots": width("round((2 ^ (1/2) + 3 ^ (1/3) + 5 ^ (1/5)) ^ (1/7))"),
    "logarithms that cancel": width(
        "count([t(i) for i in 1 .. 10000])",
        "fn z(a) = log(a + (a * a - 1) ^ (1/2)) + log(a - (a * a - 1) ^ (1/2))\n"
        "fn t(i) = z(2) + z(3) + z(4) + z(5) + z(6) + z(7) + z(8) + z(9) + i / 10 ^ 1200 > 0\n",
    ),
    "logarithms that nearly cancel": width(
        "count([t(i) for i in 1 .. 10000])",
        "fn z(a) = log(a + (a * a - 1) ^ (1/2)) + log(a - (a * a - 1) ^ (1/2))\n"
        "fn t(i) = z(2) + z(3) + z(4) + z(5) + z(6) + z(7) + z(8) + z(9) + i / 10 ^ 300 > 0\n",
    ),
    "a power with an irrational exponent": width("round(2 ^ 2 ^ (1/2) ^ (1/2))"),
    "exponents of exponents": width("round(" + "(2 ^ " * 20 + "0.5" + ")" * 20 + ")"),
    "roots of roots": width("round(" + "1 + (" * 40 + "2" + ") ^ (1/2)" * 40 + ")"),
    "a division by zero": width("1 / 0"),
    "a remainder by zero": width("1 % 0"),
    "zero to minus one": width("0 ^ -1"),
    "a root of minus one": width("(-1) ^ (1/2)"),
    "a logarithm of zero": width("log(0)"),
    "a large lcm": width("lcm(" + ", ".join(str(p) for p in range(1, 9000)) + ")"),
    "a large sum": value("sum([2 ^ 4000 for j in 1 .. 10000])"),
    "a large product": value("2 ^ 4000 * 2 ^ 4000"),
    "a comprehension bomb": value(
        "[[[[1 for a in 1 .. 9999] for b in 1 .. 9999] for c in 1 .. 9999] for d in 1 .. 9999]"
    ),
    "a recurrence within another": width(
        "f(8)",
        "fn g(n) { a[0] = n  a[i] = a[i - 1] + 1 for i in 1 .. 9999  return a[9999] }\n"
        "fn f(n) { a[0] = n  a[i] = g(a[i - 1]) for i in 1 .. 9999  return a[9999] }\n",
    ),
    "a recurrence over 10^9": width(
        "f(8)", "fn f(n) { a[0] = n  a[i] = a[i - 1] for i in 1 .. 10 ^ 9  return a[9] }\n"
    ),
    "a list of all lists before": width("f(8)", "fn f(n) { a[0] = n  a[i] = a for i in 1 .. 9999  return count(a) }\n"),
    "a list within the one before": width(
        "f(8)", "fn f(n) { a[0] = n  a[i] = [a[i - 1]] for i in 1 .. 999  return 8 }\n"
    ),
    "an element of a later one": width("f(8)", "fn f(n) { a[0] = n  a[i] = a[i + 1] for i in 1 .. 9  return a[9] }\n"),
    "sums of all tensors before": body("y[0] = x  y[i] = add(y) -> relu for i in 1 .. 9999  return y[9999]"),
    "a comprehension over 10^40": value("[1 for a in 1 .. 10 ^ 40]"),
    "a comprehension over a negative range": value("[1 for a in 1 .. -5]"),
    "doubling lists": value("f59(1)", DOUBLING),
    "doubling bindings": HEAD + BLOCK + model("b { width: a59 }", more=BINDINGS),
    "doubling bindings, compared": HEAD + BLOCK + model("b { width: 8 }", more=BINDINGS + "  c = a59 == a59"),
    "doubling bindings, summed": HEAD + BLOCK + model("b { width: sum(a59) }", more=BINDINGS),
    "doubling bindings, counted": HEAD + BLOCK + model("b { width: count(a59) }", more=BINDINGS),
    "doubling bindings in a setting": HEAD + BLOCK + model("b { width: 8  kernel: a59 }", more=BINDINGS),
    "doubling bindings in a padding": HEAD
    + "block p(x; q) { return x -> conv(8, kernel: 1, padding: q) }\n"
    + model("p { q: [a59, a59] }", more=BINDINGS),
    "doubling bindings in a section": HEAD
    + BLOCK
    + model("b { width: 8 }", more=BINDINGS + " preprocess { mean: a59 }"),
    "doubling bindings in an index": HEAD + BLOCK + model("b { width: 8 }", more=BINDINGS + " c = a59[a59]"),
    "doubling bindings in a message": HEAD + BLOCK + model("b { width: a59 + 1 }", more=BINDINGS),
    "doubling bindings as strides": HEAD + BLOCK + model("b { width: 8 }", more=BINDINGS + " features: a59"),
    "doubling bindings as input": HEAD + BLOCK + model("b { width: 8 }", "a59", more=BINDINGS),
    "calls that fan out": value("f29(1)", FANOUT),
    "a chain of calls": value("f4999(1)", CHAIN),
    "blocks that fan out": HEAD + BLOCK_FANOUT + model("b29"),
    "a block within itself": HEAD + OMEGA + model("w { f: w }"),
    "a block within itself, doubled": HEAD
    + "block w(x; f: none) { return x -> f(f: f) -> f(f: f) }\n"
    + model("w { f: w }"),
    "a block within itself, by configuration": HEAD
    + "block w(x; f: none) { g = f { f: f }  return x -> g }\n"
    + model("w { f: w }"),
    "a growing sequence": HEAD
    + "block w(x; f) { "
    + " ".join(f"g{i} = g{i - 1} -> g{i - 1} " for i in range(1, 60)).replace("g0", "f")
    + " return x -> g59 }\n"
    + model("w { f: relu }"),
    "a growing sequence, unused": HEAD
    + "block w(x; f) { "
    + " ".join(f"g{i} = g{i - 1} -> g{i - 1} " for i in range(1, 60)).replace("g0", "f")
    + " return x -> relu }\n"
    + model("w { f: relu }"),
    "settings within settings": HEAD
    + "block w(x; f: none, g: none) { return x -> relu }\n"
    + model("w { f: h60 }", more="h0 = w  " + "  ".join(f"h{i} = w(f: h{i - 1}, g: h{i - 1})" for i in range(1, 61))),
    "settings within settings, scaled": HEAD
    + "use std.scaling { w as wide }\nblock w(x; f: none, g: none) { return x -> relu }\n"
    + "model a { h0 = w  "
    + "  ".join(f"h{i} = w(f: h{i - 1}, g: h{i - 1})" for i in range(1, 61))
    + "input: 3 x 8 x 8 stages: w { f: h60 }  }\nmodel m = a -> wide(2)\n",
    "a block that returns nothing": body("y = x"),
    "a block that returns a number": body("return 3"),
    "a block that returns an empty list": body("return []"),
    "an empty block": body(""),
    "a block of nothing": HEAD + "block e() { return 1 }\n" + model("e"),
    "split in 2^31": body("return x -> split(parts: 2 ^ 31)"),
    "split in 2^31 - 1": body("return x -> split(parts: 2147483647)", "2147483647 x 8 x 8"),
    "split in a million sizes": body("return x -> split(sizes: [1 for j in 1 .. 10000])"),
    "split often": body("y = [split(x, parts: 4096) for j in 1 .. 100]  return x", "4096 x 8 x 8"),
    "concat of 10^6": body("return concat(" + ", ".join(["x"] * most(90_000, BEYOND)) + ")"),
    "concat of a list": body("return concat([x for j in 1 .. 10000])"),
    "concat of lists": body("y = [x for j in 1 .. 9000]  z = [concat(y) for j in 1 .. 9000]  return concat(z)"),
    "a range of a list to 10^40": value("[1, 2][0 .. 10 ^ 40]"),
    "a range of a list from -1": value("[1, 2][-1 .. 1]"),
    "a range of a list by half": value("[1, 2][1/2 .. 1]"),
    "all ranges of a list": body("y = [x for j in 1 .. 9999]  z = [y[0 .. j] for j in 1 .. 9998]  return concat(z)"),
    "a list of its own ranges": width(
        "f(8)", "fn f(n) { a[0] = n  a[i] = a[0 .. i - 1] for i in 1 .. 9999  return count(a) }\n"
    ),
    "the largest of 10^4": body("return max([x for j in 1 .. 10000])"),
    "the largest of tensors and numbers": body("return max([x, 1])"),
    "the largest of all before": body("y[0] = x  y[i] = max(y) -> relu for i in 1 .. 9999  return y[9999]"),
    "shares of 10^4": HEAD
    + "use std.ops { softmax }\nblock v(x) { return concat(softmax([x for j in 1 .. 10000])) }\n"
    + model("v"),
    "shares of shares": HEAD
    + "use std.ops { softmax }\nblock v(x) { a0 = [x, x]  "
    + "  ".join(f"a{i} = softmax(a{i - 1}, a{i - 1})" for i in range(1, 60))
    + "  return add(a59) }\n"
    + model("v"),
    "as many inputs as a list has": HEAD
    + "block v(xs...) { return concat(xs) -> relu }\nblock u(x) { return v([x for j in 1 .. 10000]) }\n"
    + model("u"),
    "inputs of inputs": HEAD
    + "block v0(xs...) { return add(xs) }\n"
    + "".join(f"block v{i}(xs...) {{ return v{i - 1}(xs, xs) }}\n" for i in range(1, 60))
    + model("v59"),
    "a learned tensor of 2^93 elements": HEAD
    + "use std.ops { parameter }\nblock v(x) { return x + parameter(2147483647 x 2147483647 x 2147483647, init: zeros) }\n"
    + model("v", "2147483647 x 2147483647 x 2147483647"),
    "attention of 2^62 positions": HEAD
    + "use std.ops { tokens, attention, map }\nblock v(x) { t = x -> tokens  return map(attention(t, t, t), x) }\n"
    + model("v", "2147483647 x 2147483647 x 2147483647"),
    "a resize to 2^31": HEAD
    + "use std.ops { resize }\nblock v(x) { return resize(x -> conv(8, kernel: 1, stride: 2147483647), x) }\n"
    + model("v", "3 x 2147483647 x 2147483647"),
    "standardized weights of 2^31": HEAD
    + "use std.ops { std_conv }\nblock v(x) { return x -> std_conv(2147483647, kernel: 2147483647) }\n"
    + model("v", "3 x 2147483647 x 2147483647"),
    "one of many values by the stage": HEAD + BLOCK + model("b { width: [8 for j in 1 .. 10000][stage.index] }"),
    "add of 10^4": body("return add([x for j in 1 .. 10000])"),
    "doubling width": body(
        "a0 = concat(x, x)  " + "  ".join(f"a{i} = concat(a{i - 1}, a{i - 1})" for i in range(1, 60)) + " return a59"
    ),
    "doubling size": body("return x" + " -> upsample(2)" * 60),
    "a huge input": HEAD + BLOCK + model("b { width: 8 }", "2147483647 x 2147483647 x 2147483647"),
    "too huge an input": HEAD + BLOCK + model("b { width: 8 }", "3 x 2147483648 x 8"),
    "an input of 10^40": HEAD + BLOCK + model("b { width: 8 }", "3 x 10 ^ 40 x 8"),
    "a flat huge input": body("return x -> flatten -> linear(2147483647)", "2147483647 x 2147483647 x 1"),
    "an input of nothing": HEAD + BLOCK + model("b { width: 8 }", "0 x 0 x 0"),
    "a negative input": HEAD + BLOCK + model("b { width: 8 }", "3 x -8 x 8"),
    "a kernel of 2^31": HEAD + BLOCK + model("b { width: 8  kernel: 2147483648 }"),
    "a kernel of 2^31 - 1": HEAD + BLOCK + model("b { width: 8  kernel: 2147483647 }"),
    "a stride of 2^31 - 1": HEAD + BLOCK + model("b { width: 8  stride: 2147483647 }"),
    "everything huge": body("return x -> conv(2147483647, kernel: 2147483647)", "2147483647 x 2147483647 x 2147483647"),
    "a reshape": body("return x -> reshape([2147483647, 2147483647, 2147483647])"),
    "a function that uses itself": value("f(1)", "fn f(a) = f(a)\n"),
    "functions in a circle": value("f(1)", "fn f(a) = g(a)\nfn g(a) = f(a)\n"),
    "a block that uses itself": HEAD + "block r(x) { return x -> r }\n" + model("r"),
    "a model that is itself": HEAD + BLOCK + "model m = m with { input: 1 x 8 x 8 }\n",
    "models in a circle": HEAD + BLOCK + "model m = n with { }\nmodel n = m with { }\n",
    "a long chain of models": HEAD
    + BLOCK
    + "model m0 { input: 3 x 8 x 8  stages: b { width: 8 } }\n"
    + "".join(f"model m{i} = m{i - 1} with {{ input: 3 x 8 x 9 }}\n" for i in range(1, 600)),
    "a scaling that is itself": HEAD
    + BLOCK
    + "scaling s(a) = s(a)\n"
    + model("b { width: 8 }")
    + "model n = m -> s(2)\n",
    "many scalings": HEAD
    + BLOCK
    + "scaling s(a) { width: width * a }\n"
    + model("b { width: 8 }")
    + "model n = m"
    + " -> s(1)" * 90
    + "\n",
    "scalings within scalings": HEAD
    + "use std.scaling { dWr }\n"
    + BLOCK
    + "model m0 { input: 3 x 8 x 8  stages: b { width: 8 } }\n"
    + "".join(f"model m{i} = m{i - 1} -> dWr(2)\n" for i in range(1, 40)),
    "a million models": HEAD
    + BLOCK
    + "model f(w) { input: 3 x 8 x 8  stages: b { width: w } }\nmodels f [ | name | w |\n"
    + "".join(f"| m{i} | 8 |\n" for i in range(most(38_000, limits.MAX_MODELS + 1)))
    + "]\n",
    "the most models": HEAD
    + BLOCK
    + "model f(w) { input: 3 x 8 x 8  stages: b { width: w } }\nmodels f [ | name | w |\n"
    + "".join(f"| m{i} | 8 |\n" for i in range(1_000))
    + "]\n",
    "100000 errors": "fn f(a) = [" + ", ".join(f"n{i}" for i in range(most(90_000))) + "]\n",
    "100000 wrong settings": HEAD
    + BLOCK
    + model("b { width: 8  " + "  ".join(f"n{i}: 8" for i in range(most(40_000))) + "}"),
    "100000 wrong calls": HEAD + BLOCK + model("b(8, " + ", ".join(f"n{i}: 8" for i in range(most(40_000))) + ")"),
    "many names to guess from": "".join(
        f"fn name_of_a_rule_{i}(a) = name_of_a_role_{i}\n" for i in range(most(12_000))
    ),
    "many labels": HEAD
    + BLOCK
    + model(
        "b { width: v0 }", more="  ".join(f"v{i} = v{i + 1} + v{i + 2}" for i in range(500)) + "v501 = 1/2 v500 = 1"
    ),
    "a rule of many names": HEAD
    + BLOCK
    + model(
        "b { width: v300 }",
        more="v0 = 1/2  v1 = 1/2  " + "  ".join(f"v{i} = v{i - 1} + v{i - 2}" for i in range(2, 301)),
    ),
    "nul": "arch 1\nfn f(a) = \0\n",
    "right to left": "arch 1\nfn f(a) = \u202ea\n",
    "letters of other scripts": "arch 1\nfn ƒ(а) = а\nfn ｆ(a) = ａ\nfn f(á) = 𝟙\n",
    "a byte order mark within": "arch 1\nfn f(a) = \ufeffa\n",
    "a surrogate in a string": 'use "a\ud800b" { c }\n'.encode("utf-8", "surrogatepass").decode("latin-1"),
}


FAMILY = (
    HEAD
    + "use std.scaling { dWr, w, d, compound }\n"
    + BLOCK
    + """
block fixed(x) { return x -> conv(8, kernel: 1) }
model m { input: 3 x 32 x 32  stages: b { width: [8, 16]  depth: [1, 2]  stride: 2 } }
model still { input: 3 x 32 x 32  stages: fixed { depth: 2 } }
model wide { input: 3 x 32 x 32  stages: b { width: 8 * block.index + 8  depth: 3 } }
"""
)

SCALED: dict[str, str] = {
    **{
        f"dWr({factor})": f"model n = m -> dWr({factor})\n"
        for factor in (
            *("0", "-1", "1e30", "1 / 10 ^ 30", "2 ^ (1/2)", "log(3)", "1e300", "1e-300", "none", '"2"', "[2]", "m"),
            *("solve(flops: 1)", "solve(flops: 1e300)", "solve(flops: -1)", "solve(acts: 1/3)", "solve(params: 100K)"),
        )
    },
    **{
        call: f"model n = m -> {call}\n"
        for call in (
            *("d(1e300)", "w(1e300)", "compound(1e300)", "compound(-1)", "compound(2 ^ (1/2))", "compound(none)"),
            *("d(solve(flops: 1e300))", "w(solve(params: 1e300))", "d(solve(params: 100K))", "w(solve(params: 100K))"),
        )
    },
    "depths by the stage, 10^300": "scaling s(a) { depth: depth * a ^ (1e300 * stage.index) }\nmodel n = m -> s(2)\n",
    "depths by the stage, none": "scaling s(a) { depth: depth * stage.index }\nmodel n = m -> s(2)\n",
    "depths by the stage, in doubles": "scaling s(a) { depth: binary64(depth * a ^ (1/3)) }\nmodel n = m -> s(2)\n",
    "solve what cannot move": "model n = still -> w(solve(flops: 16G))\n",
    "solve what cannot move, by depth": "model n = still -> d(solve(params: 16G))\n",
    "solve a rule by block": "model n = wide -> w(solve(params: 16M))\n",
    "solve a jump": "scaling s(a) { width: 8 if a < 2 else 1000000 }\nmodel n = m -> s(solve(params: 1M))\n",
    "solve an oscillation": "scaling s(a) { width: 8 + round(a * 1000) % 2 * 1000 }\nmodel n = m -> s(solve(params: 100K))\n",
    "solve a falling cost": "scaling s(a) { width: max(1, round(1000 / a)) }\nmodel n = m -> s(solve(params: 100K))\n",
    "solve the slow": "scaling s(a) { width: round(sum([width * a ^ (1/7) for j in 1 .. 5000]) / 5000) }\nmodel n = m -> s(solve(params: 100K))\n",
    "solve twice": "model n = m -> w(solve(params: 100K)) -> d(solve(params: 300K))\n",
    "solve a large network": "model l { input: 3 x 32 x 32  stages: b { width: [8 for j in 1 .. 9999]  depth: [1 for j in 1 .. 9999] } }\nmodel n = l -> w(solve(params: 100M))\n",
    "a scaling of nothing": "scaling s(a) { group_width: group_width * a }\nmodel n = m -> s(2)\n",
    "a scaling to strings": 'scaling s(a) { width: "wide" }\nmodel n = m -> s(2)\n',
    "a scaling of size to nothing": "scaling s(a) { resolution: 0 }\nmodel n = m -> s(2)\n",
    "a scaling of size to 10^40": "scaling s(a) { resolution: 10 ^ 40 }\nmodel n = m -> s(2)\n",
    "a scaling of size to 2^31": "scaling s(a) { resolution: 2 ^ 31 }\nmodel n = m -> s(2)\n",
    "an unknown factor twice": "scaling s(a, c) { width: width * a * c }\nmodel n = m -> s(solve(params: 1M), solve(flops: 1M))\n",
}


TEXTS = {**NESTED, **MEANING, **{name: FAMILY + text for name, text in SCALED.items()}}

RESULTS = {
    "the largest of 10^4",
    "as many inputs as a list has",
    "a learned tensor of 2^93 elements",
    "a resize to 2^31",
    "standardized weights of 2^31",
    "one of many values by the stage",
    "add of 10^4",
    "d(solve(params: 100K))",
    "solve a rule by block",
    "10000 stages",
    "a comprehension over a negative range",
    "a fraction with large terms",
    "a huge input",
    "a kernel of 2^31 - 1",
    "a large sum",
    "a log of a huge number",
    "a power of a fraction",
    "a power with an irrational exponent",
    "a root of a large degree",
    "a root of a sum of roots",
    "a small power",
    "a stride of 2^31 - 1",
    "a table of 9000 stages",
    "arguments",
    "comments",
    "compound(-1)",
    "compound(2 ^ (1/2))",
    "concat of a list",
    "dWr(1 / 10 ^ 30)",
    "dWr(1e-300)",
    "dWr(2 ^ (1/2))",
    "dWr(log(3))",
    "dWr(solve(params: 100K))",
    "declarations",
    "depth 10000",
    "depth of a long list",
    "everything huge",
    "logs of logs",
    "many scalings",
    "nearly a tie",
    "parameters",
    "scalings within scalings",
    "solve a jump",
    "solve twice",
    "the most models",
    "w(solve(params: 100K))",
}
"""What is no fault, however odd: it compiles, and within the limits."""

CODES = {
    "E101": (
        "a negative input",
        "bars",
        "colons",
        "declaration words",
        "dots",
        "one name",
        "operator ..",
        "quotes",
        "steps with a condition",
    ),
    "E103": ("parentheses, closed",),
    "E105": (
        "a byte order mark within",
        "blank lines",
        "letters of other scripts",
        "tabs",
    ),
    "E106": (
        "attributes",
        "bodies",
        "bodies, open",
        "call after call",
        "calls",
        "conditions in parentheses",
        "configurations",
        "indices",
        "indices in indices",
        "lists",
        "lists, open",
        "minus",
        "not",
        "operator %",
        "operator *",
        "operator +",
        "operator -",
        "operator /",
        "operator //",
        "operator and",
        "operator or",
        "parentheses",
        "parentheses, open",
        "path indices",
        "paths",
        "roots of roots",
        "spaced minus",
        "steps",
        "tables",
        "with",
    ),
    "E107": (
        "module names",
        "names",
        "operator ==",
        "operator ^",
        "returned",
    ),
    "E110": ("one string",),
    "E111": (
        "comprehensions",
        "conditions",
        "configured blocks",
    ),
    "E113": (
        "a surrogate in a string",
        "nul",
        "right to left",
    ),
    "E116": ("a million models",),
    "E201": (
        "100000 errors",
        "many labels",
        "many names to guess from",
    ),
    "E202": (
        "100000 wrong calls",
        "100000 wrong settings",
        "one line",
    ),
    "E203": (
        "cells",
        "uses",
    ),
    "E208": (
        "a block that uses itself",
        "a function that uses itself",
        "a model that is itself",
        "a scaling that is itself",
        "functions in a circle",
        "models in a circle",
    ),
    "E210": (
        "a block of nothing",
        "a block that returns nothing",
        "an empty block",
    ),
    "E211": ("a large lcm",),
    "E301": (
        "the largest of tensors and numbers",
        "a block that returns a number",
        "a block that returns an empty list",
        "a scaling to strings",
    ),
    "E302": (
        "shares of 10^4",
        "shares of shares",
        "depths by the stage, none",
        "a kernel of 2^31",
        "a power of a sum of roots",
        "a scaling of size to 10^40",
        "a scaling of size to 2^31",
        "a scaling of size to nothing",
        "an input of 10^40",
        "an input of nothing",
        "dWr(1e30)",
        "split in 2^31",
        "split in 2^31 - 1",
        "split in a million sizes",
        "too huge an input",
        "w(1e300)",
        "width 10^40",
        "width 10^40 in digits",
    ),
    "E303": (
        "a range of a list by half",
        "a rule of many names",
        "a tower of fractions",
    ),
    "E307": (
        "depths by the stage, in doubles",
        "a division by zero",
        "a logarithm of zero",
        "a remainder by zero",
        "a root of minus one",
        "dWr(solve(acts: 1/3))",
        "dWr(solve(flops: -1))",
        "zero to minus one",
    ),
    "E308": (
        "depths by the stage, 10^300",
        "a huge exponent",
        "a large product",
        "a power of a huge exponent",
        "a power of a negative one",
        "a product of roots",
        "a sum of roots",
        "a tiny exponent",
        "a tower of powers",
        "compound(1e300)",
        "exponents of exponents",
        "logarithms that cancel",
        "one number",
    ),
    "E309": ("a table of many columns",),
    "E310": (
        "an unknown factor twice",
        "compound(none)",
        'dWr("2")',
        "dWr([2])",
        "dWr(m)",
        "dWr(none)",
    ),
    "E311": (
        "a range of a list to 10^40",
        "a range of a list from -1",
        "an element of a later one",
    ),
    "E312": (
        "dWr(-1)",
        "dWr(0)",
    ),
    "E314": ("a scaling of nothing",),
    "E313": (
        "d(solve(flops: 1e300))",
        "dWr(solve(flops: 1))",
        "dWr(solve(flops: 1e300))",
        "solve a falling cost",
        "solve a large network",
        "solve an oscillation",
        "solve the slow",
        "solve what cannot move",
        "solve what cannot move, by depth",
        "w(solve(params: 1e300))",
    ),
    "E391": (
        "the largest of all before",
        "attention of 2^62 positions",
        "a flat huge input",
        "concat of lists",
        "doubling size",
        "doubling width",
        "split often",
        "sums of all tensors before",
    ),
    "E392": (
        "all ranges of a list",
        "a comprehension bomb",
        "a recurrence within another",
        "logarithms that nearly cancel",
    ),
    "E393": (
        "a block within itself",
        "a block within itself, by configuration",
        "a block within itself, doubled",
        "a chain of calls",
        "a long chain of models",
        "blocks that fan out",
        "calls that fan out",
        "doubling lists",
    ),
    "E394": (
        "a list of its own ranges",
        "concat of 10^6",
        "inputs of inputs",
        "100000 stages",
        "a comprehension over 10^40",
        "a growing sequence",
        "a growing sequence, unused",
        "a list of all lists before",
        "a list within the one before",
        "a recurrence over 10^9",
        "a list of 30000 stages",
        "a table of 100000 stages",
        "d(1e300)",
        "dWr(1e300)",
        "depth 10000 twice",
        "depth 1e9",
        "doubling bindings",
        "doubling bindings as input",
        "doubling bindings as strides",
        "doubling bindings in a message",
        "doubling bindings in a padding",
        "doubling bindings in a section",
        "doubling bindings in a setting",
        "doubling bindings in an index",
        "doubling bindings, compared",
        "doubling bindings, counted",
        "doubling bindings, summed",
        "settings within settings",
        "settings within settings, scaled",
    ),
    "E404": ("a reshape",),
}
"""The code that each other text ends in, among others."""
