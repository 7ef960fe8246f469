export interface SourceTable {
  namespace: string | null;
  name: string;
  columns: readonly { name: string; data_type: string; database_type: string }[];
}

export type DatabaseKind = "postgresql" | "mysql" | "sqlite";

// Names that are words of SQL somewhere; one too many costs two quotes.
const RESERVED = new Set(
  `all alter analyze and any array as asc between both by call case change check collate column condition
  constraint create cross current_date current_time current_timestamp current_user cursor default delete desc
  describe distinct drop else end except exists explain false fetch for foreign from full function grant group
  groups having if ignore in index inner insert intersect interval into is join key keys kill lateral leading
  left like limit lines load lock match natural not null of offset on only option or order out outer over
  partition primary range rank read references release rename repeat replace return right row rows select set
  show some system table then to trailing trigger true union unique unlock update usage use user using values
  virtual when where window with write`.split(/\s+/),
);

/** A query that reads every column of a table, with names quoted where the database needs it. */
export function selectFrom(table: SourceTable, dbType: DatabaseKind): string {
  const mark = dbType === "mysql" ? "`" : '"';
  const quote = (name: string) =>
    /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name)
      ? name
      : `${mark}${name.replaceAll(mark, mark + mark)}${mark}`;
  const columns = table.columns.map(({ name }) => `  ${quote(name)}`).join(",\n");
  const place =
    table.namespace && !["public", "main"].includes(table.namespace) ? `${quote(table.namespace)}.` : "";
  return `SELECT\n${columns}\nFROM ${place}${quote(table.name)}`;
}
