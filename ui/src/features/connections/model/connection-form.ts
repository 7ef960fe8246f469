import type { Connection, ConnectionCreate, ConnectionTest, ConnectionUpdate } from "../api/connections";
import type { DatabaseType, ParsedUrl } from "./connection-url";

export interface ConnectionValues {
  name: string;
  db_type: DatabaseType;
  host: string;
  port: string;
  database: string;
  username: string;
  /** null: the saved one stays. */
  password: string | null;
  ssl_mode: NonNullable<NonNullable<ConnectionCreate["options"]>["ssl_mode"]>;
  ssl_ca: string;
  ssl_cert: string;
  /** null: the saved one stays. */
  ssl_key: string | null;
  ledger_schema: string;
  max_parallel: number;
  session_time_zone: string;
}

export const FORM_FIELDS = [
  "name",
  "db_type",
  "host",
  "port",
  "database",
  "username",
  "password",
  "options.ssl_mode",
  "options.ssl_ca",
  "options.ssl_cert",
  "options.ssl_key",
  "options.ledger_schema",
  "options.max_parallel",
  "options.session_time_zone",
] as const;

export const DEFAULT_PORTS: Record<DatabaseType, string> = { postgresql: "5432", mysql: "3306", sqlite: "" };

export function emptyValues(db_type: DatabaseType): ConnectionValues {
  return {
    name: "",
    db_type,
    host: "",
    port: "",
    database: "",
    username: "",
    password: "",
    ssl_mode: "prefer",
    ssl_ca: "",
    ssl_cert: "",
    ssl_key: "",
    ledger_schema: "",
    max_parallel: 4,
    session_time_zone: "UTC",
  };
}

export function valuesOf(connection: Connection): ConnectionValues {
  const { options } = connection;
  return {
    name: connection.name,
    db_type: connection.db_type,
    host: connection.host ?? "",
    port: connection.port === null ? "" : String(connection.port),
    database: connection.database,
    username: connection.username ?? "",
    password: null,
    ssl_mode: options.ssl_mode,
    ssl_ca: options.ssl_ca ?? "",
    ssl_cert: options.ssl_cert ?? "",
    ssl_key: null,
    ledger_schema: options.ledger_schema ?? "",
    max_parallel: options.max_parallel,
    session_time_zone: options.session_time_zone,
  };
}

export function applyUrl(values: ConnectionValues, url: ParsedUrl): ConnectionValues {
  return {
    ...values,
    db_type: url.db_type,
    host: url.host ?? values.host,
    port: url.port === undefined ? values.port : String(url.port),
    database: url.database ?? values.database,
    username: url.username ?? values.username,
    password: url.password ?? values.password,
    ssl_mode: url.ssl_mode ?? values.ssl_mode,
  };
}

function orNull(text: string): string | null {
  return text.trim() === "" ? null : text.trim();
}

export function toBody(values: ConnectionValues): ConnectionCreate {
  const isFile = values.db_type === "sqlite";
  return {
    name: values.name.trim(),
    db_type: values.db_type,
    database: values.database.trim(),
    ...(isFile
      ? {}
      : {
          host: orNull(values.host),
          port: values.port.trim() === "" ? null : Number(values.port),
          username: orNull(values.username),
          ...(values.password === null ? {} : { password: values.password }),
        }),
    options: {
      ...(isFile
        ? {}
        : { ssl_mode: values.ssl_mode, ssl_ca: orNull(values.ssl_ca), ssl_cert: orNull(values.ssl_cert) }),
      ...(isFile || values.ssl_key === null || values.ssl_key.trim() === ""
        ? {}
        : { ssl_key: values.ssl_key }),
      ledger_schema: orNull(values.ledger_schema),
      max_parallel: values.max_parallel,
      session_time_zone: values.session_time_zone,
    },
  };
}

/** Only what changed: a client that holds no secret must not seem to change one. */
export function toUpdate(values: ConnectionValues, saved: ConnectionValues): ConnectionUpdate {
  const [after, before] = [toBody(values), toBody(saved)];
  const changed = Object.entries(after).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof ConnectionCreate]),
  );
  return Object.fromEntries(changed) as ConnectionUpdate;
}

export function toTest(values: ConnectionValues): ConnectionTest {
  const { name, ...rest } = toBody(values);
  return { ...rest, ...(name ? { name } : {}) } as ConnectionTest;
}
