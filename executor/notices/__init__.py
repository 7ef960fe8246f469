"""Notices of failed, missed and late runs: written from the runs, sent at least once (docs/notices.md)."""
