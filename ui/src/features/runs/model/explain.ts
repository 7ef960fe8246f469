import { formatInstant, plural } from "@/lib/format";
import type { Run } from "../api/runs";

const REASONS: Record<NonNullable<Run["reason"]>, string> = {
  overlap: "An earlier run of the mapping was still going.",
  missed: "No executor was up at the time.",
  paused: "Runs were paused, or the schedule was disabled.",
  blocked: "The mapping is gone.",
  outside_window: "Outside the schedule's period, as it was changed later.",
};

type Waiting = NonNullable<Run["waiting_for"]>;

const WAITS: Record<Waiting["reason"], string> = {
  time: "Waits until its time has come.",
  paused: "Waits for the end of a pause.",
  newer_executor: "Waits for an executor of a newer version.",
  mapping: "Waits for another run of its mapping to end.",
  connection: "Waits for a connection that as many runs use as it allows.",
  worker: "Waits for a free worker.",
};

/** Why a queued run has not begun, in one sentence. */
export function explainWait({ reason, until, connection_id }: Waiting, connectionName?: string): string {
  if (reason === "time" && until) return `Waits until ${formatInstant(until)}.`;
  if (reason === "connection" && connection_id === "default")
    return "Waits for the default target, which as many runs use as it allows.";
  if (reason === "connection" && connectionName)
    return `Waits for ${connectionName}, which as many runs use as it allows.`;
  return WAITS[reason];
}

/** Why a tick did not run, in one sentence. */
export function explainSkip(run: Run): string {
  const reason = run.reason ? REASONS[run.reason] : "It did not run.";
  return run.count && run.count > 1 ? `${reason} Stands for ${plural(run.count, "tick")}.` : reason;
}

const REJECTS_ADVICE = "Look at the rejected rows below; correct the mapping or the source, then retry.";
const ADVICE: readonly [RegExp, string][] = [
  [/password|login|authentication/, "Check the connection's user name and password, and test it."],
  [/unavailable|connect|unreachable|worker_lost/, "Check that the database is up, then retry the run."],
  [/watermark_conflict/, "Decide where reading goes on: move the cursor in the mapping's writing tab."],
  [
    /unknown_column|missing_column|schema|target_mismatch|incompatible/,
    "Compare the mapping with the query and the schema, save it, then retry.",
  ],
  [/reject|cast|null_in_required|too_long|not_an?_|out_of_range/, REJECTS_ADVICE],
  [
    /guard|min_rows|max_change|empty/,
    "If the result is right as it is, loosen the mapping's guards; otherwise look at the source.",
  ],
  [/take_over|owned|not_empty/, "Allow the mapping to take over the table, or choose another target table."],
  [/duplicate/, "Choose key columns that tell the rows apart, or remove the duplicates in the query."],
  [/timed_out|timeout/, "Give the mapping more time, or make the query faster."],
];

/** What a person can do about a failed run. */
export function adviseOn(run: Run): string {
  const advice = ADVICE.find(([pattern]) => pattern.test(run.error?.code ?? ""))?.[1];
  if (advice) return advice;
  if (run.progress.rows_rejected > 0) return REJECTS_ADVICE;
  return "Read the log below, correct the cause, then retry the run.";
}

export interface Count {
  name: string;
  value: number;
}

/** The parts that make up the rows read. */
export function countParts({ progress }: Run): Count[] {
  return [
    { name: "written", value: progress.rows_written },
    { name: "unchanged", value: progress.rows_unchanged },
    { name: "collapsed", value: progress.rows_collapsed },
    { name: "rejected", value: progress.rows_rejected },
  ];
}

export function countsAddUp(run: Run): boolean {
  return countParts(run).reduce((sum, part) => sum + part.value, 0) === run.progress.rows_read;
}

export function durationOf(run: Run, now: number): number | null {
  if (!run.started_at) return null;
  return (run.finished_at ? Date.parse(run.finished_at) : now) - Date.parse(run.started_at);
}

/** Rows per second over the whole of the run so far. */
export function rateOf(run: Run, now: number): number | null {
  const duration = durationOf(run, now);
  return duration && duration > 200 ? Math.round((run.progress.rows_read * 1000) / duration) : null;
}
