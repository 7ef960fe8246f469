import type { Schemas } from "@/lib/api/client";

export type DirectSpec = Schemas["Direct"];
export type SplitSpec = Schemas["Split"];
export type JoinSpec = Schemas["Join"];
export type ColumnSpec = DirectSpec | SplitSpec | JoinSpec;
export type SpecType = "direct" | "split" | "join";
export type TargetField = Schemas["TargetField"];

export function makeDirect(source: string, field: string): DirectSpec {
  return { type: "direct", source_columns: [source], target_fields: [field], config: { cast: "strict" } };
}

export function makeSplit(source: string, fields: string[], delimiter = ","): SplitSpec {
  return {
    type: "split",
    source_columns: [source],
    target_fields: fields,
    config: { delimiter, on_extra: "keep_in_last", on_missing: "null", trim: false, regex: false },
  };
}

export function makeJoin(sources: string[], field: string, separator = " "): JoinSpec {
  return {
    type: "join",
    source_columns: sources,
    target_fields: [field],
    config: { separator, on_null: "skip" },
  };
}

/** Change the kind of a column mapping and keep what still fits. */
export function convertSpec(spec: ColumnSpec, type: SpecType): ColumnSpec {
  const [source = ""] = spec.source_columns;
  const [field = ""] = spec.target_fields;
  if (type === spec.type) return spec;
  if (type === "direct") return makeDirect(source, field);
  if (type === "split")
    return makeSplit(
      source,
      spec.target_fields.filter((name) => name !== ""),
    );
  return makeJoin(
    spec.source_columns.filter((name) => name !== ""),
    field,
  );
}

export interface Match {
  source: string;
  field: string;
  how: "same name" | "same letters" | "similar name";
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

function nameWords(name: string): string[] {
  return name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

/** One name's words all stand in the other's: "id" in "customer id", "city" in "city name". */
function isSimilar(source: string, field: string): boolean {
  const [a, b] = [nameWords(source), nameWords(field)];
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return short.length > 0 && short.every((word) => long.includes(word));
}

/** Propose a source column for every field that nothing fills yet; surer matches first, each column used once. */
export function matchColumns(
  sources: readonly string[],
  fields: readonly string[],
  specs: readonly ColumnSpec[],
): Match[] {
  const open = new Set(unfilledFields(fields, specs));
  const taken = new Set(specs.flatMap((spec) => spec.source_columns));
  const found: Match[] = [];
  const rules: [Match["how"], (source: string, field: string) => boolean][] = [
    ["same name", (source, field) => source === field],
    ["same letters", (source, field) => letters(source) === letters(field)],
    ["similar name", isSimilar],
  ];
  for (const [how, fits] of rules) {
    for (const field of fields) {
      if (!open.has(field)) continue;
      const fitting = sources.filter(
        (source) => fits(source, field) && (how === "same name" || !taken.has(source)),
      );
      const [source] = fitting;
      // A similar name is proposed only where there is no choice to get wrong.
      if (source === undefined || (how === "similar name" && fitting.length > 1)) continue;
      found.push({ source, field, how });
      open.delete(field);
      taken.add(source);
    }
  }
  return found.sort((a, b) => fields.indexOf(a.field) - fields.indexOf(b.field));
}

export function unfilledFields(fields: readonly string[], specs: readonly ColumnSpec[]): string[] {
  const filled = new Set(specs.flatMap((spec) => spec.target_fields));
  return fields.filter((field) => !filled.has(field));
}

export function unfilledRequired(fields: readonly TargetField[], specs: readonly ColumnSpec[]): string[] {
  const open = new Set(
    unfilledFields(
      fields.map((field) => field.name),
      specs,
    ),
  );
  return fields
    .filter((field) => open.has(field.name) && (field.nullable === false || field.primary_key))
    .map((field) => field.name);
}

export interface SpecFault {
  index: number;
  message: string;
}

/** What the server would refuse in this set, known without asking it. */
export function findFaults(specs: readonly ColumnSpec[], fields: readonly string[]): SpecFault[] {
  const faults: SpecFault[] = [];
  const filledBy = new Map<string, number>();
  specs.forEach((spec, index) => {
    const add = (message: string) => faults.push({ index, message });
    if (spec.source_columns.length === 0 || spec.source_columns.includes(""))
      add("Choose the source column.");
    if (spec.target_fields.length === 0 || spec.target_fields.includes("")) add("Choose the target field.");
    if (spec.type === "split" && spec.target_fields.length < 2) add("A split fills two fields or more.");
    if (spec.type === "split" && spec.config.delimiter === "") add("A split needs a delimiter.");
    if (spec.type === "join" && spec.source_columns.length < 2)
      add("A join takes two source columns or more.");
    for (const field of spec.target_fields.filter((name) => name !== "")) {
      if (!fields.includes(field)) add(`The schema has no field ${field}.`);
      if (filledBy.has(field)) add(`${field} is filled twice.`);
      filledBy.set(field, index);
    }
  });
  return faults;
}

export function moveItem<T>(items: readonly T[], from: number, to: number): T[] {
  const moved = [...items];
  const [item] = moved.splice(from, 1);
  if (item === undefined || to < 0 || to >= items.length) return [...items];
  moved.splice(to, 0, item);
  return moved;
}
