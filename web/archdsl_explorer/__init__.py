"""The built page of `archdsl explore`: `page/` is what a browser loads, `pyodide/` what runs the compiler in it."""
