"""The physics engine: event-driven, exact between events, compiled.

A library that imports ``table`` and nothing else of the appliance.  Import what you need from the
submodules; this package imports nothing, because a process must start in well under a second:

* ``parameters``: the numbers of balls, cloth and cushions, and which model treats which contact;
* ``state`` and ``strike``: where the balls are, and what the cue does;
* ``engine.simulate``: one shot, with every event and the position of any ball at any time;
* ``batch.simulate_batch``: thousands of shots, outcomes only, on all cores;
* ``warmup`` (``python -m billiards_trainer.physics.warmup``): fills the compile cache.
"""
