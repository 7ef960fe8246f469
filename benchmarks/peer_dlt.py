"""Run by the peers' Python: lineitem through dlt, in the fastest way that its documentation shows.

python peer_dlt.py TABLE, with BENCH_SOURCE and BENCH_TARGET in the environment.
"""

import os
import sys

import dlt
from dlt.destinations import postgres
from dlt.sources.sql_database import sql_table


def main(table: str) -> None:
    # Its default backend and file format took four times as long here.
    rows = sql_table(os.environ["BENCH_SOURCE"], table="lineitem", schema="public", backend="pyarrow")
    destination = postgres(os.environ["BENCH_TARGET"])
    pipeline = dlt.pipeline(f"bench_{table}", destination=destination, dataset_name="public")
    pipeline.run(rows, table_name=table, write_disposition="replace", loader_file_format="csv")


main(sys.argv[1])
