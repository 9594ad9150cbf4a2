"""Studies: populations whose members are trained, each in a run folder of its own.

`study.py` is the folder of a study, `ledger.py` who works on a trial and what came of it, `members.py` what a row of it
is, `trial.py` trains one, and `local.py` many on this machine. Engines for other machines call `trial.run_trial` alone.
"""
