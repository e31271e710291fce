"""Installing, upgrading, backing up and restoring the appliance.

Everything here but encryption runs with the system's own Python and nothing else: on a bare machine
there is nothing else.
"""
