"""What emitted modules take: seconds and bytes, measured on the machine at hand, and how they go with exact counts.

    settings  how it is measured, and what a job is
    child     the process that measures one network in one round; a script that knows torch and nothing of us
    turns     starts that process, ends it where it takes too long, and brings back what it says
    run       rounds of turns over networks, in random order
    rows      one turn as a line of a file, and the networks that many lines are of
    ledger    the file: a line for each turn, appended safely, gone on with by the next start
    fits      correlations and fitted curves

Measured numbers stand beside counts in columns of their own, and are called measured.
"""
