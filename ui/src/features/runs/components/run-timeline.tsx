import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Panel } from "@/components/ui/panel";
import { formatDuration, formatInstant, words } from "@/lib/format";
import { type LogLine, type Run, runLogsQuery } from "../api/runs";
import classes from "./run-timeline.module.css";

interface Moment {
  at: string;
  text: string;
}

/** When it was due, queued, taken, tried again and ended. */
export function RunTimeline({ run, pollMs }: { run: Run; pollMs: number | false }) {
  const { data } = useQuery(runLogsQuery(run.id, pollMs));
  const moments = momentsOf(run, data?.items ?? []);
  return (
    <Panel title="Timeline">
      <ol className={classes.line}>
        {moments.map((moment, index) => {
          const before = moments[index - 1];
          return (
            <li key={moment.text + moment.at}>
              <Text size="sm" fw={550}>
                {moment.text}
              </Text>
              <Text size="xs" c="dimmed">
                {formatInstant(moment.at)}
                {before && ` · ${formatDuration(Date.parse(moment.at) - Date.parse(before.at))} later`}
              </Text>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

function momentsOf(run: Run, log: readonly LogLine[]): Moment[] {
  const moments: Moment[] = [];
  if (run.scheduled_for) moments.push({ at: run.scheduled_for, text: "Due" });
  moments.push({ at: run.queued_at, text: `Queued (${words(run.trigger).toLowerCase()})` });
  const attempts = new Map<number, string>();
  for (const line of log)
    if (line.attempt > 0 && !attempts.has(line.attempt)) attempts.set(line.attempt, line.at);
  if (attempts.size === 0 && run.started_at) attempts.set(Math.max(1, run.attempt), run.started_at);
  for (const [attempt, at] of attempts) moments.push({ at, text: `Attempt ${String(attempt)} started` });
  if (run.finished_at && run.status !== "skipped")
    moments.push({ at: run.finished_at, text: words(run.status) });
  if (run.status === "skipped" && run.until)
    moments.push({ at: run.until, text: "Last tick of the stretch" });
  return moments.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
