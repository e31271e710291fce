"""Learned models: networks with their cards, and the registry that decides which is in force.

Each model is two files: ``NAME.onnx`` and its card ``NAME.json`` (version, input contract,
checksum, data, seeds, figures).  Those beside this module ship with the program; newer ones can be
put into the site's folder (``models/`` in the state folder) and taken back without a change of
code.
"""
