"""The cue as a line in space: its tip, where it points, and how sure that is."""
