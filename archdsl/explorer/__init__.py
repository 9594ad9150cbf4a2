"""The page of `archdsl explore`: its engines, and what serves it or writes it."""
