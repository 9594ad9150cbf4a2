"""Which names an installed package can have."""

from __future__ import annotations

import re
from collections.abc import Collection

TAKEN = frozenset(("archdsl", "hatchling", "hubconf", "pillow", "pip", "pyyaml", "scikit_learn", "timm"))
"""Names that mean something else where the package is used: what torch.hub and the adapters look for, and distributions
whose modules are called otherwise. Those of modules are refused for all emitted files."""
_BOUND = """
AbstractContextManager Any BLOCK CONFIGURATION FEATURES Iterator LAST_STAGES Recomputed Sequence Tensor _network
_package build_model_with_cfg checkpoint contextmanager copy counted_once default_cfgs dependencies
generate_default_cfgs nn nullcontext places re register_model replaced torch
"""
BOUND = frozenset(_BOUND.split())
"""What the files bind in which a function has the network's name: `hubconf.py`, `timm_adapter.py`."""


def project_name(name: str) -> str:
    """The name that pip knows: `regnety_4gf` -> `regnety-4gf`."""
    return re.sub(r"_+", "-", name.strip("_")).lower()


def name_fault(name: str, modules: Collection[str] = ()) -> str | None:
    """What is wrong with an identifier as the name of a package; none if nothing is.

    `modules` are those of distributions that are used beside the package.
    """
    if name.startswith("__") and name.endswith("__"):
        return f"'{name}' is no name for a package: Python has such names for itself"
    if not project_name(name):
        return f"'{name}' is no name for a package: it has no letter and no digit"
    known = project_name(name).replace("-", "_")
    if known in TAKEN or known in {module.lower() for module in modules}:  # pip takes one for the other
        return f"a package {name}, which pip calls {project_name(name)}, would take the place of another"
    if name in BOUND:
        return f"the files of a package have something else that is called {name}"
    return None


__all__ = ["name_fault", "project_name"]
