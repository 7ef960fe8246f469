import { Group, NumberInput, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { formErrors, toProblem } from "@/lib/api/problem";
import { formatInstant } from "@/lib/format";
import { cronPreviewQuery } from "../api/schedules";
import {
  cronToPreset,
  isClockChangeDay,
  MINUTE_STEPS,
  type Preset,
  presetToCron,
  WEEKDAYS,
} from "../model/cron";
import classes from "./cron-editor.module.css";

const MONO = { input: "mono" };

const KINDS: { value: Preset["kind"]; label: string }[] = [
  { value: "minutes", label: "Every few minutes" },
  { value: "hourly", label: "Every hour" },
  { value: "daily", label: "Every day" },
  { value: "weekdays", label: "Monday to Friday" },
  { value: "weekly", label: "Every week" },
  { value: "monthly", label: "Every month" },
  { value: "custom", label: "Cron expression" },
];
const TIME_ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

interface Props {
  expression: string;
  timezone: string;
  isCustom: boolean;
  errors: Readonly<Record<string, string>>;
  onChange: (expression: string, timezone: string, isCustom: boolean) => void;
}

export function CronEditor({ expression, timezone, isCustom, errors, onChange }: Props) {
  const found = cronToPreset(expression);
  const preset: Preset = isCustom ? { ...found, kind: "custom" } : found;
  const put = (part: Partial<Preset>) => {
    const next = { ...preset, ...part };
    onChange(presetToCron(next, expression), timezone, next.kind === "custom");
  };
  const hasTime = ["daily", "weekdays", "weekly", "monthly"].includes(preset.kind);
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
      <Stack gap="sm">
        <Select
          label="When"
          data={KINDS}
          value={preset.kind}
          onChange={(kind) => {
            put({ kind: kind as Preset["kind"] });
          }}
        />
        {preset.kind === "minutes" && (
          <Select
            label="Every"
            value={String(preset.every)}
            data={MINUTE_STEPS.map((step) => ({
              value: String(step),
              label: step === 1 ? "minute" : `${String(step)} minutes`,
            }))}
            onChange={(value) => {
              put({ every: Number(value) });
            }}
          />
        )}
        {preset.kind === "weekly" && (
          <Select
            label="On"
            data={WEEKDAYS.map((label, value) => ({ value: String(value), label }))}
            value={String(preset.weekday)}
            onChange={(value) => {
              put({ weekday: Number(value) });
            }}
          />
        )}
        {preset.kind === "monthly" && (
          <NumberInput
            label="On day"
            min={1}
            max={31}
            value={preset.day}
            onChange={(value) => {
              put({ day: Number(value) || 1 });
            }}
          />
        )}
        {preset.kind === "hourly" && (
          <NumberInput
            label="At minute"
            min={0}
            max={59}
            value={preset.minute}
            onChange={(value) => {
              put({ minute: Number(value) || 0 });
            }}
          />
        )}
        {hasTime && (
          <TextInput
            type="time"
            label="At"
            value={`${pad(preset.hour)}:${pad(preset.minute)}`}
            onChange={(event) => {
              const [hour, minute] = event.currentTarget.value.split(":").map(Number);
              if (hour !== undefined && minute !== undefined) put({ hour, minute });
            }}
          />
        )}
        <TextInput
          label="Cron expression"
          classNames={MONO}
          value={expression}
          error={errors.cron_expression}
          description="Five fields, or six with seconds first; names, ranges, steps, @hourly and its like."
          onChange={(event) => {
            onChange(event.currentTarget.value, timezone, true);
          }}
        />
        <Select
          label="Time zone"
          searchable
          data={TIME_ZONES}
          value={timezone}
          error={errors.timezone}
          onChange={(zone) => {
            onChange(expression, zone ?? "UTC", isCustom);
          }}
        />
      </Stack>
      <NextRuns expression={expression} timezone={timezone} />
    </SimpleGrid>
  );
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

function NextRuns({ expression, timezone }: { expression: string; timezone: string }) {
  const [settled] = useDebouncedValue(expression, 250);
  const { data, error } = useQuery(cronPreviewQuery(settled, timezone));
  if (error) {
    const texts = Object.values(formErrors(toProblem(error), ["cron_expression", "timezone"]));
    return (
      <div className={classes.next} role="alert">
        <Text size="sm" fw={650} c="var(--app-bad)">
          This is not a schedule yet
        </Text>
        <Text size="sm">{texts.join(" ")}</Text>
      </div>
    );
  }
  return (
    <div className={classes.next} aria-live="polite">
      <Text size="sm" fw={650}>
        {data?.description ?? "…"}
      </Text>
      <Text size="xs" c="dimmed" mt={8} mb={4}>
        Next five runs, in {timezone}
        {HERE !== timezone && ` and where you are (${HERE})`}
      </Text>
      <ol className={classes.list}>
        {data?.next_runs.map((instant) => (
          <li key={instant}>
            <Group gap="xs" justify="space-between">
              <Text size="sm">{formatInstant(instant, timezone)}</Text>
              {isClockChangeDay(instant, timezone) && (
                <Group gap={4} wrap="nowrap" c="var(--app-warn)">
                  <IconAlertTriangle size={14} aria-hidden />
                  <Text size="xs">the clock changes that day</Text>
                </Group>
              )}
            </Group>
            {HERE !== timezone && (
              <Text size="xs" c="dimmed">
                {formatInstant(instant)} here
              </Text>
            )}
          </li>
        ))}
      </ol>
      {data?.next_runs.length === 0 && <Text size="sm">It never fires.</Text>}
    </div>
  );
}
