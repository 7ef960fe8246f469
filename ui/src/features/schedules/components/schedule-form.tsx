import {
  Button,
  Group,
  NumberInput,
  Radio,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { formErrors, toProblem } from "@/lib/api/problem";
import { type Schedule, useSaveSchedule } from "../api/schedules";
import { cronToPreset } from "../model/cron";
import { CronEditor } from "./cron-editor";

interface MappingChoice {
  id: string;
  name: string;
}

interface Props {
  saved: Schedule | null;
  mappings: readonly MappingChoice[];
  mappingId: string | null;
  onDirty: (isDirty: boolean) => void;
  onSaved: (schedule: Schedule) => void;
}

const FIELDS = [
  "name",
  "mapping_id",
  "cron_expression",
  "timezone",
  "enabled",
  "overlap_policy",
  "catch_up",
  "misfire_grace_seconds",
  "timeout_seconds",
  "jitter_seconds",
  "start_at",
  "end_at",
];

function valuesOf(saved: Schedule | null, mappingId: string | null) {
  return {
    // Until a name is typed, the mapping suggests one.
    name: saved?.name ?? (null as string | null),
    mapping_id: saved?.mapping_id ?? mappingId,
    cron_expression: saved?.cron_expression ?? "0 2 * * *",
    timezone: saved?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    enabled: saved?.enabled ?? true,
    overlap_policy: saved?.overlap_policy ?? "skip",
    catch_up: saved?.catch_up ?? "latest",
    misfire_grace_seconds: saved?.misfire_grace_seconds ?? 60,
    timeout_seconds: saved?.timeout_seconds ?? null,
    jitter_seconds: saved?.jitter_seconds ?? 0,
  };
}

type Values = ReturnType<typeof valuesOf>;

export function ScheduleForm({ saved, mappings, mappingId, onDirty, onSaved }: Props) {
  const [initial] = useState(() => valuesOf(saved, mappingId));
  const [values, setValues] = useState(initial);
  const [isCustom, setIsCustom] = useState(cronToPreset(initial.cron_expression).kind === "custom");
  const save = useSaveSchedule();
  const errors = save.error ? formErrors(toProblem(save.error), FIELDS) : {};
  const change = (part: Partial<Values>) => {
    const next = { ...values, ...part };
    setValues(next);
    onDirty(JSON.stringify(next) !== JSON.stringify(initial));
  };
  const mappingName = mappings.find(({ id }) => id === values.mapping_id)?.name;
  const name = values.name ?? (mappingName ? `${mappingName} nightly` : "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = { ...values, name: name.trim(), mapping_id: values.mapping_id ?? "" };
    save.mutate({ id: saved?.id ?? null, version: saved?.version, body }, { onSuccess: onSaved });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <Panel title="What runs">
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
            <Select
              label="Mapping"
              required
              searchable
              placeholder="Choose a mapping"
              value={values.mapping_id}
              error={errors.mapping_id}
              data={mappings.map(({ id, name }) => ({ value: id, label: name }))}
              onChange={(id) => {
                change({ mapping_id: id });
              }}
            />
            <TextInput
              label="Name"
              required
              value={name}
              error={errors.name}
              onChange={(event) => {
                change({ name: event.currentTarget.value });
              }}
            />
          </SimpleGrid>
        </Panel>
        <Panel title="When it runs">
          <CronEditor
            expression={values.cron_expression}
            timezone={values.timezone}
            isCustom={isCustom}
            errors={errors}
            onChange={(cron_expression, timezone, custom) => {
              setIsCustom(custom);
              change({ cron_expression, timezone });
            }}
          />
        </Panel>
        <Panel title="When things overlap or are missed">
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
            <Radio.Group
              label="While a run of the mapping is still going"
              value={values.overlap_policy}
              onChange={(value) => {
                change({ overlap_policy: value as Values["overlap_policy"] });
              }}
            >
              <Stack gap={6} mt={6}>
                <Radio value="skip" label="Skip the tick, and record that it was skipped" />
                <Radio value="queue" label="Wait: one run queues behind it" />
              </Stack>
            </Radio.Group>
            <Radio.Group
              label="After downtime, for the ticks that were missed"
              value={values.catch_up}
              onChange={(value) => {
                change({ catch_up: value as Values["catch_up"] });
              }}
            >
              <Stack gap={6} mt={6}>
                <Radio value="latest" label="Run once, for the newest of them" />
                <Radio value="all" label="Run for each of them, up to a limit" />
                <Radio value="none" label="Run none; wait for the next tick" />
              </Stack>
            </Radio.Group>
            <NumberInput
              label="A tick counts as missed after"
              suffix=" s"
              min={0}
              value={values.misfire_grace_seconds}
              error={errors.misfire_grace_seconds}
              onChange={(value) => {
                change({ misfire_grace_seconds: Number(value) });
              }}
            />
            <NumberInput
              label="Start up to this much later, at random"
              suffix=" s"
              min={0}
              value={values.jitter_seconds}
              error={errors.jitter_seconds}
              description="Spreads schedules that share an instant."
              onChange={(value) => {
                change({ jitter_seconds: Number(value) });
              }}
            />
            <NumberInput
              label="End a run after"
              suffix=" s"
              min={1}
              placeholder="as the mapping says"
              value={values.timeout_seconds ?? ""}
              error={errors.timeout_seconds}
              onChange={(value) => {
                change({ timeout_seconds: value === "" ? null : Number(value) });
              }}
            />
            <Switch
              mt="lg"
              label="Enabled"
              checked={values.enabled}
              onChange={(event) => {
                change({ enabled: event.currentTarget.checked });
              }}
              description={errors.enabled}
            />
          </SimpleGrid>
        </Panel>
        {save.error && errors[""] && <ProblemAlert error={save.error} title="The schedule was not saved" />}
        <Group>
          <Button type="submit" size="sm" loading={save.isPending}>
            {saved ? "Save changes" : "Save schedule"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
