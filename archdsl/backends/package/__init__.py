"""The package backend: a network as a folder that pip installs.

    pyproject.toml, README.md   how it is built; the model card, with exact costs and conventions
    hubconf.py                  for torch.hub
    NAME/network.py             the emitted module, as `archdsl compile` writes it
    NAME/timm_adapter.py        the network among timm's models: imports timm
    NAME/hub.py                 weights on the Hugging Face Hub: imports huggingface_hub
    NAME/card.md                the card that goes there
    NAME/inference.py           with the form for inference: it, and beside the package a test of both forms
    archdsl.json                what the folder was made of

The package needs PyTorch alone. What a stranger's file says stands in it as text: quoted in TOML and Python, escaped in
Markdown, and never within a template that somebody renders again.
"""

from __future__ import annotations

import hashlib
import json

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.package.card import card_text
from archdsl.backends.package.facts import Facts, facts_of
from archdsl.backends.package.names import name_fault, project_name
from archdsl.backends.package.templates import filled
from archdsl.backends.package.texts import one_line, toml
from archdsl.backends.torch import Plan, planned, written
from archdsl.backends.torch.inference import Places, emit_inference
from archdsl.graph.folding import Folded
from archdsl.graph.network import Network

PYTHON = (
    ("init.py", "__init__.py"),
    ("timm_adapter.py", "timm_adapter.py"),
    ("hub.py", "hub.py"),
)
"""Template -> file in the package."""
RECORD = "archdsl.json"
"""What the folder was made of: the name, the network's digest, the SHA-256 of each file."""


def inference_places(name: str) -> Places:
    """Where a package has its form for inference."""
    return Places(f"{name}.network", f"{name}.inference", f"test_{name}_inference.py")


def emit(network: Network, about: About, plan: Plan | None = None, inference: Folded | None = None) -> dict[str, str]:
    """The files by path, relative to the folder; of a network that was folded for inference, also those of that form.

    A plan that is given is that of `torch.planned`.
    """
    plan = plan or planned(network, about)
    module = written(network, about, plan)
    facts = facts_of(network, about, plan, module.names)
    card = card_text(network, about, facts, inference)
    words = facts.words() | {"name": about.name, "project": project_name(about.name)}
    described = one_line(about.doc) or f"The network {network.name}."
    files = {
        "pyproject.toml": filled("pyproject.toml", {**words, "description": toml(described)}),
        "README.md": card,
        "hubconf.py": filled("hubconf.py", words),
        f"{about.name}/network.py": module.text,
    }
    files |= {f"{about.name}/{path}": filled(template, words) for template, path in PYTHON}
    files |= {f"{about.name}/card.md": card, f"{about.name}/py.typed": ""}
    if inference is not None:
        files |= emit_inference(inference, about, inference_places(about.name))
    return files | {RECORD: _record(network, about.name, files)}


def _record(network: Network, name: str, files: dict[str, str]) -> str:
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    record = {"archdsl": __version__, "package": name, "network": network.hash, "files": digests}
    return json.dumps(record, indent=2) + "\n"


__all__ = ["RECORD", "Facts", "emit", "inference_places", "name_fault"]
