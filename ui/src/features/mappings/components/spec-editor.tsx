import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  Select,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPlus, IconX } from "@tabler/icons-react";
import { NullMark } from "@/components/ui/data-grid";
import {
  type ColumnSpec,
  convertSpec,
  type DirectSpec,
  type JoinSpec,
  moveItem,
  type SpecType,
  type SplitSpec,
  type TargetField,
} from "../model/column-mappings";
import { mapRow, type Pieces } from "../model/pieces";
import { asCell, type Cell, textOfValue } from "../model/value-text";
import classes from "./editor.module.css";

const MONO = { input: "mono" };

const LIVE_ROWS = 5;

export interface Sample {
  rows: readonly Readonly<Record<string, unknown>>[];
  types: Readonly<Record<string, string>>;
}

interface Props {
  spec: ColumnSpec;
  sources: readonly string[];
  fields: readonly TargetField[];
  sample: Sample;
  onChange: (spec: ColumnSpec) => void;
}

/** One column mapping: its kind, its options, and what it does to the sample rows. */
export function SpecEditor({ spec, sources, fields, sample, onChange }: Props) {
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label="Kind of column mapping"
        size="xs"
        value={spec.type}
        style={{ alignSelf: "flex-start" }}
        data={[
          { value: "direct", label: "Direct" },
          { value: "split", label: "Split into several" },
          { value: "join", label: "Join several" },
        ]}
        onChange={(type) => {
          onChange(convertSpec(spec, type as SpecType));
        }}
      />
      <Group align="flex-start" gap="lg">
        <NameList
          label={spec.type === "join" ? "Source columns, in order" : "Source column"}
          names={spec.source_columns}
          options={sources}
          isMany={spec.type === "join"}
          addLabel="Add column"
          onChange={(source_columns) => {
            onChange({ ...spec, source_columns } as ColumnSpec);
          }}
        />
        {spec.type === "split" && <SplitOptions spec={spec} onChange={onChange} />}
        {spec.type === "join" && <JoinOptions spec={spec} onChange={onChange} />}
        {spec.type === "direct" && <DirectOptions spec={spec} onChange={onChange} />}
        <NameList
          label={spec.type === "split" ? "Target fields, in order" : "Target field"}
          names={spec.target_fields}
          options={fields.map(({ name }) => name)}
          isMany={spec.type === "split"}
          addLabel="Add field"
          onChange={(target_fields) => {
            onChange({ ...spec, target_fields } as ColumnSpec);
          }}
        />
      </Group>
      <LiveSample spec={spec} sample={sample} />
    </Stack>
  );
}

interface NameListProps {
  label: string;
  names: readonly string[];
  options: readonly string[];
  isMany: boolean;
  addLabel: string;
  onChange: (names: string[]) => void;
}

function NameList({ label, names, options, isMany, addLabel, onChange }: NameListProps) {
  const known = [...new Set([...options, ...names.filter((name) => name !== "")])];
  return (
    <Stack gap={0} miw={210} role="group" aria-label={label}>
      <Text size="xs" fw={600} lh="25px" mb={-4}>
        {label}
      </Text>
      {names.map((name, index) => (
        <Group key={index} gap={2} wrap="nowrap" mb={4}>
          <Select
            size="xs"
            flex={1}
            aria-label={`${label}${isMany ? ` ${String(index + 1)}` : ""}`}
            searchable
            placeholder="choose"
            data={known}
            value={name || null}
            limit={200}
            onChange={(value) => {
              onChange(names.map((each, at) => (at === index ? (value ?? "") : each)));
            }}
          />
          {isMany && (
            <>
              <ActionIcon
                size="sm"
                aria-label={`Move ${name || "it"} up`}
                disabled={index === 0}
                onClick={() => {
                  onChange(moveItem(names, index, index - 1));
                }}
              >
                <IconArrowUp size={14} />
              </ActionIcon>
              <ActionIcon
                size="sm"
                aria-label={`Move ${name || "it"} down`}
                disabled={index === names.length - 1}
                onClick={() => {
                  onChange(moveItem(names, index, index + 1));
                }}
              >
                <IconArrowDown size={14} />
              </ActionIcon>
              <ActionIcon
                size="sm"
                aria-label={`Take ${name || "it"} out`}
                disabled={names.length <= 1}
                onClick={() => {
                  onChange(names.filter((_, at) => at !== index));
                }}
              >
                <IconX size={14} />
              </ActionIcon>
            </>
          )}
        </Group>
      ))}
      {isMany && (
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconPlus size={13} />}
          style={{ alignSelf: "flex-start" }}
          onClick={() => {
            onChange([...names, ""]);
          }}
        >
          {addLabel}
        </Button>
      )}
    </Stack>
  );
}

function DirectOptions({ spec, onChange }: { spec: DirectSpec; onChange: (spec: ColumnSpec) => void }) {
  const config = spec.config ?? {};
  return (
    <Stack gap={6} miw={220}>
      <Select
        size="xs"
        label="Cast"
        value={config.cast ?? "strict"}
        data={[
          { value: "strict", label: "strict: what does not fit is rejected" },
          { value: "lossy", label: "lossy: round and cut to fit" },
        ]}
        onChange={(cast) => {
          onChange({ ...spec, config: { ...config, cast: cast as "strict" | "lossy" } });
        }}
      />
      <TextInput
        size="xs"
        label="In place of NULL"
        placeholder="stays NULL"
        value={config.default === null || config.default === undefined ? "" : String(config.default)}
        onChange={(event) => {
          onChange({
            ...spec,
            config: {
              ...config,
              default: event.currentTarget.value === "" ? null : event.currentTarget.value,
            },
          });
        }}
      />
    </Stack>
  );
}

function SplitOptions({ spec, onChange }: { spec: SplitSpec; onChange: (spec: ColumnSpec) => void }) {
  const { config } = spec;
  const put = (part: Partial<SplitSpec["config"]>) => {
    onChange({ ...spec, config: { ...config, ...part } });
  };
  return (
    <Stack gap={6} miw={230}>
      <TextInput
        size="xs"
        label="Delimiter"
        required
        classNames={MONO}
        value={config.delimiter}
        error={config.delimiter === "" && "A split needs a delimiter."}
        onChange={(event) => {
          put({ delimiter: event.currentTarget.value });
        }}
      />
      <Select
        size="xs"
        label="Parts left over"
        value={config.on_extra ?? "keep_in_last"}
        data={[
          { value: "keep_in_last", label: "stay in the last field" },
          { value: "drop", label: "are dropped" },
          { value: "error", label: "reject the row" },
        ]}
        onChange={(value) => {
          put({ on_extra: value as SplitSpec["config"]["on_extra"] });
        }}
      />
      <Select
        size="xs"
        label="Parts missing"
        value={config.on_missing ?? "null"}
        data={[
          { value: "null", label: "become NULL" },
          { value: "error", label: "reject the row" },
        ]}
        onChange={(value) => {
          put({ on_missing: value as SplitSpec["config"]["on_missing"] });
        }}
      />
      <Checkbox
        size="xs"
        label="Trim spaces around parts"
        checked={config.trim ?? false}
        onChange={(event) => {
          put({ trim: event.currentTarget.checked });
        }}
      />
      <Checkbox
        size="xs"
        label="The delimiter is a regular expression"
        checked={config.regex ?? false}
        onChange={(event) => {
          put({ regex: event.currentTarget.checked });
        }}
      />
    </Stack>
  );
}

function JoinOptions({ spec, onChange }: { spec: JoinSpec; onChange: (spec: ColumnSpec) => void }) {
  const put = (part: Partial<JoinSpec["config"]>) => {
    onChange({ ...spec, config: { ...spec.config, ...part } });
  };
  return (
    <Stack gap={6} miw={230}>
      <TextInput
        size="xs"
        label="Separator"
        classNames={MONO}
        placeholder="nothing between"
        value={spec.config.separator}
        onChange={(event) => {
          put({ separator: event.currentTarget.value });
        }}
      />
      <Select
        size="xs"
        label="A NULL among them"
        value={spec.config.on_null ?? "skip"}
        data={[
          { value: "skip", label: "is left out, with its separator" },
          { value: "empty", label: "counts as empty text" },
          { value: "null", label: "makes the result NULL" },
        ]}
        onChange={(value) => {
          put({ on_null: value as JoinSpec["config"]["on_null"] });
        }}
      />
    </Stack>
  );
}

/** Source cells and resulting pieces of the first sample rows, as one types. */
function LiveSample({ spec, sample }: { spec: ColumnSpec; sample: Sample }) {
  if (sample.rows.length === 0)
    return (
      <Text size="xs" c="dimmed">
        Preview the query to see what this does to its first rows.
      </Text>
    );
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Sample rows">
      <table className={classes.live}>
        <thead>
          <tr>
            {spec.source_columns.map((name, index) => (
              <th key={index} scope="col">
                {name || "…"}
              </th>
            ))}
            <th scope="col" aria-label="becomes">
              →
            </th>
            {spec.target_fields.map((name, index) => (
              <th key={index} scope="col">
                {name || "…"}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sample.rows.slice(0, LIVE_ROWS).map((row, index) => {
            const pieces = applySpec(spec, row, sample);
            return (
              <tr key={index}>
                {spec.source_columns.map((name, at) => (
                  <td key={at}>
                    <Text_ value={textOfValue(asCell(row[name]), sample.types[name] ?? "string")} />
                  </td>
                ))}
                <td aria-hidden>→</td>
                {pieces.ok ? (
                  pieces.values.map((value, at) => (
                    <td key={at}>
                      <Text_ value={value} />
                    </td>
                  ))
                ) : (
                  <td colSpan={spec.target_fields.length} style={{ color: "var(--app-bad)" }}>
                    ✕ {pieces.message}
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Text_({ value }: { value: string | null }) {
  if (value === null) return <NullMark />;
  return value === "" ? (
    <Text span size="xs" c="dimmed">
      empty
    </Text>
  ) : (
    value
  );
}

export function applySpec(spec: ColumnSpec, row: Readonly<Record<string, unknown>>, sample: Sample): Pieces {
  const cells: Record<string, Cell> = Object.fromEntries(
    spec.source_columns.map((name) => [name, asCell(row[name])]),
  );
  return mapRow(spec, cells, sample.types);
}
