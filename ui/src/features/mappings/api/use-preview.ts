import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, skipToken, useMutation, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { findFaults } from "../model/column-mappings";
import type { Draft } from "../model/draft";
import { previewQuery, type PreviewRequest } from "./mappings";

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
  const blocked = blockedBy(draft, previewedQuery);
  const wanted = useMemo(
    () => (blocked === null ? requestOf(draft, isSchemaSaved) : null),
    [blocked, draft, isSchemaSaved],
  );
  const [settled] = useDebouncedValue(wanted, SETTLE_MS);
  // As one text: the keys of hundreds of objects would be sorted at each render.
  const key = useMemo(() => JSON.stringify(settled), [settled]);
  const { data, error, isFetching } = useQuery({
    queryKey: ["mappings", "mapped-preview", key],
    structuralSharing: false,
    enabled: isActive && blocked === null && settled !== null,
    staleTime: 60_000,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: settled === null ? skipToken : ({ signal }) => previewQuery(settled, signal),
  });
  return { data: data?.target ?? null, error, isFetching, blocked };
}

function requestOf(draft: Draft, isSchemaSaved: boolean): PreviewRequest {
  return {
    source_connection_id: draft.source_connection_id ?? "",
    source_query: draft.source_query,
    limit: MAPPED_ROWS,
    // What is stored goes by its id, and an edit of it by its columns.
    ...(isSchemaSaved ? { target_schema_id: draft.schema_id } : { target_columns: draft.columns }),
    target_connection_id: draft.target_connection_id,
    key_columns: draft.key_columns.length > 0 ? draft.key_columns : null,
    column_mappings: draft.specs,
  };
}

function blockedBy(draft: Draft, previewedQuery: string | null): string | null {
  if (previewedQuery === null) return "Preview the query to see its first rows mapped.";
  if (draft.columns.length === 0)
    return "Once there are target fields, the first rows are shown here as the target would get them, with every error.";
  if (draft.columns.some(({ name }) => name.trim() === "")) return "Name every column to see the result.";
  const [fault] = findFaults(
    draft.specs,
    draft.columns.map(({ name }) => name),
  );
  return fault ? "Complete the column mappings marked above to see the result." : null;
}
