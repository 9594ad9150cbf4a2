"""The commands, one module each: `command` is what `archdsl.cli` calls. `common` is what they share."""
