"""Closed forms of a cost: polynomials in a model's widths, depths and resolution."""

from archdsl.closed_forms.model import Formulas, formula_network, formulas_of

__all__ = ["Formulas", "formula_network", "formulas_of"]
