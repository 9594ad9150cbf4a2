"""What the page of `archdsl explore` asks, and what it is told: one function, `Session.answer`, JSON in and JSON out.

Behind it is a local server, or a worker of the browser in which the same code runs. It reads texts through what it is
handed, so that neither needs anything else; and it needs no library but those that parse and print.
"""
