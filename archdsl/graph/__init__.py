"""The resolved network as a graph of primitive operations, its shapes, and what it costs.

What enters: configured operations applied to values (`network.Builder`). What leaves: a `network.Network`,
counts of it in a named convention (`cost`, `conventions`), closed forms (`formulas`), memory (`memory`).
What always holds: every node has its shapes, nodes are in topological order, all counts are exact.
"""
