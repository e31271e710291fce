"""The virtual table in lock-step with vision, core and projector, against ground truth."""
