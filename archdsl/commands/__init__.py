"""The commands, one module each: `command` is what `archdsl.cli` calls. They share options, common, progress."""
