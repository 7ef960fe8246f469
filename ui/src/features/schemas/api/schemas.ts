import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, PREFIX, type Schemas, unwrap, unwrapPage } from "@/lib/api/client";

export type TargetSchema = Schemas["SchemaRead"];
export type SchemaCreate = Schemas["SchemaCreate"];
export type SchemaInfer = Schemas["SchemaInfer"];

export const schemaKeys = {
  all: ["schemas"] as const,
  list: (query: object) => ["schemas", "list", query] as const,
  one: (id: string) => ["schemas", "one", id] as const,
};

export function schemasQuery(query: { q?: string } = {}) {
  const params = { limit: 1000, sort: "name", ...query };
  return queryOptions({
    queryKey: schemaKeys.list(params),
    queryFn: ({ signal }) => unwrapPage(api.GET(`${PREFIX}/schemas/`, { params: { query: params }, signal })),
  });
}

export function schemaQuery(id: string) {
  return queryOptions({
    queryKey: schemaKeys.one(id),
    queryFn: ({ signal }) =>
      unwrap(api.GET(`${PREFIX}/schemas/{schema_id}`, { params: { path: { schema_id: id } }, signal })),
  });
}

export function useSaveSchema() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, version, body }: { id: string | null; version?: number; body: SchemaCreate }) =>
      id === null
        ? unwrap(api.POST(`${PREFIX}/schemas/`, { body }))
        : unwrap(
            api.PUT(`${PREFIX}/schemas/{schema_id}`, {
              params: { path: { schema_id: id }, header: { "if-match": `"${String(version)}"` } },
              body,
            }),
          ),
    onSuccess: () => client.invalidateQueries({ queryKey: schemaKeys.all }),
  });
}

export function useDeleteSchema() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE(`${PREFIX}/schemas/{schema_id}`, { params: { path: { schema_id: id } } })),
    onSuccess: (_nothing, id) => {
      client.removeQueries({ queryKey: schemaKeys.one(id) });
      return client.invalidateQueries({ queryKey: ["schemas", "list"] });
    },
  });
}

export function useInferSchema() {
  return useMutation({
    mutationFn: (body: SchemaInfer) => unwrap(api.POST(`${PREFIX}/schemas/infer`, { body })),
  });
}
