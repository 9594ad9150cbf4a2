"""The JSON schema of every output, which docs/schema/ keeps; tests hold the outputs against them.

pydantic, which makes them of the reports' dataclasses, is imported for this alone.
"""

from __future__ import annotations

import json
from typing import Any

from archdsl.views.bench import BenchReport
from archdsl.views.best import BestOfReport
from archdsl.views.check import CheckReport
from archdsl.views.checked_files import CheckedFiles
from archdsl.views.compile import CompileReport
from archdsl.views.cost import CostReport
from archdsl.views.diff import DiffReport
from archdsl.views.explain import CodeReport, ExplainReport
from archdsl.views.explore.report import ExploreAnswer
from archdsl.views.explore.request import ExploreRequest
from archdsl.views.export import ExportReport
from archdsl.views.failure import FailureReport
from archdsl.views.identify import IdentifyReport
from archdsl.views.imported import ImportReport
from archdsl.views.lint import LintReport, TargetsReport
from archdsl.views.log import LogReport
from archdsl.views.paper import PaperReport
from archdsl.views.plot import PlotReport
from archdsl.views.population import CountReport, PopulationReport
from archdsl.views.search import SearchReport
from archdsl.views.space import SpaceReport
from archdsl.views.space_contains import ContainsReport
from archdsl.views.space_diff import SpaceDiffReport
from archdsl.views.statistics.best import BestReport
from archdsl.views.statistics.compare import CompareReport
from archdsl.views.statistics.curve import CurveReport
from archdsl.views.statistics.edf import EdfReport
from archdsl.views.statistics.efit import EfitReport
from archdsl.views.statistics.front import FrontReport
from archdsl.views.statistics.profile import ProfileReport
from archdsl.views.statistics.trend import TrendReport
from archdsl.views.study import StudyFile, StudyReport, TrialResult
from archdsl.views.study_rank import RankReport
from archdsl.views.study_spectrum import SpectrumReport
from archdsl.views.sweep import SweepReport
from archdsl.views.train import RunReport, TrainReport
from archdsl.views.weights import WeightsReport
from archdsl.views.weights_back import BackReport, MapReport
from archdsl.views.weights_edit import EditReport
from archdsl.views.zoo import ZooReport

SCHEMAS: dict[str, type] = {
    "compile": CompileReport,
    "compile_check": CheckedFiles,
    "train": TrainReport,
    "run": RunReport,
    "sweep": SweepReport,
    "log": LogReport,
    "cost": CostReport,
    "check": CheckReport,
    "zoo": ZooReport,
    "identify": IdentifyReport,
    "import": ImportReport,
    "paper": PaperReport,
    "plot": PlotReport,
    "explain": ExplainReport,
    "code": CodeReport,
    "diff": DiffReport,
    "space_info": SpaceReport,
    "space_count": CountReport,
    "population": PopulationReport,
    "space_diff": SpaceDiffReport,
    "space_contains": ContainsReport,
    "study": StudyFile,
    "trial": TrialResult,
    "study_status": StudyReport,
    "study_search": SearchReport,
    "study_best": BestOfReport,
    "bench": BenchReport,
    "study_rank": RankReport,
    "study_spectrum": SpectrumReport,
    "population_edf": EdfReport,
    "population_best": BestReport,
    "population_trend": TrendReport,
    "population_efit": EfitReport,
    "population_profile": ProfileReport,
    "population_curve": CurveReport,
    "population_front": FrontReport,
    "population_compare": CompareReport,
    "weights": WeightsReport,
    "export": ExportReport,
    "lint": LintReport,
    "lint_targets": TargetsReport,
    "weights_map": MapReport,
    "weights_back": BackReport,
    "weights_edit": EditReport,
    "explore_request": ExploreRequest,
    "explore_answer": ExploreAnswer,
    "failure": FailureReport,
}
"""The outputs by the names of their schemas in docs/schema/."""


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of an output."""
    from pydantic import TypeAdapter

    found = TypeAdapter(SCHEMAS[name]).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def schema_text(name: str) -> str:
    """The same as text."""
    return json.dumps(schema(name), indent=2) + "\n"
