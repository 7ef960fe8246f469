"""Run by the peers' Python: lineitem through dlt, as its documentation shows it.

python peer_dlt.py TABLE BACKEND [LOADER_FILE_FORMAT], with BENCH_SOURCE and BENCH_TARGET in the environment.
"""

import os
import sys

import dlt
from dlt.destinations import postgres
from dlt.sources.sql_database import sql_table


def main(table: str, backend: str, file_format: str = "") -> None:
    rows = sql_table(os.environ["BENCH_SOURCE"], table="lineitem", schema="public", backend=backend)
    pipeline = dlt.pipeline(
        f"bench_{table}", destination=postgres(os.environ["BENCH_TARGET"]), dataset_name="public"
    )
    chosen = {"loader_file_format": file_format} if file_format else {}
    pipeline.run(rows, table_name=table, write_disposition="replace", **chosen)


main(*sys.argv[1:])
