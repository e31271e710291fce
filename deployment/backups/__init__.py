"""Archives of an appliance: written while it runs, checked before anything is touched.

An archive is a gzipped tar whose first member, ``manifest.json``, names every other one with its
size and SHA-256.  Paths are logical (``data/…``, ``config/…``), so that an archive fits any machine
and any folder.  An incremental one stores what has changed since and names the archive that holds
the rest.  An encrypted one is the same inside an age file.
"""
