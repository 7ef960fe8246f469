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
import {
  type Column,
  columnFaults,
  DATA_TYPES,
  type DataType,
  emptyColumn,
  withType,
} from "../model/columns";

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
  const put = (index: number, column: Column) => {
    onChange(columns.map((each, at) => (at === index ? column : each)));
  };
  const move = (index: number, by: number) => {
    const next = [...columns];
    const [column] = next.splice(index, 1);
    if (column) next.splice(index + by, 0, column);
    onChange(next);
  };
  return (
    <div>
      <div className="scroll-x">
        <Table verticalSpacing={4} horizontalSpacing={6} miw={680} highlightOnHover={false}>
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
            {columns.map((column, index) => {
              const label = column.name || `column ${String(index + 1)}`;
              const isStored = stored.includes(column.name);
              const error = faultOf(errors, index) ?? (column.name === "" ? undefined : faults.get(index));
              return (
                <Table.Tr key={index}>
                  <Table.Td miw={180}>
                    <TextInput
                      size="xs"
                      aria-label={`Name of ${label}`}
                      value={column.name}
                      error={error}
                      classNames={MONO}
                      onChange={(event) => {
                        put(index, { ...column, name: event.currentTarget.value });
                      }}
                    />
                  </Table.Td>
                  <Table.Td w={140}>
                    <Select
                      size="xs"
                      aria-label={`Type of ${label}`}
                      data={[...DATA_TYPES]}
                      value={column.data_type}
                      disabled={isStored}
                      onChange={(type) => {
                        put(index, withType(column, type as DataType));
                      }}
                    />
                  </Table.Td>
                  <Table.Td w={150}>
                    <Sizes
                      column={column}
                      label={label}
                      onChange={(next) => {
                        put(index, next);
                      }}
                    />
                  </Table.Td>
                  <Table.Td>
                    <Checkbox
                      aria-label={`${label} is required`}
                      checked={column.nullable === false || column.primary_key === true}
                      disabled={column.primary_key}
                      onChange={(event) => {
                        put(index, { ...column, nullable: !event.currentTarget.checked });
                      }}
                    />
                  </Table.Td>
                  <Table.Td>
                    <Checkbox
                      aria-label={`${label} is part of the key`}
                      checked={column.primary_key ?? false}
                      onChange={(event) => {
                        const isKey = event.currentTarget.checked;
                        put(index, {
                          ...column,
                          primary_key: isKey,
                          nullable: isKey ? false : column.nullable,
                        });
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
                          move(index, -1);
                        }}
                      >
                        <IconArrowUp size={15} />
                      </ActionIcon>
                      <ActionIcon
                        size="sm"
                        aria-label={`Move ${label} down`}
                        disabled={index === columns.length - 1}
                        onClick={() => {
                          move(index, 1);
                        }}
                      >
                        <IconArrowDown size={15} />
                      </ActionIcon>
                      <ActionIcon
                        size="sm"
                        aria-label={`Remove ${label}`}
                        onClick={() => {
                          onChange(columns.filter((_, at) => at !== index));
                        }}
                      >
                        <IconTrash size={15} />
                      </ActionIcon>
                    </Group>
                  </Table.Td>
                </Table.Tr>
              );
            })}
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
