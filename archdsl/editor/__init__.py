"""Answers for editors."""
