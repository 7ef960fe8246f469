import { Box, Group, Text } from "@mantine/core";
import { Panel } from "@/components/ui/panel";
import { formatBytes, formatCompact, formatDuration, formatNumber, words } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import type { Run } from "../api/runs";
import { isUnfinished } from "../api/runs";
import { countParts, countsAddUp, durationOf, rateOf } from "../model/explain";
import classes from "./run-progress.module.css";

const PHASES = ["plan", "extract", "load", "commit"] as const;

/** Phase, speed and the counts that make up the rows read. */
export function RunProgress({ run }: { run: Run }) {
  const now = useNow();
  const duration = durationOf(run, now);
  const rate = rateOf(run, now);
  const isLive = isUnfinished(run);
  return (
    <Panel title={isLive ? "Progress" : "What it did"}>
      {isLive && <Phases run={run} />}
      <Group gap="xl" align="flex-end" mb="sm">
        <Figure name="rows read" value={formatNumber(run.progress.rows_read)} isBig />
        {rate !== null && <Figure name="rows per second" value={formatCompact(rate)} />}
        {duration !== null && <Figure name={isLive ? "so far" : "took"} value={formatDuration(duration)} />}
        <Figure name="read" value={formatBytes(run.progress.bytes_read)} />
      </Group>
      <Sum run={run} />
    </Panel>
  );
}

function Figure({ name, value, isBig = false }: { name: string; value: string; isBig?: boolean }) {
  return (
    <div>
      <Text fz={isBig ? 28 : 18} fw={650} lh={1.1}>
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
    </div>
  );
}

function Phases({ run }: { run: Run }) {
  const current =
    run.status === "queued" ? -1 : run.status === "committing" ? 3 : PHASES.indexOf(run.progress.phase);
  return (
    <ol className={classes.phases} aria-label="Phases">
      {PHASES.map((phase, index) => (
        <li
          key={phase}
          data-state={index < current ? "done" : index === current ? "now" : "later"}
          aria-current={index === current ? "step" : undefined}
        >
          {words(phase)}
          {index < current && <span className="visually-hidden"> (done)</span>}
        </li>
      ))}
    </ol>
  );
}

function Sum({ run }: { run: Run }) {
  const parts = countParts(run);
  const total = Math.max(1, run.progress.rows_read);
  return (
    <>
      <div className={classes.bar} aria-hidden>
        {parts.map(
          ({ name, value }) =>
            value > 0 && (
              <Box
                key={name}
                className={classes[name]}
                style={{ width: `${String((value / total) * 100)}%` }}
              />
            ),
        )}
      </div>
      <Text size="sm" component="p" m={0} mt={6}>
        {formatNumber(run.progress.rows_read)} read ={" "}
        {parts.map(({ name, value }) => `${formatNumber(value)} ${name}`).join(" + ")}
        {run.status === "succeeded" && (countsAddUp(run) ? " ✓" : " (the counts do not add up)")}
      </Text>
    </>
  );
}
