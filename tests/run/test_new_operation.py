"""An operation is added in two places, as `docs/architecture.md` says: its class, and its row of the backend."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from archdsl.backends.torch.forms import FORMS
from archdsl.graph.operations import OPERATIONS
from archdsl.resources import data_root

SCRIPT = '''
import json
import sys
from fractions import Fraction
from typing import ClassVar

from archdsl.graph.operations.activations import Elementwise
from archdsl.graph.operations.base import attribute, operation
from archdsl.graph.operations.kinds import NUMBER


@operation
class Celu(Elementwise):
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""

    name: ClassVar[str] = "celu"
    leading: ClassVar[str | None] = "alpha"

    alpha: Fraction = attribute(NUMBER, "how slowly it falls", Fraction(1))


from archdsl.backends.torch.forms import FORMS, Form, layer

FORMS["celu"] = Form(layer("nn.CELU", alpha=1.0), activation=True)

import archdsl
import torch
from torch import nn

compiled = archdsl.compile_text(sys.stdin.read())
made = compiled.module().eval()
blocks = [stage.blocks[0] for stage in made.stages]
assert [type(block.act) for block in blocks] == [nn.CELU, nn.ReLU, nn.CELU]
assert [blocks[0].act.alpha, blocks[2].act.alpha] == [0.5, 1.0]
image = torch.randn(2, 3, 8, 8)
with torch.no_grad():
    y = nn.functional.conv2d(image, blocks[0].conv.weight, padding=1)
    torch.testing.assert_close(blocks[0](image), y.clamp(min=0) + (0.5 * ((y / 0.5).exp() - 1)).clamp(max=0))
row = next(row for row in compiled.cost.rows if row.path == "stages.0.blocks.0.act")
print(json.dumps({"acts": row.acts, "params": row.params, **compiled.emit("torch", "json", "dot", "svg")}))
'''
PROGRAM = """arch 1
use std.ops { conv, celu, relu }
use std.blocks { pool_head }
block step(x; width, act: relu) = x -> conv(width, kernel: 3) -> act
model m {
  input: 3 x 8 x 8
  stages: [step { width: 4  act: celu(1/2) }, step { width: 5 }, step { width: 6  act: celu }]
  head: pool_head(classes: 3)
}
"""


def test_an_operation_is_added() -> None:
    """In a process of its own, because tables of this one were made without it."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=PROGRAM, cwd=data_root(), capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["acts"], found["params"]) == (0, 0)  # by the default convention convolutions alone have acts
    assert "lambda: nn.CELU(alpha=0.5)" in found["m.py"]
    nodes = json.loads(found["m.json"])["nodes"]
    alphas = [node["settings"]["alpha"] for node in nodes if node["operation"] == "celu"]
    assert alphas == [{"numerator": 1, "denominator": 2}, {"numerator": 1, "denominator": 1}]


def test_every_operation_has_a_row() -> None:
    """And what a row asks for is there: the arguments of its text are those that it is given."""
    assert FORMS.keys() >= OPERATIONS.keys()
    for name in FORMS.keys() & OPERATIONS.keys():
        form = FORMS[name]
        assert form.module is not None or form.value is not None, name
        assert form.channels in ("kept", "summed", "width", "other"), name
        assert form.init in ("", "conv", "linear", "norm"), name


def test_the_page_that_says_how() -> None:
    page = (data_root() / "docs" / "architecture.md").read_text(encoding="utf-8")
    words = page.split("**an operation.**")[1].split("\n\n")[0]
    paths = re.findall(r"`([a-z_]+/[a-z_/]+\.(?:py|md))`", words)
    assert "backends/torch/forms.py" in paths
    root = data_root()
    assert all((root / path).exists() or (root / "archdsl" / path).exists() for path in paths), paths
