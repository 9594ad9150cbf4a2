"""Shared by all tests. That this file stands here puts `tests/` on the import path, so `import chunks` works."""
