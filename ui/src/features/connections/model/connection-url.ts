import type { Schemas } from "@/lib/api/client";

export type DatabaseType = Schemas["DatabaseType"];

export interface ParsedUrl {
  db_type: DatabaseType;
  host?: string;
  port?: number;
  database?: string;
  username?: string;
  password?: string;
  ssl_mode?: Schemas["OptionsIn"]["ssl_mode"];
}

const TYPES: Record<string, DatabaseType> = {
  postgresql: "postgresql",
  postgres: "postgresql",
  mysql: "mysql",
  mariadb: "mysql",
  sqlite: "sqlite",
};
const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

/** Read a database URL as people copy it from elsewhere; null where it is none. */
export function parseConnectionUrl(text: string): ParsedUrl | null {
  const found = /^(?:jdbc:)?([a-z]+)(?:\+[a-z0-9]+)?:\/\/(.*)$/i.exec(text.trim());
  const type = TYPES[(found?.[1] ?? "").toLowerCase()];
  if (!found || !type) return null;
  if (type === "sqlite") return { db_type: type, database: (found[2] ?? "").split("/").pop() ?? "" };
  let url: URL;
  try {
    url = new URL(`http://${found[2] ?? ""}`);
  } catch {
    return null;
  }
  const mode = SSL_MODES.find(
    (each) => each === (url.searchParams.get("sslmode") ?? url.searchParams.get("ssl-mode")),
  );
  return dropEmpty({
    db_type: type,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: explicitPort(found[2] ?? ""),
    database: decodeURIComponent(url.pathname.slice(1)),
    username: decodeURIComponent(url.username) || (url.searchParams.get("user") ?? ""),
    password: decodeURIComponent(url.password) || (url.searchParams.get("password") ?? ""),
    ssl_mode: mode,
  });
}

/** URL drops the port 80 as the default of http. */
function explicitPort(rest: string): number | undefined {
  const authority = rest.split(/[/?]/)[0] ?? "";
  const port = /:(\d+)$/.exec(authority.slice(authority.lastIndexOf("@") + 1))?.[1];
  return port === undefined ? undefined : Number(port);
}

function dropEmpty(parsed: { [K in keyof ParsedUrl]: ParsedUrl[K] | undefined | "" }): ParsedUrl {
  return Object.fromEntries(
    Object.entries(parsed).filter(([, value]) => value !== undefined && value !== ""),
  ) as unknown as ParsedUrl;
}
