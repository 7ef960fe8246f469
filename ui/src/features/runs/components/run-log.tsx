import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { formatClock } from "@/lib/format";
import { runLogsQuery } from "../api/runs";
import classes from "./run-log.module.css";

/** The log, kept at its end while new lines come, unless one scrolls back. */
export function RunLog({ id, pollMs }: { id: string; pollMs: number | false }) {
  const { data, error } = useQuery(runLogsQuery(id, pollMs));
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const count = data?.items.length ?? 0;
  useEffect(() => {
    if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [count]);
  return (
    <Panel title="Log" padded={false}>
      <ProblemAlert error={error} />
      {data?.items.length === 0 && (
        <Text size="sm" c="dimmed" p="sm">
          Nothing has been written yet.
        </Text>
      )}
      {count > 0 && (
        <div
          className={classes.log}
          ref={box}
          role="log"
          aria-label="Run log"
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            isAtEnd.current = scrollHeight - scrollTop - clientHeight < 30;
          }}
        >
          {data?.items.map((line, index) => (
            <div key={index} className={classes.line} data-level={line.level}>
              <span className={classes.at}>{formatClock(line.at)}</span>
              <span className={classes.level}>{line.level}</span>
              <span>
                {line.attempt > 1 ? `attempt ${String(line.attempt)}: ` : ""}
                {line.message}
              </span>
            </div>
          ))}
        </div>
      )}
    </Panel>
  );
}
