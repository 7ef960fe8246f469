"""Tables for a person: on the screen, and as the sections of RESULTS.md."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.machine import Machine
from benchmarks.measure import Line, cpu_ratio_to, ratio_to
from benchmarks.options import Options

RESULTS = Path(__file__).with_name("RESULTS.md")
TITLE = """# Results of `make bench`

Medians of interleaved rounds; a ratio refers to the databases' own tools doing the same job in the same run,
1.00 is equal. Each section says where and when it was measured.
"""

Row = Sequence[str]


def markdown_table(head: Row, rows: Sequence[Row]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def timing_table(lines: Sequence[Line]) -> str:
    head = ["pair", "job", "tool", "median s", "spread", "ratio", "CPU s", "CPU ratio", "note"]
    return markdown_table(head, [timing_row(line, lines) for line in lines])


def timing_row(line: Line, lines: Sequence[Line]) -> Row:
    return [
        line.pair,
        line.case,
        line.tool,
        shown(line.median),
        f"{line.spread:.0%}" if len(line.seconds) > 1 else "–",
        shown(ratio_to(line, lines)),
        shown(statistics.median(line.cpu_seconds) if line.cpu_seconds else None),
        shown(cpu_ratio_to(line, lines)),
        line.note,
    ]


def shown(number: float | None) -> str:
    return "–" if number is None else f"{number:.2f}"


def preamble(machine: Machine, options: Options, facts: Mapping[str, str]) -> str:
    """The conditions of a section, one bullet each."""
    shared = " (shared with other work)" if machine.load > 0.5 else ""
    listed = {
        "date, commit": f"{machine.date}, {machine.commit}",
        "machine": f"{machine.cores} cores {machine.processor}, {machine.memory_gib:.0f} GiB, {machine.system}",
        "load before the run": f"{machine.load:.2f}{shared}",
        "client versions": f"Python {machine.python}, {', '.join(machine.packages)}",
        **facts,
    }
    if options.note:
        listed["note"] = options.note
    return "\n".join(f"- {name}: {value}" for name, value in listed.items())


def publish(options: Options, title: str, body: str) -> None:
    """Print a section, and put it in its place in RESULTS.md where the options allow."""
    print(f"\n## {title}\n\n{body}\n", flush=True)
    if not options.complete:
        print("RESULTS.md is left as it is: not the default rows, rounds, pairs and cases, nor WRITE=1")
        return
    present = RESULTS.read_text() if RESULTS.exists() else TITLE
    RESULTS.write_text(with_section(present, title, body))


def with_section(document: str, title: str, body: str) -> str:
    """The document with the section's text replaced, or added at the end."""
    head, *sections = document.split("\n## ")
    new = f"{title}\n\n{body}"
    kept = [section.rstrip() for section in sections]
    titles = [section.split("\n", 1)[0] for section in kept]
    if title in titles:
        kept[titles.index(title)] = new
    else:
        kept.append(new)
    return "\n\n## ".join([head.rstrip(), *kept]) + "\n"
