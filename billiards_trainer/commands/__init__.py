"""What `billiards-trainer` can do: one module for each command, found by its name."""
