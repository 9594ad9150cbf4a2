"""The limits that keep every compilation short: time and memory are bounded for any input.

Each is stated in docs/language.md; what exceeds one is a diagnostic of its own.
"""

MAX_FILE_BYTES = 1 << 20
"""Size of one source file."""
MAX_TOKENS = 200_000
"""Tokens of one source file."""
MAX_NESTING = 100
"""Depth of one expression or body in the syntax tree."""
MAX_SYNTAX_ERRORS = 50
"""Syntax errors of one file after which it is not read further."""
MAX_FILES = 200
"""Source files of one program."""
MAX_MODELS = 10_000
"""Models of one file, rows of instances counted."""
MAX_STEPS = 5_000_000
"""Evaluation steps of one model."""
MAX_CALL_NESTING = 250
"""Sum of the syntactic depths of the definitions that are being evaluated within each other."""
MAX_LIST = 10_000
"""Elements of one list."""
MAX_BLOCKS = 10_000
"""Blocks of one network."""
MAX_NODES = 100_000
"""Operations of one network."""
MAX_SOLVE_STEPS = 20_000
"""Factors that `solve` tries."""
MAX_SOLVE_WORK = 2_000_000
"""Evaluation steps that `solve` spends on all of them."""
MAX_FORM_STAGES = 100
"""Stages of a model with closed forms."""
MAX_FORM_BLOCKS = 2_000
"""Blocks of a model with closed forms."""
MAX_REFINEMENTS = 30
"""Spaces that refine one another, one behind the other."""
MAX_DIMENSIONS = 256
"""Numbers that a setting of a space is made of."""
MAX_DOMAIN = 1 << 53
"""Values of one draw."""
MAX_LOG_DOMAIN = 1_000_000
"""Values of a draw whose law needs a table."""
MAX_ENUMERATED = 1_000
"""Settings of a space that `check` looks at one by one."""
MAX_SUMMED = 1 << 18
"""Settings of the parts of a larger space that are looked at, where its costs are sums of theirs."""
MAX_CHAINED = 1 << 21
"""Settings of the stages of a larger space that are looked at, with what may flow into them, where they
form a chain."""
MAX_CHAIN_CASES = 1 << 12
"""Settings of the draws that several stages of such a space share."""
MAX_CHAIN_WORK = 1 << 42
"""Additions of numbers of its settings, by what they cost."""
MAX_QUICK_CHAIN_WORK = 1 << 31
"""Of them, without being asked to count exactly."""
MAX_LINES = 1 << 24
"""Lines of settings of a larger space that are looked at, where it has few tables of stages."""
MAX_QUICK_LINES = 1 << 19
"""Of them, without being asked to count exactly."""
MAX_TABLES = 1 << 26
"""Different tables of stages."""
MAX_STAGED = 1 << 21
"""Widths of all stages with settings of the other draws."""
MAX_TRIED = 1_000
"""Settings of a larger space that it tries, looking for a member."""
MAX_SEARCH_STEPS = 5_000_000
"""Evaluation steps that it spends on them."""
