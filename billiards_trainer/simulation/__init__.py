"""The virtual table: true physics, a scripted player, and what a ceiling camera sees of both.

It is the appliance's embedded default when there is no camera, the oracle of the closed-loop tests
(ground truth stands beside every picture), and the source of training pictures.
"""
