import {
  ActionIcon,
  Box,
  Button,
  Group,
  Kbd,
  NavLink,
  ScrollArea,
  Select,
  Stack,
  Text,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { IconPlayerPlay, IconRefresh } from "@tabler/icons-react";
import { lazy, memo, Suspense, useMemo, useState } from "react";
import { DataGrid } from "@/components/ui/data-grid";
import { TextLink } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { formatDuration, plural } from "@/lib/format";
import type { Preview } from "../api/mappings";
import type { Draft } from "../model/draft";
import { findFault } from "../model/query-fault";
import { selectFrom, type SourceTable } from "../model/select-from";
import { showValue } from "../model/value-text";
import classes from "./editor.module.css";
import { isNumeric, TypeIcon } from "./type-icon";

const SqlEditor = lazy(() => import("./sql-editor"));

export interface ConnectionChoice {
  id: string;
  name: string;
  db_type: "postgresql" | "mysql" | "sqlite";
}

export interface SourceTables {
  items: readonly SourceTable[];
  error: unknown;
  isLoading: boolean;
  reload: () => void;
}

interface Props {
  draft: Draft;
  errors: Readonly<Record<string, string>>;
  connections: readonly ConnectionChoice[];
  tables: SourceTables;
  preview: Preview | null;
  previewError: unknown;
  isPreviewing: boolean;
  isStale: boolean;
  limit: number;
  onLimit: (limit: number) => void;
  onChange: (part: Partial<Draft>) => void;
  onPreview: () => void;
}

export function SourceTab(props: Props) {
  const { draft, errors, connections, tables, preview, previewError, onChange } = props;
  const fault = useMemo(
    () => findFault(previewError, draft.source_query),
    [previewError, draft.source_query],
  );
  const dbType = connections.find(({ id }) => id === draft.source_connection_id)?.db_type ?? "postgresql";
  const canPreview = draft.source_connection_id !== null && draft.source_query.trim() !== "";
  return (
    <Stack gap="md">
      <Panel>
        <Group gap="sm" align="flex-start" grow preventGrowOverflow={false}>
          <TextInput
            label="Name"
            required
            value={draft.name}
            error={errors.name}
            miw={220}
            onChange={(event) => {
              onChange({ name: event.currentTarget.value });
            }}
          />
          <Select
            label="Source connection"
            required
            searchable
            placeholder={connections.length === 0 ? "There are none yet" : "Choose where to read"}
            miw={220}
            value={draft.source_connection_id}
            error={errors.source_connection_id}
            data={connections.map(({ id, name }) => ({ value: id, label: name }))}
            description={
              connections.length === 0 ? (
                <TextLink to="/connections/new" size="xs">
                  Add a connection first
                </TextLink>
              ) : undefined
            }
            inputWrapperOrder={["label", "input", "description", "error"]}
            onChange={(id) => {
              onChange({ source_connection_id: id });
            }}
          />
          <TextInput
            label="Description"
            value={draft.description}
            error={errors.description}
            miw={220}
            onChange={(event) => {
              onChange({ description: event.currentTarget.value });
            }}
          />
        </Group>
      </Panel>
      <div className={classes.query}>
        <Tables
          tables={tables}
          isChosen={draft.source_connection_id !== null}
          onPick={(table) => {
            onChange({ source_query: selectFrom(table, dbType) });
          }}
          hasQuery={draft.source_query.trim() !== ""}
        />
        <section className="panel" aria-label="Query">
          <Group className="panel-head" justify="space-between" gap="xs">
            <Text size="sm" fw={650}>
              Query
            </Text>
            <Group gap="xs">
              <Text size="xs" c="dimmed" visibleFrom="sm">
                one read-only statement
              </Text>
              <Select
                aria-label="Rows to preview"
                size="xs"
                w={110}
                value={String(props.limit)}
                data={[10, 100, 1000].map((rows) => ({ value: String(rows), label: `${String(rows)} rows` }))}
                onChange={(value) => {
                  props.onLimit(Number(value));
                }}
              />
              <Button
                leftSection={<IconPlayerPlay size={14} />}
                onClick={props.onPreview}
                disabled={!canPreview}
                loading={props.isPreviewing}
              >
                Preview{" "}
                <Kbd size="xs" ml={8} className={classes.kbd} visibleFrom="sm">
                  Ctrl ⏎
                </Kbd>
              </Button>
            </Group>
          </Group>
          <Suspense
            fallback={
              <Box p="sm">
                <Loading lines={4} />
              </Box>
            }
          >
            <SqlEditor
              value={draft.source_query}
              dbType={dbType}
              tables={tables.items}
              fault={fault}
              onChange={(source_query) => {
                onChange({ source_query });
              }}
              onRun={props.onPreview}
            />
          </Suspense>
          {errors.source_query && (
            <Text size="sm" c="var(--app-bad)" role="alert" p="xs">
              {errors.source_query}
            </Text>
          )}
        </section>
      </div>
      {previewError ? <ProblemAlert error={previewError} title="The query was not run" /> : null}
      <PreviewPanel preview={preview} isStale={props.isStale} />
    </Stack>
  );
}

const PreviewPanel = memo(function PreviewPanel({
  preview,
  isStale,
}: {
  preview: Preview | null;
  isStale: boolean;
}) {
  const columns = useMemo(
    () =>
      preview?.columns.map((column) => ({
        name: column.name,
        hint: column.database_type,
        icon: <TypeIcon type={column.data_type} />,
        alignRight: isNumeric(column.data_type),
      })) ?? [],
    [preview],
  );
  if (!preview) {
    return (
      <Box className={classes.hollow}>
        <Text size="sm" c="dimmed">
          The first rows will stand here. Nothing is saved or written by a preview.
        </Text>
      </Box>
    );
  }
  return (
    <Stack gap={6}>
      <Group gap="sm" justify="space-between">
        <Text size="sm" role="status">
          <strong>{plural(preview.row_count, "row")}</strong>
          {preview.truncated && " (there are more)"} · {plural(preview.columns.length, "column")} ·{" "}
          {formatDuration(preview.duration_ms)}
          {isStale && (
            <Text span size="sm" c="var(--app-warn)">
              {" "}
              · the query has changed since
            </Text>
          )}
        </Text>
      </Group>
      <DataGrid label="Preview rows" columns={columns} rows={preview.rows} show={showValue} height={380} />
    </Stack>
  );
});

function Tables({
  tables,
  isChosen,
  onPick,
  hasQuery,
}: {
  tables: SourceTables;
  isChosen: boolean;
  onPick: (table: SourceTable) => void;
  hasQuery: boolean;
}) {
  const [search, setSearch] = useState("");
  const shown = tables.items.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()));
  return (
    <section className={`panel ${classes.tables ?? ""}`} aria-label="Tables of the source">
      <Group className="panel-head" justify="space-between" gap={4} wrap="nowrap">
        <Text size="sm" fw={650}>
          Tables
        </Text>
        <Tooltip label="Read the tables again">
          <ActionIcon
            size="sm"
            aria-label="Read the tables again"
            onClick={tables.reload}
            disabled={!isChosen}
          >
            <IconRefresh size={15} />
          </ActionIcon>
        </Tooltip>
      </Group>
      {!isChosen && (
        <Text size="sm" c="dimmed" p="xs">
          Choose a connection to see its tables.
        </Text>
      )}
      {tables.isLoading && (
        <Box p="xs">
          <Loading lines={4} />
        </Box>
      )}
      {tables.error ? (
        <Box p="xs">
          <ProblemAlert error={tables.error} />
        </Box>
      ) : null}
      {tables.items.length > 8 && (
        <TextInput
          size="xs"
          m={6}
          aria-label="Search tables"
          placeholder="Search"
          value={search}
          onChange={(event) => {
            setSearch(event.currentTarget.value);
          }}
        />
      )}
      <ScrollArea.Autosize mah={330} type="auto">
        {shown.map((table) => (
          <NavLink
            key={`${table.namespace ?? ""}.${table.name}`}
            component="div"
            label={table.name}
            description={table.namespace}
            childrenOffset={12}
            py={4}
            role="group"
          >
            {!hasQuery && (
              <Button
                size="compact-xs"
                variant="default"
                my={4}
                onClick={() => {
                  onPick(table);
                }}
              >
                Select from it
              </Button>
            )}
            {table.columns.map((column) => (
              <Group key={column.name} gap={6} wrap="nowrap" py={1} title={column.database_type}>
                <TypeIcon type={column.data_type} />
                <Text size="xs" className="mono">
                  {column.name}
                </Text>
              </Group>
            ))}
          </NavLink>
        ))}
      </ScrollArea.Autosize>
    </section>
  );
}
