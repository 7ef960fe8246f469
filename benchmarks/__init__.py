"""How fast the engine is, next to the databases' own tools and to other tools on the same machine.

    python -m benchmarks [data | memory | scheduler | api | busy | all]

Everything runs on servers that the benchmarks start themselves. The engine is driven through its public API
alone; the target's row count and checksum are compared with the source after every measured run.
"""
