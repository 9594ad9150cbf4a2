"""What is shown: one file for each command, with its table and its JSON. Values enter, texts and plain data leave.

    head          how every JSON of a model begins, and the line above every table
    tables        cells as columns for a terminal, as Markdown, as CSV
    diagnostics   faults for a reader
    failure       faults as plain data: the JSON where there is no result
    parts         the rows of a network: stages, blocks, operations, kinds
    provenance    scaled numbers, origins of settings, rounded halves, factors that were solved for
    schemas       the JSON schema of every output

    cost formulas check phases explain diff zoo compile weights train show recipe paper plot page fmt

The fields of a report are those of its JSON. Counts are exact integers; a number of the language that is no integer is
its text in the language, exact too. Nothing here reads or writes a file, or knows an option.
"""
