"""From balls in motion to the events of a shot, with time and place between the pictures.

``segmenter.ShotSegmenter`` takes in one table state after the other and declares events.  ``watch``
looks at one ball and finds the *kinks* in its way, ``contacts`` says what each kink was: a stroke,
a ball, a cushion, a pocket.  ``fit`` describes free motion between kinks.  All of it is pure.
"""
