"""Runs in trackers: what a run folder holds is sent to TensorBoard, MLflow, W&B or trackio, each an extra of its own.

    runs      a run folder: its settings, the epochs in metrics.jsonl, and what was sent of them where (logged.json)
    sending   new epochs to a tracker, once or until the run ends
    tracker   what a tracker is
    to_…      the trackers; each loads its library when it begins

The trained script knows none of it: it writes metrics.jsonl, which is always whole.
"""
