import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, callResponse, type Page, PREFIX, type Schemas, unwrap, unwrapPage } from "@/lib/api/client";

export type Run = Schemas["RunRead"];
export type RunStatus = Schemas["RunStatus"];
export type Trigger = Run["trigger"];
export type LogLine = Schemas["LogLineRead"];
export type RejectedRow = Schemas["RejectedRowRead"];

export interface RunFilter {
  mapping_id?: string;
  schedule_id?: string;
  status?: RunStatus;
  trigger?: Trigger;
  since?: string;
  until?: string;
  limit?: number;
  offset?: number;
}

export const runKeys = {
  all: ["runs"] as const,
  lists: ["runs", "list"] as const,
  list: (filter: RunFilter) => ["runs", "list", filter] as const,
  one: (id: string) => ["runs", "one", id] as const,
  logs: (id: string) => ["runs", "logs", id] as const,
  rejected: (id: string, offset: number) => ["runs", "rejected", id, offset] as const,
};

const UNFINISHED: readonly RunStatus[] = ["queued", "running", "committing"];

export function isUnfinished(run: Run): boolean {
  return UNFINISHED.includes(run.status);
}

// Even a stream may lose something on its way.
const SAFETY_POLL_MS = 5000;

/** `pollMs` false where the event stream tells of changes. */
export function runsQuery(filter: RunFilter, pollMs: number | false) {
  return queryOptions({
    queryKey: runKeys.list(filter),
    placeholderData: keepPreviousData,
    // Why a queued run waits changes without an event.
    refetchInterval: ({ state }: { state: { data?: Page<Run> | undefined } }) =>
      state.data?.items.some(({ status }) => status === "queued") ? pollMs || SAFETY_POLL_MS : pollMs,
    queryFn: ({ signal }) =>
      unwrapPage(
        api.GET(`${PREFIX}/runs/`, { params: { query: { sort: "-queued_at", ...filter } }, signal }),
      ),
  });
}

export function runQuery(id: string, pollMs: number | false) {
  return queryOptions({
    queryKey: runKeys.one(id),
    refetchInterval: ({ state }: { state: { data?: Run | undefined } }) =>
      state.data && !isUnfinished(state.data) ? false : pollMs || SAFETY_POLL_MS,
    queryFn: ({ signal }): Promise<Run> =>
      unwrap(api.GET(`${PREFIX}/runs/{run_id}`, { params: { path: { run_id: id } }, signal })),
  });
}

export function runLogsQuery(id: string, pollMs: number | false) {
  return queryOptions({
    queryKey: runKeys.logs(id),
    refetchInterval: pollMs,
    queryFn: ({ signal }) =>
      unwrapPage(
        api.GET(`${PREFIX}/runs/{run_id}/logs`, {
          params: { path: { run_id: id }, query: { limit: 1000 } },
          signal,
        }),
      ),
  });
}

export function rejectedRowsQuery(id: string, offset: number, limit: number) {
  return queryOptions({
    queryKey: runKeys.rejected(id, offset),
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Page<RejectedRow>> => {
      const response = await callResponse(
        `/runs/${id}/rejected-rows?limit=${String(limit)}&offset=${String(offset)}`,
        { signal },
      );
      const items = (await response.json()) as RejectedRow[];
      return { items, total: Number(response.headers.get("X-Total-Count") ?? items.length) };
    },
  });
}

export async function downloadRejectedRows(id: string): Promise<void> {
  const response = await callResponse(`/runs/${id}/rejected-rows`, {
    headers: { Accept: "text/csv" },
  });
  const url = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement("a"), { href: url, download: `rejected-rows-${id}.csv` });
  link.click();
  URL.revokeObjectURL(url);
}

function useRunAction(action: (id: string) => Promise<Run>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: action,
    onSuccess: (run) => {
      client.setQueryData(runKeys.one(run.id), run);
      return client.invalidateQueries({ queryKey: runKeys.lists });
    },
  });
}

export function useCancelRun() {
  return useRunAction((id) =>
    unwrap(api.POST(`${PREFIX}/runs/{run_id}/cancel`, { params: { path: { run_id: id } } })),
  );
}

export function useRetryRun() {
  return useRunAction((id) =>
    unwrap(api.POST(`${PREFIX}/runs/{run_id}/retry`, { params: { path: { run_id: id } } })),
  );
}

export function useReplayRows() {
  return useRunAction((id) =>
    unwrap(api.POST(`${PREFIX}/runs/{run_id}/rejected-rows/replay`, { params: { path: { run_id: id } } })),
  );
}
