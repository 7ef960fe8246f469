import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Select,
  Table,
  Text,
  TextInput,
} from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useRef } from "react";
import { useStable } from "@/lib/use-stable";
import {
  type Column,
  columnFaults,
  DATA_TYPES,
  type DataType,
  emptyColumn,
  withType,
} from "../model/columns";

// More rows than this are drawn only where they are in sight.
const MANY_COLUMNS = 60;
const ROW_HEIGHT = 39;
const LONG_HEIGHT = 480;
const MONO = { input: "mono" };

interface Props {
  columns: readonly Column[];
  /** Names that are stored already: their type cannot change any more. */
  stored: readonly string[];
  errors: Readonly<Record<string, string>>;
  onChange: (columns: Column[]) => void;
}

export function ColumnsEditor({ columns, stored, errors, onChange }: Props) {
  const faults = columnFaults(columns);
  const put = useStable((index: number, column: Column) => {
    onChange(columns.map((each, at) => (at === index ? column : each)));
  });
  const move = useStable((index: number, by: number) => {
    const next = [...columns];
    const [column] = next.splice(index, 1);
    if (column) next.splice(index + by, 0, column);
    onChange(next);
  });
  const remove = useStable((index: number) => {
    onChange(columns.filter((_, at) => at !== index));
  });
  const scroller = useRef<HTMLDivElement>(null);
  const isLong = columns.length > MANY_COLUMNS;
  const lines = useVirtualizer({
    enabled: isLong,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    initialRect: { width: 900, height: LONG_HEIGHT },
  });
  const shown = isLong ? lines.getVirtualItems().map(({ index }) => index) : columns.map((_, index) => index);
  const [first = 0, last = -1] = [shown.at(0), shown.at(-1)];
  const below = isLong ? (columns.length - 1 - last) * ROW_HEIGHT : 0;
  return (
    <div>
      <div
        className="scroll-x"
        ref={scroller}
        style={isLong ? { height: LONG_HEIGHT, overflowY: "auto" } : undefined}
      >
        <Table
          stickyHeader={isLong}
          aria-rowcount={columns.length + 1}
          verticalSpacing={4}
          horizontalSpacing={6}
          miw={680}
          highlightOnHover={false}
        >
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Type</Table.Th>
              <Table.Th>Size</Table.Th>
              <Table.Th>Required</Table.Th>
              <Table.Th>Key</Table.Th>
              <Table.Th>
                <span className="visually-hidden">Actions</span>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            <Gap height={first * ROW_HEIGHT} />
            {shown.map((index) => {
              const column = columns[index];
              return (
                column && (
                  <ColumnRow
                    key={index}
                    column={column}
                    index={index}
                    isLast={index === columns.length - 1}
                    isStored={stored.includes(column.name)}
                    error={faultOf(errors, index) ?? (column.name === "" ? undefined : faults.get(index))}
                    onPut={put}
                    onMove={move}
                    onRemove={remove}
                  />
                )
              );
            })}
            <Gap height={below} />
          </Table.Tbody>
        </Table>
      </div>
      <Group mt="xs" justify="space-between">
        <Button
          variant="default"
          leftSection={<IconPlus size={15} />}
          onClick={() => {
            onChange([...columns, emptyColumn()]);
          }}
        >
          Add column
        </Button>
        {stored.length > 0 && (
          <Text size="xs" c="dimmed">
            The type of a stored column stays; sizes may grow.
          </Text>
        )}
      </Group>
    </div>
  );
}

/** Holds the place of the rows that are out of sight. */
function Gap({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden style={{ height }}>
      <td colSpan={6} />
    </tr>
  );
}

interface RowProps {
  column: Column;
  index: number;
  isLast: boolean;
  isStored: boolean;
  error: string | undefined;
  onPut: (index: number, column: Column) => void;
  onMove: (index: number, by: number) => void;
  onRemove: (index: number) => void;
}

const ColumnRow = memo(function ColumnRow(props: RowProps) {
  const { column, index, isLast, isStored, error, onPut, onMove, onRemove } = props;
  const label = column.name || `column ${String(index + 1)}`;
  return (
    <Table.Tr aria-rowindex={index + 2}>
      <Table.Td miw={180}>
        <TextInput
          size="xs"
          aria-label={`Name of ${label}`}
          value={column.name}
          error={error}
          classNames={MONO}
          onChange={(event) => {
            onPut(index, { ...column, name: event.currentTarget.value });
          }}
        />
      </Table.Td>
      <Table.Td w={140}>
        {isStored ? (
          <Text size="sm" className="mono">
            {column.data_type}
          </Text>
        ) : (
          <Select
            size="xs"
            aria-label={`Type of ${label}`}
            data={DATA_TYPES}
            value={column.data_type}
            onChange={(type) => {
              onPut(index, withType(column, type as DataType));
            }}
          />
        )}
      </Table.Td>
      <Table.Td w={150}>
        <Sizes
          column={column}
          label={label}
          onChange={(next) => {
            onPut(index, next);
          }}
        />
      </Table.Td>
      <Table.Td>
        <Checkbox
          aria-label={`${label} is required`}
          checked={column.nullable === false || column.primary_key === true}
          disabled={column.primary_key}
          onChange={(event) => {
            onPut(index, { ...column, nullable: !event.currentTarget.checked });
          }}
        />
      </Table.Td>
      <Table.Td>
        <Checkbox
          aria-label={`${label} is part of the key`}
          checked={column.primary_key ?? false}
          onChange={(event) => {
            const isKey = event.currentTarget.checked;
            onPut(index, { ...column, primary_key: isKey, nullable: isKey ? false : column.nullable });
          }}
        />
      </Table.Td>
      <Table.Td>
        <Group gap={2} wrap="nowrap">
          <ActionIcon
            size="sm"
            aria-label={`Move ${label} up`}
            disabled={index === 0}
            onClick={() => {
              onMove(index, -1);
            }}
          >
            <IconArrowUp size={15} />
          </ActionIcon>
          <ActionIcon
            size="sm"
            aria-label={`Move ${label} down`}
            disabled={isLast}
            onClick={() => {
              onMove(index, 1);
            }}
          >
            <IconArrowDown size={15} />
          </ActionIcon>
          <ActionIcon
            size="sm"
            aria-label={`Remove ${label}`}
            onClick={() => {
              onRemove(index);
            }}
          >
            <IconTrash size={15} />
          </ActionIcon>
        </Group>
      </Table.Td>
    </Table.Tr>
  );
});

function Sizes({
  column,
  label,
  onChange,
}: {
  column: Column;
  label: string;
  onChange: (column: Column) => void;
}) {
  const number = (value: string | number) => (value === "" ? null : Number(value));
  if (column.data_type === "decimal") {
    return (
      <Group gap={4} wrap="nowrap">
        <NumberInput
          size="xs"
          hideControls
          w={62}
          aria-label={`Digits of ${label}`}
          value={column.precision ?? ""}
          onChange={(value) => {
            onChange({ ...column, precision: number(value) });
          }}
        />
        <NumberInput
          size="xs"
          hideControls
          w={54}
          aria-label={`Digits after the point of ${label}`}
          value={column.scale ?? ""}
          onChange={(value) => {
            onChange({ ...column, scale: number(value) });
          }}
        />
      </Group>
    );
  }
  if (column.data_type === "string") {
    return (
      <NumberInput
        size="xs"
        hideControls
        aria-label={`Longest text of ${label}`}
        placeholder="any length"
        value={column.length ?? ""}
        onChange={(value) => {
          onChange({ ...column, length: number(value) });
        }}
      />
    );
  }
  return null;
}

function faultOf(errors: Props["errors"], index: number): string | undefined {
  const prefix = `columns.${String(index)}`;
  const key = Object.keys(errors).find((name) => name === prefix || name.startsWith(`${prefix}.`));
  return key && errors[key];
}
