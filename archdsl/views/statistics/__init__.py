"""What `archdsl population` and its pictures show: a module for each statistic, with its table and its JSON.

Each makes a `Statistic` of populations that were read: a report, which is the JSON, its rows as a table for a reader
and as CSV, and the figure of `archdsl plot`.
"""
