"""`archdsl import`: a network that exists as a text of the language, with a proof that it is the same."""

from __future__ import annotations

import re
from pathlib import Path

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.completing import import_sources
from archdsl.commands.options import format_option
from archdsl.terminal import note, printable

EPILOG = """
\b
Examples:
  archdsl import timm:NAME
  archdsl import torchvision:NAME -o net.arch
  archdsl import timm:NAME --with drop_path_rate=0.1 --dry-run
  archdsl import module:net.py:make_net --input 3x64x64
  archdsl import net.pt2 --format json
  archdsl import net.onnx

The source is followed by torch.export, lifted to operations of the language, and written as blocks, stages and a head;
what is a block of the standard library is used from there, unless --own-blocks is given.
Then the text is compiled again and proved: the same number of parameters, every weight in its place, and the same
outputs in double precision for random images of two sizes, with numbers near the source's own. A text that fails its
proof is not written: the command ends with 1 and says what differs. What cannot be lifted is named by operation and
module; --partial then writes what stands before it, as a text that says so.

timm:, torchvision: and module: RUN CODE: that of the library, or of FILE.py. A .pt2 or .onnx file is read as data.
PyTorch is needed, and the library that the source names.
"""
SIZE = re.compile(r"(\d{1,6})x(\d{1,6})x(\d{1,6})")


def _size(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int, int] | None:
    if value is None:
        return None
    found = SIZE.fullmatch(value)
    if found is None or "0" in (groups := found.groups()):
        raise click.BadParameter(f"{value!r} is no size; write 3x224x224")
    channels, height, width = map(int, groups)
    return channels, height, width


def _arguments(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for text in values:
        name, sign, value = text.partition("=")
        if not sign or not name.isidentifier() or name in found:
            raise click.BadParameter(f"{text!r} is no NAME=VALUE, or stands twice")
        found[name] = _plain(value)
    return found


def _plain(text: str) -> object:
    if text in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@click.command(short_help="Write a PyTorch network as a text, with a proof.", epilog=EPILOG)
@click.argument("source", metavar="SOURCE", shell_complete=import_sources)
@click.option("-o", "--output", metavar="FILE", help="The file to write; the model's name with .arch otherwise.")
@click.option("--name", metavar="NAME", help="The name of the model.")
@click.option(
    "--input", "size", metavar="CxHxW", callback=_size, help="The size of an image, where the source has none."
)
@click.option(
    "--with",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_arguments,
    help="For what makes the module; repeatable.",
)
@click.option("--partial", "partly", is_flag=True, help="Write what could be lifted, where something could not.")
@click.option("--own-blocks", is_flag=True, help="Use no blocks of the standard library.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be written.")
@format_option("table", "json")
def command(
    source: str,
    output: str | None,
    name: str | None,
    size: tuple[int, int, int] | None,
    arguments: dict[str, object],
    partly: bool,
    own_blocks: bool,
    force: bool,
    dry_run: bool,
    format_: str,
) -> None:
    """Write a network of timm, torchvision, a Python file or an exported program as a text, with a proof."""
    from archdsl.commands.shelf import folded_as, shipped_with
    from archdsl.files import FileFault, write_atomically
    from archdsl.importing import Asked, ImportFault, model_named, run_import, runs_code
    from archdsl.views.imported import import_report, import_text

    asked = Asked(source, size, name, arguments, partly, own_blocks)
    try:
        model = model_named(asked)
    except ImportFault as fault:
        raise click.BadParameter(str(fault), param_hint="--name" if name else "SOURCE") from None
    target = Path(output or f"{model}.arch")
    if not dry_run and not force and target.exists():
        raise click.ClickException(f"{printable(str(target))} exists already; --force replaces it")
    if runs_code(source):
        note(f"importing {printable(source)} runs its code")
    try:
        found = run_import(asked, shipped_with, folded_as)
    except ImportFault as fault:
        raise click.ClickException(printable(str(fault))) from None
    good = found.proof is not None and found.proof.holds
    writes = found.written is not None and (good or (partly and bool(found.lifted.gaps)))
    written = writes and not dry_run
    if written and found.written is not None:
        try:
            write_atomically(target, found.written.text, force)
        except FileFault as fault:
            raise click.ClickException(f"{printable(str(target))}: {fault.message}") from None
    report = import_report(found, source, model, str(target) if written else "")
    if format_ == "json":
        say_json(report)
    else:
        say(import_text(report))
    if not good:
        raise click.exceptions.Exit(1)
