import { Box, Text } from "@mantine/core";
import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useStable } from "@/lib/use-stable";
import classes from "./data-grid.module.css";

const ROW_HEIGHT = 30;
const NUMBER_WIDTH = 56;
const FAULT_WIDTH = 240;

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
  /** Columns in which a cell has a fault: they get room to read it. */
  faulty?: ReadonlySet<string>;
  height?: number;
}

interface Place {
  row: number;
  column: number;
}

/** A grid of rows as they came: only what is in sight is drawn; arrows move, Mod+C copies the cell. */
export const DataGrid = memo(function DataGrid(props: Props) {
  const { label, columns, rows, show, faultOf, faulty, height = 360 } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Place>({ row: 0, column: 0 });
  const [isFocused, setIsFocused] = useState(false);
  const [isCopied, setIsCopied] = useState(false);
  const widths = useMemo(
    () => columns.map((column) => widthOf(column, rows, show, faulty?.has(column.name) ?? false)),
    [columns, rows, show, faulty],
  );
  const lines = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    // The head stays in sight, over the rows.
    paddingStart: ROW_HEIGHT,
    scrollPaddingStart: ROW_HEIGHT,
    initialRect: { width: 900, height },
  });
  const fields = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => widths[index] ?? 120,
    overscan: 3,
    paddingStart: NUMBER_WIDTH,
    scrollPaddingStart: NUMBER_WIDTH,
    initialRect: { width: 900, height },
  });
  const { measure } = fields;
  useEffect(() => {
    measure();
  }, [widths, measure]);
  const go = (place: Place) => {
    setActive(place);
    setIsCopied(false);
  };
  const pick = useStable((row: number, column: number) => {
    go({ row, column });
  });
  const shownColumns = fields.getVirtualItems();
  const move = (event: KeyboardEvent) => {
    const place = nextPlace(event, active, rows.length, columns.length);
    if (place) {
      event.preventDefault();
      go(place);
      lines.scrollToIndex(place.row);
      fields.scrollToIndex(place.column);
    } else if (
      event.key.toLowerCase() === "c" &&
      (event.ctrlKey || event.metaKey) &&
      !document.getSelection()?.toString()
    ) {
      const value = rows[active.row]?.[columns[active.column]?.name ?? ""];
      void navigator.clipboard
        .writeText(value === null || value === undefined ? "" : show(value))
        .then(() => {
          setIsCopied(true);
        });
    }
  };
  const at = columns[active.column];
  const inspected = {
    name: at?.name ?? "",
    row: active.row,
    value: rows[active.row]?.[at?.name ?? ""],
    fault: at && faultOf?.(active.row, at.name),
  };
  return (
    <div>
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
        onFocus={() => {
          setIsFocused(true);
        }}
        onBlur={() => {
          setIsFocused(false);
        }}
      >
        <div
          style={{
            width: fields.getTotalSize(),
            height: lines.getTotalSize(),
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
                  style={{ left: start, width: size }}
                  title={`${column?.name ?? ""}: ${column?.hint ?? ""}`}
                >
                  {column?.icon}
                  <span className={classes.clip}>{column?.name}</span>
                </div>
              );
            })}
          </div>
          {lines.getVirtualItems().map((line) => (
            <GridRow
              key={line.index}
              label={label}
              row={line.index}
              top={line.start}
              cells={rows[line.index]}
              shown={shownColumns}
              columns={columns}
              active={active.row === line.index ? active.column : null}
              show={show}
              faultOf={faultOf}
              onPick={pick}
            />
          ))}
        </div>
      </Box>
      <Text size="xs" c="dimmed" className={classes.inspect}>
        {isFocused && rows.length > 0 ? (
          <Inspected {...inspected} show={show} isCopied={isCopied} />
        ) : (
          "Arrows move, Ctrl C copies the cell."
        )}
      </Text>
    </div>
  );
});

interface RowProps {
  label: string;
  row: number;
  top: number;
  cells: Readonly<Record<string, unknown>> | undefined;
  shown: readonly VirtualItem[];
  columns: readonly GridColumn[];
  /** The active cell's column, where that cell is in this row. */
  active: number | null;
  show: Props["show"];
  faultOf: Props["faultOf"];
  onPick: (row: number, column: number) => void;
}

/** Drawn once: scrolling past hundreds of rows draws only those that come into sight. */
const GridRow = memo(function GridRow(props: RowProps) {
  const { label, row, top, cells, shown, columns, active, show, faultOf, onPick } = props;
  return (
    <div role="row" aria-rowindex={row + 2} className={classes.row} style={{ top }}>
      <div className={classes.number} role="rowheader" aria-colindex={1}>
        {row + 1}
      </div>
      {shown.map(({ index, start, size }) => {
        const column = columns[index];
        const fault = column && faultOf?.(row, column.name);
        return (
          // The grid itself takes the keys; a click only moves the active cell.
          <div
            key={index}
            id={`${label}-${String(row)}-${String(index)}`.replaceAll(" ", "-")}
            role="gridcell"
            aria-colindex={index + 2}
            className={classes.cell}
            data-active={active === index || undefined}
            data-right={column?.alignRight ? true : undefined}
            data-fault={fault ? true : undefined}
            style={{ left: start, width: size }}
            onMouseDown={() => {
              onPick(row, index);
            }}
          >
            <Value value={cells?.[column?.name ?? ""]} show={show} fault={fault} />
          </div>
        );
      })}
    </div>
  );
});

/** The active cell in full: what its column is too narrow for can be read without a mouse. */
function Inspected({
  name,
  row,
  value,
  fault,
  show,
  isCopied,
}: {
  name: string;
  row: number;
  value: unknown;
  fault: string | undefined;
  show: Props["show"];
  isCopied: boolean;
}) {
  return (
    <>
      <strong>
        {name}, row {row + 1}:
      </strong>{" "}
      {fault ? (
        <span className={classes.fault}>{fault}</span>
      ) : value === null || value === undefined ? (
        "NULL"
      ) : value === "" ? (
        "the empty text"
      ) : (
        <span className="mono">{show(value)}</span>
      )}
      {isCopied && <strong role="status"> · copied</strong>}
    </>
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
      <span className={`${classes.fault ?? ""} ${classes.chip ?? ""}`} title={fault}>
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

function widthOf(column: GridColumn, rows: Props["rows"], show: Props["show"], hasFault: boolean): number {
  const longest = rows.slice(0, 50).reduce((most, row) => {
    const value = row[column.name];
    return Math.max(most, value === null || value === undefined ? 4 : show(value).length);
  }, column.name.length + 4);
  return Math.min(320, Math.max(hasFault ? FAULT_WIDTH : 72, longest * 7.6 + 22));
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
