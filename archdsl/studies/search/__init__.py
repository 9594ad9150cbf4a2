"""Searches: members of a space that are chosen by what was measured of others, over Optuna.

Optuna suggests points, keeps trials and shows them; what is trained is a member of the space always. Modules of this
package load NumPy and Optuna at once, and are loaded late by others.
"""
