import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, PREFIX, type Schemas, unwrap, unwrapPage } from "@/lib/api/client";

export type Connection = Schemas["ConnectionRead"];
export type ConnectionCreate = Schemas["ConnectionCreate"];
export type ConnectionUpdate = Schemas["ConnectionUpdate"];
export type ConnectionTest = Schemas["ConnectionTest"];
export type TestReport = Schemas["TestReportRead"];
export type TestStep = Schemas["TestStepRead"];
export type Table = Schemas["TableRead"];
export type Purpose = NonNullable<ConnectionTest["purpose"]>;

export const connectionKeys = {
  all: ["connections"] as const,
  list: (query: object) => ["connections", "list", query] as const,
  one: (id: string) => ["connections", "one", id] as const,
  tables: (id: string) => ["connections", "tables", id] as const,
};

export function connectionsQuery(query: { q?: string; limit?: number } = {}) {
  const params = { limit: 1000, sort: "name", ...query };
  return queryOptions({
    queryKey: connectionKeys.list(params),
    queryFn: ({ signal }) =>
      unwrapPage(api.GET(`${PREFIX}/connections/`, { params: { query: params }, signal })),
  });
}

export function connectionQuery(id: string) {
  return queryOptions({
    queryKey: connectionKeys.one(id),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET(`${PREFIX}/connections/{connection_id}`, { params: { path: { connection_id: id } }, signal }),
      ),
  });
}

export function tablesQuery(id: string | null) {
  return queryOptions({
    queryKey: connectionKeys.tables(id ?? ""),
    enabled: id !== null && id !== "",
    staleTime: 5 * 60_000,
    retry: false,
    queryFn: ({ signal }) =>
      unwrap(
        api.GET(`${PREFIX}/connections/{connection_id}/tables`, {
          params: { path: { connection_id: id ?? "" } },
          signal,
        }),
      ),
  });
}

export interface SaveConnection {
  id: string | null;
  version?: number;
  body: ConnectionCreate | ConnectionUpdate;
}

export function useSaveConnection() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, version, body }: SaveConnection) =>
      id === null
        ? unwrap(api.POST(`${PREFIX}/connections/`, { body: body as ConnectionCreate }))
        : unwrap(
            api.PUT(`${PREFIX}/connections/{connection_id}`, {
              params: { path: { connection_id: id }, header: { "if-match": `"${String(version)}"` } },
              body: body as ConnectionUpdate,
            }),
          ),
    onSuccess: () => client.invalidateQueries({ queryKey: connectionKeys.all }),
  });
}

const SAMPLE_FILE = "sample-shop.sqlite";

/** Whether a connection is that of the sample data, whatever it is called by now. */
export function isSample({ db_type, database }: Connection): boolean {
  return db_type === "sqlite" && database === SAMPLE_FILE;
}

export function useMakeSample() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST(`${PREFIX}/connections/sample`)),
    onSuccess: () => client.invalidateQueries({ queryKey: connectionKeys.all }),
  });
}

export function useDeleteConnection() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(
        api.DELETE(`${PREFIX}/connections/{connection_id}`, { params: { path: { connection_id: id } } }),
      ),
    onSuccess: (_nothing, id) => {
      client.removeQueries({ queryKey: connectionKeys.one(id) });
      return client.invalidateQueries({ queryKey: ["connections", "list"] });
    },
  });
}

export function useTestConnection() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({
      id,
      body,
      purpose,
    }: {
      id: string | null;
      body: ConnectionTest | null;
      purpose: Purpose;
    }) =>
      body === null && id !== null
        ? unwrap(
            api.POST(`${PREFIX}/connections/{connection_id}/test`, {
              params: { path: { connection_id: id } },
              body: { purpose },
            }),
          )
        : unwrap(api.POST(`${PREFIX}/connections/test`, { body: { ...(body as ConnectionTest), purpose } })),
    onSuccess: (_report, { id }) =>
      id === null ? undefined : client.invalidateQueries({ queryKey: connectionKeys.all }),
  });
}
