import { Box, Group, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconCircleDashed, IconCircleX } from "@tabler/icons-react";
import { sentence } from "@/lib/api/problem";
import { formatDuration, words } from "@/lib/format";
import type { TestReport, TestStep } from "../api/connections";
import classes from "./test-report.module.css";

const STEP_NAMES: Record<string, string> = {
  name: "Find the host",
  port: "Reach the port",
  tls: "Secure the line (TLS)",
  login: "Log in",
  database: "Open the database",
  read: "Read",
  write: "Write",
};

/** A connection test as it went: each step, its time, and what to do about the one that failed. */
export function TestReportView({ report }: { report: TestReport }) {
  return (
    <Stack gap="xs" role="status" aria-live="polite">
      <Text size="sm" fw={650} c={report.success ? "var(--app-good)" : "var(--app-bad)"}>
        {report.success ? "The connection works. " : "The connection does not work. "}
        <Text span c="var(--mantine-color-text)" size="sm" fw={400}>
          {report.message && sentence(report.message)}
        </Text>
      </Text>
      <ol className={classes.steps}>
        {report.steps.map((step) => (
          <Step key={step.step} step={step} />
        ))}
      </ol>
      {report.server_version && (
        <Text size="xs" c="dimmed">
          Server: {report.server_version}
          {report.latency_ms !== null && ` · answers in ${formatDuration(report.latency_ms)}`}
        </Text>
      )}
    </Stack>
  );
}

function Step({ step }: { step: TestStep }) {
  const [Icon, color, word] =
    step.ok === true
      ? ([IconCircleCheck, "var(--app-good)", "passed"] as const)
      : step.ok === false
        ? ([IconCircleX, "var(--app-bad)", "failed"] as const)
        : ([IconCircleDashed, "var(--app-quiet)", "not tried"] as const);
  return (
    <li className={classes.step}>
      <Group gap={8} wrap="nowrap" align="flex-start">
        <Icon size={17} color={color} aria-hidden style={{ flex: "none", marginTop: 1 }} />
        <Box style={{ flex: 1, minWidth: 0 }}>
          <Text size="sm" fw={step.ok === false ? 650 : 450} c={step.ok === null ? "dimmed" : undefined}>
            {STEP_NAMES[step.step] ?? words(step.step)}
            <span className="visually-hidden">, {word}</span>
          </Text>
          {step.message && step.ok === false && <Text size="sm">{sentence(step.message)}</Text>}
          {step.hint && (
            <Text size="sm" className={classes.hint}>
              <strong>What to do: </strong>
              {step.hint}
            </Text>
          )}
        </Box>
        <Text size="xs" c="dimmed" className="nowrap">
          {step.ok === null ? "not tried" : step.duration_ms === null ? "" : formatDuration(step.duration_ms)}
        </Text>
      </Group>
    </li>
  );
}
