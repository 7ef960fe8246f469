import type { ColumnSpec, JoinSpec, SplitSpec } from "./column-mappings";
import { type Cell, textOfValue } from "./value-text";

export type Pieces = { ok: true; values: (string | null)[] } | { ok: false; message: string };

/** What a split gives, before the cast to the fields' types. */
export function splitText(text: string | null, spec: SplitSpec): Pieces {
  const width = spec.target_fields.length;
  if (text === null) return { ok: true, values: Array<null>(width).fill(null) };
  const parts = cutText(text, spec.config, width);
  if (parts === null) return { ok: false, message: "This is not a valid pattern" };
  if (parts.length > width && spec.config.on_extra === "error") {
    return { ok: false, message: `${String(parts.length)} parts for ${String(width)} fields` };
  }
  if (parts.length < width && spec.config.on_missing === "error") {
    return { ok: false, message: `only ${String(parts.length)} of ${String(width)} parts` };
  }
  const values = Array.from({ length: width }, (_, index) => parts[index] ?? null);
  return { ok: true, values: spec.config.trim ? values.map(trimSpaces) : values };
}

function trimSpaces(text: string | null): string | null {
  return text === null ? null : text.replace(/^ +| +$/g, "");
}

function cutText(text: string, config: SplitSpec["config"], width: number): string[] | null {
  const most = config.on_extra === "keep_in_last" || config.on_extra === undefined ? width - 1 : Infinity;
  if (config.regex) return cutByPattern(text, config.delimiter, most);
  if (config.delimiter === "") return [text];
  const parts: string[] = [];
  let start = 0;
  let at = text.indexOf(config.delimiter);
  while (at >= 0 && parts.length < most) {
    parts.push(text.slice(start, at));
    start = at + config.delimiter.length;
    at = text.indexOf(config.delimiter, start);
  }
  return [...parts, text.slice(start)];
}

function cutByPattern(text: string, pattern: string, most: number): string[] | null {
  let finder: RegExp;
  try {
    finder = new RegExp(pattern, "gu");
  } catch {
    return null;
  }
  const parts: string[] = [];
  let start = 0;
  for (const found of text.matchAll(finder)) {
    if (parts.length >= most) break;
    parts.push(text.slice(start, found.index));
    start = found.index + found[0].length;
  }
  return [...parts, text.slice(start)];
}

/** What a join gives, before the cast to the field's type. */
export function joinTexts(texts: readonly (string | null)[], config: JoinSpec["config"]): string | null {
  const onNull = config.on_null ?? "skip";
  if (texts.every((text) => text === null)) return null;
  if (onNull === "null" && texts.includes(null)) return null;
  if (onNull === "empty") return texts.map((text) => text ?? "").join(config.separator);
  return texts.filter((text) => text !== null).join(config.separator);
}

/** A column mapping applied to one sample row: a text per target field. */
export function mapRow(
  spec: ColumnSpec,
  row: Readonly<Record<string, Cell>>,
  types: Readonly<Record<string, string>>,
): Pieces {
  const texts = spec.source_columns.map((name) => textOfValue(row[name] ?? null, types[name] ?? "string"));
  if (spec.type === "split") return splitText(texts[0] ?? null, spec);
  if (spec.type === "join") return { ok: true, values: [joinTexts(texts, spec.config)] };
  const text = texts[0] ?? null;
  const fallback = spec.config?.default ?? null;
  return { ok: true, values: [text ?? (fallback === null ? null : String(fallback))] };
}
