"""`archdsl show`: the printed model stands alone, means the same, and scales the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_cases import SPECS, Run
from families.compiling import FEW, network_of, some_names, spec
from sampling import TIMES

from archdsl.source import Source
from archdsl.syntax.formatter import format_source


def digest(run: Run, *arguments: Any) -> str:
    result = run("cost", *arguments, "--format", "json")
    assert result.code == 0, result.err + result.out
    return str(json.loads(result.out)["hash"])


def shown(run: Run, here: Path, *arguments: Any) -> str:
    """Show a model, and write it to y.arch."""
    result = run("show", *arguments)
    assert result.code == 0, result.err
    assert format_source(Source("y.arch", result.out)) == result.out
    (here / "y.arch").write_text(result.out)
    return result.out


SHOWN = [name for place, name in enumerate(some_names()) if TIMES > 1 or place % 3 == 0 or name in FEW]


@pytest.mark.parametrize("name", SHOWN)
def test_round_trip_of_the_specs(run: Run, here: Path, name: str) -> None:
    text = shown(run, here, name)
    hash_line = f"# hash {network_of(spec(name)).hash}"
    assert text.splitlines()[1] == hash_line
    assert run("check", "y.arch").code == 0
    again = run("show", "y.arch").out
    assert again.splitlines()[1] == hash_line  # of the network that y.arch is compiled to
    if "->" not in text:
        assert again == text


@pytest.mark.parametrize("scaling", ["dWr:4", "w:2", "d:3", "dwr_fixed_group:2"])
def test_the_printed_model_scales_alike(run: Run, here: Path, scaling: str) -> None:
    path = SPECS / "regnety_4gf.arch"
    shown(run, here, path)
    assert digest(run, "y.arch", "--scale", scaling) == digest(run, path, "--scale", scaling)


def test_changes_are_resolved(run: Run, here: Path) -> None:
    changes = ("--scale", "dWr:4", "--set", "head.classes=10", "--input", "256x192")
    text = shown(run, here, SPECS / "regnety_4gf.arch", *changes)
    assert digest(run, "y.arch") == digest(run, SPECS / "regnety_4gf.arch", *changes)
    assert "classes: 10" in text
    assert "input:  3 x 256 x 192" in text
    assert "# width 888 -> 896" in text
    assert "expect" not in text


def test_fit_has_a_comment(run: Run, here: Path) -> None:
    text = shown(run, here, SPECS / "regnety_4gf.arch")
    assert "# width 96 -> 128" in text
    assert "bottleneck_ratio" in text  # a default, filled in


def test_single_blocks(run: Run, here: Path) -> None:
    path = SPECS / "regnety_4gf.arch"
    changes = ("--set", "stages[3].blocks[1].inner=1024", "--set", "stages[1].blocks[0 .. 2].se_ratio=none")
    text = shown(run, here, path, *changes)
    assert re.search(r"stages\[3\].blocks\[1\].inner: +1024", text)
    assert digest(run, "y.arch") == digest(run, path, *changes)


def test_own_blocks_are_written_out(run: Run, net: Path) -> None:
    text = shown(run, net.parent, "net.arch")
    assert "# A grouped convolution" in text
    assert "block grouped(x;" in text
    assert "classes: 10" in text
    assert "scaling" not in text
    assert "# width 18 -> 16" in text
    assert digest(run, "y.arch") == digest(run, "net.arch")


def test_names_of_several_files(run: Run, here: Path) -> None:
    """Two files declare blocks of one name, under aliases; each text keeps its own meaning."""
    (here / "a.arch").write_text(
        "arch 1\nuse std.ops { conv as c, relu }\nfn size(n) = n + 1\n"
        "block unit(x; width) = x -> c(size(width), kernel: 3) -> relu\n"
    )
    (here / "b.arch").write_text(
        "arch 1\nuse std.ops { conv, relu as c }\nfn size(n) = n + 2\n"
        "block unit(x; width) { conv_2 = x -> conv(size(width), kernel: 1)  return conv_2 -> c }\n"
    )
    (here / "net.arch").write_text(
        'arch 1\nuse "a.arch" { unit as first }\nuse "b.arch" { unit as second }\nuse std.ops { silu as unit }\n'
        "model size {\n  input: 3 x 8 x 8\n  stem: first(4) -> unit -> second(4)\n"
        "  stages: [second { width: 8  depth: 2 }, first { width: 9 }]\n}\n"
    )
    text = shown(run, here, "net.arch")
    assert text.count("block unit") == 2
    assert digest(run, "y.arch") == digest(run, "net.arch")


RICH = """\
arch 1
use std.ops { conv, batch_norm, relu, silu, global_pool, linear, max_pool, avg_pool }

fn spread(fan) = 2 / fan

block unit(x; width, stride: 1, dilation: 1, kernel: 3 x 3, act: relu, norm: batch_norm, pad: [1, 1, 1, 1],
           word: "none", odd: 1/3) =
  x -> conv(width, kernel: kernel, stride: stride, dilation: dilation, padding: "same") -> norm -> act
block down(x; width) = x -> conv(width, kernel: 1) -> max_pool(kernel: 2, stride: 2)

model rich(gain: 3) {
  input:         4 x 64 x 32
  stem:          conv(8, kernel: 3, stride: 2) -> batch_norm(eps: 1e-3, momentum: 0.05) -> relu
  stages: unit {
    depth:  [2, 3, 1]
    width:  8 + 8 * block.index
    stride: [1, 2, 2]
    kernel: [3 x 5, 1 x 1, 5 x 3]
    enter:  [none, down(width: 32), conv(48, kernel: 1) -> relu]
    act:    [relu, silu, relu]
    norm:   batch_norm(eps: 2 ^ (0 - 10))
  }
  head:          global_pool -> linear(10)
  output_stride: 4
  features { c1: stem  c2: stages[1] }
  follow { stem.width: width }
  init {
    conv:   normal(std: sqrt(spread(fan_out) * gain))
    linear: uniform(bound: 1/100)
  }
  preprocess { mean: [0.5, 0.5, 0.5, 0.5]  std: [0.25, 0.25, 0.25, 0.25]  crop: 7/8  interpolation: "bicubic" }
  source { paper: "none"  table: 3 }
}
"""


def test_everything_a_model_can_say(run: Run, here: Path) -> None:
    (here / "net.arch").write_text(RICH.replace("  follow { stem.width: width }\n", ""))
    text = shown(run, here, "net.arch")
    assert digest(run, "y.arch") == digest(run, "net.arch")
    for words in (
        "[8, 16][block.in_stage]",
        "output_stride: 4",
        "features { c1: stem  c2: stages[1] }",
        "normal(std: sqrt(spread(fan_out) * 3))",
        'interpolation: "bicubic"',
        "crop:          0.875",
        "1/3",
    ):
        assert words in text, words
    assert run("diff", "net.arch", "y.arch").code == 0 or "init" in run("diff", "net.arch", "y.arch").out


def test_a_fit_that_does_not_settle(run: Run, here: Path) -> None:
    """Where a second `fit` would change a setting again, what was requested is printed."""
    (here / "net.arch").write_text(
        "arch 1\nuse std.ops { conv }\n"
        "block grow(x; width) {\n  fit { width: width + 1 }\n  return x -> conv(width, kernel: 1)\n}\n"
        "model net { input: 3 x 8 x 8  stages: grow { width: [4, 6] } }\n"
    )
    text = shown(run, here, "net.arch")
    assert "# width 4 -> 5" in text
    assert digest(run, "y.arch") == digest(run, "net.arch")


def test_values_of_every_kind(run: Run, here: Path) -> None:
    """Functions, blocks with settings, sequences and lists as settings."""
    (here / "net.arch").write_text(
        "arch 1\nuse std.ops { conv, batch_norm, relu, leaky_relu }\nuse std.rules { round_half_up }\n"
        "fn double(n) = 2 * n\n"
        "block unit(x; width, rule: round, more: double, after: relu, sides: [1, 1, 1, 1], gate: none, wide: 3 x 3) {\n"
        "  return x -> conv(more(rule(width)), kernel: wide, padding: sides) -> after -> gate when gate\n}\n"
        "model net {\n  input: 3 x 8 x 8\n  stem: none\n  stages: [\n"
        "    unit { width: 9.5  after: batch_norm(eps: 1e-4) -> leaky_relu(slope: 1/5) },\n"
        "    unit { width: 12  rule: round_half_up  gate: unit(width: block.index + 1, more: abs) },\n"
        "    unit { width: 2 ^ (7/2)  depth: 2  rule: floor },\n  ]\n}\n"
    )
    text = shown(run, here, "net.arch")
    assert digest(run, "y.arch") == digest(run, "net.arch")
    for words in ("use std.rules { round_half_up }", "fn double(n)", "rule:  round_half_up", "0.0001", "3 x 3"):
        assert words in text, words


def test_more_values_than_can_be_printed(run: Run, here: Path) -> None:
    """Values share their parts in memory; on paper they would not."""
    doubled = "\n".join(f"  a{n} = [a{n - 1}, a{n - 1}, a{n - 1}, a{n - 1}]" for n in range(1, 12))
    (here / "net.arch").write_text(
        "arch 1\nuse std.ops { conv }\nblock unit(x; width, junk) = x -> conv(width, kernel: 1)\n"
        f"model net {{\n  a0 = [1]\n{doubled}\n  input: 3 x 8 x 8\n"
        "  stages: [unit { width: 4  junk: a11 }]\n}\n"
    )
    result = run("show", "net.arch")
    assert (result.code, result.out) == (1, "")
    assert "more values" in result.err or "error[E" in result.err
    for command in ("cost", "explain"):
        assert len(run(command, "net.arch").out) < 100_000
    assert len(run("check", "--emit", "stages", "net.arch").out) < 100_000
    assert len(run("diff", "net.arch", "net.arch").out) < 100_000


def test_from_standard_input(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    text = shown(run, here, "resnet50")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert digest(run, "-") == digest(run, "resnet50")


def test_faults(run: Run, here: Path) -> None:
    (here / "bad.arch").write_text("model net { input 3 }\n")
    result = run("show", "bad.arch")
    assert (result.code, result.out) == (1, "")
    assert "error[E1" in result.err
