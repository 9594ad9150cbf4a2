"""Hostile input ends in a diagnostic or in a result: soon, in little memory, and never in an exception.

Every case runs in a forked process whose memory is limited, so that one that explodes fails alone. A case
is a text with the codes of which one must be among the diagnostics; without codes a result is expected.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from archdsl.compiler import Changes, Compiler
from archdsl.diagnostics import Fault
from archdsl.files import SourceFault, decode_source, read_source
from archdsl.graph.cost import count
from archdsl.graph.memory import peak_bytes, training_bytes
from archdsl.render import render_all, to_json
from archdsl.resources import read_data
from archdsl.source import Source

SECONDS = 5
MEMORY = 1 << 30
FORK = multiprocessing.get_context("fork")


@dataclass
class Texts:
    """A `Reader` of texts by path, with the standard library behind it."""

    files: dict[str, str] = field(default_factory=dict)

    def file(self, path: str) -> Source:
        if path not in self.files:
            raise Fault(SourceFault("unreadable", "there is no such file", Source(path, "")).diagnostic())
        return Source(path, self.files[path])

    def library(self, name: str) -> Source | None:
        try:
            return Source(f"std/{name}.arch", read_data(f"specs/std/{name}.arch"))
        except FileNotFoundError:
            return None


@dataclass
class Disk(Texts):
    """A `Reader` of the files below a folder, as the command line has it."""

    root: Path = Path()

    def file(self, path: str) -> Source:
        try:
            found = read_source(self.root / path, self.root)
        except SourceFault as fault:
            raise Fault(fault.diagnostic()) from None
        return Source(path, found.text)


@dataclass
class Outcome:
    """What a run ended in."""

    codes: list[str]
    messages: list[str]
    results: int
    seconds: float
    peak: int
    failure: str = ""


def compile_all(text: str | bytes, changes: Changes | None = None, reader: Texts | None = None) -> Outcome:
    """Compile a file as the command line does, count its networks and render what is said about it."""
    compiler = Compiler(reader or Texts())
    try:
        source = decode_source("hostile.arch", text if isinstance(text, bytes) else text.encode())
    except SourceFault as fault:
        return Outcome([fault.code], [fault.message], 0, 0, 0)
    if changes is None:
        _, found, diagnostics = compiler.check(source)
    else:
        found = [compiler.compile(source, None, changes)]
        diagnostics = found[0].diagnostics
    results = 0
    for compilation in found:
        if compilation.network is not None:
            count(compilation.network)
            peak_bytes(compilation.network)
            training_bytes(compilation.network)
            assert len(compilation.network.hash) == 64
            results += 1
    shown = render_all(diagnostics, color=False)
    assert len(shown) < 1_000_000
    said = list(diagnostics)
    for diagnostic in said:
        to_json(diagnostic)
    assert results or diagnostics.failed or not found
    return Outcome([d.code for d in said], [d.message for d in said], results, 0, 0)


def limited(run: Callable[[], Outcome]) -> Outcome:
    """Run in a forked process with a limit on memory; an exception comes back as `failure`."""
    receiver, sender = FORK.Pipe(duplex=False)

    def child() -> None:
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        start = time.perf_counter()
        try:
            outcome = run()
        except BaseException:
            outcome = Outcome([], [], 0, 0, 0, traceback.format_exc()[-3000:])
        outcome.seconds = time.perf_counter() - start
        outcome.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sender.send(outcome)

    worker = FORK.Process(target=child)
    worker.start()
    sender.close()
    try:
        if not receiver.poll(4 * SECONDS):
            worker.kill()
            return Outcome([], [], 0, 4 * SECONDS, 0, "no end in sight")
        return receiver.recv()
    except EOFError:
        return Outcome([], [], 0, 0, 0, "the process died")
    finally:
        worker.join()


def verify(outcome: Outcome, codes: tuple[str, ...]) -> None:
    assert not outcome.failure, outcome.failure
    assert outcome.seconds < SECONDS, (outcome.seconds, outcome.codes, outcome.messages)
    if codes:
        assert set(codes) & set(outcome.codes), (outcome.codes, outcome.messages)
    else:
        assert outcome.results, (outcome.codes, outcome.messages)
        assert not outcome.codes, (outcome.codes, outcome.messages)


HEAD = "arch 1\nuse std.ops { conv, relu, add, concat, split, max_pool, reshape, pad_channels, upsample, linear, flatten }\n"
BLOCK = "block b(x; width, kernel: 1, stride: 1) { return x -> conv(width, kernel: kernel, stride: stride) }\n"


def model(stages: str, size: str = "3 x 8 x 8", more: str = "") -> str:
    return f"model m {{ input: {size}  {more}  stages: {stages} }}\n"


def width(expression: str, before: str = "") -> str:
    """A program that has an expression for a width."""
    return HEAD + BLOCK + before + model(f"b {{ width: {expression} }}")


def value(expression: str, before: str = "") -> str:
    """A program that evaluates an expression and throws it away."""
    return HEAD + BLOCK + before + model("b { width: 8 }", more=f"_v = {expression}")


def body(text: str, size: str = "3 x 8 x 8") -> str:
    """A program with a block of this body."""
    return HEAD + f"block h(x; f: none, width: 8) {{ {text} }}\n" + model("h", size)


DEEP = 100_000

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
        for o in (" + ", " - ", " * ", " / ", " // ", " % ", "^", " == ", " < ", " and ", " or ", " .. ", " x ")
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
    "arguments": width("max(8" + ", 8" * 50_000 + ")"),
    "parameters": "fn f(" + ", ".join(f"p{i}" for i in range(50_000)) + ") = 1\n",
    "uses": "use std.ops { " + ", ".join(["conv"] * 50_000) + " }\n",
    "module names": "use std" + ".a" * DEEP + " { b }\n",
    "declarations": "".join(f"fn f{i}(a) = a\n" for i in range(20_000)),
    "cells": HEAD + BLOCK + model("[|" + " block |" * 50_000 + "]"),
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


@pytest.mark.parametrize("name", NESTED)
def test_form(name: str) -> None:
    """Deep, long and wide texts."""
    outcome = limited(lambda: compile_all(NESTED[name]))
    assert not outcome.failure, outcome.failure
    assert outcome.seconds < SECONDS, (outcome.seconds, outcome.codes)
    print(name, round(outcome.seconds, 2), outcome.peak // 1024, outcome.codes[:5], outcome.messages[:2], outcome.results)
