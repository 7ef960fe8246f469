import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, use, useEffect, useState } from "react";
import { followEvents } from "@/lib/api/event-stream";
import { toProblem } from "@/lib/api/problem";
import { type Run, runKeys } from "./runs";

const POLL_MS = 2000;
const RETRY_MS = 3000;
const MISSING_RETRY_MS = 60_000;

interface LiveEvent {
  id: string | number;
  type: "run_queued" | "run_started" | "run_progress" | "run_finished" | "schedule_changed";
  run?: Run;
  at: string;
}

/** How often to ask for changes: never while the stream is open. */
export const PollContext = createContext<number | false>(POLL_MS);

export function usePollMs(): number | false {
  return use(PollContext);
}

/** Follow the event stream for as long as the app is open; returns the interval to poll at. */
export function useLiveRuns(): number | false {
  const client = useQueryClient();
  const [isOpen, setIsOpen] = useState(false);
  useEffect(() => {
    const abort = new AbortController();
    void follow(client, abort.signal, setIsOpen);
    return () => {
      abort.abort();
    };
  }, [client]);
  return isOpen ? false : POLL_MS;
}

async function follow(
  client: QueryClient,
  signal: AbortSignal,
  setIsOpen: (open: boolean) => void,
): Promise<void> {
  let lastId: string | null = null;
  while (!signal.aborted) {
    let pause = RETRY_MS;
    try {
      await followEvents(
        lastId,
        signal,
        () => {
          setIsOpen(true);
        },
        (event) => {
          lastId = event.id ?? lastId;
          applyEvent(client, JSON.parse(event.data) as LiveEvent);
        },
      );
    } catch (error) {
      // 404: this installation has no stream, so runs are polled.
      if (toProblem(error).status === 404) pause = MISSING_RETRY_MS;
    }
    if (signal.aborted) return;
    setIsOpen(false);
    await wait(pause, signal);
  }
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function applyEvent(client: QueryClient, event: LiveEvent): void {
  if (event.type === "schedule_changed" || event.type === "run_finished") {
    void client.invalidateQueries({ queryKey: ["schedules"] });
  }
  if (!event.run) return;
  const { run } = event;
  client.setQueryData<Run>(runKeys.one(run.id), (known) =>
    known && known.version > run.version ? known : run,
  );
  if (event.type === "run_progress") {
    client.setQueriesData<{ items: Run[]; total: number }>(
      { queryKey: runKeys.lists },
      (page) => page && { ...page, items: page.items.map((item) => (item.id === run.id ? run : item)) },
    );
    return;
  }
  // An answer that is older than this event may still be on its way: it must not be the last word.
  void client.invalidateQueries({ queryKey: runKeys.one(run.id) });
  void client.invalidateQueries({ queryKey: runKeys.lists });
  void client.invalidateQueries({ queryKey: runKeys.logs(run.id) });
}
