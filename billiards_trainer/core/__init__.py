"""What happened and what to draw: shots, guidance and the state of play."""
