"""The papers' tables again, from the compiler's own figures.

    data       what the papers print: `specs/papers/*.json` as values, and their names
    networks   the shipped networks that the rows name, compiled
    compare    a printed table with the compiler's figures beside it
    figures    the result as plain data: rows, figures, and how they agree

What is printed stands in the data alone; nothing here knows a paper, a family or a table.
"""
