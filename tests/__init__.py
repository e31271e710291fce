"""Tests, from the small to the whole appliance."""
