import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, PREFIX, type Schemas, unwrap, unwrapPage } from "@/lib/api/client";

export type Schedule = Schemas["ScheduleRead"];
export type ScheduleCreate = Schemas["ScheduleCreate"];
export type ScheduleUpdate = Schemas["ScheduleUpdate"];

export const scheduleKeys = {
  all: ["schedules"] as const,
  list: (query: object) => ["schedules", "list", query] as const,
  one: (id: string) => ["schedules", "one", id] as const,
};

export function schedulesQuery(query: { q?: string } = {}) {
  const params = { limit: 1000, sort: "name", ...query };
  return queryOptions({
    queryKey: scheduleKeys.list(params),
    queryFn: ({ signal }) =>
      unwrapPage(api.GET(`${PREFIX}/schedules/`, { params: { query: params }, signal })),
    refetchInterval: 10_000,
  });
}

export function scheduleQuery(id: string) {
  return queryOptions({
    queryKey: scheduleKeys.one(id),
    queryFn: ({ signal }) =>
      unwrap(api.GET(`${PREFIX}/schedules/{schedule_id}`, { params: { path: { schedule_id: id } }, signal })),
  });
}

export function cronPreviewQuery(cron_expression: string, timezone: string) {
  return queryOptions({
    queryKey: ["schedules", "preview", cron_expression, timezone],
    enabled: cron_expression.trim() !== "",
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      unwrap(
        api.POST(`${PREFIX}/schedules/preview`, { body: { cron_expression, timezone, count: 5 }, signal }),
      ),
  });
}

export interface SaveSchedule {
  id: string | null;
  version?: number;
  body: ScheduleCreate | ScheduleUpdate;
}

export function useSaveSchedule() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, version, body }: SaveSchedule) =>
      id === null
        ? unwrap(api.POST(`${PREFIX}/schedules/`, { body: body as ScheduleCreate }))
        : unwrap(
            api.PUT(`${PREFIX}/schedules/{schedule_id}`, {
              params: {
                path: { schedule_id: id },
                header: version === undefined ? {} : { "if-match": `"${String(version)}"` },
              },
              body: body as ScheduleUpdate,
            }),
          ),
    onSuccess: () => client.invalidateQueries({ queryKey: scheduleKeys.all }),
  });
}

export function useDeleteSchedule() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE(`${PREFIX}/schedules/{schedule_id}`, { params: { path: { schedule_id: id } } })),
    onSuccess: (_nothing, id) => {
      client.removeQueries({ queryKey: scheduleKeys.one(id) });
      return client.invalidateQueries({ queryKey: ["schedules", "list"] });
    },
  });
}
