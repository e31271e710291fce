"""What the appliance remembers: players, sessions and shots in one SQLite database.

``migrate`` (called by the orchestrator before anything starts) makes or updates the database;
``recorder`` writes shots from the core process, off its frame loop; ``shot_log`` reads them for
everyone else.  Each table has exactly one writing process, see ``models.WRITERS``.
"""
