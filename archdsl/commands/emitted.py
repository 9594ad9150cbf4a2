"""The files of `archdsl compile`: their texts, what is there already beside them, how they are written and told."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from archdsl.commands.common import Request, finish, say, say_json, warn
from archdsl.compiler import Compiled
from archdsl.files import FileFault, reading
from archdsl.graph.cost import count
from archdsl.limits import MAX_FILE_BYTES
from archdsl.together import OutputFault, write_together

if TYPE_CHECKING:
    from archdsl.graph.folding import Folded

DEFAULT_TARGETS = ("torch", "train")

Written: TypeAlias = tuple[str, str]
"""What a file is, and its text."""


def folded_of(result: Compiled) -> Folded:
    """The network of the form for inference."""
    from archdsl.backends.torch.inference import folded_for

    return folded_for(result.network)


def texts_for(
    result: Compiled,
    name: str,
    request: Request,
    words: Sequence[str],
    targets: Sequence[str],
    folded: Folded | None,
) -> dict[str, Written]:
    """The files of targets under a name, by path, and those of the form for inference where there is one; `words` are
    what was changed in the model.

    Without targets a network that has no training entry point gets none, and a warning; else the command ends.
    """
    from archdsl.emission import INFERENCE, NoEmission, no_entry_point, not_used, texts_of

    wanted = targets or DEFAULT_TARGETS
    if folded is not None:  # the form comes with the module that it is a form of
        wanted = tuple(dict.fromkeys((*targets, "torch", INFERENCE)))
    warning = not_used(result) if "train" in wanted else None
    try:
        texts = texts_of(result, name, request.shown, words, wanted, folded)
    except NoEmission as fault:
        if targets:
            message = f"--target {fault.target}: {fault}; --target torch writes the module alone"
            raise click.ClickException(message) from None
        warning = no_entry_point(result, str(fault))
        texts = texts_of(result, name, request.shown, words, ["torch"])
    warn(result, request, warning)
    return texts


def write_files(folder: Path, texts: dict[str, Written], *, force: bool, keep: bool) -> dict[str, Written]:
    """Write all files or none: those that were written. With `keep` a module that is there as it should be is none.

    Ends the command where a file cannot be written.
    """
    written = _without_the_same(folder, texts) if keep else texts
    try:
        write_together(folder, {path: text for path, (_, text) in written.items()}, force)
    except OutputFault as fault:
        raise click.ClickException(str(fault)) from None
    return written


def tell_files(
    result: Compiled,
    request: Request,
    name: str,
    folder: Path,
    texts: Mapping[str, Written],
    folded: Folded | None,
) -> None:
    """Say what the network costs, also in its form for inference, and which files were written."""
    from archdsl.views.compile import FileWritten, compile_report, compile_text

    files = [FileWritten(str(folder / path), target, len(text.encode())) for path, (target, text) in texts.items()]
    cost = count(result.network)
    if request.as_json:
        say_json(compile_report(result, cost, request.file, name, files, folded))
    else:
        say(compile_text(result, cost, files, folded))


def _without_the_same(folder: Path, texts: Mapping[str, Written]) -> dict[str, Written]:
    """The files without a module that is there already as it would be written: it may have been trained by now."""
    return {
        path: (target, text)
        for path, (target, text) in texts.items()
        if target != "torch" or _present(folder / path, text) != text.encode()
    }


def check_files(result: Compiled, request: Request, name: str, folder: Path, texts: Mapping[str, Written]) -> None:
    """Say of each file whether it is what would be written, and end the command with 1 if one is not."""
    from archdsl.views.checked_files import checked_files, checked_text, file_checked

    files = [
        file_checked(str(folder / path), target, _present(folder / path, text), text)
        for path, (target, text) in texts.items()
    ]
    if request.as_json:
        say_json(checked_files(result, request.file, name, files))
    else:
        say(checked_text(files))
    if any(file.state != "same" for file in files):
        raise click.exceptions.Exit(1)
    finish(result)


def _present(path: Path, wanted: str) -> bytes | None:
    """What is in a file, and of one that is far too long the beginning; none where there is no file.

    One that cannot be read ends the command.
    """
    if not os.path.lexists(path):
        return None
    try:
        with reading(path) as file:
            return file.read(2 * len(wanted.encode()) + MAX_FILE_BYTES)
    except FileFault as fault:
        raise click.ClickException(f"{path}: {fault.message}") from None
    except OSError as fault:
        raise click.ClickException(f"{path}: {(fault.strerror or 'cannot be read').lower()}") from None


__all__ = ["Written", "check_files", "folded_of", "tell_files", "texts_for", "write_files"]
