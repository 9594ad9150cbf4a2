"""What `archdsl weights` does beside bringing a checkpoint to us: a map is proposed, weights are brought back."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archdsl.commands.common import Request, compiled, finish, library, say, say_json
from archdsl.commands.refused import refuse
from archdsl.compiler import Compiled
from archdsl.records import dataclass
from archdsl.views.weights_back import back_report, back_text, map_report, map_text
from archdsl.views.weights_edit import edit_report, edit_text
from archdsl.visible import visible
from archdsl.weights.back import bring_back
from archdsl.weights.checkpoints import SUFFIX, WeightsFault
from archdsl.weights.checkpoints.writing import check_target, write_weights
from archdsl.weights.conversion import Choices
from archdsl.weights.editing import edited
from archdsl.weights.proposing import proposed


@dataclass(frozen=True)
class Written:
    """Where a result goes."""

    target: Path
    force: bool
    dry: bool

    def check(self, *inputs: str | None) -> None:
        """Before the work begins. Raises `WeightsFault`."""
        for path in inputs:
            if path is not None and not self.dry:
                check_target(self.target, path, self.force)

    def write(self, content: bytes) -> None:
        """Raises `WeightsFault`."""
        if not self.dry:
            write_weights(self.target, content, self.force)


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
    if request.as_json:
        say_json(report)
    else:
        say(map_text(report))
    finish(result)


def back(
    request: Request, result: Compiled, checkpoint: str, choices: Choices, like: str | None, written: Written
) -> None:
    """`--back`."""
    library("torch", "weights needs", "torch")
    library("safetensors.torch", "weights needs", "torch")
    try:
        written.check(checkpoint, like, choices.map_)
        made = bring_back(result.network, checkpoint, choices, like)
        written.write(content_of(written.target, made.state))
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    report = back_report(result, request.shown, made, like, str(written.target), written=not written.dry)
    if request.as_json:
        say_json(report)
    else:
        say(back_text(report))
    finish(result)


def edited_network(options: dict[str, Any]) -> str | None:
    """The network that `--to` names, taken out of the options; none where it names a budget, `flops=4G`."""
    to: str | None = options.get("budget")
    if to is None or ("=" in to and not os.path.lexists(to)):
        return None
    options["budget"] = None
    return to


def edit(
    request: Request,
    result: Compiled,
    new_request: Request,
    checkpoint: str,
    choices: Choices,
    written: Written,
    module: Callable[[Compiled], Any],
) -> None:
    """`--to`."""
    new = compiled(new_request)
    library("torch", "weights needs", "torch")
    library("safetensors.torch", "weights needs", "torch")
    try:
        written.check(checkpoint, choices.map_)
        made = edited(result.network, new.network, checkpoint, choices, (lambda: module(result), lambda: module(new)))
        written.write(content_of(written.target, made.state))
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    specs = (request.shown, new_request.shown)
    report = edit_report(result, new, specs, made, str(written.target), written=not written.dry)
    if request.as_json:
        say_json(report)
    else:
        say(edit_text(report))
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
