"""What `archdsl weights` does: brings weights to our names, back, or to an edited network, or proposes a map."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from archdsl import api, emission
from archdsl.commands.common import Request, compiled, finish, library, say, say_json
from archdsl.commands.refused import refuse
from archdsl.compiler import Compiled
from archdsl.records import dataclass
from archdsl.views.weights import weights_report, weights_text
from archdsl.views.weights_back import back_report, back_text, map_report, map_text
from archdsl.views.weights_edit import edit_report, edit_text
from archdsl.visible import visible
from archdsl.weights import told_inputs
from archdsl.weights.back import bring_back
from archdsl.weights.checkpoints import SUFFIX, WeightsFault
from archdsl.weights.checkpoints.writing import check_target, write_weights
from archdsl.weights.conversion import Check, Choices, convert
from archdsl.weights.editing import edited
from archdsl.weights.proposing import proposed

Report = TypeVar("Report")


@dataclass(frozen=True)
class Written:
    """Where a result goes."""

    target: Path
    force: bool
    dry: bool

    def check(
        self, checkpoint: str, choices: Choices | None = None, like: str | None = None, check: str | None = None
    ) -> None:
        """Before the work begins: whether the target may be written, which is no file that is read.

        Raises `WeightsFault`.
        """
        map_ = choices.map_ if choices is not None else None
        inputs = {map_: "the map", like: "the checkpoint of --like", check: "the file of --check"}
        if not self.dry:
            known = {path: what for path, what in inputs.items() if path is not None}
            check_target(self.target, {**known, checkpoint: "the checkpoint"}, self.force)

    def write(self, content: bytes) -> None:
        """Raises `WeightsFault`."""
        if not self.dry:
            write_weights(self.target, content, self.force)

    def save(self, state: dict[str, Any]) -> None:
        """Tensors by name, in the form that the target's name says. Raises `WeightsFault`."""
        if not self.dry:
            self.write(content_of(self.target, state))


def bring(
    request: Request,
    result: Compiled,
    checkpoint: str,
    choices: Choices,
    check: tuple[str, float] | None,
    written: Written,
) -> None:
    """A checkpoint to our names; `check`: a file with an output, and the tolerance."""
    try:
        written.check(checkpoint, choices, check=check[0] if check is not None else None)
        _need_torch()
        asked = Check(*check, lambda: _module(result)) if check is not None else None
        made = convert(result.network, checkpoint, choices, asked)
        written.save(made.state)
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    report = weights_report(result, request.shown, made, str(written.target), written=not written.dry)
    _show(request, report, lambda report: weights_text(report, told_inputs(made.inputs)))
    finish(result)


def propose(request: Request, result: Compiled, checkpoint: str, choices: Choices, written: Written) -> None:
    """`--propose-map`."""
    title = [
        f"{result.name}, hash {result.network.hash[:16]}, and {visible(checkpoint)}: OURS = THEIRS",
        "{a} stands for a number, and {a+1} for one more",
    ]
    try:
        written.check(checkpoint)
        made = proposed(result.network, checkpoint, choices, title)
        written.write(made.text.encode("utf-8"))
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    report = map_report(result, request.shown, checkpoint, str(written.target), made, written=not written.dry)
    _show(request, report, map_text)
    finish(result)


def back(
    request: Request, result: Compiled, checkpoint: str, choices: Choices, like: str | None, written: Written
) -> None:
    """`--back`."""
    try:
        written.check(checkpoint, choices, like)
        _need_torch()
        made = bring_back(result.network, checkpoint, choices, like)
        written.save(made.state)
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    report = back_report(result, request.shown, made, like, str(written.target), written=not written.dry)
    _show(request, report, back_text)
    finish(result)


def edited_network(options: dict[str, Any]) -> str | None:
    """The network that `--to` names, taken out of the options; none where it names a budget, `flops=4G`."""
    to: str | None = options.get("budget")
    if to is None or ("=" in to and not os.path.lexists(to)):
        return None
    options["budget"] = None
    return to


def edit(
    request: Request, result: Compiled, new_request: Request, checkpoint: str, choices: Choices, written: Written
) -> None:
    """`--to`."""
    new = compiled(new_request)
    try:
        written.check(checkpoint, choices)
        _need_torch()
        modules = (lambda: _module(result), lambda: _module(new))
        made = edited(result.network, new.network, checkpoint, choices, modules)
        written.save(made.state)
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    specs = (request.shown, new_request.shown)
    report = edit_report(result, new, specs, made, str(written.target), written=not written.dry)
    _show(request, report, edit_text)
    finish(result)
    finish(new)


def content_of(target: Path, state: dict[str, Any]) -> bytes:
    """The tensors as a file of the name's form: .safetensors, or what `torch.save` writes, which keeps their order."""
    if target.suffix == SUFFIX:
        content: bytes = library("safetensors.torch", "weights needs", "torch").save(state)
        return content
    torch = library("torch", "weights needs", "torch")
    file = io.BytesIO()
    torch.save(dict(state), file)
    return file.getvalue()


def _need_torch() -> None:
    """PyTorch and the library of its files; ends the command where one is missing."""
    os.getcwd()  # where the current folder is gone, torch's libraries would end the process without a word of ours
    library("torch", "weights needs", "torch")
    library("safetensors.torch", "weights needs", "torch")


def _module(result: Compiled) -> Any:
    """The emitted module, live, in the mode that tests."""
    return api.Compiled(result, emission.about_of(result, result.name, "", ())).module().eval()


def _show(request: Request, report: Report, text: Callable[[Report], str]) -> None:
    if request.as_json:
        say_json(report)
    else:
        say(text(report))
