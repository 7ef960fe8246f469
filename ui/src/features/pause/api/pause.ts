import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, PREFIX, type Schemas, unwrap } from "@/lib/api/client";

export type Pause = Schemas["PauseRead"];
export type PauseReach = "tenant" | "installation";

const POLL_MS = 10_000;

export const pauseQuery = queryOptions({
  queryKey: ["pause"],
  refetchInterval: POLL_MS,
  queryFn: ({ signal }) => unwrap(api.GET(`${PREFIX}/pause`, { signal })),
});

export interface PauseChange {
  reach: PauseReach;
  paused: boolean;
  note: string | null;
}

export function useSetPause() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ reach, ...body }: PauseChange) => {
      if (reach === "tenant") await unwrap(api.PUT(`${PREFIX}/pause`, { body }));
      else await unwrap(api.PUT(`${PREFIX}/pause/installation`, { body }));
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["pause"] });
      // What is due next and what waits have changed with it.
      void client.invalidateQueries({ queryKey: ["schedules"] });
      void client.invalidateQueries({ queryKey: ["runs"] });
    },
  });
}
