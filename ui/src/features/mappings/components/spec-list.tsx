import { ActionIcon, Group, Menu, Text } from "@mantine/core";
import {
  IconArrowDown,
  IconArrowUp,
  IconArrowsSplit2,
  IconArrowsJoin2,
  IconArrowRight,
  IconChevronDown,
  IconChevronRight,
  IconDots,
  IconTrash,
} from "@tabler/icons-react";
import { memo, useMemo, useState } from "react";
import { type ColumnSpec, convertSpec, type SpecType, type TargetField } from "../model/column-mappings";
import { asCell, textOfValue } from "../model/value-text";
import classes from "./editor.module.css";
import { applySpec, type Sample, SpecEditor } from "./spec-editor";
import { TypeIcon } from "./type-icon";

interface Props {
  specs: readonly ColumnSpec[];
  sources: readonly string[];
  fields: readonly TargetField[];
  sample: Sample;
  open: number | null;
  faults: ReadonlyMap<number, string>;
  onOpen: (index: number | null) => void;
  onChange: (index: number, spec: ColumnSpec) => void;
  onRemove: (index: number) => void;
  onMove: (index: number, by: number) => void;
  onDropSource: (index: number, source: string) => void;
}

const ICONS = { direct: IconArrowRight, split: IconArrowsSplit2, join: IconArrowsJoin2 } as const;

const NO_FIELDS: readonly TargetField[] = [];

export function SpecList(props: Props) {
  const types = useMemo(
    () => new Map(props.fields.map(({ name, data_type }) => [name, data_type])),
    [props.fields],
  );
  return (
    <ul className={classes.specs} aria-label="Column mappings">
      {props.specs.map((spec, index) => (
        <SpecRow
          key={index}
          index={index}
          count={props.specs.length}
          spec={spec}
          types={spec.target_fields.map((name) => types.get(name) ?? "string").join(" ")}
          fields={props.open === index ? props.fields : NO_FIELDS}
          sources={props.sources}
          sample={props.sample}
          isOpen={props.open === index}
          fault={props.faults.get(index)}
          onOpen={props.onOpen}
          onChange={props.onChange}
          onRemove={props.onRemove}
          onMove={props.onMove}
          onDropSource={props.onDropSource}
        />
      ))}
    </ul>
  );
}

interface RowProps extends Omit<Props, "specs" | "open" | "faults"> {
  index: number;
  count: number;
  spec: ColumnSpec;
  /** The types of its target fields, as one text: an edit of another field leaves it as it is. */
  types: string;
  isOpen: boolean;
  fault: string | undefined;
}

const SpecRow = memo(function SpecRow(props: RowProps) {
  const { index, spec, isOpen, fault, fields, sample } = props;
  const types = props.types.split(" ");
  const Icon = ICONS[spec.type];
  const target = spec.target_fields.filter((name) => name !== "").join(", ") || "nothing yet";
  return (
    <li
      className={classes.spec}
      data-fault={fault ? true : undefined}
      onDragOver={(event) => {
        event.preventDefault();
      }}
      onDrop={(event) => {
        props.onDropSource(index, event.dataTransfer.getData("text/plain"));
      }}
    >
      <div className={classes.line}>
        <span className={classes.names}>
          {spec.source_columns.map((name, at) => (
            <span key={at}>
              {name || "…"}
              <SourceValue name={name} sample={sample} />
            </span>
          ))}
        </span>
        <Group gap={5} wrap="nowrap" className={classes.how}>
          <Icon size={15} aria-hidden style={{ flex: "none" }} />
          {howOf(spec)}
        </Group>
        <span className={classes.names}>
          {spec.target_fields.map((name, at) => (
            <Group key={at} gap={4} wrap="nowrap" component="span" display="inline-flex">
              <TypeIcon type={types[at] ?? "string"} />
              {name || "…"}
            </Group>
          ))}
        </span>
        {fault ? (
          <Text size="xs" c="var(--app-bad)" lineClamp={2}>
            ✕ {fault}
          </Text>
        ) : (
          <span className={classes.sample}>{sampleText(spec, sample)}</span>
        )}
        <Group gap={0} wrap="nowrap">
          <ActionIcon
            aria-label={`${isOpen ? "Close" : "Edit"} the mapping to ${target}`}
            aria-expanded={isOpen}
            onClick={() => {
              props.onOpen(isOpen ? null : index);
            }}
          >
            {isOpen ? <IconChevronDown size={17} /> : <IconChevronRight size={17} />}
          </ActionIcon>
          <RowMenu {...props} target={target} />
        </Group>
      </div>
      {isOpen && (
        <div className={classes.edit}>
          <SpecEditor
            spec={spec}
            sources={props.sources}
            fields={fields}
            sample={sample}
            onChange={(next) => {
              props.onChange(index, next);
            }}
          />
        </div>
      )}
    </li>
  );
});

function RowMenu({
  index,
  count,
  spec,
  target,
  onChange,
  onOpen,
  onRemove,
  onMove,
}: RowProps & { target: string }) {
  // A menu for each of hundreds of rows takes long to make, and nearly all of them stay closed.
  const [isUsed, setIsUsed] = useState(false);
  const label = `More for the mapping to ${target}`;
  if (!isUsed)
    return (
      <ActionIcon
        aria-label={label}
        aria-haspopup="menu"
        onClick={() => {
          setIsUsed(true);
        }}
      >
        <IconDots size={17} />
      </ActionIcon>
    );
  const turn = (type: SpecType) => () => {
    onChange(index, convertSpec(spec, type));
    onOpen(index);
  };
  return (
    <Menu position="bottom-end" withinPortal defaultOpened>
      <Menu.Target>
        <ActionIcon aria-label={label}>
          <IconDots size={17} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {spec.type !== "direct" && (
          <Menu.Item leftSection={<IconArrowRight size={15} />} onClick={turn("direct")}>
            Make it direct
          </Menu.Item>
        )}
        {spec.type !== "split" && (
          <Menu.Item leftSection={<IconArrowsSplit2 size={15} />} onClick={turn("split")}>
            Split into several fields
          </Menu.Item>
        )}
        {spec.type !== "join" && (
          <Menu.Item leftSection={<IconArrowsJoin2 size={15} />} onClick={turn("join")}>
            Join with other columns
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconArrowUp size={15} />}
          disabled={index === 0}
          onClick={() => {
            onMove(index, -1);
          }}
        >
          Move up
        </Menu.Item>
        <Menu.Item
          leftSection={<IconArrowDown size={15} />}
          disabled={index === count - 1}
          onClick={() => {
            onMove(index, 1);
          }}
        >
          Move down
        </Menu.Item>
        <Menu.Item
          leftSection={<IconTrash size={15} />}
          onClick={() => {
            onRemove(index);
          }}
        >
          Remove
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** The first sample value of a source column. */
function SourceValue({ name, sample }: { name: string; sample: Sample }) {
  const [row] = sample.rows;
  if (!row || !(name in row)) return null;
  const value = textOfValue(asCell(row[name]), sample.types[name] ?? "string");
  return <span className={classes.value}>{value === null ? "NULL" : value === "" ? "empty" : value}</span>;
}

function howOf(spec: ColumnSpec): string {
  if (spec.type === "split")
    return `split at ${spec.config.regex ? `/${spec.config.delimiter}/` : `“${spec.config.delimiter}”`}`;
  if (spec.type === "join")
    return spec.config.separator === "" ? "join, nothing between" : `join with “${spec.config.separator}”`;
  return spec.config?.cast === "lossy" ? "direct, lossy" : "direct";
}

function sampleText(spec: ColumnSpec, sample: Sample): string {
  const [row] = sample.rows;
  if (!row) return "";
  const pieces = applySpec(spec, row, sample);
  if (!pieces.ok) return `✕ ${pieces.message}`;
  return pieces.values.map((value) => value ?? "NULL").join("  |  ");
}
