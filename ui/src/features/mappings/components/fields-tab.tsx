import { Box, Button, Group, Menu, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconArrowsJoin2, IconArrowsSplit2, IconArrowRight, IconPlus, IconWand } from "@tabler/icons-react";
import { memo, type ReactNode, useCallback, useMemo, useState } from "react";
import { DataGrid } from "@/components/ui/data-grid";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { sentence } from "@/lib/api/problem";
import { plural } from "@/lib/format";
import { useStable } from "@/lib/use-stable";
import type { Preview } from "../api/mappings";
import {
  type ColumnSpec,
  findFaults,
  makeDirect,
  makeJoin,
  makeSplit,
  matchColumns,
  moveItem,
  type TargetField,
  unfilledFields,
  unfilledRequired,
} from "../model/column-mappings";
import type { Draft } from "../model/draft";
import { showValue } from "../model/value-text";
import classes from "./editor.module.css";
import { MatchReview } from "./match-review";
import { SpecList } from "./spec-list";
import { isNumeric, TypeIcon } from "./type-icon";

// A new schema with more columns than this starts folded.
const SHOWN_COLUMNS = 40;

export interface SchemaChoice {
  id: string;
  name: string;
  columns: TargetField[];
}

interface Props {
  draft: Draft;
  errors: Readonly<Record<string, string>>;
  schemas: readonly SchemaChoice[];
  preview: Preview | null;
  /** The same rows after mapping, from the server. */
  mapped: { data: Preview["target"]; error: unknown; isFetching: boolean; blocked: string | null };
  inferred: { columns: TargetField[] | null; error: unknown; isPending: boolean; infer: () => void };
  columnsEditor: ReactNode;
  onChange: (part: Partial<Draft>) => void;
}

export function FieldsTab(props: Props) {
  const { draft, preview, mapped, onChange } = props;
  const [open, setOpen] = useState<number | null>(null);
  const [isMatching, setIsMatching] = useState(false);
  const previewed = useMemo(() => preview?.columns.map(({ name }) => name), [preview]);
  const named = useMemo(() => namedSources(draft.specs), [draft.specs]);
  const sources = previewed ?? named;
  const sample = useMemo(
    () => ({
      rows: preview?.rows ?? [],
      types: Object.fromEntries(preview?.columns.map(({ name, data_type }) => [name, data_type]) ?? []),
    }),
    [preview],
  );
  const fieldNames = useMemo(() => draft.columns.map(({ name }) => name), [draft.columns]);
  const faults = useMemo(
    () => faultsBySpec(draft.specs, fieldNames, preview, mapped.data),
    [draft.specs, fieldNames, preview, mapped.data],
  );
  const openFields = unfilledFields(fieldNames, draft.specs);
  const required = unfilledRequired(draft.columns, draft.specs);
  const used = new Set(draft.specs.flatMap((spec) => spec.source_columns));
  const unused = sources.filter((name) => !used.has(name));
  const put = useCallback(
    (specs: ColumnSpec[]) => {
      onChange({ specs });
    },
    [onChange],
  );
  const { specs } = draft;
  const replaceSpec = useStable((index: number, spec: ColumnSpec) => {
    put(specs.map((each, at) => (at === index ? spec : each)));
  });
  const removeSpec = useStable((index: number) => {
    put(specs.filter((_, at) => at !== index));
    setOpen(null);
  });
  const moveSpec = useStable((index: number, by: number) => {
    put(moveItem(specs, index, index + by));
    setOpen(null);
  });
  const dropSource = useStable((index: number, source: string) => {
    if (sources.includes(source))
      put(specs.map((spec, at) => (at === index ? withSource(spec, source) : spec)));
  });
  const add = (spec: ColumnSpec) => {
    put([...specs, spec]);
    setOpen(specs.length);
  };
  return (
    <Stack gap="md">
      <SchemaPanel {...props} />
      <Panel
        title="Field mapping"
        padded={false}
        actions={
          <>
            <Text size="sm" role="status" c={required.length > 0 ? "var(--app-warn)" : "dimmed"}>
              {openFields.length === 0
                ? "every field is filled"
                : `${plural(openFields.length, "field")} open${required.length > 0 ? `, ${String(required.length)} required` : ""}`}
            </Text>
            <Button
              variant="default"
              leftSection={<IconWand size={14} />}
              onClick={() => {
                setIsMatching(true);
              }}
              disabled={openFields.length === 0}
            >
              Match by name
            </Button>
            <AddMenu onAdd={add} field={openFields[0] ?? ""} />
          </>
        }
      >
        {isMatching && (
          <MatchReview
            matches={matchColumns(sources, fieldNames, specs)}
            onClose={() => {
              setIsMatching(false);
            }}
            onApply={(chosen) => {
              put([...specs, ...chosen.map(({ source, field }) => makeDirect(source, field))]);
              setIsMatching(false);
            }}
          />
        )}
        {specs.length === 0 && !isMatching && (
          <Text size="sm" c="dimmed" p="sm">
            {draft.columns.length === 0
              ? "Choose or propose a schema first."
              : "Nothing is mapped yet. Match by name, or add column mappings one by one; saved without any, each field takes the column of its own name."}
          </Text>
        )}
        <SpecList
          specs={specs}
          sources={sources}
          fields={draft.columns}
          sample={sample}
          open={open}
          faults={faults}
          onOpen={setOpen}
          onChange={replaceSpec}
          onRemove={removeSpec}
          onMove={moveSpec}
          onDropSource={dropSource}
        />
        <Leftovers
          openFields={openFields}
          required={required}
          unused={unused}
          onField={(field) => {
            add(makeDirect("", field));
          }}
          onSource={(source) => {
            add(makeDirect(source, openFields[0] ?? ""));
          }}
        />
      </Panel>
      <Result mapped={mapped} />
    </Stack>
  );
}

function namedSources(specs: readonly ColumnSpec[]): string[] {
  return [...new Set(specs.flatMap((spec) => spec.source_columns).filter((name) => name !== ""))];
}

function withSource(spec: ColumnSpec, source: string): ColumnSpec {
  if (spec.type === "join")
    return spec.source_columns.includes(source)
      ? spec
      : { ...spec, source_columns: [...spec.source_columns, source] };
  return { ...spec, source_columns: [source] } as ColumnSpec;
}

function faultsBySpec(
  specs: readonly ColumnSpec[],
  fields: readonly string[],
  preview: Preview | null,
  mapped: Preview["target"],
): Map<number, string> {
  const found = new Map<number, string>();
  const known = preview && new Set(preview.columns.map(({ name }) => name));
  specs.forEach((spec, index) => {
    const missing = known && spec.source_columns.find((name) => name !== "" && !known.has(name));
    if (missing) found.set(index, `The query has no column ${missing}.`);
    const errors = mapped?.errors.filter((error) => spec.target_fields.includes(error.target_field)) ?? [];
    const [first] = errors;
    if (first)
      found.set(
        index,
        `${plural(new Set(errors.map(({ row }) => row)).size, "sample row")} rejected: ${first.message}`,
      );
  });
  for (const { index, message } of findFaults(specs, fields))
    if (!found.has(index)) found.set(index, message);
  return found;
}

function AddMenu({ onAdd, field }: { onAdd: (spec: ColumnSpec) => void; field: string }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button leftSection={<IconPlus size={14} />}>Add</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconArrowRight size={15} />}
          onClick={() => {
            onAdd(makeDirect("", field));
          }}
        >
          Direct: one column into one field
        </Menu.Item>
        <Menu.Item
          leftSection={<IconArrowsSplit2 size={15} />}
          onClick={() => {
            onAdd(makeSplit("", [field, ""]));
          }}
        >
          Split: one column into several fields
        </Menu.Item>
        <Menu.Item
          leftSection={<IconArrowsJoin2 size={15} />}
          onClick={() => {
            onAdd(makeJoin(["", ""], field));
          }}
        >
          Join: several columns into one field
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

interface LeftoverProps {
  openFields: readonly string[];
  required: readonly string[];
  unused: readonly string[];
  onField: (name: string) => void;
  onSource: (name: string) => void;
}

function Leftovers({ openFields, required, unused, onField, onSource }: LeftoverProps) {
  if (openFields.length === 0 && unused.length === 0) return null;
  return (
    <Stack gap="sm" p="sm" style={{ borderTop: "1px solid var(--app-line)" }}>
      {openFields.length > 0 && (
        <div>
          <Text size="xs" fw={600} mb={4}>
            Target fields that nothing fills
          </Text>
          <div className={classes.chips}>
            {openFields.map((name) => (
              <button
                key={name}
                type="button"
                className={classes.chip}
                data-required={required.includes(name) || undefined}
                onClick={() => {
                  onField(name);
                }}
                aria-label={`Fill ${name}`}
              >
                {name}
                {required.includes(name) && (
                  <Text span size="xs" c="var(--app-warn)" ff="text">
                    required
                  </Text>
                )}
              </button>
            ))}
          </div>
        </div>
      )}
      {unused.length > 0 && (
        <div>
          <Text size="xs" fw={600} mb={4}>
            Source columns that go nowhere
          </Text>
          <div className={classes.chips}>
            {unused.slice(0, 60).map((name) => (
              <button
                key={name}
                type="button"
                draggable
                className={classes.chip}
                onClick={() => {
                  onSource(name);
                }}
                onDragStart={(event) => {
                  event.dataTransfer.setData("text/plain", name);
                }}
                aria-label={`Map ${name}`}
              >
                {name}
              </button>
            ))}
            {unused.length > 60 && (
              <Text size="xs" c="dimmed">
                and {unused.length - 60} more
              </Text>
            )}
          </div>
        </div>
      )}
    </Stack>
  );
}

function SchemaPanel({ draft, errors, schemas, preview, inferred, columnsEditor, onChange }: Props) {
  const isNew = draft.schema_id === null;
  const [choice, setChoice] = useState<boolean | null>(null);
  const isOpen = choice ?? (isNew && draft.columns.length <= SHOWN_COLUMNS);
  const choose = (id: string | null) => {
    const found = schemas.find((schema) => schema.id === id);
    onChange(
      found
        ? { schema_id: found.id, schema_name: found.name, columns: found.columns }
        : { schema_id: null, schema_name: "", columns: [] },
    );
  };
  const fresh = useMemo(() => {
    const known = new Set(draft.columns.map(({ name }) => name.toLowerCase()));
    return inferred.columns?.filter(({ name }) => !known.has(name.toLowerCase())) ?? [];
  }, [inferred.columns, draft.columns]);
  const addFresh = useStable(() => {
    onChange({ columns: [...draft.columns, ...fresh] });
  });
  return (
    <Panel
      title="Target schema"
      actions={
        <Button
          variant="default"
          loading={inferred.isPending}
          disabled={draft.source_connection_id === null || draft.source_query.trim() === ""}
          onClick={inferred.infer}
        >
          Propose from the query
        </Button>
      }
    >
      <Stack gap="sm">
        <Group gap="sm" align="flex-start">
          <Select
            label="Schema"
            w={260}
            value={draft.schema_id ?? ""}
            error={errors.target_schema_id}
            searchable
            data={[
              { value: "", label: "A new schema" },
              ...schemas.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(id) => {
              choose(id === "" ? null : id);
            }}
          />
          {isNew && (
            <TextInput
              label="Name of the new schema"
              required
              w={260}
              value={draft.schema_name}
              error={errors["schema.name"]}
              onChange={(event) => {
                onChange({ schema_name: event.currentTarget.value });
              }}
            />
          )}
        </Group>
        {inferred.error ? <ProblemAlert error={inferred.error} /> : null}
        {inferred.columns && <Inferred columns={inferred.columns} fresh={fresh} onAdd={addFresh} />}
        {draft.columns.length === 0 && !inferred.columns && (
          <Text size="sm" c="dimmed">
            {preview
              ? "Propose the columns from the query, or add them by hand."
              : "Preview the query first; its columns can then be proposed without loss."}
          </Text>
        )}
        <details className={classes.more} open={isOpen}>
          <summary
            onClick={(event) => {
              event.preventDefault();
              setChoice(!isOpen);
            }}
          >
            {plural(draft.columns.length, "column")}
            {isNew ? "" : " (changing them changes the schema for every mapping that uses it)"}
          </summary>
          {isOpen && <Box mt="xs">{columnsEditor}</Box>}
        </details>
      </Stack>
    </Panel>
  );
}

const Inferred = memo(function Inferred({
  columns,
  fresh,
  onAdd,
}: {
  columns: readonly TargetField[];
  fresh: readonly TargetField[];
  onAdd: () => void;
}) {
  const names = new Set(fresh.map(({ name }) => name));
  return (
    <Box p="xs" style={{ background: "var(--app-surface)", borderRadius: 6 }}>
      <Group justify="space-between" mb={6}>
        <Text size="sm" fw={600}>
          The query’s columns, without loss
        </Text>
        {fresh.length > 0 ? (
          <Button size="compact-xs" onClick={onAdd}>
            Add {plural(fresh.length, "column")}
          </Button>
        ) : (
          <Text size="xs" c="dimmed">
            all of them are in the schema
          </Text>
        )}
      </Group>
      <div className={classes.chips}>
        {columns.map((column) => (
          <Group key={column.name} gap={5} wrap="nowrap" className={classes.names}>
            <TypeIcon type={column.data_type} />
            <span>{column.name}</span>
            {!names.has(column.name) && <span aria-label="in the schema">✓</span>}
          </Group>
        ))}
      </div>
    </Box>
  );
});

function Result({ mapped }: { mapped: Props["mapped"] }) {
  const { data } = mapped;
  const { faultOf, faulty, columns } = useMemo(() => gridOf(data), [data]);
  if (mapped.blocked)
    return (
      <Box className={classes.hollow}>
        <Text size="sm" c="dimmed">
          {mapped.blocked}
        </Text>
      </Box>
    );
  if (mapped.error) return <ProblemAlert error={mapped.error} title="The sample rows were not mapped" />;
  if (!data) return null;
  const bad = new Set(data.errors.map(({ row }) => row)).size;
  return (
    <Stack gap={6} aria-busy={mapped.isFetching}>
      <Text size="sm" role="status">
        <strong>What the target would get</strong> · {plural(data.rows.length, "sample row")}
        {bad > 0 ? (
          <Text span size="sm" c="var(--app-bad)">
            {" "}
            · {plural(bad, "row")} would be rejected
          </Text>
        ) : (
          " · all of them fit"
        )}
      </Text>
      <DataGrid
        label="Mapped rows"
        columns={columns}
        rows={data.rows}
        show={showValue}
        faultOf={faultOf}
        faulty={faulty}
        height={340}
      />
    </Stack>
  );
}

function gridOf(target: Preview["target"]) {
  const errors = target?.errors ?? [];
  const faults = new Map(
    errors.map((error) => [`${String(error.row)} ${error.target_field}`, sentence(error.message)]),
  );
  return {
    faultOf: (row: number, column: string) => faults.get(`${String(row + 1)} ${column}`),
    faulty: new Set(errors.map(({ target_field }) => target_field)),
    columns:
      target?.columns.map((column) => ({
        name: column.name,
        hint: column.data_type,
        icon: <TypeIcon type={column.data_type} />,
        alignRight: isNumeric(column.data_type),
      })) ?? [],
  };
}
