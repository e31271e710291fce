"""What the camera sees: pictures in, balls, cue and table out."""
