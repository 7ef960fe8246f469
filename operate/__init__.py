"""Starts and stops the services on this machine: `python -m operate up|down|status|prepare-ui`."""
