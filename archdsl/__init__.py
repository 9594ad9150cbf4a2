"""archdsl: a small text language for convolutional networks, and its compiler.

Importing the package loads none of it; `archdsl.compiler` is the file to read first.
"""

__version__ = "0.1.0"
