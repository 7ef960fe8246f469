import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, PREFIX, type Schemas, unwrap, unwrapPage } from "@/lib/api/client";
import type { ColumnSpec } from "../model/column-mappings";

export type Mapping = Schemas["MappingRead"];
export type MappingCreate = Schemas["MappingCreate"];
export type MappingUpdate = Schemas["MappingUpdate"];
export type MappingVersion = Schemas["MappingVersionRead"];
export type ColumnMapping = Schemas["ColumnMappingRead"];
export type Preview = Schemas["Preview"];
export type PreviewRequest = Schemas["PreviewRequest"];
export type PreviewError = Schemas["PreviewError"];
export type Plan = Schemas["Plan"];
export type Run = Schemas["RunRead"];

export const mappingKeys = {
  all: ["mappings"] as const,
  list: (query: object) => ["mappings", "list", query] as const,
  one: (id: string) => ["mappings", "one", id] as const,
  columns: (id: string) => ["mappings", "columns", id] as const,
  versions: (id: string) => ["mappings", "versions", id] as const,
};

const at = (id: string) => ({ mapping_id: id });
const ifMatch = (version: number) => ({ "if-match": `"${String(version)}"` });

export function mappingsQuery(query: { q?: string } = {}) {
  const params = { limit: 1000, sort: "name", ...query };
  return queryOptions({
    queryKey: mappingKeys.list(params),
    queryFn: ({ signal }) =>
      unwrapPage(api.GET(`${PREFIX}/mappings/`, { params: { query: params }, signal })),
  });
}

export function mappingQuery(id: string) {
  return queryOptions({
    queryKey: mappingKeys.one(id),
    queryFn: ({ signal }) =>
      unwrap(api.GET(`${PREFIX}/mappings/{mapping_id}`, { params: { path: at(id) }, signal })),
  });
}

export function columnMappingsQuery(id: string) {
  return queryOptions({
    queryKey: mappingKeys.columns(id),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET(`${PREFIX}/mappings/{mapping_id}/column-mappings`, { params: { path: at(id) }, signal }),
      ),
  });
}

export function versionsQuery(id: string) {
  return queryOptions({
    queryKey: mappingKeys.versions(id),
    queryFn: ({ signal }) =>
      unwrapPage(
        api.GET(`${PREFIX}/mappings/{mapping_id}/versions`, {
          params: { path: at(id), query: { limit: 200 } },
          signal,
        }),
      ),
  });
}

export function previewQuery(body: PreviewRequest, signal?: AbortSignal): Promise<Preview> {
  return unwrap(api.POST(`${PREFIX}/mappings/preview`, { body, signal }));
}

export function createMapping(body: MappingCreate): Promise<Mapping> {
  return unwrap(api.POST(`${PREFIX}/mappings/`, { body }));
}

export function updateMapping(id: string, version: number | null, body: MappingUpdate): Promise<Mapping> {
  const header = version === null ? {} : ifMatch(version);
  return unwrap(api.PUT(`${PREFIX}/mappings/{mapping_id}`, { params: { path: at(id), header }, body }));
}

export function replaceColumnMappings(id: string, specs: ColumnSpec[]): Promise<ColumnMapping[]> {
  return unwrap(
    api.PUT(`${PREFIX}/mappings/{mapping_id}/column-mappings`, { params: { path: at(id) }, body: specs }),
  );
}

export function useDeleteMapping() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE(`${PREFIX}/mappings/{mapping_id}`, { params: { path: at(id) } })),
    onSuccess: (_nothing, id) => {
      client.removeQueries({ queryKey: mappingKeys.one(id) });
      return client.invalidateQueries({ queryKey: ["mappings", "list"] });
    },
  });
}

export function usePlan() {
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.POST(`${PREFIX}/mappings/{mapping_id}/plan`, { params: { path: at(id) } })),
  });
}

export function useRunMapping() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.POST(`${PREFIX}/mappings/{mapping_id}/run`, { params: { path: at(id) } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["runs"] }),
  });
}

export type BackfillRequest = Schemas["BackfillRequest"];

export function useBackfill() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, body }: { id: string; body: BackfillRequest }) =>
      unwrap(api.POST(`${PREFIX}/mappings/{mapping_id}/backfill`, { params: { path: at(id) }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["runs"] }),
  });
}

export function useMoveCursor() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, value }: { id: string; value: string | null }) =>
      unwrap(
        api.POST(`${PREFIX}/mappings/{mapping_id}/cursor`, { params: { path: at(id) }, body: { value } }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: mappingKeys.all }),
  });
}
