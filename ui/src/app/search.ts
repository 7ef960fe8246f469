// What stands in the address of each page; whatever is malformed is left out.
type Search = Record<string, unknown>;

const STATUSES = [
  "queued",
  "running",
  "committing",
  "succeeded",
  "failed",
  "cancelled",
  "timed_out",
  "skipped",
] as const;
const TRIGGERS = ["schedule", "manual", "retry", "backfill", "replay"] as const;
export const EDITOR_TABS = ["source", "fields", "writing", "plan", "versions"] as const;
export const SETTINGS_TABS = ["general", "members", "keys", "audit", "encryption"] as const;

export type EditorTab = (typeof EDITOR_TABS)[number];
export type SettingsTab = (typeof SETTINGS_TABS)[number];

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((each) => each === value);
}

function id(value: unknown): string | undefined {
  // A value of digits only arrives as a number.
  const found = typeof value === "number" ? String(value) : text(value);
  return found && /^[0-9a-f]{24}$/i.test(found) ? found : undefined;
}

export function readPageSearch(search: Search): { q?: string } {
  return { q: text(search.q) };
}

export function readEditorSearch(search: Search): { tab?: EditorTab } {
  return { tab: oneOf(EDITOR_TABS, search.tab) };
}

export interface NewEditorSearch {
  tab?: EditorTab;
  /** The connection and the table to start from. */
  source?: string;
  table?: string;
}

export function readNewEditorSearch(search: Search): NewEditorSearch {
  return { tab: oneOf(EDITOR_TABS, search.tab), source: id(search.source), table: text(search.table) };
}

export function readMappingPrefill(search: Search): { mapping_id?: string } {
  return { mapping_id: id(search.mapping_id) };
}

export function readSettingsSearch(search: Search): { tab?: SettingsTab } {
  return { tab: oneOf(SETTINGS_TABS, search.tab) };
}

export interface RunSearch {
  mapping_id?: string;
  schedule_id?: string;
  status?: (typeof STATUSES)[number];
  trigger?: (typeof TRIGGERS)[number];
  since?: string;
  page?: number;
}

export function readRunSearch(search: Search): RunSearch {
  const page = Number(search.page);
  return {
    mapping_id: id(search.mapping_id),
    schedule_id: id(search.schedule_id),
    status: oneOf(STATUSES, search.status),
    trigger: oneOf(TRIGGERS, search.trigger),
    since: text(search.since),
    page: Number.isInteger(page) && page > 1 ? page : undefined,
  };
}
