"""Supervision: starts the processes, watches them, starts them again, stops them."""
