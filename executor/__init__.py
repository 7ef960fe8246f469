"""Unattended runs (port 8001): scheduler, leases, rescue and worker processes."""
