"""The fixtures of the values' suite, here too."""

from tests.conformance.values.conftest import gears, lasting_database

__all__ = ["gears", "lasting_database"]
