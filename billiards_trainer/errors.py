"""Errors that people see."""

from __future__ import annotations


class InputError(Exception):
    """Bad input.  The message is one clear sentence that names the file and the field.

    The command line prints it and ends with status 2; the API answers with a 4xx problem.
    """
