"""The table of diagnostic codes: what each means, with an example that has it and one that has not.

Codes are stable, by phase: E1 syntax and files, E2 names, E3 values and rules (E39 limits), E4 shapes, E5 claims, E7
what is emitted. An example is a whole file, named net.arch. A code whose example cannot be shown (a file of a megabyte,
a character that must not be printed) has none; its explanation says how it comes about.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A diagnostic code. `wrong` produces it; `right` is the same file without the fault."""

    code: str
    title: str
    explanation: str
    wrong: str | None = None
    right: str | None = None


_TABLE = (
    Code(
        "E101",
        "what stands here does not fit",
        (
            "The text at this place is no part of the language. The message says what was expected, and the help "
            "is an edit. The rest of the file is still read, so that one run shows all its faults."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input   3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E102",
        "a bracket is never closed",
        (
            "The file, or a declaration, ends while a bracket is open. The span is the bracket; the label says "
            "where it was missed."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3  }
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E103",
        "a bracket does not match",
        "A closing bracket closes nothing, or a bracket of another kind.",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv(width: 16, kernel: 3]
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv(width: 16, kernel: 3)
}
""",
    ),
    Code(
        "E104",
        "a string is not closed",
        'A string stands between two `"` on one line.',
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  source { paper: "arXiv:2003.13678 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  source { paper: "arXiv:2003.13678" }
}
""",
    ),
    Code(
        "E105",
        "a number, word or character that is none",
        (
            "Numbers begin with a digit, have no `_`, and end in K, M, G or T at most. The parts of a size stand "
            "apart: `3 x 224 x 224`. Strings stand between double quotes. Signs of other scripts, such as an "
            "arrow in one character, are named with what stands for them."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3x32x32
  stages: conv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E106",
        "nested too deep",
        (
            "Brackets, bodies and expressions nest at most 100 levels deep, so that every file is read in bounded "
            "memory. Give a name to an inner part: `a = …` in a block, or an `fn`."
        ),
    ),
    Code(
        "E107",
        "too many tokens",
        (
            "A file has at most 200,000 tokens: names, numbers, signs. Split it, and take names from the other "
            "file with `use`."
        ),
    ),
    Code(
        "E108",
        "too many syntax errors",
        "After 50 syntax errors a file is not read further. Mend the first ones; often they cause the others.",
    ),
    Code(
        "E109",
        "a word of the language as a name",
        (
            "`if`, `else`, `for`, `in`, `when`, `with`, `and`, `or`, `not`, `none`, `true` and `false` have a "
            "meaning and cannot be names."
        ),
        """\
arch 1
use std.ops { conv }

fn with(a) = a + 1

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

fn more(a) = a + 1

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E110",
        "a file cannot be read",
        (
            "There is no such file, it is a folder or a device, or it may not be read. A path in `use` is "
            "relative to the file it stands in."
        ),
        """\
arch 1
use "missing.arch" { block_a }
""",
        """\
arch 1
use std.ops { conv }
""",
    ),
    Code(
        "E111",
        "a file is too large",
        (
            "A source file has at most 1 MiB. A table of that size is data: declare its rule as an `fn`, or split "
            "the file."
        ),
    ),
    Code(
        "E112",
        "a file is not UTF-8",
        "Source files are UTF-8 text. The message names the first byte that is not.",
    ),
    Code(
        "E113",
        "a forbidden character",
        (
            "Control characters, marks that change the direction of writing, and unusual line separators may not "
            "stand in a file, not even in a comment: the file must read as it looks. Remove the character; the "
            "message names it."
        ),
    ),
    Code(
        "E114",
        "another version of the language",
        (
            "The first line `arch 1` states the version of the language that the file is written in. This "
            "compiler reads version 1."
        ),
        """\
arch 2
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E115",
        "too many files",
        "A program has at most 200 files, those of the standard library counted.",
    ),
    Code(
        "E116",
        "too many models",
        "A file declares at most 10,000 models, rows of `models` counted.",
    ),
    Code(
        "E201",
        "an unknown name",
        (
            "Nothing by this name is declared in the file, taken by a `use`, bound before this place, or a "
            "function of the language. The help names the nearest one."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: konv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E202",
        "a setting or field that does not exist",
        (
            "The block, function, model or section has nothing by this name. The help names the nearest one, or "
            "lists what there is."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernal: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E203",
        "given or declared twice",
        (
            "A name keeps its value, and a field is given once. Of two declarations with one name, the second is "
            "at fault."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3  width: 32 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E204",
        "does not stand here",
        (
            "The entry is known, but belongs elsewhere: `width` in `stages`, `classes` in the head's block, a "
            "table in `stages` or `models`, bindings in a block."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:   3 x 32 x 32
  stages:  conv { width: 16  kernel: 3 }
  classes: 10
}
""",
        """\
arch 1
use std.ops { conv, global_pool, linear }

block pool_and_linear(x; classes) = x -> global_pool -> linear(classes)

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  head:   pool_and_linear(classes: 10)
}
""",
    ),
    Code(
        "E205",
        "a path leaves the project",
        (
            "A path in `use` is relative, has `/` between its parts, and stays below the root of the entry file's "
            "project: the nearest folder with .git, pyproject.toml or archdsl.toml, else the file's own. Links "
            "are followed first."
        ),
        """\
arch 1
use "../secret.arch" { net }
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E206",
        "no such module",
        "A module of the standard library is named `std.…`; a file stands between quotes.",
        """\
arch 1
use std.opps { conv }
""",
        """\
arch 1
use std.ops { conv }
""",
    ),
    Code(
        "E207",
        "files use each other in a circle",
        "A file cannot use itself, directly or through others. Move what both need to a third file.",
        """\
arch 1
use "net.arch" { a }

fn b(n) = n + 1
""",
        """\
arch 1

fn b(n) = n + 1
""",
    ),
    Code(
        "E208",
        "a declaration uses itself",
        "There is no recursion: every evaluation ends. Use a list with `for`, which is bounded.",
        """\
arch 1

fn widths(n) = widths(n - 1) + 8
""",
        """\
arch 1

fn widths(n) = [8 * i for i in 1 .. n]
""",
    ),
    Code(
        "E209",
        "a declaration of a later version",
        "The grammar knows `space`; this version of the compiler does not compile it.",
        """\
arch 1

space narrow {
  depth ~ int(1 .. 63)
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E210",
        "something is missing",
        (
            "A model has an `input` and `stages`; a block has an input and returns something; a table names its "
            "columns; a `use` names what it takes. The command line says it too where a file has no model, or "
            "several and none was named."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  stages: conv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E211",
        "a wrong number of inputs or arguments",
        (
            "A block takes as many tensors as stand before the `;` of its declaration; a function takes the "
            "arguments that its declaration names. One leading setting of a block may stand without its name."
        ),
        """\
arch 1
use std.ops { conv }

block twice(x; width) {
  y = x -> conv(width, 3)
  return y
}

model net {
  input:  3 x 32 x 32
  stages: twice { width: 16 }
}
""",
        """\
arch 1
use std.ops { conv }

block twice(x; width) {
  y = x -> conv(width, kernel: 3)
  return y
}

model net {
  input:  3 x 32 x 32
  stages: twice { width: 16 }
}
""",
    ),
    Code(
        "E212",
        "a thing of the wrong kind",
        (
            "A stage is made of a block, a model is scaled by a scaling, an arrow leads into a block. A name "
            "stands for something else here."
        ),
        """\
arch 1
use std.ops { conv }

fn seven() = 7

model net {
  input:  3 x 32 x 32
  stages: seven
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E301",
        "a value of the wrong kind",
        (
            "A number stands where a size is needed, a list where a number is, and so on. Enumerations are "
            'strings: `padding: "same"`.'
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  32
  stages: conv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E302",
        "a value out of range",
        ("The value is of the right kind and not allowed: a width of 0, a depth below 1, an input beyond the limit."),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 0  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E303",
        "not a whole number",
        (
            "Widths, depths and extents are whole numbers, and nothing is rounded silently. Say how: `round(…)`, "
            "`floor(…)`, `ceil(…)`, or a rule of `std.rules`."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16 * 1.3  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: round(16 * 1.3)  kernel: 3 }
}
""",
    ),
    Code(
        "E304",
        "groups do not divide the channels",
        (
            "A grouped operation splits its channels into groups of equal size. Choose groups that divide both "
            "the input's channels and the width, or let the block's `fit` make them divide."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stem:   conv(16, kernel: 3)
  stages: conv { width: 32  kernel: 3  groups: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stem:   conv(16, kernel: 3)
  stages: conv { width: 32  kernel: 3  groups: 4 }
}
""",
    ),
    Code(
        "E305",
        "padding must be given for an even kernel",
        (
            "Symmetric padding of an even kernel would not keep the size, and nothing is guessed. Give `padding: "
            '[top, bottom, left, right]` or `padding: "same"`.'
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 4 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 4  padding: "same" }
}
""",
    ),
    Code(
        "E306",
        "a setting is not given",
        "The setting has no default.",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E307",
        "an operation that has no result",
        (
            "A division by 0, the root or the logarithm of a number that has none, the largest of an empty list, "
            "a budget that is no budget."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16/0  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E308",
        "a number is too large",
        (
            "Numbers are exact and unbounded, up to a limit on their bits: powers of powers would take all "
            "memory. Nothing in a network is that large."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 2 ^ 2 ^ 2  kernel: 3 }
}
""",
    ),
    Code(
        "E309",
        "lengths that do not agree",
        (
            "A list of a stage attribute has one value for each stage, a row as many cells as the header, a "
            "binding as many names as values. The message names both lengths."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { depth: [1, 2, 1]  width: [16, 32]  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { depth: [1, 2, 1]  width: [16, 32, 64]  kernel: 3 }
}
""",
    ),
    Code(
        "E310",
        "an operator that does not work between these",
        (
            "Arithmetic is for numbers, `+` and `*` also for tensors of one shape; only lists have elements, only "
            "tensors and indices have parts."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16 + "8"  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16 + 8  kernel: 3 }
}
""",
    ),
    Code(
        "E311",
        "there is no such element",
        "Indices count from 0, and end one before the length.",
        """\
arch 1
use std.ops { conv }

model net {
  widths = [16, 32]
  input:  3 x 32 x 32
  stages: conv { width: widths[2]  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  widths = [16, 32]
  input:  3 x 32 x 32
  stages: conv { width: widths[1]  kernel: 3 }
}
""",
    ),
    Code(
        "E312",
        "a requirement does not hold",
        "The declaration states with `require` what its arguments must satisfy.",
        """\
arch 1
use std.ops { conv }

fn even(n) {
  require n % 2 == 0
  return n
}

model net {
  input:  3 x 32 x 32
  stages: conv { width: even(15)  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

fn even(n) {
  require n % 2 == 0
  return n
}

model net {
  input:  3 x 32 x 32
  stages: conv { width: even(16)  kernel: 3 }
}
""",
    ),
    Code(
        "E313",
        "no factor meets the budget",
        (
            "`solve` looks for the factor at which the scaled network costs what is asked. A scaling that does "
            "not change that cost, or a budget below the smallest network, has no such factor."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}

scaling wider(s) {
  width: max(1, round(width * s))
}

model small = net -> wider(solve(flops: 10))
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}

scaling wider(s) {
  width: max(1, round(width * s))
}

model small = net -> wider(solve(flops: 1M))
""",
    ),
    Code(
        "E314",
        "a scaling's line has no target",
        (
            "No stage has a setting by this name, nor is it one of the dimensions `depth`, `width`, "
            "`group_width`, `resolution`; a setting of the ends is named `stem.…` or `head.…`. Where no stage has a "
            "`width` to change it is a warning."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}

scaling longer(s) {
  kernal: 3
}

model long = net -> longer(3)
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}

scaling longer(s) {
  kernel: kernel * s
}

model long = net -> longer(3)
""",
    ),
    Code(
        "E316",
        "nothing to change there",
        (
            "A path in `with` or `--set` names a field of the model, a setting of `stem` or `head`, an attribute "
            "of stages (`stages[2].width`), or of single blocks (`stages[2].blocks[0].width`). The model has no "
            "such part."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}

model small = net with { head.classes: 10 }
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}

model small = net with { stages[0].width: 8 }
""",
    ),
    Code(
        "E317",
        "features or output stride that the network does not have",
        (
            "`features` and `output_stride` ask for strides at which no stage ends, or which the blocks cannot "
            "keep: that needs a setting `dilation`."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:    3 x 32 x 32
  stages:   conv { width: [16, 32]  kernel: 3  stride: 2 }
  features: [8]
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:    3 x 32 x 32
  stages:   conv { width: [16, 32]  kernel: 3  stride: 2 }
  features: [4]
}
""",
    ),
    Code(
        "E318",
        "a multiplier that is not the model's own",
        (
            "A scaling with a line for `model.…` changes a parameter of the model's family, which knows its own "
            "roundings. This family has no such parameter, so the scaling's other lines are applied. A warning."
        ),
        """\
arch 1
use std.ops { conv }

scaling wider(m) { model.factor: model.factor * m  width: round(width * m) }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
}

model wide = net -> wider(3/2)
""",
        """\
arch 1
use std.ops { conv }

scaling wider(m) { model.factor: model.factor * m  width: round(width * m) }

model family(factor: 1) {
  input:  3 x 32 x 32
  stages: conv { width: round(16 * factor)  kernel: 3 }
}

model net  = family(factor: 1)
model wide = net -> wider(3/2)
""",
    ),
    Code(
        "E319",
        "a rule by the block's index at another depth",
        (
            "A rule that counts blocks from the input by `block.index` alone goes on where a scaling adds blocks, and "
            "ends early where it takes some away. Name `block.count` too, to keep what the ends have. A warning."
        ),
        """\
arch 1
use std.ops { conv }
use std.scaling { d }

model net {
  input:  3 x 32 x 32
  stages: conv { depth: 4  width: 16 + 8 * block.index  kernel: 3 }
}

model deep = net -> d(2)
""",
        """\
arch 1
use std.ops { conv }
use std.scaling { d }

model net {
  input:  3 x 32 x 32
  stages: conv { depth: 4  width: round(16 + 24 * block.index / (block.count - 1))  kernel: 3 }
}

model deep = net -> d(2)
""",
    ),
    Code(
        "E391",
        "too many operations, or an extent too large",
        ("A network has at most 100,000 operations, four times as many operands and outputs, and extents below 2^31."),
        """\
arch 1
use std.ops { upsample }

block grow(x) = x -> upsample(factor: 100000) -> upsample(factor: 100000)

model net {
  input:  3 x 32 x 32
  stages: grow
}
""",
        """\
arch 1
use std.ops { upsample }

block grow(x) = x -> upsample(factor: 2) -> upsample(factor: 2)

model net {
  input:  3 x 32 x 32
  stages: grow
}
""",
    ),
    Code(
        "E392",
        "the evaluation takes too long",
        (
            "A model is evaluated in at most 5,000,000 steps, so that every file ends in a result or a diagnostic "
            "soon. Look for lists within lists."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: sum([count([1 for i in 1 .. 10000]) for j in 1 .. 10000])  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: sum([count([1 for i in 1 .. 4]) for j in 1 .. 4])  kernel: 3 }
}
""",
    ),
    Code(
        "E393",
        "calls are nested too deep",
        ("A block that receives itself as a setting would call itself without end. Calls nest to a bounded depth."),
        """\
arch 1
use std.ops { conv }

block apply(x; inner) = x -> inner(inner: inner)

model net {
  input:  3 x 32 x 32
  stages: apply { inner: apply }
}
""",
        """\
arch 1
use std.ops { conv }

block apply(x; inner) = x -> inner

model net {
  input:  3 x 32 x 32
  stages: apply { inner: conv(16, kernel: 3) }
}
""",
    ),
    Code(
        "E394",
        "too many blocks or elements",
        "A network has at most 10,000 blocks, and a list at most 10,000 elements.",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { depth: 20000  width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { depth: 20  width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E401",
        "shapes do not agree",
        (
            "Tensors that are added or multiplied have the same shape; those that are concatenated agree but for "
            "the channels. A shortcut whose width changes needs a projection."
        ),
        """\
arch 1
use std.ops { conv }

block residual(x; width) = (x -> conv(width, kernel: 3)) + x

model net {
  input:  3 x 32 x 32
  stages: residual { width: 16 }
}
""",
        """\
arch 1
use std.ops { conv }

block residual(x; width) = (x -> conv(width, kernel: 3)) + (x -> conv(width, kernel: 1))

model net {
  input:  3 x 32 x 32
  stages: residual { width: 16 }
}
""",
    ),
    Code(
        "E402",
        "the map is smaller than the kernel",
        (
            "The padded map is smaller than the window that should slide over it: too many strides before it, or "
            "too small an input."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 2 x 2
  stem:   conv(16, kernel: 5, padding: [0, 0, 0, 0])
  stages: conv { width: 16  kernel: 3 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 8 x 8
  stem:   conv(16, kernel: 5, padding: [0, 0, 0, 0])
  stages: conv { width: 16  kernel: 3 }
}
""",
    ),
    Code(
        "E403",
        "a map is needed, or a vector",
        (
            "Convolution, norm and pooling work on maps (channels x height x width), linear on a vector. "
            "`global_pool` and `flatten` make a vector of a map."
        ),
        """\
arch 1
use std.ops { conv, linear }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  head:   linear(10)
}
""",
        """\
arch 1
use std.ops { conv, global_pool, linear }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  head:   global_pool -> linear(10)
}
""",
    ),
    Code(
        "E404",
        "channels cannot be divided so",
        (
            "The parts of a split or slice, the groups of a shuffle, or the extents of a reshape do not add up to "
            "what flows in, or a group of a norm has one value."
        ),
        """\
arch 1
use std.ops { split, add }

block halves(x) {
  a, b = x -> split(parts: 2)
  return a + b
}

model net {
  input:  3 x 32 x 32
  stages: halves
}
""",
        """\
arch 1
use std.ops { split, add }

block halves(x) {
  a, b = x -> split(parts: 2)
  return a + b
}

model net {
  input:  4 x 32 x 32
  stages: halves
}
""",
    ),
    Code(
        "E501",
        "a claim does not hold",
        (
            "`expect` states a published figure; the exact count, rounded half up to the digits of the figure, is "
            'another. Look whether the figure counts something else (`by: "…"` names a convention), was cut off '
            "(`truncated: true`), or was measured at another input."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  expect { flops: 4.0G }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  expect { flops: 0.44M }
}
""",
    ),
    Code(
        "E503",
        "a claim is no figure",
        (
            "A claim is a number as it is printed, because its digits count: `4.0G` holds to a tenth of a "
            "billion. It cannot be computed."
        ),
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  expect { params: 400 + 32 }
}
""",
        """\
arch 1
use std.ops { conv }

model net {
  input:  3 x 32 x 32
  stages: conv { width: 16  kernel: 3 }
  expect { params: 432 }
}
""",
    ),
    Code(
        "E701",
        "a recipe asks for what the network has not",
        (
            "A warning. The recipe sets a rate of stochastic depth or dropout, or something of norms or colors, and "
            "the network has no such part: the entry point leaves it out and says so, and `run.json` and "
            "`recipe.arch` hold what was used. The network trains otherwise than the recipe was meant."
        ),
    ),
    Code(
        "E702",
        "no training entry point",
        (
            "A warning. `archdsl compile` writes a module and a script that trains it on classes of images. Of a "
            "network with several outputs, with a map at its end, or without a classifier it writes the module alone."
        ),
    ),
)

CODES: dict[str, Code] = {entry.code: entry for entry in _TABLE}
"""All codes, in order."""
