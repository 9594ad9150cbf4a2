"""`archdsl export`: the network as a file of an inference engine, compared in that engine before it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from archdsl.commands.common import compiled, finish, request_of, say, say_json
from archdsl.commands.completing import files
from archdsl.commands.kinds import Name, Share
from archdsl.commands.options import (
    change_options,
    classes_option,
    format_option,
    network_argument,
    without_short_forms,
)
from archdsl.commands.progress import telling
from archdsl.exporting.targets import COSINE, DYNAMIC, OPSET, OPSETS, TARGETS, TOLERANCE, ExportFault, TargetName
from archdsl.together import OutputFault, write_together
from archdsl.weights.checkpoints import WeightsFault

EPILOG = """
\b
Examples:
  archdsl export net.arch --weights net.safetensors -o net.onnx
  archdsl export net.arch --weights net.safetensors -o net.pt2 --dynamic size
  archdsl export net.arch --target openvino
  archdsl export net.arch --weights net.safetensors -o net.onnx --quantize int8 --data IMAGES
  archdsl export net.arch --features -o backbone.onnx --format json

FILE's suffix says what is written: .pt2, .onnx, .xml (OpenVINO) or .pte (ExecuTorch). The file is opened in its runtime
and compared with the emitted module, for batches of 1 and 3 and, with --dynamic size, at two sizes; a file that
computes something else is not written. Without --weights, weights are drawn, to try an engine or measure its speed.
The extras are archdsl[torch] for .pt2, and archdsl[export], archdsl[openvino] and archdsl[executorch].
"""


@click.command(short_help="Write a network for an inference engine, compared in it.", epilog=EPILOG)
@network_argument
@change_options
@classes_option
@click.option("-o", "--output", metavar="FILE", help="The file to write; the model's name with --target's suffix.")
@click.option("--target", type=Name(list(TARGETS)), help="What to write; by FILE's suffix if not given.")
@click.option("--weights", metavar="FILE", shell_complete=files, help="A checkpoint, as `archdsl weights` takes it.")
@click.option(
    "--dynamic",
    type=click.Choice(list(DYNAMIC)),
    default="batch",
    show_default=True,
    help="; ".join([f"{name}: {text}" for name, text in DYNAMIC.items()]) + ".",
)
@click.option(
    "--features", is_flag=True, help="The map at each stride in place of the outputs, for a detector's backbone."
)
@click.option("--quantize", type=click.Choice(["int8"]), help="Weights and activations of 8 bits.")
@click.option("--data", metavar="PATH", help="Images that ranges for --quantize are taken on; drawn ones if not given.")
@click.option("--images", type=click.IntRange(1, 100_000), default=64, show_default=True, help="So many of them.")
@click.option("--opset", type=click.IntRange(*OPSETS), default=OPSET, show_default=True, help="Of ONNX's operators.")
@click.option(
    "--tolerance",
    type=Share(),
    default=TOLERANCE,
    show_default=True,
    help="The difference that is allowed, as a share of the largest output.",
)
@click.option(
    "--least-cosine",
    type=Share(),
    default=COSINE,
    show_default=True,
    help="Of the outputs of 8 bits and the module's.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of what is drawn.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@format_option("table", "json")
def command(
    file: str,
    classes: int | None,
    output: str | None,
    target: TargetName | None,
    weights: str | None,
    features: bool,
    quantize: str | None,
    data: str | None,
    images: int,
    force: bool,
    format_: str,
    **rest: Any,
) -> None:
    """Write a network as a file of an inference engine, and compare what it computes there."""
    if data is not None and quantize is None:
        raise click.UsageError("--data has images for --quantize: give both.")
    from archdsl.commands.exported import calibration_of, libraries, paths_of, subject_of, target_asked
    from archdsl.commands.refused import refuse
    from archdsl.exporting.run import Options, export
    from archdsl.views.export import export_report, export_text
    from archdsl.views.refused import Refusal

    chosen = target_asked(output, target)

    names = ("dynamic", "opset", "tolerance", "least_cosine", "seed")
    options = Options(chosen, **{name: rest.pop(name) for name in names})
    request = request_of(file, as_json=format_ == "json", **without_short_forms(rest, classes))
    result = compiled(request)
    first = Path(output or f"{result.name}{TARGETS[chosen].suffix}")
    paths = paths_of(first, chosen, weights, force=force)
    libraries(chosen, quantized=quantize is not None)
    try:
        with telling("exporting") as tell:
            subject = subject_of(result, weights, options.seed, features=features)
            given = calibration_of(result, data, images, options.seed) if quantize is not None else None
            made = export(subject, options, given, tell)
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    except ExportFault as fault:
        refuse(request.file, Refusal(result.name, fault.message, fault.help), request.as_json)
    written = {paths[suffix]: content for suffix, content in made.built.files.items()}
    try:
        write_together(first.parent, {path.name: content for path, content in written.items()}, force)
    except OutputFault as fault:
        raise click.ClickException(str(fault)) from None
    told = weights or f"drawn, seed {options.seed}"
    sizes = {str(path): len(content) for path, content in written.items()}
    report = export_report(result, request.shown, made, options, subject.names, told, sizes)
    if request.as_json:
        say_json(report)
    else:
        say(export_text(result, report))
    finish(result)
