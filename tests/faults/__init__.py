"""What happens when something is killed, frozen, full or missing."""
