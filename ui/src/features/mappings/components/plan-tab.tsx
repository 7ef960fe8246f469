import { Alert, Box, Button, Group, Stack, Text } from "@mantine/core";
import { useEffect } from "react";
import { CopyText } from "@/components/ui/copy-text";
import { Facts } from "@/components/ui/facts";
import { Loading } from "@/components/ui/loading";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { sentence } from "@/lib/api/problem";
import { formatNumber, words } from "@/lib/format";
import { type Plan, usePlan } from "../api/mappings";
import classes from "./editor.module.css";

interface Props {
  mappingId: string | null;
  isDirty: boolean;
  onSave: () => void;
}

const GEARS: Record<string, string> = {
  pass_through: "Pass through: rows travel as they are, at the speed of the databases’ own tools",
  pushed_down: "Pushed down: the source database does the mapping while it reads",
  line_mapper: "Line mapper: the engine maps each row on its way",
};

/** What a run would do now. Nothing is written by looking. */
export function PlanTab({ mappingId, isDirty, onSave }: Props) {
  const { mutate, data, error, isPending } = usePlan();
  useEffect(() => {
    if (mappingId && !isDirty) mutate(mappingId);
  }, [mappingId, isDirty, mutate]);
  if (!mappingId || isDirty) {
    return (
      <Box className={classes.hollow}>
        <Text size="sm" c="dimmed" mb="sm">
          The plan is made from the saved mapping{mappingId ? "; there are changes that are not saved" : ""}.
        </Text>
        <Button onClick={onSave}>Save, then see the plan</Button>
      </Box>
    );
  }
  return (
    <Stack gap="md">
      <Group>
        <Button
          variant="default"
          loading={isPending}
          onClick={() => {
            mutate(mappingId);
          }}
        >
          Plan again
        </Button>
      </Group>
      <ProblemAlert error={error} title="The plan could not be made" />
      {isPending && !data && <Loading />}
      {data && <PlanView plan={data} />}
    </Stack>
  );
}

function PlanView({ plan }: { plan: Plan }) {
  return (
    <Stack gap="md">
      {plan.problems && plan.problems.length > 0 && (
        <Alert variant="light" color="red" title="This keeps it from running" role="alert">
          {plan.problems.map((problem) => (
            <Text size="sm" key={problem.code + problem.message}>
              {sentence(problem.message)}
            </Text>
          ))}
        </Alert>
      )}
      {plan.warnings && plan.warnings.length > 0 && (
        <Alert variant="light" color="yellow" title="Worth knowing">
          {plan.warnings.map((warning) => (
            <Text size="sm" key={warning.code}>
              {sentence(warning.message)}
            </Text>
          ))}
        </Alert>
      )}
      <Panel title="What a run would do">
        <Stack gap="md">
          <Facts
            items={[
              ["Write mode", words(plan.write_mode)],
              [
                "Rows, estimated",
                plan.estimated_rows === null ? "not known" : `about ${formatNumber(plan.estimated_rows)}`,
              ],
              ...(plan.window
                ? [
                    [
                      "Window",
                      `${plan.window.low ?? "the beginning"} → ${plan.window.high ?? "now"}`,
                    ] as const,
                  ]
                : []),
            ]}
          />
          {plan.gear && (
            <Text size="sm">
              <strong>{GEARS[plan.gear] ?? plan.gear}.</strong>{" "}
              {plan.gear_reason && sentence(plan.gear_reason)}
            </Text>
          )}
          <Text size="sm">
            <strong>Exactness:</strong> {sentence(plan.exactness)}
          </Text>
        </Stack>
      </Panel>
      {plan.ddl.length > 0 && <Sql title="Changes to tables, before the data" sql={plan.ddl.join(";\n")} />}
      {plan.statements.map((statement, index) => (
        <Sql
          key={index}
          title={statement.where === "source" ? "Asked of the source" : "Done in the target"}
          sql={statement.sql}
        />
      ))}
    </Stack>
  );
}

function Sql({ title, sql }: { title: string; sql: string }) {
  return (
    <Panel title={title} actions={<CopyText text={sql} what="this SQL" />} padded={false}>
      <pre className={classes.code} tabIndex={0} aria-label={title}>
        {sql}
      </pre>
    </Panel>
  );
}
