"""Fits physics to a table from tracked shots: cloth, cushions, balls and the table's slope.

Two steps.  ``legs`` cuts each ball's track where its motion changes suddenly; between two such
places the cloth alone acts, and ``cloth`` fits all legs at once with one set of frictions and one
slope.  What lies between two legs is a contact: ``cushions`` and ``balls`` compare the motions
before and after with what the engine's own models make of them.  Everything is robust against
outliers, and every figure has a standard deviation that grows when shots disagree.

``table_fit.fit_table`` does it all.  This package imports nothing by itself.
"""
