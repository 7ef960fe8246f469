interface Table {
  name: string;
  columns: readonly { name: string }[];
}

export interface ColumnCompletion {
  label: string;
  /** The tables that have it. */
  detail: string;
}

/** Columns to offer in a query: those of the tables that it names, of all tables while it names none. */
export function columnCompletions(query: string, tables: readonly Table[]): ColumnCompletion[] {
  const words = new Set(query.toLowerCase().match(/[\p{L}\p{N}_$]+/gu) ?? []);
  const named = tables.filter(({ name }) => words.has(name.toLowerCase()));
  const owners = new Map<string, string[]>();
  for (const table of named.length > 0 ? named : tables)
    for (const { name } of table.columns) owners.set(name, [...(owners.get(name) ?? []), table.name]);
  return [...owners].map(([label, names]) => ({ label, detail: names.slice(0, 3).join(", ") }));
}
