import {
  Alert,
  Button,
  Checkbox,
  Group,
  MultiSelect,
  NumberInput,
  Radio,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { useState } from "react";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { formatDuration } from "@/lib/format";
import { useMoveCursor } from "../api/mappings";
import type { Draft } from "../model/draft";
import { BackfillForm } from "./backfill-form";
import type { ConnectionChoice } from "./source-tab";

interface Props {
  draft: Draft;
  mappingId: string | null;
  errors: Readonly<Record<string, string>>;
  connections: readonly ConnectionChoice[];
  sources: readonly string[];
  onChange: (part: Partial<Draft>) => void;
  onBackfilled: () => void;
}

const MODES = [
  {
    value: "replace",
    label: "Replace",
    text: "The table becomes exactly the query’s result. Readers see the old rows until the commit, then the new ones.",
  },
  {
    value: "append",
    label: "Append",
    text: "The result is added to the rows that are there. What was there is never touched.",
  },
  {
    value: "upsert",
    label: "Upsert",
    text: "Rows are matched by key: changed ones are updated, new ones added, none deleted.",
  },
] as const;

const num = (value: string | number) => (value === "" ? null : Number(value));

export function WritingTab(props: Props) {
  const { draft, errors, connections, onChange } = props;
  const table = draft.target_table.trim() || draft.schema_name || "the schema’s name";
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={{ alignItems: "start" }}>
      <Stack gap="md">
        <Panel title="Where the rows go">
          <Stack gap="sm">
            <Select
              label="Target connection"
              searchable
              value={draft.target_connection_id ?? ""}
              error={errors.target_connection_id}
              data={[
                { value: "", label: "The installation’s default target" },
                ...connections.map(({ id, name }) => ({ value: id, label: name })),
              ]}
              onChange={(id) => {
                onChange({ target_connection_id: id === "" ? null : id });
              }}
            />
            <TextInput
              label="Target table"
              placeholder={draft.schema_name || "as the schema"}
              value={draft.target_table}
              error={errors.target_table}
              description="Written exactly like this, quoted. Empty: the schema’s name."
              onChange={(event) => {
                onChange({ target_table: event.currentTarget.value });
              }}
            />
            <Switch
              label={`Take over ${table} if it exists already and has rows`}
              checked={draft.take_over_table}
              description="Off: a replace refuses a table with rows that the engine did not create."
              onChange={(event) => {
                onChange({ take_over_table: event.currentTarget.checked });
              }}
            />
          </Stack>
        </Panel>
        <Panel title="How they are written">
          <Stack gap="sm">
            <Radio.Group
              label="Write mode"
              value={draft.write_mode}
              error={errors.write_mode}
              onChange={(mode) => {
                onChange({ write_mode: mode as Draft["write_mode"] });
              }}
            >
              <Stack gap={8} mt={6}>
                {MODES.map(({ value, label, text }) => (
                  <Radio key={value} value={value} label={label} description={text} />
                ))}
              </Stack>
            </Radio.Group>
            <MultiSelect
              label="Key columns"
              placeholder={draft.key_columns.length === 0 ? "the schema’s key" : undefined}
              data={draft.columns.map(({ name }) => name)}
              value={draft.key_columns}
              error={errors.key_columns}
              description={
                draft.write_mode === "upsert"
                  ? "What makes two rows the same row. A NULL in a key rejects the row."
                  : "What makes two rows the same row; the schema’s key columns by default."
              }
              onChange={(key_columns) => {
                onChange({ key_columns });
              }}
            />
          </Stack>
        </Panel>
        <Incremental {...props} />
      </Stack>
      <Stack gap="md">
        <Panel title="When a row does not fit">
          <Stack gap="sm">
            <Radio.Group
              aria-label="Error policy"
              value={draft.on_error.policy}
              onChange={(policy) => {
                onChange({
                  on_error: {
                    ...draft.on_error,
                    policy: policy as "fail" | "quarantine",
                    ...(policy === "fail" ? { max_rows: null, max_percent: null } : {}),
                  },
                });
              }}
            >
              <Stack gap={8}>
                <Radio
                  value="fail"
                  label="Stop the run"
                  description="Nothing is written. The first hundred rejected rows are kept to look at."
                />
                <Radio
                  value="quarantine"
                  label="Set the row aside and go on"
                  description="Rejected rows are kept with their reason, and can be replayed once the mapping is corrected."
                />
              </Stack>
            </Radio.Group>
            {draft.on_error.policy === "quarantine" && (
              <Group gap="sm" grow align="flex-start">
                <NumberInput
                  label="At most"
                  suffix=" rows"
                  min={0}
                  placeholder="any number"
                  value={draft.on_error.max_rows ?? ""}
                  error={errors["on_error.max_rows"]}
                  onChange={(value) => {
                    onChange({ on_error: { ...draft.on_error, max_rows: num(value) } });
                  }}
                />
                <NumberInput
                  label="At most"
                  suffix=" %"
                  min={0}
                  max={100}
                  placeholder="any share"
                  value={draft.on_error.max_percent ?? ""}
                  error={errors["on_error.max_percent"]}
                  onChange={(value) => {
                    onChange({ on_error: { ...draft.on_error, max_percent: num(value) } });
                  }}
                />
              </Group>
            )}
          </Stack>
        </Panel>
        <Panel title="Guards before anything is published">
          <Stack gap="sm">
            <NumberInput
              label="Fail when there are fewer rows than"
              min={0}
              placeholder="no limit"
              value={draft.guards.min_rows ?? ""}
              error={errors["guards.min_rows"]}
              onChange={(value) => {
                onChange({ guards: { ...draft.guards, min_rows: num(value) } });
              }}
            />
            <NumberInput
              label="Fail when the row count changed by more than"
              suffix=" %"
              min={0}
              placeholder="no limit"
              description="Against the last good run."
              value={draft.guards.max_change_percent ?? ""}
              error={errors["guards.max_change_percent"]}
              onChange={(value) => {
                onChange({ guards: { ...draft.guards, max_change_percent: num(value) } });
              }}
            />
            <Checkbox
              label="An empty result is fine"
              description="Off: a replace with no rows fails, and the table keeps what it has."
              checked={draft.guards.allow_empty}
              onChange={(event) => {
                onChange({ guards: { ...draft.guards, allow_empty: event.currentTarget.checked } });
              }}
            />
          </Stack>
        </Panel>
        <Panel title="Retries, time and notices">
          <Stack gap="sm">
            <Group gap="sm" grow align="flex-start">
              <NumberInput
                label="Attempts"
                min={1}
                max={100}
                value={draft.retry.max_attempts}
                error={errors["retry.max_attempts"]}
                onChange={(value) => {
                  onChange({ retry: { ...draft.retry, max_attempts: Number(value) || 1 } });
                }}
              />
              <NumberInput
                label="First pause"
                suffix=" s"
                min={0}
                value={draft.retry.backoff_seconds}
                error={errors["retry.backoff_seconds"]}
                onChange={(value) => {
                  onChange({ retry: { ...draft.retry, backoff_seconds: Number(value) } });
                }}
              />
              <NumberInput
                label="Time limit"
                suffix=" s"
                min={1}
                value={draft.timeout_seconds}
                error={errors.timeout_seconds}
                onChange={(value) => {
                  onChange({ timeout_seconds: Number(value) || 1 });
                }}
              />
            </Group>
            <Text size="xs" c="dimmed">
              Lost connections, deadlocks and lost workers are tried again, each pause longer; wrong data and
              wrong settings are not. A run is ended after {formatDuration(draft.timeout_seconds * 1000)}.
            </Text>
            <TagsInput
              label="Tell these addresses when a run fails, is missed or late"
              placeholder="https://… or mailto:…"
              value={draft.notify}
              error={errors.notify}
              onChange={(notify) => {
                onChange({ notify });
              }}
            />
          </Stack>
        </Panel>
      </Stack>
    </SimpleGrid>
  );
}

function Incremental({ draft, mappingId, errors, sources, onChange, onBackfilled }: Props) {
  const { incremental } = draft;
  const put = (part: Partial<NonNullable<Draft["incremental"]>>) => {
    if (incremental) onChange({ incremental: { ...incremental, ...part } });
  };
  return (
    <Panel title="What is read">
      <Stack gap="sm">
        <Radio.Group
          aria-label="What is read"
          value={incremental ? "new" : "all"}
          onChange={(value) => {
            onChange({
              incremental:
                value === "new"
                  ? { cursor_column: sources[0] ?? "", initial_value: null, lookback: null }
                  : null,
            });
          }}
        >
          <Stack gap={8}>
            <Radio value="all" label="The whole result, every time" />
            <Radio
              value="new"
              label="Only what is new since the last run"
              description="By a column that only grows: a number, a date or an instant."
            />
          </Stack>
        </Radio.Group>
        {incremental && (
          <>
            <Select
              label="Cursor column"
              searchable
              data={[...new Set([...sources, incremental.cursor_column].filter((name) => name !== ""))]}
              value={incremental.cursor_column || null}
              error={errors["incremental.cursor_column"]}
              onChange={(cursor_column) => {
                put({ cursor_column: cursor_column ?? "" });
              }}
            />
            <Group gap="sm" grow align="flex-start">
              <TextInput
                label="Start after"
                placeholder="from the beginning"
                value={incremental.initial_value ?? ""}
                error={errors["incremental.initial_value"]}
                onChange={(event) => {
                  put({ initial_value: event.currentTarget.value || null });
                }}
              />
              <NumberInput
                label="Look back"
                min={0}
                placeholder="none"
                description="Seconds for instants; catches rows that were committed late."
                inputWrapperOrder={["label", "input", "description", "error"]}
                value={incremental.lookback ?? ""}
                error={errors["incremental.lookback"]}
                onChange={(value) => {
                  put({ lookback: num(value) });
                }}
              />
            </Group>
            {mappingId && <Cursor id={mappingId} />}
            {mappingId && draft.write_mode === "upsert" && (
              <details>
                <summary>Backfill a range</summary>
                <BackfillForm id={mappingId} onDone={onBackfilled} />
              </details>
            )}
          </>
        )}
        {!incremental && draft.write_mode === "append" && (
          <Alert variant="light" color="yellow">
            <Text size="sm">Reading everything and appending adds the whole result again at every run.</Text>
          </Alert>
        )}
      </Stack>
    </Panel>
  );
}

function Cursor({ id }: { id: string }) {
  const [value, setValue] = useState("");
  const move = useMoveCursor();
  return (
    <details>
      <summary>Move the cursor</summary>
      <Stack gap="xs" mt="xs">
        <Group gap="xs" align="flex-end">
          <TextInput
            size="xs"
            label="Next run starts after"
            placeholder="from the beginning"
            value={value}
            onChange={(event) => {
              setValue(event.currentTarget.value);
            }}
          />
          <Button
            variant="default"
            loading={move.isPending}
            onClick={() => {
              move.mutate({ id, value: value || null });
            }}
          >
            Move it
          </Button>
        </Group>
        {move.isSuccess && (
          <Text size="sm" role="status">
            The cursor has been moved.
          </Text>
        )}
        <ProblemAlert error={move.error} />
      </Stack>
    </details>
  );
}
