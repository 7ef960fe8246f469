import { Box, Group, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { LinkButton } from "@/components/ui/link-button";
import { SampleButton } from "@/features/connections/components/sample-button";
import classes from "./first-steps.module.css";

interface Props {
  done: { connection: boolean; mapping: boolean; filled: boolean; succeeded: boolean; scheduled: boolean };
  mappingId: string | undefined;
  /** The connection to the sample data, where it has been made. */
  sampleId: string | undefined;
}

/** Five steps from an empty system to a mapping that runs by itself; on the sample data, with words for it. */
export function FirstSteps({ done, mappingId, sampleId }: Props) {
  const editor = mappingId
    ? ({ to: "/mappings/$mappingId", params: { mappingId } } as const)
    : ({ to: "/mappings/new" } as const);
  const steps = [
    {
      isDone: done.connection,
      title: "Connect a database",
      text: "Where rows come from. Testing it shows each step and what to do when one fails. No database at hand? A small shop can be made to try things on.",
      action: (
        <>
          <LinkButton to="/connections/new">Add a connection</LinkButton>
          <SampleButton />
        </>
      ),
    },
    {
      isDone: done.mapping,
      title: "Write the query",
      text: sampleId
        ? "One read-only SELECT. It starts with the orders of the sample shop, and shows their first rows."
        : "One read-only SELECT. Its first rows are shown before anything is saved.",
      action: sampleId ? (
        <LinkButton to="/mappings/new" search={{ source: sampleId, table: "orders" }}>
          Start with the sample orders
        </LinkButton>
      ) : (
        <LinkButton to="/mappings/new">Start a mapping</LinkButton>
      ),
    },
    {
      isDone: done.filled,
      title: "Fill the target fields",
      text: sampleId
        ? "Columns of the same name match by themselves. In the sample, join first_name and last_name, and split place at “, ” into a city and a country."
        : "Columns of the same name match by themselves; split one into several, or join several into one.",
      action: (
        <LinkButton {...editor} search={{ tab: "fields" }}>
          Map the fields
        </LinkButton>
      ),
    },
    {
      isDone: done.succeeded,
      title: "Look at the plan, then run it",
      text: sampleId
        ? "The plan shows every statement beforehand and writes nothing. One amount of the sample is no number: a decimal field rejects its row, and says why."
        : "The plan shows every statement beforehand and writes nothing.",
      action: (
        <LinkButton {...editor} search={{ tab: "plan" }}>
          See the plan
        </LinkButton>
      ),
    },
    {
      isDone: done.scheduled,
      title: "Let it run by itself",
      text: "Choose when. Every tick leaves a run, or a record of why it did not run.",
      action: (
        <LinkButton to="/schedules/new" search={mappingId ? { mapping_id: mappingId } : {}}>
          Add a schedule
        </LinkButton>
      ),
    },
  ];
  const next = steps.findIndex((step) => !step.isDone);
  return (
    <Box component="section" className="panel" p="md" aria-labelledby="first-steps">
      <Title order={2} id="first-steps">
        The first mapping, in five steps
      </Title>
      <Text size="sm" c="dimmed" mt={2}>
        A mapping puts the result of a query into a table of another database, exactly, on schedule.
      </Text>
      <ol className={classes.steps}>
        {steps.map((step, index) => (
          <li
            key={step.title}
            className={classes.step}
            data-state={step.isDone ? "done" : index === next ? "next" : "later"}
          >
            {step.isDone ? (
              <IconCircleCheck size={22} className={classes.tick} aria-hidden />
            ) : (
              <span className={classes.number} aria-hidden>
                {index + 1}
              </span>
            )}
            <div>
              <Text size="sm" fw={650}>
                {step.title}
                {step.isDone && <span className="visually-hidden"> (done)</span>}
              </Text>
              <Text size="sm" c="dimmed">
                {step.text}
              </Text>
              {index === next && (
                <Group mt="xs" gap="xs">
                  {step.action}
                </Group>
              )}
            </div>
          </li>
        ))}
      </ol>
    </Box>
  );
}
