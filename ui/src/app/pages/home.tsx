import { Group, Stack, Table, Text } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { RelativeTime } from "@/components/ui/time";
import { connectionsQuery, isSample } from "@/features/connections/api/connections";
import { type Mapping, mappingsQuery } from "@/features/mappings/api/mappings";
import { usePollMs } from "@/features/runs/api/live";
import { isUnfinished, type Run, runsQuery } from "@/features/runs/api/runs";
import { RunTable } from "@/features/runs/components/run-table";
import { type Schedule, schedulesQuery } from "@/features/schedules/api/schedules";
import { schemasQuery } from "@/features/schemas/api/schemas";
import { plural } from "@/lib/format";
import { FirstSteps } from "./first-steps";

const NEXT_DUE = 8;

export function HomePage() {
  const pollMs = usePollMs();
  const [connections, schemas, mappings, schedules, runs] = useQueries({
    queries: [
      connectionsQuery(),
      schemasQuery(),
      mappingsQuery(),
      schedulesQuery(),
      runsQuery({ limit: 200 }, pollMs),
    ],
  });
  const error = connections.error ?? schemas.error ?? mappings.error ?? schedules.error ?? runs.error;
  if (error)
    return (
      <Page title="Home">
        <ProblemAlert error={error} onRetry={() => void runs.refetch()} />
      </Page>
    );
  if (!connections.data || !schemas.data || !mappings.data || !schedules.data || !runs.data)
    return <Loading />;
  const done = {
    connection: connections.data.total > 0,
    mapping: mappings.data.total > 0,
    filled: mappings.data.items.some((mapping) => mapping.problems.length === 0),
    succeeded: runs.data.items.some((run) => run.status === "succeeded"),
    scheduled: schedules.data.total > 0,
  };
  const isNew = !Object.values(done).every(Boolean);
  const nameOf = (id: string) =>
    mappings.data?.items.find((mapping) => mapping.id === id)?.name ?? "deleted mapping";
  const failing = failingNow(runs.data.items);
  const running = runs.data.items.filter(isUnfinished);
  return (
    <Page
      title="Home"
      description={isNew ? undefined : summary(failing.length, running.length, schedules.data.items)}
      actions={!isNew && <LinkButton to="/mappings/new">New mapping</LinkButton>}
    >
      {isNew && (
        <FirstSteps
          done={done}
          mappingId={mappings.data.items[0]?.id}
          sampleId={connections.data.items.find(isSample)?.id}
        />
      )}
      {failing.length > 0 && (
        <Panel
          title={`Failing (${String(failing.length)})`}
          padded={false}
          actions={
            <TextLink to="/runs" search={{ status: "failed" }} size="sm">
              All failed runs
            </TextLink>
          }
        >
          <RunTable runs={failing} nameOf={nameOf} />
        </Panel>
      )}
      {running.length > 0 && (
        <Panel title={`Running (${String(running.length)})`} padded={false}>
          <RunTable runs={running} nameOf={nameOf} />
        </Panel>
      )}
      {schedules.data.total > 0 && <NextDue schedules={schedules.data.items} nameOf={nameOf} />}
      {runs.data.total > 0 && (
        <Panel
          title="Latest runs"
          padded={false}
          actions={
            <TextLink to="/runs" size="sm">
              All runs
            </TextLink>
          }
        >
          <RunTable runs={runs.data.items.filter((run) => !isUnfinished(run)).slice(0, 6)} nameOf={nameOf} />
        </Panel>
      )}
      <BrokenMappings mappings={mappings.data.items} />
    </Page>
  );
}

/** The newest ended run of each mapping, where that is a failure. */
function failingNow(runs: readonly Run[]): Run[] {
  const newest = new Map<string, Run>();
  for (const run of runs) {
    const ended = !isUnfinished(run) && run.status !== "skipped" && run.status !== "cancelled";
    if (ended && !newest.has(run.mapping_id)) newest.set(run.mapping_id, run);
  }
  return [...newest.values()].filter((run) => run.status === "failed" || run.status === "timed_out");
}

function summary(failing: number, running: number, schedules: readonly Schedule[]): string {
  const active = schedules.filter((schedule) => schedule.enabled).length;
  return `${failing === 0 ? "Nothing is failing" : `${plural(failing, "mapping")} failing`} · ${String(running)} running · ${plural(active, "active schedule")}`;
}

function NextDue({ schedules, nameOf }: { schedules: readonly Schedule[]; nameOf: (id: string) => string }) {
  const due = schedules
    .filter((schedule) => schedule.next_run_at !== null)
    .sort((a, b) => Date.parse(a.next_run_at ?? "") - Date.parse(b.next_run_at ?? ""))
    .slice(0, NEXT_DUE);
  return (
    <Panel
      title="Due next"
      padded={false}
      actions={
        <TextLink to="/schedules" size="sm">
          All schedules
        </TextLink>
      }
    >
      {due.length === 0 ? (
        <Text size="sm" c="dimmed" p="sm">
          Nothing is due: every schedule is paused or over.
        </Text>
      ) : (
        <div className="scroll-x">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>When</Table.Th>
                <Table.Th>Schedule</Table.Th>
                <Table.Th>Mapping</Table.Th>
                <Table.Th visibleFrom="sm">Cron</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {due.map((schedule) => (
                <Table.Tr key={schedule.id}>
                  <Table.Td>
                    {schedule.next_run_at && <RelativeTime instant={schedule.next_run_at} />}
                  </Table.Td>
                  <Table.Td>
                    <Link
                      to="/schedules/$scheduleId"
                      params={{ scheduleId: schedule.id }}
                      className="row-link"
                    >
                      {schedule.name}
                    </Link>
                  </Table.Td>
                  <Table.Td>{nameOf(schedule.mapping_id)}</Table.Td>
                  <Table.Td className="mono nowrap" visibleFrom="sm">
                    {schedule.cron_expression}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Panel>
  );
}

function BrokenMappings({ mappings }: { mappings: readonly Mapping[] }) {
  const broken = mappings.filter((mapping) => mapping.problems.length > 0);
  if (broken.length === 0) return null;
  return (
    <Panel title="Mappings that cannot run yet">
      <Stack gap={6}>
        {broken.map((mapping) => (
          <Group key={mapping.id} gap="xs">
            <Link to="/mappings/$mappingId" params={{ mappingId: mapping.id }} className="row-link">
              {mapping.name}
            </Link>
            <Text size="sm" c="dimmed">
              {plural(mapping.problems.length, "problem")}: {mapping.problems[0]?.message}
            </Text>
          </Group>
        ))}
      </Stack>
    </Panel>
  );
}
