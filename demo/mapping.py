"""What the demo asks of the engine: the source query, the target columns and how the ones fill the others."""

from typing import Any

TARGET_TABLE = "flight_facts"
KEY = ("scheduled_hour", "carrier", "flight_number")

SOURCE_QUERY = """\
SELECT f.time_hour, f.carrier, a.name AS airline, f.flight, f.tailnum, f.origin, f.dest,
       d.name AS destination, d.tzone, f.dep_delay, f.arr_delay, f.distance
FROM flights f
JOIN airlines a ON a.carrier = f.carrier
LEFT JOIN airports d ON d.faa = f.dest"""

SCHEMA_COLUMNS: list[dict[str, Any]] = [
    {"name": "scheduled_hour", "data_type": "timestamptz", "nullable": False, "primary_key": True},
    {"name": "carrier", "data_type": "string", "length": 2, "nullable": False, "primary_key": True},
    {"name": "flight_number", "data_type": "integer", "nullable": False, "primary_key": True},
    {"name": "airline", "data_type": "string", "nullable": False},
    {"name": "tail_number", "data_type": "string"},
    {"name": "route", "data_type": "string", "nullable": False},
    {"name": "destination", "data_type": "string"},
    {"name": "zone_area", "data_type": "string"},
    {"name": "zone_city", "data_type": "string"},
    {"name": "departure_delay", "data_type": "decimal", "precision": 6, "scale": 1},
    {"name": "arrival_delay", "data_type": "decimal", "precision": 6, "scale": 1},
    {"name": "miles", "data_type": "integer", "nullable": False},
]

DIRECT = {
    "time_hour": "scheduled_hour",  # text -> timestamptz
    "carrier": "carrier",
    "flight": "flight_number",
    "airline": "airline",
    "tailnum": "tail_number",
    "destination": "destination",
    "dep_delay": "departure_delay",  # integer -> decimal
    "arr_delay": "arrival_delay",
    "distance": "miles",  # text -> integer
}

ROUTE_SEPARATOR = " > "
ZONE_DELIMITER = "/"

COLUMN_MAPPINGS: list[dict[str, Any]] = [
    *(
        {"type": "direct", "source_columns": [source], "target_fields": [target]}
        for source, target in DIRECT.items()
    ),
    {
        "type": "split",
        "source_columns": ["tzone"],
        "target_fields": ["zone_area", "zone_city"],
        "config": {"delimiter": ZONE_DELIMITER},
    },
    {
        "type": "join",
        "source_columns": ["origin", "dest"],
        "target_fields": ["route"],
        "config": {"separator": ROUTE_SEPARATOR},
    },
]
