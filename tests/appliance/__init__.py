"""The running appliance, from outside."""
