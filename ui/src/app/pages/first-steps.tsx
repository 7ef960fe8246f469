import { Box, Group, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { LinkButton } from "@/components/ui/link-button";
import classes from "./first-steps.module.css";

interface Props {
  done: { connection: boolean; mapping: boolean; filled: boolean; succeeded: boolean; scheduled: boolean };
  mappingId: string | undefined;
}

/** Five steps from an empty system to a mapping that runs by itself. */
export function FirstSteps({ done, mappingId }: Props) {
  const editor = mappingId
    ? ({ to: "/mappings/$mappingId", params: { mappingId } } as const)
    : ({ to: "/mappings/new" } as const);
  const steps = [
    {
      isDone: done.connection,
      title: "Connect a database",
      text: "Where rows come from. Testing it shows each step and what to do when one fails.",
      action: <LinkButton to="/connections/new">Add a connection</LinkButton>,
    },
    {
      isDone: done.mapping,
      title: "Write the query",
      text: "One read-only SELECT. Its first rows are shown before anything is saved.",
      action: <LinkButton to="/mappings/new">Start a mapping</LinkButton>,
    },
    {
      isDone: done.filled,
      title: "Fill the target fields",
      text: "Columns of the same name match by themselves; split one into several, or join several into one.",
      action: (
        <LinkButton {...editor} search={{ tab: "fields" }}>
          Map the fields
        </LinkButton>
      ),
    },
    {
      isDone: done.succeeded,
      title: "Look at the plan, then run it",
      text: "The plan shows every statement beforehand and writes nothing.",
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
        A mapping puts the result of a query into a table of another database, exactly, on schedule. No
        database at hand? <span className="mono">make demo</span> runs the whole way on real flight data.
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
              {index === next && <Group mt="xs">{step.action}</Group>}
            </div>
          </li>
        ))}
      </ol>
    </Box>
  );
}
