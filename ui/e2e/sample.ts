import { type APIRequestContext, expect } from "@playwright/test";

export interface Filled {
  connection: string;
  schema: string;
  mapping: string;
  faulty: string;
  schedule: string;
  failed: string;
  quarantined: string;
}

const QUERY =
  "SELECT id,\n       full_name,\n       place,\n       mailbox,\n       mail_host,\n       born,\n       credit\nFROM people\nORDER BY id";
const direct = (name: string) => ({
  type: "direct",
  source_columns: [name],
  target_fields: [name],
  config: {},
});

/** A system with something on every screen, made over the public API: a good mapping, a faulty one, runs of both. */
export async function fillSystem(request: APIRequestContext): Promise<Filled> {
  const post = async (path: string, data?: object): Promise<{ id: string }> => {
    const answer = await request.post(`/api/v1${path}`, { data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
    return (await answer.json()) as { id: string };
  };
  const put = async (path: string, data: object) => {
    const answer = await request.put(`/api/v1${path}`, { data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  };
  const finish = async (id: string) => {
    await expect
      .poll(
        async () =>
          ((await (await request.get(`/api/v1/runs/${id}`)).json()) as { finished_at: string | null })
            .finished_at,
      )
      .not.toBeNull();
    return id;
  };
  const shop = await post("/connections/", { name: "Shop", db_type: "sqlite", database: "shop.sqlite3" });
  const warehouse = await post("/connections/", {
    name: "Warehouse",
    db_type: "sqlite",
    database: "warehouse.sqlite3",
  });
  await post("/connections/", {
    name: "Orders (replica)",
    db_type: "postgresql",
    host: "orders.example.com",
    database: "orders",
    username: "reader",
    password: "x",
  });
  await post(`/connections/${shop.id}/test`, {});
  const people = await post("/schemas/", {
    name: "people",
    description: "Customers, one row each",
    columns: [
      { name: "id", data_type: "integer", nullable: false, primary_key: true },
      { name: "full_name", data_type: "string", nullable: false },
      { name: "city", data_type: "string" },
      { name: "country", data_type: "string", length: 2 },
      { name: "postcode", data_type: "string" },
      { name: "email", data_type: "string" },
      { name: "born", data_type: "date" },
      { name: "credit", data_type: "decimal", precision: 10, scale: 2 },
    ],
  });
  const mapping = await post("/mappings/", {
    name: "People",
    description: "Customers with their places taken apart",
    source_connection_id: shop.id,
    source_query: QUERY,
    target_schema_id: people.id,
    target_connection_id: warehouse.id,
  });
  await put(`/mappings/${mapping.id}/column-mappings`, [
    direct("id"),
    direct("full_name"),
    {
      type: "split",
      source_columns: ["place"],
      target_fields: ["city", "country", "postcode"],
      config: { delimiter: "|" },
    },
    {
      type: "join",
      source_columns: ["mailbox", "mail_host"],
      target_fields: ["email"],
      config: { separator: "@" },
    },
    direct("born"),
    direct("credit"),
  ] as unknown as object);
  const orders = await post("/schemas/", {
    name: "orders",
    columns: [
      { name: "id", data_type: "integer" },
      { name: "amount", data_type: "decimal", precision: 12, scale: 2, nullable: false },
    ],
  });
  const body = {
    source_connection_id: shop.id,
    source_query: "SELECT id, amount FROM orders",
    target_schema_id: orders.id,
    target_connection_id: warehouse.id,
  };
  const strict = await post("/mappings/", { ...body, name: "Orders, strict", target_table: "orders_strict" });
  const lenient = await post("/mappings/", {
    ...body,
    name: "Orders",
    write_mode: "append",
    on_error: { policy: "quarantine" },
  });
  const failed = await finish((await post(`/mappings/${strict.id}/run`)).id);
  const quarantined = await finish((await post(`/mappings/${lenient.id}/run`)).id);
  await finish((await post(`/mappings/${mapping.id}/run`)).id);
  const schedule = await post("/schedules/", {
    name: "People nightly",
    mapping_id: mapping.id,
    cron_expression: "30 2 * * *",
    timezone: "America/New_York",
  });
  await post("/schedules/", {
    name: "Orders, every quarter of an hour",
    mapping_id: lenient.id,
    cron_expression: "*/15 * * * *",
  });
  return {
    connection: shop.id,
    schema: people.id,
    mapping: mapping.id,
    faulty: lenient.id,
    schedule: schedule.id,
    failed,
    quarantined,
  };
}
