import { Box, Text } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from "react";
import classes from "./data-grid.module.css";

const ROW_HEIGHT = 30;
const NUMBER_WIDTH = 56;

export interface GridColumn {
  name: string;
  hint: string;
  icon?: ReactNode;
  alignRight?: boolean;
}

interface Props {
  label: string;
  columns: readonly GridColumn[];
  rows: readonly Readonly<Record<string, unknown>>[];
  show: (value: unknown) => string;
  /** The fault of a cell, if it has one. */
  faultOf?: (row: number, column: string) => string | undefined;
  height?: number;
}

interface Place {
  row: number;
  column: number;
}

/** A grid of rows as they came: only what is in sight is drawn; arrows move, Mod+C copies the cell. */
export function DataGrid({ label, columns, rows, show, faultOf, height = 360 }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Place>({ row: 0, column: 0 });
  const widths = useMemo(() => columns.map((column) => widthOf(column, rows, show)), [columns, rows, show]);
  const lines = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    initialRect: { width: 900, height },
  });
  const fields = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => widths[index] ?? 120,
    overscan: 3,
    initialRect: { width: 900, height },
  });
  const shownColumns = fields.getVirtualItems();
  const move = (event: KeyboardEvent) => {
    const place = nextPlace(event, active, rows.length, columns.length);
    if (place) {
      event.preventDefault();
      setActive(place);
      lines.scrollToIndex(place.row);
      fields.scrollToIndex(place.column);
    } else if (
      event.key.toLowerCase() === "c" &&
      (event.ctrlKey || event.metaKey) &&
      !document.getSelection()?.toString()
    ) {
      const value = rows[active.row]?.[columns[active.column]?.name ?? ""];
      void navigator.clipboard.writeText(value === null || value === undefined ? "" : show(value));
    }
  };
  return (
    <Box
      ref={scroller}
      className={classes.scroller}
      style={{ height: Math.min(height, (rows.length + 1) * ROW_HEIGHT + 18) }}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={
        rows.length > 0
          ? `${label}-${String(active.row)}-${String(active.column)}`.replaceAll(" ", "-")
          : undefined
      }
      tabIndex={0}
      onKeyDown={move}
    >
      <div
        style={{
          width: fields.getTotalSize() + NUMBER_WIDTH,
          height: lines.getTotalSize() + ROW_HEIGHT,
          position: "relative",
        }}
      >
        <div className={classes.head} role="row" aria-rowindex={1}>
          <div className={classes.corner} role="columnheader" aria-colindex={1}>
            <span className="visually-hidden">Row</span>
          </div>
          {shownColumns.map(({ index, start, size }) => {
            const column = columns[index];
            return (
              <div
                key={index}
                role="columnheader"
                aria-colindex={index + 2}
                className={classes.headCell}
                style={{ left: start + NUMBER_WIDTH, width: size }}
                title={`${column?.name ?? ""}: ${column?.hint ?? ""}`}
              >
                {column?.icon}
                <span className={classes.clip}>{column?.name}</span>
              </div>
            );
          })}
        </div>
        {lines.getVirtualItems().map((line) => (
          <div
            key={line.index}
            role="row"
            aria-rowindex={line.index + 2}
            className={classes.row}
            style={{ top: line.start + ROW_HEIGHT }}
          >
            <div className={classes.number} role="rowheader" aria-colindex={1}>
              {line.index + 1}
            </div>
            {shownColumns.map(({ index, start, size }) => {
              const column = columns[index];
              const fault = column && faultOf?.(line.index, column.name);
              const isActive = active.row === line.index && active.column === index;
              return (
                // The grid itself takes the keys; a click only moves the active cell.
                <div
                  key={index}
                  id={`${label}-${String(line.index)}-${String(index)}`.replaceAll(" ", "-")}
                  role="gridcell"
                  aria-colindex={index + 2}
                  className={classes.cell}
                  data-active={isActive || undefined}
                  data-right={column?.alignRight ? true : undefined}
                  data-fault={fault ? true : undefined}
                  style={{ left: start + NUMBER_WIDTH, width: size }}
                  onMouseDown={() => {
                    setActive({ row: line.index, column: index });
                  }}
                >
                  <Value value={rows[line.index]?.[column?.name ?? ""]} show={show} fault={fault} />
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </Box>
  );
}

function Value({
  value,
  show,
  fault,
}: {
  value: unknown;
  show: (value: unknown) => string;
  fault: string | undefined;
}) {
  if (fault) {
    return (
      <span className={classes.fault} title={fault}>
        <span aria-hidden>✕ </span>
        {fault}
      </span>
    );
  }
  if (value === null || value === undefined) return <span className={classes.null}>NULL</span>;
  if (value === "") return <span className={classes.empty}>empty</span>;
  const text = show(value);
  return (
    <span className={classes.clip} title={text.length > 24 ? text : undefined}>
      {text}
    </span>
  );
}

function widthOf(column: GridColumn, rows: Props["rows"], show: Props["show"]): number {
  const longest = rows.slice(0, 50).reduce((most, row) => {
    const value = row[column.name];
    return Math.max(most, value === null || value === undefined ? 4 : show(value).length);
  }, column.name.length + 4);
  return Math.min(320, Math.max(72, longest * 7.6 + 22));
}

function nextPlace(
  event: KeyboardEvent,
  { row, column }: Place,
  rows: number,
  columns: number,
): Place | null {
  const clamp = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
  const steps: Record<string, Place> = {
    ArrowDown: { row: row + 1, column },
    ArrowUp: { row: row - 1, column },
    ArrowRight: { row, column: column + 1 },
    ArrowLeft: { row, column: column - 1 },
    PageDown: { row: row + 10, column },
    PageUp: { row: row - 10, column },
    Home: { row: event.ctrlKey ? 0 : row, column: 0 },
    End: { row: event.ctrlKey ? rows : row, column: columns },
  };
  const step = steps[event.key];
  return step ? { row: clamp(step.row, rows), column: clamp(step.column, columns) } : null;
}

export function NullMark() {
  return (
    <Text span className={classes.null} size="xs">
      NULL
    </Text>
  );
}
