import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { findFaults } from "../model/column-mappings";
import type { Draft } from "../model/draft";
import { previewQuery } from "./mappings";

const MAPPED_ROWS = 100;
const SETTLE_MS = 600;

/** The query's first rows, on demand. */
export function usePreview() {
  return useMutation({
    mutationFn: async ({
      connectionId,
      query,
      limit,
    }: {
      connectionId: string;
      query: string;
      limit: number;
    }) => ({
      connectionId,
      query,
      preview: await previewQuery({ source_connection_id: connectionId, source_query: query, limit }),
    }),
  });
}

interface MappedPreview {
  draft: Draft;
  isSchemaSaved: boolean;
  isActive: boolean;
  previewedQuery: string | null;
}

/** The first rows after mapping, by the very function that runs use; asked again once typing rests. */
export function useMappedPreview({ draft, isSchemaSaved, isActive, previewedQuery }: MappedPreview) {
  const body = {
    source_connection_id: draft.source_connection_id ?? "",
    source_query: draft.source_query,
    limit: MAPPED_ROWS,
    target_schema_id: draft.schema_id,
    target_connection_id: draft.target_connection_id,
    key_columns: draft.key_columns.length > 0 ? draft.key_columns : null,
    column_mappings: draft.specs,
  };
  const [settled] = useDebouncedValue(body, SETTLE_MS);
  const blocked = blockedBy(draft, isSchemaSaved, previewedQuery);
  const { data, error, isFetching } = useQuery({
    queryKey: ["mappings", "mapped-preview", settled],
    enabled: isActive && blocked === null && settled.target_schema_id !== null,
    staleTime: 60_000,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => previewQuery(settled, signal),
  });
  return { data: data?.target ?? null, error, isFetching, blocked };
}

function blockedBy(draft: Draft, isSchemaSaved: boolean, previewedQuery: string | null): string | null {
  if (previewedQuery === null) return "Preview the query to see its first rows mapped.";
  if (!isSchemaSaved)
    return "Once the schema is saved, the server shows here what the target would get, row by row, with every error.";
  const [fault] = findFaults(
    draft.specs,
    draft.columns.map(({ name }) => name),
  );
  return fault ? "Complete the column mappings marked above to see the result." : null;
}
