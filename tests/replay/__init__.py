"""Recorded pictures and films, played through the parts that read them."""
