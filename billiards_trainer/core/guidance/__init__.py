"""What to draw on the cloth: the aim, steadied (``aim``, ``steady``); what it will do
(``prediction``, ``ways``) and how sure that is (``corridor``); what it did (``comparison``);
drills; and the scene that shows it (``scene`` from ``shot_drawing``, ``drill_drawing`` and
``screens``, with ``brush``, ``clip`` and ``palette``).

All of it is pure: times come with the table states.
"""
