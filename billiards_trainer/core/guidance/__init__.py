"""What to draw on the cloth: the aim, steadied (``aim``); what it will do (``prediction``); what it
did (``comparison``); and the scene that shows it (``scene``, with ``clip`` and ``palette``).

All of it is pure: times come with the table states.
"""
