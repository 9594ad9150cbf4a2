"""Layers of a file, compiled for the sizes that a study of ranks draws."""

from __future__ import annotations

from functools import partial

import click

from archdsl import emission
from archdsl.analysis.program import Definition
from archdsl.api import Compiled
from archdsl.commands.common import Request, fail, one, request_of
from archdsl.compiler import Changes, Compiler, Failed
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.project import Project
from archdsl.ranks.features import layer_values
from archdsl.ranks.layers import Layer, Values
from archdsl.zoo import opened

SHIPPED = "specs/studies/rank.arch"
"""The layers that are measured where no file is given."""
LEFT_OPEN = ("d_in", "d_out", "act")
"""The parameters of a model that is a layer to be measured; `expand` may be one too."""


class Layers:
    """The models of a file that are layers: those with the parameters `LEFT_OPEN`; of `SHIPPED` where no file is given.

    Ends the command for a fault.
    """

    def __init__(self, file: str | None, color: str | None, *, as_json: bool) -> None:
        self.request: Request = request_of(file or opened(SHIPPED), color=color, as_json=as_json)
        self.shown = self.request.shown if file is not None else SHIPPED
        project, found = Project(self.request.file), Diagnostics()
        self._compiler = Compiler(project)
        try:
            self._program = self._compiler.program(project.source(), found)
        except Fault as fault:
            fail(self.request, one(fault.diagnostic))
        if found.failed:
            fail(self.request, found)
        defined = [each for each in self._program.entry.names.values() if isinstance(each, Definition)]
        self._models = {
            each.name: each
            for each in defined
            if each.kind == "model"
            and self.request.model in (None, each.name)
            and all(name in each.parameter_names for name in LEFT_OPEN)
        }
        if not self._models:
            message = f"{self.shown} has no model with the parameters {', '.join(LEFT_OPEN)}"
            raise click.ClickException(message)

    @property
    def names(self) -> list[str]:
        """The layers in the order of the file."""
        return list(self._models)

    def compiled(self, layer: Layer) -> Compiled:
        """One of them for given sizes."""
        settings = [("d_in", str(layer.d_in)), ("d_out", str(layer.d_out)), ("act", layer.activation)]
        if "expand" in self._models[layer.name].parameter_names:
            settings.append(("expand", str(layer.expand)))
        found = Diagnostics()
        made = self._compiler.elaborate(self._program, layer.name, Changes(tuple(settings)), found)
        if isinstance(made, Failed) or found.failed:
            fail(self.request, found)
        network = made.network
        maps = [network.shape(value) for value in network.outputs]
        if network.input[0] != layer.d_in or len(maps) != 1 or maps[0][0] != layer.d_out:
            message = f"{layer.name} is no layer of d_in to d_out channels: it takes {network.input[0]} channels"
            raise click.ClickException(f"{message} for d_in = {layer.d_in}, d_out = {layer.d_out}")
        return Compiled(made, emission.about_of(made, "layer", self.shown, ()))

    def measure(self, columns: int, law: str, dtype: str, layer: Layer) -> Values:
        """The singular values of a layer's features."""
        made = self.compiled(layer)
        shape = [int(extent) for extent in made.network.input]
        module = partial(made.module)
        return layer_values(layer, module, shape, columns, law, dtype)

    def starts(self, layer: Layer) -> str:
        """How the weights start, in the words of the file."""
        model = self.compiled(layer).compilation.model
        texts = [
            f"{name} {' '.join(setting.origin.span.text.split())}" if setting.origin is not None else name
            for name, setting in model.init.items()
        ]
        return ", ".join(texts) or "as PyTorch has it"


__all__ = ["LEFT_OPEN", "SHIPPED", "Layers"]
