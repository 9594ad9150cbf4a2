"""torch.export's program as a file: an archive with the graph and its weights. Needs torch."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from archdsl.exporting.targets import Built, Run
from archdsl.exporting.tracing import Traced, flat


def build(traced: Traced, about: Mapping[str, str]) -> Built:
    """The archive; `about` lies in it as files of its own."""
    import torch

    content = io.BytesIO()
    torch.export.save(traced.program, content, extra_files={"archdsl.txt": _told(about)})
    return Built({".pt2": content.getvalue()})


def _told(about: Mapping[str, str]) -> str:
    return "".join([f"{key}: {value}\n" for key, value in about.items()])


def opened(files: Mapping[str, bytes]) -> Run:
    """The archive, loaded again."""
    import torch

    program: Any = torch.export.load(io.BytesIO(files[".pt2"])).module()

    def run(images: Any) -> list[Any]:
        with torch.no_grad():
            return list(flat(program(images)))

    return run


def runtime() -> str:
    """`torch 2.13.0`."""
    import torch

    return f"torch {torch.__version__}"


__all__ = ["build", "opened", "runtime"]
